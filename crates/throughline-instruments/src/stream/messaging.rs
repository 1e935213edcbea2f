//! Messages: both ends of a queue or a log, with the context in their headers.
//!
//! Spans and metrics follow OpenTelemetry's [messaging conventions]. A message that is handled is a child of the span that
//! sent it, so that one trace leads through the log; what is made of several messages should link to them instead.
//!
//! [messaging conventions]: https://opentelemetry.io/docs/specs/semconv/messaging/

use std::time::Instant;

use throughline_core::propagation::{Context, ReadCarrier, WriteCarrier, extract_context, inject_context};
use throughline_macros::{AttributeValue, Attributes, MetricSet};
use throughline_metrics::{Counter, Gauge, Histogram, Meter, MetricSet as _};
use throughline_trace::{Span, SpanKind, Status, Tracer};

use crate::clock::now;
use crate::end::End;

/// The instruments of messages.
#[derive(Clone, Debug, MetricSet)]
#[metric(crate = throughline_metrics)]
#[non_exhaustive]
pub struct MessagingMetrics {
    /// Messages that were sent, or were not for the error that is said.
    #[metric(name = "messaging.client.sent.messages", unit = "{message}")]
    pub sent: Counter<u64, ByMessage<'static>>,
    /// Messages that were received, whatever became of them.
    #[metric(name = "messaging.client.consumed.messages", unit = "{message}")]
    pub consumed: Counter<u64, ByMessage<'static>>,
    /// How long it took to send a message.
    #[metric(name = "messaging.client.operation.duration", unit = "s")]
    pub operation_duration: Histogram<f64, ByMessage<'static>>,
    /// How long it took to handle a message.
    #[metric(name = "messaging.process.duration", unit = "s")]
    pub process_duration: Histogram<f64, ByMessage<'static>>,
    /// How many messages a group of consumers is behind.
    #[metric(name = "processor.kafka.consumer.lag", unit = "{message}")]
    pub consumer_lag: Gauge<u64, ByGroup<'static>>,
}

/// What a message is counted by.
#[derive(Clone, Copy, Debug, Attributes)]
#[attribute(crate = throughline_core)]
#[expect(clippy::exhaustive_structs, reason = "a set of attributes, written out where it is recorded")]
pub struct ByMessage<'a> {
    /// Whose log or queue: `kafka`.
    #[attribute(key = "messaging.system")]
    pub system: &'static str,
    /// The topic or queue.
    #[attribute(key = "messaging.destination.name")]
    pub destination: &'a str,
    /// What is done with it.
    #[attribute(key = "messaging.operation.name")]
    pub operation: MessageOperation,
    /// What went wrong, in one word; absent when nothing did.
    #[attribute(key = "error.type")]
    pub error_type: Option<&'a str>,
}

/// What is done with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, AttributeValue)]
#[attribute(crate = throughline_core)]
#[non_exhaustive]
pub enum MessageOperation {
    /// It is sent.
    Send,
    /// It is handled.
    Process,
}

/// What a group of consumers is counted by.
#[derive(Clone, Copy, Debug, Attributes)]
#[attribute(crate = throughline_core)]
#[expect(clippy::exhaustive_structs, reason = "a set of attributes, written out where it is recorded")]
pub struct ByGroup<'a> {
    /// The group's name.
    #[attribute(key = "messaging.consumer.group.name")]
    pub group: &'a str,
    /// The topic or queue.
    #[attribute(key = "messaging.destination.name")]
    pub destination: &'a str,
    /// The number of the partition.
    #[attribute(key = "partition.id")]
    pub partition: u32,
}

/// Makes spans for messages and counts them.
///
/// ```
/// use std::collections::HashMap;
/// use throughline_instruments::stream::Messaging;
/// use throughline_metrics::MeterProvider;
/// use throughline_trace::{Enter as _, TracerProvider};
///
/// let (meters, tracers) = (MeterProvider::default(), TracerProvider::default());
/// let messaging = Messaging::new("kafka", &meters.meter("shop"), tracers.tracer("shop"));
///
/// let mut headers = HashMap::new();
/// let sending = messaging.send("orders", &mut headers);
/// // … hand payload and headers to the client …
/// sending.succeed();
///
/// let handling = messaging.process("orders", &headers);
/// {
///     let _entered = handling.context().enter(); // spans that start now are in the sender's trace
/// }
/// handling.succeed();
/// ```
#[derive(Clone, Debug)]
pub struct Messaging {
    system: &'static str,
    metrics: MessagingMetrics,
    tracer: Tracer,
}

