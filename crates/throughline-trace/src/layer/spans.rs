//! The life of a tracing span: started, entered and left on any thread, and closed.
//!
//! Called by the layer. The parent of a contextual span is what OpenTelemetry's current context says: that is the span
//! of `tracing` that was entered last, or one of OpenTelemetry's own inside of it. See [the module](super) for what is
//! kept and what is not.

use std::cell::Cell;

use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, SpanKind, TraceContextExt as _};
use throughline_core::attribute::ValueRef;
use tracing::Subscriber;
use tracing::span::{Attributes, Id, Record};
use tracing_subscriber::layer::Context as Registry;
use tracing_subscriber::registry::LookupSpan;

use super::Inner;
use super::fields::{Conventions, Kept, SpanAttributes};
use super::handle::Handle;
use super::site::Site;
use super::table::{Open, Timing};
use super::thread::{self, Thread};
use crate::baggage::FromBaggage;
use crate::provider::Tracer;
use crate::recording::Recording;
use crate::sampler::{Decision, SamplingInput};

/// A span that starts.
struct New<'a> {
    tracer: Tracer,
    thread: &'a Thread,
    site: &'a Site,
    attributes: &'a Attributes<'a>,
    id: u64,
}

/// Where the parent of a new span is.
enum Parent {
    Current,
    /// `None` for a span that was made a root.
    Given(Option<Context>),
}

impl Inner {
    pub(super) fn new_span<S>(&'static self, attributes: &Attributes<'_>, id: &Id, registry: &Registry<'_, S>)
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        let Some(tracer) = self.tracer else { return };
        thread::with(|thread| {
            if attributes.is_contextual() && is_left_out(tracer, thread) {
                return;
            }
            let site = thread.site(self, attributes.metadata());
            if site.is_wanted {
                if let Some(parent) = self.parent(attributes, registry) {
                    self.start(&New { tracer, thread, site: &site, attributes, id: id.into_u64() }, &parent);
                }
            } else if let Some(context) = self.passed_on(thread, attributes, registry) {
                self.table.insert(id.into_u64(), Open::passing_on(context));
            }
        });
    }

