//! The decision about a span that starts: who is the parent, is it sampled, which ids. What is recorded of it is written
//! by `recording.rs`.
//!
//! Called by `builder.rs`. The quick way, with a common sampler and our own ids, does not touch what a span that is not
//! sampled has no use for; the full way asks whoever wants to be asked.

use opentelemetry::trace::{Link, SpanContext, SpanKind, TraceContextExt as _, TraceState};
use opentelemetry::{Context, SpanId, TraceFlags, TraceId};
use throughline_core::Timestamp;

use crate::clock::Moment;
use crate::data::kind_number;
use crate::local;
use crate::provider::{Shared, Tracer};
use crate::record::{SpanHeader, bits};
use crate::sampler::{Decision, Quick, Sampling, SamplingInput, StartAttributes};
use crate::span::Span;

/// The bit of W3C trace flags that says that the trace id is random (Trace Context 2).
const RANDOM: u8 = 2;

/// A span to be started, but for its attributes. Small, since builders are moved about; what is borrowed needs no count.
pub(crate) struct Start<'a> {
    pub(crate) tracer: Option<Tracer>,
    pub(crate) name: &'a str,
    pub(crate) kind: SpanKind,
    pub(crate) parent: Parent<'a>,
    pub(crate) time: Option<Timestamp>,
    /// Few have any.
    pub(crate) links: Option<Box<Links>>,
    /// Recorded at first even when it is not sampled, since it may still get another parent.
    pub(crate) tentative: bool,
}

/// What a span is linked with from the start.
#[derive(Default)]
pub(crate) struct Links(pub(crate) Vec<Link>);

/// Where the parent comes from.
pub(crate) enum Parent<'a> {
    Current,
    None,
    Context(&'a Context),
    Span(&'a SpanContext),
}

impl Start<'_> {
    /// With a common sampler and our own ids: what is not sampled costs neither a clock nor all of the ids.
    #[inline(never)]
    pub(crate) fn quick(&self, tracer: Tracer, quick: Quick) -> Span {
        let Some(parent) = self.parent() else { return Span::none() };
        if !parent.is_valid {
            self.root(tracer, quick)
        } else if quick.samples_child(parent.flags) || tracer.shared.keeps_errors() {
            self.child(tracer, quick, &parent)
        } else {
            let [span_id] = local::random(0);
            Span::unrecorded(self.child_context(&parent, span_id, false))
        }
    }

    #[inline(never)]
    fn root(&self, tracer: Tracer, quick: Quick) -> Span {
        let [end] = local::random(0);
        let is_sampled = quick.samples_root(end);
        let is_exported = is_sampled || tracer.shared.keeps_errors();
        let is_recorded = is_exported || self.tentative;
        let start = if is_recorded { tracer.shared.clock.start() } else { Moment::default() };
        let [begin, span_id] = local::random(start.nanos);
        let trace_id = TraceId::from(u128::from(begin) << 64 | u128::from(end));
        let flags = TraceFlags::new(RANDOM | u8::from(is_sampled));
        let is_announced = is_sampled && quick.is_announced();
        let state = if is_announced { quick.announced() } else { TraceState::NONE };
        let context = SpanContext::new(trace_id, span_id.into(), flags, false, state);
        if is_recorded {
            self.record(tracer, &ParentSpan::NONE, context, start, is_exported)
        } else {
            Span::unrecorded(context)
        }
    }

    #[inline]
    fn child(&self, tracer: Tracer, quick: Quick, parent: &ParentSpan) -> Span {
        let start = tracer.shared.clock.start();
        let [span_id] = local::random(start.nanos);
        let context = self.child_context(parent, span_id, quick.samples_child(parent.flags));
        self.record(tracer, parent, context, start, true)
    }

    #[inline]
    fn child_context(&self, parent: &ParentSpan, span_id: u64, is_sampled: bool) -> SpanContext {
        let state = if parent.has_state { self.parent_state() } else { TraceState::NONE };
        SpanContext::new(parent.trace_id, span_id.into(), parent.child_flags(is_sampled), false, state)
    }

    /// With any sampler and any ids.
    pub(crate) fn full(&self, tracer: Tracer, attributes: &dyn StartAttributes) -> Span {
        let shared = tracer.shared;
        let Some(parent) = self.parent() else { return Span::none() };
        let parent = if parent.is_valid { parent } else { ParentSpan::NONE };
        let parent_state = if parent.has_state { self.parent_state() } else { TraceState::NONE };
        let parent_context = parent.to_context(parent_state.clone());
        if parent.is_valid && !shared.records {
            return Span::unrecorded(parent_context);
        }
        let start = shared.clock.start();
        let ids = Ids { shared, time: start.nanos };
        let trace_id = if parent.is_valid { parent.trace_id } else { ids.trace_id() };
        let Self { name, kind, .. } = self;
        let links = self.links();
        let parent_seen = Some(&parent_context).filter(|parent| parent.is_valid());
        let input = SamplingInput { parent: parent_seen, trace_id, name, kind, attributes, links };
        let Sampling { decision, trace_state, attributes: added } = shared.sampler.full().sample(&input);
        let sampled = decision == Decision::Sample;
        let own = if ids.are_random() { RANDOM } else { 0 };
        let flags = if parent.is_valid { parent.flags.to_u8() & RANDOM } else { own } | u8::from(sampled);
        let trace_state = trace_state.unwrap_or(parent_state);
        let context = SpanContext::new(trace_id, ids.span_id(), TraceFlags::new(flags), false, trace_state);
        let exported = sampled || shared.keeps_errors();
        let recorded = exported || decision == Decision::Record || self.tentative && !parent.is_valid;
        if !recorded || !shared.records {
            return Span::unrecorded(context);
        }
        let mut span = self.record(tracer, &parent, context, start, exported);
        span.set_attributes(added.as_slice());
        span
    }

    #[expect(clippy::inline_always, reason = "most of what it is given is known to two of its three callers")]
    #[inline(always)]
    fn record(
        &self,
        tracer: Tracer,
        parent: &ParentSpan,
        context: SpanContext,
        start: Moment,
        exported: bool,
    ) -> Span {
        let keep = if context.is_sampled() { 0 } else { bits::KEEP };
        let remote = if parent.is_remote { bits::REMOTE_PARENT } else { 0 };
        let root = if !parent.is_valid || parent.is_remote { bits::LOCAL_ROOT } else { 0 };
        let header = SpanHeader {
            trace_id: context.trace_id().to_bytes(),
            span_id: context.span_id().to_bytes(),
            parent_span_id: parent.span_id.to_bytes(),
            start: self.time.map_or(start.nanos, Timestamp::as_nanos),
            scope: tracer.scope,
            kind: kind_number(&self.kind),
            flags: context.trace_flags().to_u8(),
            bits: keep | remote | root,
            ..SpanHeader::default()
        };
        let mut recording = local::recording();
        recording.start(tracer.shared, header, start, exported, self.name);
        recording.set_trace_state(context.trace_state());
        for link in self.links() {
            recording.add_link(&link.span_context, link.attributes.as_slice(), link.dropped_attributes_count);
        }
        Span::recorded(context, recording)
    }

    fn links(&self) -> &[Link] {
        self.links.as_ref().map_or(&[], |links| &links.0)
    }

    /// The parent, which is not valid when there is none; `None` when telemetry is suppressed.
    #[inline]
    fn parent(&self) -> Option<ParentSpan> {
        match self.parent {
            Parent::Current if local::is_alive() => Context::map_current(ParentSpan::in_context),
            Parent::Current | Parent::None => Some(ParentSpan::NONE),
            Parent::Context(_) | Parent::Span(_) => self.given_parent(),
        }
    }

    #[inline(never)]
    fn given_parent(&self) -> Option<ParentSpan> {
        match self.parent {
            Parent::Context(context) => ParentSpan::in_context(context),
            Parent::Span(parent) => Some(ParentSpan::of(parent)),
            Parent::Current | Parent::None => None,
        }
    }

    /// The context whose baggage may become attributes, if any may.
    pub(crate) fn baggage_context(&self, tracer: Tracer) -> Option<Context> {
        let is_wanted = !tracer.shared.baggage.is_empty() && local::is_alive();
        is_wanted.then(|| match self.parent {
            Parent::Context(context) => context.clone(),
            Parent::Span(_) | Parent::Current | Parent::None => Context::current(),
        })
    }

    /// The parent's trace state.
    #[cold]
    fn parent_state(&self) -> TraceState {
        let state = |context: &Context| context.span().span_context().trace_state().clone();
        match self.parent {
            Parent::None => TraceState::NONE,
            Parent::Span(parent) => parent.trace_state().clone(),
            Parent::Context(context) => state(context),
            Parent::Current => Context::map_current(state),
        }
    }
}

