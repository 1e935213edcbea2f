//! Messages between actors: posted, queued, handled.
//!
//! Every message that is posted is delivered or undeliverable; every one that is queued leaves the queue; every one that is
//! handled is counted as received, with an error or without.

use std::sync::Arc;
use std::time::{Duration, Instant};

use throughline_core::propagation::{
    Context, ReadCarrier, TraceContextExt as _, WriteCarrier, extract_context, inject_context,
};
use throughline_macros::{AttributeValue, Attributes, MetricSet};
use throughline_metrics::{
    BoundCounter, BoundHistogram, BoundUpDownCounter, Counter, Histogram, Meter, MetricSet as _,
    UpDownCounter,
};
use throughline_trace::{Span, SpanKind, Status, Tracer};

use super::MICROS;
use crate::clock::now;
use crate::end::End;

/// The instruments of actors and their mailboxes.
#[derive(Clone, Debug, MetricSet)]
#[metric(crate = throughline_metrics)]
#[non_exhaustive]
pub struct ActorMetrics {
    /// Messages that were posted to an actor, wherever it is.
    #[metric(name = "mailbox.posts")]
    pub posts: Counter<u64, ByActor<'static>>,
    /// Messages that were posted and could not be delivered.
    #[metric(name = "mailbox.undeliverable_messages")]
    pub undeliverable: Counter<u64, ByUndeliverable<'static>>,
    /// Messages that wait in a mailbox.
    #[metric(name = "actor.message_queue_size")]
    pub queue_size: UpDownCounter<i64, ByActor<'static>>,
    /// Messages that were posted and delivered.
    #[metric(name = "actor.messages_sent")]
    pub sent: Counter<u64, ByActor<'static>>,
    /// Messages that an actor took out of its mailbox.
    #[metric(name = "actor.messages_received")]
    pub received: Counter<u64, ByActor<'static>>,
    /// Messages that an actor failed to handle.
    #[metric(name = "actor.message_receive_errors")]
    pub errors: Counter<u64, ByFailure<'static>>,
    /// How long an actor took to handle a message, in nanoseconds.
    #[metric(name = "actor.message_handler_duration.ns", bounds = NANOS)]
    pub handler_duration: Histogram<u64, ByActor<'static>>,
    /// How long it took from posting a message to handling it, in microseconds.
    #[metric(name = "message.e2e_latency.us", bounds = MICROS)]
    pub latency: Histogram<f64, ByActor<'static>>,
}

/// From a microsecond to ten seconds.
const NANOS: &[f64] =
    &[1e3, 2.5e3, 5e3, 1e4, 2.5e4, 5e4, 1e5, 2.5e5, 5e5, 1e6, 2.5e6, 5e6, 1e7, 1e8, 1e9, 1e10];

/// What happens to an actor is counted by.
#[derive(Clone, Copy, Debug, Attributes)]
#[attribute(crate = throughline_core)]
#[expect(clippy::exhaustive_structs, reason = "a set of attributes, written out where it is recorded")]
pub struct ByActor<'a> {
    /// The actor that the message is for. Of few names, such as its role: each is a series.
    pub actor_id: &'a str,
}

/// What an actor failed to handle is counted by.
#[derive(Clone, Copy, Debug, Attributes)]
#[attribute(crate = throughline_core)]
#[expect(clippy::exhaustive_structs, reason = "a set of attributes, written out where it is recorded")]
pub struct ByFailure<'a> {
    /// The actor.
    pub actor_id: &'a str,
    /// What went wrong, in one word.
    pub error_type: &'a str,
}

/// What could not be delivered is counted by.
#[derive(Clone, Copy, Debug, Attributes)]
#[attribute(crate = throughline_core)]
#[expect(clippy::exhaustive_structs, reason = "a set of attributes, written out where it is recorded")]
pub struct ByUndeliverable<'a> {
    /// The actor that the message was for.
    pub actor_id: &'a str,
    /// Why.
    pub error_type: Undeliverable,
}

/// Why a message could not be delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, AttributeValue)]
#[attribute(crate = throughline_core)]
#[non_exhaustive]
pub enum Undeliverable {
    /// Nobody has this name.
    UnknownActor,
    /// The actor has ended.
    Closed,
    /// The mailbox is full.
    Full,
    /// The process that the actor is in cannot be reached.
    Unreachable,
    /// Nobody said: the sender gave up, or panicked.
    Cancelled,
}

/// Makes spans for messages and counts them. Clones share everything.
#[derive(Clone, Debug)]
pub struct Actors(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    metrics: ActorMetrics,
    tracer: Tracer,
}

impl Actors {
    /// For the actors of this process. Takes locks and allocates: keep it.
    pub fn new(meter: &Meter, tracer: Tracer) -> Self {
        Self(Arc::new(Shared { metrics: ActorMetrics::new(meter), tracer }))
    }

    /// The instruments, for what no guard counts.
    pub fn metrics(&self) -> &ActorMetrics {
        &self.0.metrics
    }

    /// A message that is about to be posted to this actor: a span of kind producer, whose context is written into the
    /// headers.
    pub fn post<'a, C: WriteCarrier + ?Sized>(&'a self, actor_id: &'a str, headers: &mut C) -> Posting<'a> {
        let span = self
            .0
            .tracer
            .span("post")
            .with_kind(SpanKind::Producer)
            .with_attribute("actor_id", actor_id)
            .start();
        inject_context(&span.context(), headers);
        Posting { metrics: &self.0.metrics, actor_id, span, end: Some(Undeliverable::Cancelled) }
    }