    /// `None` when telemetry is suppressed.
    #[inline]
    fn parent<S>(&self, attributes: &Attributes<'_>, registry: &Registry<'_, S>) -> Option<Parent>
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        if Context::is_current_telemetry_suppressed() {
            return None;
        }
        if attributes.is_contextual() {
            return Some(Parent::Current);
        }
        Some(Parent::Given(attributes.parent().and_then(|id| self.context_of(id, registry))))
    }

    /// What children of a span that is not exported have for their parent, if not what is current.
    fn passed_on<S>(
        &self,
        thread: &Thread,
        attributes: &Attributes<'_>,
        registry: &Registry<'_, S>,
    ) -> Option<Context>
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        if let Some(id) = attributes.parent() {
            return self.context_of(id, registry);
        }
        Context::map_current(|current| {
            if attributes.is_root() {
                return Some(current.with_remote_span_context(SpanContext::NONE));
            }
            let span = current.span();
            let span = span.span_context();
            let is_found_again = !span.is_sampled() && thread.is_in(span.span_id());
            (span.is_valid() && !is_found_again).then(|| current.clone())
        })
    }

    fn start(&'static self, new: &New<'_>, parent: &Parent) {
        let New { tracer, thread, site, attributes, id } = *new;
        let conventions =
            if site.has_conventions { Conventions::of(attributes, thread) } else { Conventions::default() };
        let settings = self.settings;
        // A sampler that has to be asked sees all attributes; others get what is encoded already.
        let is_described = tracer.shared.sampler.quick().is_none();
        let fields = SpanAttributes {
            thread,
            settings,
            is_described,
            fields: attributes,
            has_error: Cell::new(false),
        };
        let given = match parent {
            Parent::Given(Some(context)) => Some(context.span()),
            Parent::Given(None) | Parent::Current => None,
        };
        let builder = tracer
            .span(conventions.name.as_deref().unwrap_or_else(|| attributes.metadata().name()))
            .with_kind(conventions.kind.unwrap_or(SpanKind::Internal))
            .with_tentative();
        let builder = match (parent, &given) {
            (Parent::Current, _) => builder,
            (Parent::Given(_), Some(parent)) => builder.with_parent_span(parent.span_context()),
            (Parent::Given(_), None) => builder.with_no_parent(),
        };
        let started = match parent {
            _ if !is_described => builder.start(),
            // What is asked looks at the parent's baggage, too.
            Parent::Given(Some(context)) => builder.with_parent(context).with_attributes(&fields).start(),
            _ => builder.with_attributes(&fields).start(),
        };
        let (own, mut recording) = started.into_parts();
        if let Some(recording) = recording.as_deref_mut() {
            if !is_described {
                recording.begin_with(&site.first);
                recording.add(|adding| fields.write(site, adding));
            }
            if fields.has_error.get() {
                for exception in fields.exceptions() {
                    recording.add_event("exception", recording.now(), &exception, 0);
                }
            }
            if let Some(status) = &conventions.status {
                recording.set_status(status);
            }
        }
        let is_exported = recording.as_deref().is_some_and(Recording::is_exported);
        let context = match parent {
            Parent::Given(Some(context)) => self.context_with(context, own, id, is_exported),
            _ => Context::map_current(|current| self.context_with(current, own, id, is_exported)),
        };
        let changed = if settings.timing { tracer.shared.clock.now().as_nanos() } else { 0 };
        let timing = Timing { changed, ..Timing::default() };
        self.table.insert(id, Open { context, recording, is_known: false, timing });
    }

    /// A context with this span in it.
    #[inline]
    fn context_with(
        &'static self,
        context: &Context,
        own: SpanContext,
        id: u64,
        is_exported: bool,
    ) -> Context {
        if is_exported {
            context.with_span(Handle { layer: self, id, context: own })
        } else {
            context.with_remote_span_context(own)
        }
    }

    pub(super) fn enter<S>(&self, id: &Id, registry: &Registry<'_, S>)
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        if self.tracer.is_none() {
            return;
        }
        thread::with(|thread| {
            let now = self.now();
            let found = self.table.with(id.into_u64(), |open| open.enter(now));
            let context = match found {
                Some((context, unwanted)) => {
                    unwanted.into_iter().for_each(Recording::discard);
                    Some(context)
                }
                None => self.inherited(id, registry),
            };
            if let Some(context) = context.filter(|_| !Context::is_current_telemetry_suppressed()) {
                thread.push(self, id.into_u64(), context);
            }
        });
    }

    /// What is to be attached for a span of which nothing was kept: nothing, where it is a child of a span that is not
    /// sampled and such a one is current. Elsewhere, what its parents have.
    fn inherited<S>(&self, id: &Id, registry: &Registry<'_, S>) -> Option<Context>
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        let is_as_it_was = Context::map_current(|current| {
            let span = current.span();
            span.span_context().is_valid() && !span.span_context().is_sampled()
        });
        if is_as_it_was { None } else { self.context_of(id, registry) }
    }

    /// The context of a span: its own, or that of the next of its parents of which something was kept.
    pub(super) fn context_of<S>(&self, id: &Id, registry: &Registry<'_, S>) -> Option<Context>
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        let known = |id: &Id| self.known_context(id.into_u64());
        known(id).or_else(|| registry.span(id)?.scope().skip(1).find_map(|span| known(&span.id())))
    }

    /// The context of a span of which something was kept.
    pub(super) fn known_context(&self, id: u64) -> Option<Context> {
        self.table.with(id, |open| {
            open.is_known = true;
            open.context.clone()
        })
    }

    pub(super) fn exit(&self, id: &Id) {
        if let Some(now) = self.now() {
            self.table.with(id.into_u64(), |open| open.timing.exit(now));
        }
        thread::with(|thread| thread.pop(self, id.into_u64()));
    }

    pub(super) fn close(&self, id: &Id) {
        // What is dropped here, is dropped with nothing locked: contexts may hold values of users.
        let Some(Open { context: _context, recording, mut timing, .. }) = self.table.remove(id.into_u64())
        else {
            return;
        };
        let Some(mut recording) = recording else { return };
        if !recording.is_exported() {
            return recording.discard();
        }
        if let Some(now) = self.now() {
            timing.enter(now);
            recording.set_attribute("busy_ns", ValueRef::I64(timing.busy as i64));
            recording.set_attribute("idle_ns", ValueRef::I64(timing.idle as i64));
        }
        recording.end();
    }

    /// The time, if anybody wants to know.
    #[inline]
    fn now(&self) -> Option<u64> {
        let tracer = self.tracer.filter(|_| self.settings.timing)?;
        Some(tracer.shared.clock.now().as_nanos())
    }

    pub(super) fn record(&self, id: &Id, values: &Record<'_>) {
        let id = id.into_u64();
        if self.table.with_recording(id, |_| ()).is_none() {
            return;
        }
        thread::with(|thread| {
            let kept = Kept::of_record(values, thread);
            self.table.with_recording(id, |recording| apply(recording, &kept));
        });
    }

    pub(super) fn follows_from<S>(&self, id: &Id, follows: &Id, registry: &Registry<'_, S>)
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        let Some(followed) = self.context_of(follows, registry) else { return };
        let span = followed.span();
        if span.span_context().is_valid() {
            self.table.with_recording(id.into_u64(), |recording| {
                recording.add_link(span.span_context(), &(), 0);
            });
        }
    }

    /// Makes the span a child of what is in this context, if nobody knows yet whose child it is. Whether it did.
    pub(super) fn set_parent(&'static self, id: u64, name: &str, context: &Context) -> bool {
        let Some(tracer) = self.tracer else { return false };
        let parent = context.span();
        let parent = parent.span_context();
        let unknown = |open: &mut Open| {
            let is_recorded = open.recording.is_some();
            (!open.is_known).then(|| (open.context.span().span_context().clone(), is_recorded))
        };
        let Some((own, is_recorded)) = self.table.with(id, unknown).flatten().filter(|_| parent.is_valid())
        else {
            return false;
        };
        let (own, is_exported) = decide(tracer, name, parent, &own, is_recorded);
        let baggage = FromBaggage::new(tracer.shared, Some(context));
        let inside = self.context_with(context, own.clone(), id, is_exported);
        let left = self.table.with(id, |open| open.adopt((parent, &own), is_exported, inside, &baggage));
        if let Some((_context, Some(unwanted))) = left {
            unwanted.discard();
        }
        true
    }
}