/// What a parent says, but for its trace state, which few have and which is not for nothing to copy.
#[derive(Clone, Copy)]
struct ParentSpan {
    trace_id: TraceId,
    span_id: SpanId,
    flags: TraceFlags,
    is_remote: bool,
    is_valid: bool,
    has_state: bool,
}

impl ParentSpan {
    const NONE: Self = Self {
        trace_id: TraceId::INVALID,
        span_id: SpanId::INVALID,
        flags: TraceFlags::NOT_SAMPLED,
        is_remote: false,
        is_valid: false,
        has_state: false,
    };

    #[inline]
    fn of(span: &SpanContext) -> Self {
        Self {
            trace_id: span.trace_id(),
            span_id: span.span_id(),
            flags: span.trace_flags(),
            is_remote: span.is_remote(),
            is_valid: span.is_valid(),
            has_state: *span.trace_state() != TraceState::NONE,
        }
    }

    #[inline]
    fn in_context(context: &Context) -> Option<Self> {
        let wanted = !context.is_telemetry_suppressed();
        wanted.then(|| Self::of(context.span().span_context()))
    }

    /// The flags of a child.
    #[inline]
    fn child_flags(&self, is_sampled: bool) -> TraceFlags {
        TraceFlags::new(self.flags.to_u8() & RANDOM | u8::from(is_sampled))
    }

    fn to_context(self, state: TraceState) -> SpanContext {
        SpanContext::new(self.trace_id, self.span_id, self.flags, self.is_remote, state)
    }
}

/// Where the ids of a span come from that the quick way is not for.
#[derive(Clone, Copy)]
struct Ids {
    shared: &'static Shared,
    /// When the span starts.
    time: u64,
}

impl Ids {
    fn trace_id(self) -> TraceId {
        match &self.shared.ids {
            Some(custom) => custom.trace_id(),
            None => {
                let [start, end] = local::random(self.time);
                TraceId::from(u128::from(start) << 64 | u128::from(end))
            }
        }
    }

    fn span_id(self) -> SpanId {
        match &self.shared.ids {
            Some(custom) => custom.span_id(),
            None => {
                let [id] = local::random(self.time);
                SpanId::from(id)
            }
        }
    }

    fn are_random(self) -> bool {
        self.shared.ids.as_ref().is_none_or(|custom| custom.is_random())
    }
}