    /// The mailbox of an actor of this process. Finds its series, so that recording looks nothing up: make it once.
    pub fn mailbox(&self, actor_id: impl Into<Arc<str>>) -> Mailbox {
        let actor_id = actor_id.into();
        let metrics = &self.0.metrics;
        let by = ByActor { actor_id: &actor_id };
        let bound = Bound {
            queue_size: metrics.queue_size.bind(&by),
            received: metrics.received.bind(&by),
            handler_duration: metrics.handler_duration.bind(&by),
            latency: metrics.latency.bind(&by),
        };
        Mailbox { shared: Arc::clone(&self.0), bound: Arc::new(bound), actor_id }
    }
}

/// A message that is being posted. Dropped without a word, it is counted as undeliverable.
#[derive(Debug)]
#[must_use = "a message is counted as soon as this is dropped"]
pub struct Posting<'a> {
    metrics: &'a ActorMetrics,
    actor_id: &'a str,
    span: Span,
    end: Option<Undeliverable>,
}

impl Posting<'_> {
    /// The span, for attributes and events.
    pub fn span(&mut self) -> &mut Span {
        &mut self.span
    }

    /// It is in the mailbox, or on its way to another process.
    pub fn deliver(mut self) {
        self.end = None;
    }

    /// It cannot be delivered.
    pub fn fail(mut self, reason: Undeliverable) {
        self.end = Some(reason);
    }
}

impl Drop for Posting<'_> {
    fn drop(&mut self) {
        let Self { metrics, actor_id, span, end } = self;
        let by = ByActor { actor_id };
        metrics.posts.add(1, &by);
        match *end {
            None => metrics.sent.add(1, &by),
            Some(error_type) => {
                metrics.undeliverable.add(1, &ByUndeliverable { actor_id, error_type });
                span.set_attribute("error.type", error_type);
                span.set_status(Status::error("undeliverable"));
            }
        }
    }
}

/// The mailbox of one actor.
#[derive(Clone, Debug)]
pub struct Mailbox {
    shared: Arc<Shared>,
    bound: Arc<Bound>,
    actor_id: Arc<str>,
}

#[derive(Debug)]
struct Bound {
    queue_size: BoundUpDownCounter<i64>,
    received: BoundCounter<u64>,
    handler_duration: BoundHistogram<u64>,
    latency: BoundHistogram<f64>,
}

impl Mailbox {
    /// The actor's name.
    pub fn actor_id(&self) -> &str {
        &self.actor_id
    }

    /// A message that is put into the mailbox: it is in there until the guard, which goes along with it, is dropped.
    pub fn queue(&self) -> Queued {
        self.bound.queue_size.add(1);
        Queued(Arc::clone(&self.bound))
    }

    /// A message that was taken out of the mailbox and is handled now: a span of kind consumer, the child of the one that
    /// posted it.
    pub fn handle<C: ReadCarrier + ?Sized>(&self, queued: Queued, headers: &C) -> Handling<'_> {
        drop(queued);
        self.bound.received.add(1);
        let parent = extract_context(headers);
        let span = self
            .shared
            .tracer
            .span("handle")
            .with_kind(SpanKind::Consumer)
            .with_parent(&parent)
            .with_attribute("actor_id", &*self.actor_id)
            .start();
        Handling { mailbox: self, parent, span, started: now(), end: End::Unsaid }
    }

    /// How long a message took from being posted to being handled, as far as clocks agree.
    pub fn record_latency(&self, latency: Duration) {
        self.bound.latency.record(latency.as_secs_f64() * 1e6);
    }
}

/// A message in a mailbox.
#[derive(Debug)]
#[must_use = "a message leaves the mailbox as soon as this is dropped"]
pub struct Queued(Arc<Bound>);

impl Drop for Queued {
    fn drop(&mut self) {
        self.0.queue_size.add(-1);
    }
}

/// A message that is being handled. Dropped without a word, it is counted with the error `cancelled`, or `panic`.
#[derive(Debug)]
#[must_use = "a message is handled as soon as this is dropped"]
pub struct Handling<'a> {
    mailbox: &'a Mailbox,
    parent: Context,
    span: Span,
    started: Instant,
    end: End<'a>,
}

impl<'a> Handling<'a> {
    /// The span, for attributes and events.
    pub fn span(&mut self) -> &mut Span {
        &mut self.span
    }

    /// The context to handle it in: its span, and the baggage that came with it.
    pub fn context(&self) -> Context {
        self.parent.with_remote_span_context(self.span.span_context().clone())
    }

    /// It was handled.
    pub fn succeed(mut self) {
        self.end = End::Well;
    }

    /// It could not be handled; `error_type` is one word of few.
    pub fn fail(mut self, error_type: &'a str) {
        self.end = End::Failed(error_type);
    }
}

impl Drop for Handling<'_> {
    fn drop(&mut self) {
        let Mailbox { shared, bound, actor_id } = self.mailbox;
        bound.handler_duration.record(u64::try_from(self.started.elapsed().as_nanos()).unwrap_or(u64::MAX));
        let Some(error_type) = self.end.error_type() else { return };
        shared.metrics.errors.add(1, &ByFailure { actor_id, error_type });
        self.span.set_attribute("error.type", error_type);
        self.span.set_status(Status::error(error_type.to_owned()));
    }
}