/// Whether nothing is kept of a contextual child of what is current: of a tracing span that is not sampled and whose
/// context this is.
#[inline]
fn is_left_out(tracer: Tracer, thread: &Thread) -> bool {
    let unsampled = Context::map_current(|current| {
        let parent = current.span();
        let span = parent.span_context();
        (!span.is_sampled() && span.is_valid()).then(|| span.span_id())
    });
    unsampled.is_some_and(|span| tracer.shared.follows_unsampled() && thread.is_in(span))
}

impl Open {
    /// A span that is not exported itself.
    fn passing_on(context: Context) -> Self {
        Self { context, recording: None, is_known: true, timing: Timing::default() }
    }

    /// What is to be attached; and what was recorded in vain, since this is a root that is not sampled and nobody gave
    /// it another parent.
    fn enter(&mut self, now: Option<u64>) -> (Context, Option<Box<Recording>>) {
        if let Some(now) = now {
            self.timing.enter(now);
        }
        let unwanted =
            if self.is_known { None } else { self.recording.take_if(|recording| !recording.is_exported()) };
        self.is_known = true;
        (self.context.clone(), unwanted)
    }

    /// Gives what it does not need any more.
    fn adopt(
        &mut self,
        (parent, own): (&SpanContext, &SpanContext),
        is_exported: bool,
        context: Context,
        baggage: &FromBaggage<'_>,
    ) -> (Context, Option<Box<Recording>>) {
        if let Some(recording) = &mut self.recording {
            recording.adopt(parent, own, is_exported);
            recording.set_attributes(baggage);
        }
        let unwanted = if is_exported { None } else { self.recording.take() };
        (std::mem::replace(&mut self.context, context), unwanted)
    }
}

/// Asks the sampler again, now that there is a parent. What the span is then, and whether it is exported.
fn decide(
    tracer: Tracer,
    name: &str,
    parent: &SpanContext,
    own: &SpanContext,
    is_recorded: bool,
) -> (SpanContext, bool) {
    let shared = tracer.shared;
    if !shared.records {
        return (parent.clone(), false);
    }
    let sampling = shared.sampler.full().sample(&SamplingInput {
        parent: Some(parent),
        trace_id: parent.trace_id(),
        name,
        kind: &SpanKind::Internal,
        attributes: &(),
        links: &[],
    });
    let is_sampled = is_recorded && sampling.decision == Decision::Sample;
    let flags = parent.trace_flags().with_sampled(is_sampled);
    let trace_state = sampling.trace_state.unwrap_or_else(|| parent.trace_state().clone());
    let own = SpanContext::new(parent.trace_id(), own.span_id(), flags, false, trace_state);
    (own, is_sampled || is_recorded && shared.keeps_errors())
}

fn apply(recording: &mut Recording, kept: &Kept) {
    let Kept { attributes, conventions: Conventions { name, kind, status }, exceptions } = kept;
    recording.set_attributes(attributes.as_slice());
    if let Some(name) = name {
        recording.set_name(name);
    }
    if let Some(kind) = kind {
        recording.set_kind(kind);
    }
    if let Some(status) = status {
        recording.set_status(status);
    }
    for exception in exceptions {
        recording.add_event("exception", recording.now(), exception, 0);
    }
}