impl Messaging {
    /// For messages of this system, such as `kafka`.
    pub fn new(system: &'static str, meter: &Meter, tracer: Tracer) -> Self {
        Self { system, metrics: MessagingMetrics::new(meter), tracer }
    }

    /// The instruments, for what no guard counts.
    pub fn metrics(&self) -> &MessagingMetrics {
        &self.metrics
    }

    /// A message that is about to be sent to this topic: a span of kind producer, whose context, with the baggage that is
    /// current, is written into the headers.
    pub fn send<'a, C: WriteCarrier + ?Sized>(
        &'a self,
        destination: &'a str,
        headers: &mut C,
    ) -> Sending<'a> {
        let name = format!("send {destination}");
        let span = self
            .tracer
            .span(&name)
            .with_kind(SpanKind::Producer)
            .with_attribute("messaging.system", self.system)
            .with_attribute("messaging.operation.name", "send")
            .with_attribute("messaging.operation.type", "send")
            .with_attribute("messaging.destination.name", destination)
            .start();
        inject_context(&span.context(), headers);
        Sending(self.guard(MessageOperation::Send, destination, span))
    }

    /// A message that was received from this topic and is handled now: a span of kind consumer, the child of the one that
    /// sent it.
    pub fn process<'a, C: ReadCarrier + ?Sized>(&'a self, destination: &'a str, headers: &C) -> Handling<'a> {
        let name = format!("process {destination}");
        let parent = extract_context(headers);
        let span = self
            .tracer
            .span(&name)
            .with_kind(SpanKind::Consumer)
            .with_parent(&parent)
            .with_attribute("messaging.system", self.system)
            .with_attribute("messaging.operation.name", "process")
            .with_attribute("messaging.operation.type", "process")
            .with_attribute("messaging.destination.name", destination)
            .start();
        Handling { parent, guard: self.guard(MessageOperation::Process, destination, span) }
    }

    fn guard<'a>(&'a self, operation: MessageOperation, destination: &'a str, span: Span) -> Guard<'a> {
        Guard { messaging: self, operation, destination, span, started: now(), end: End::Unsaid }
    }
}

/// What both ends have in common.
#[derive(Debug)]
struct Guard<'a> {
    messaging: &'a Messaging,
    operation: MessageOperation,
    destination: &'a str,
    span: Span,
    started: Instant,
    end: End<'a>,
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        let Messaging { system, metrics, .. } = self.messaging;
        let Self { operation, destination, .. } = *self;
        let error_type = self.end.error_type();
        let by = ByMessage { system, destination, operation, error_type };
        let elapsed = self.started.elapsed().as_secs_f64();
        if let Some(error_type) = error_type {
            self.span.set_attribute("error.type", error_type);
            self.span.set_status(Status::error(error_type.to_owned()));
        }
        match by.operation {
            MessageOperation::Send => {
                metrics.operation_duration.record(elapsed, &by);
                metrics.sent.add(1, &by);
            }
            MessageOperation::Process => {
                metrics.process_duration.record(elapsed, &by);
                metrics.consumed.add(1, &by);
            }
        }
    }
}

/// A message that is being sent. Dropped without a word, it is counted with the error `cancelled`, or `panic`.
#[derive(Debug)]
#[must_use = "a message is counted as soon as this is dropped"]
pub struct Sending<'a>(Guard<'a>);

impl<'a> Sending<'a> {
    /// The span, for attributes and events.
    pub fn span(&mut self) -> &mut Span {
        &mut self.0.span
    }

    /// It was sent.
    pub fn succeed(mut self) {
        self.0.end = End::Well;
    }

    /// It could not be sent; `error_type` is one word of few.
    pub fn fail(mut self, error_type: &'a str) {
        self.0.end = End::Failed(error_type);
    }
}

/// A message that is being handled. Dropped without a word, it is counted with the error `cancelled`, or `panic`.
#[derive(Debug)]
#[must_use = "a message is counted as soon as this is dropped"]
pub struct Handling<'a> {
    parent: Context,
    guard: Guard<'a>,
}

impl<'a> Handling<'a> {
    /// The span, for attributes and events.
    pub fn span(&mut self) -> &mut Span {
        &mut self.guard.span
    }

    /// The context to handle it in: its span, and the baggage that came with it.
    pub fn context(&self) -> Context {
        use throughline_core::propagation::TraceContextExt as _;
        self.parent.with_remote_span_context(self.guard.span.span_context().clone())
    }

    /// It was handled.
    pub fn succeed(mut self) {
        self.guard.end = End::Well;
    }

    /// It could not be handled; `error_type` is one word of few.
    pub fn fail(mut self, error_type: &'a str) {
        self.guard.end = End::Failed(error_type);
    }
}
