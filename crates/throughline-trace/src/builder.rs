//! Starts spans: who is the parent, is it sampled, which ids. Nothing else is done before that, so a span that is not
//! sampled costs next to nothing: even its attributes are only looked at when somebody wants them.
//!
//! Called by users, by the OpenTelemetry API and by the `tracing` layer. The started span is in `span.rs`.

use std::fmt;

use opentelemetry::trace::{Link, SpanContext, SpanKind, TraceContextExt as _};
use opentelemetry::{Context, SpanId, TraceFlags, TraceId};
use throughline_core::Timestamp;
use throughline_core::attribute::{AttributeValue, Attributes, ValueRef, Visitor};
use throughline_core::definition::AttributeDef;

use crate::clock::Moment;
use crate::data::kind_number;
use crate::id::Generator;
use crate::local::{self, Local};
use crate::provider::{Shared, Tracer, global_tracer};
use crate::record::{SpanHeader, bits};
use crate::sampler::{Decision, Quick, Sampling, SamplingInput, StartAttributes};
use crate::span::Span;

/// The bit of W3C trace flags that says that the trace id is random (Trace Context 2).
const RANDOM: u8 = 2;

/// A span to be started.
///
/// Attributes given here are seen by the sampler; they are borrowed and cost nothing unless the span is sampled. Building
/// neither locks nor allocates, but for links.
///
/// ```
/// use throughline_trace::{SpanBuilder, SpanKind};
///
/// let span = SpanBuilder::new("process_event")
///     .with_kind(SpanKind::Consumer)
///     .with_attribute("messaging.batch.message_count", 3)
///     .start();
/// ```
#[must_use = "the span begins with `start`"]
pub struct SpanBuilder<'a, A = ()> {
    tracer: Option<Tracer>,
    name: &'a str,
    kind: SpanKind,
    parent: Parent,
    start: Option<Timestamp>,
    attributes: A,
    links: Vec<Link>,
    /// Recorded at first even when it is not sampled, since it may still get another parent.
    tentative: bool,
}

/// Where the parent comes from.
enum Parent {
    Current,
    /// `None` starts a trace.
    Given(Option<SpanContext>),
}

impl<A> fmt::Debug for SpanBuilder<'_, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpanBuilder")
            .field("name", &self.name)
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

impl<'a> SpanBuilder<'a> {
    /// A span of this name: internal, a child of the current span, of the global provider
    /// ([`install_global`](crate::install_global)). Before there is one, nothing is recorded.
    #[inline]
    pub fn new(name: &'a str) -> Self {
        Self {
            tracer: None,
            name,
            kind: SpanKind::Internal,
            parent: Parent::Current,
            start: None,
            attributes: (),
            links: Vec::new(),
            tentative: false,
        }
    }
}

impl<'a, A: Attributes> SpanBuilder<'a, A> {
    /// Of this tracer.
    #[inline]
    pub fn with_tracer(self, tracer: Tracer) -> Self {
        Self { tracer: Some(tracer), ..self }
    }

    /// Of this kind.
    #[inline]
    pub fn with_kind(self, kind: SpanKind) -> Self {
        Self { kind, ..self }
    }

    /// A child of the span in this context; the root of a new trace when there is none in it.
    #[inline]
    pub fn with_parent(self, parent: &Context) -> Self {
        self.with_parent_span(parent.span().span_context())
    }

    /// A child of this span; the root of a new trace when it is not valid.
    #[inline]
    pub fn with_parent_span(self, parent: &SpanContext) -> Self {
        Self { parent: Parent::Given(parent.is_valid().then(|| parent.clone())), ..self }
    }

    /// The root of a new trace.
    #[inline]
    pub fn with_no_parent(self) -> Self {
        Self { parent: Parent::Given(None), ..self }
    }

    /// Started at this time rather than now.
    #[inline]
    pub fn with_start(self, time: Timestamp) -> Self {
        Self { start: Some(time), ..self }
    }

    /// With this attribute. It replaces an earlier one of the same key.
    #[inline]
    pub fn with_attribute<V: AttributeValue>(
        self,
        key: &'a str,
        value: V,
    ) -> SpanBuilder<'a, impl Attributes + use<'a, A, V>> {
        self.map_attributes(|before| One { before, key, value })
    }

    /// With these attributes.
    #[inline]
    pub fn with_attributes<B: Attributes + ?Sized>(
        self,
        attributes: &'a B,
    ) -> SpanBuilder<'a, impl Attributes + use<'a, A, B>> {
        self.map_attributes(|before| Many { before, attributes })
    }

    /// Linked with this span. Allocates.
    pub fn with_link(mut self, to: SpanContext) -> Self {
        self.links.push(Link::with_context(to));
        self
    }

    /// Linked with these, in place of other links.
    pub(crate) fn with_links(self, links: Vec<Link>) -> Self {
        Self { links, ..self }
    }

    /// If it is a root, recorded even when it is not sampled, for as long as it may get another parent.
    pub(crate) fn with_tentative(self) -> Self {
        Self { tentative: true, ..self }
    }

    #[inline]
    fn map_attributes<B>(self, map: impl FnOnce(A) -> B) -> SpanBuilder<'a, B> {
        let Self { tracer, name, kind, parent, start, attributes, links, tentative } = self;
        SpanBuilder { tracer, name, kind, parent, start, attributes: map(attributes), links, tentative }
    }

    /// Starts the span, and says so to nobody: [`Span::enter`] makes it the current one.
    ///
    /// Cost when it is sampled: one reading of the clock, and copying what was given here; when not: ids.
    #[inline]
    pub fn start(self) -> Span {
        match self.tracer.or_else(global_tracer) {
            Some(tracer) => local::with(|local| self.start_with(tracer, local)),
            None => Span::none(),
        }
    }

    #[inline]
    fn start_with(self, tracer: Tracer, local: Option<&Local>) -> Span {
        let parent = match &self.parent {
            Parent::Given(parent) => parent.clone(),
            Parent::Current => match current(local) {
                Current::Suppressed => return Span::none(),
                Current::Span(parent) => parent,
            },
        };
        let ids = Ids { shared: tracer.shared, local };
        match tracer.shared.sampler.quick() {
            Some(quick) if tracer.shared.ids.is_none() => self.start_quick(tracer, ids, quick, parent),
            _ => self.start_full(tracer, ids, parent),
        }
    }

    /// With a common sampler and our own ids: what is not sampled costs neither a clock nor all of the ids.
    #[inline]
    fn start_quick(self, tracer: Tracer, ids: Ids<'_>, quick: Quick, parent: Option<SpanContext>) -> Span {
        let shared = tracer.shared;
        let trace_end = if parent.is_some() { 0 } else { ids.next() };
        let sampled = match &parent {
            Some(parent) => quick.samples_child(parent),
            None => quick.samples_root(trace_end),
        };
        let exported = sampled || shared.keeps_errors();
        let timed = exported || self.tentative && parent.is_none();
        let start = if timed { shared.clock.start() } else { Moment::default() };
        ids.stir(start);
        let trace_id = match &parent {
            Some(parent) => parent.trace_id(),
            None => TraceId::from(u128::from(ids.next()) << 64 | u128::from(trace_end)),
        };
        let flags = parent.as_ref().map_or(RANDOM, |parent| parent.trace_flags().to_u8() & RANDOM);
        let trace_state = if sampled { quick.trace_state(parent.as_ref()) } else { None };
        let decided = Decided {
            trace_id,
            span_id: SpanId::from(ids.next()),
            flags: TraceFlags::new(flags | u8::from(sampled)),
            exported,
            start,
            sampling: Sampling { trace_state, ..Sampling::of(exported) },
        };
        self.begin(tracer, ids.local, parent, decided)
    }

    /// With any sampler and any ids.
    #[cold]
    fn start_full(self, tracer: Tracer, ids: Ids<'_>, parent: Option<SpanContext>) -> Span {
        let shared = tracer.shared;
        let start = shared.clock.start();
        ids.stir(start);
        let trace_id = parent.as_ref().map_or_else(|| ids.trace_id(), SpanContext::trace_id);
        let mut sampling = shared.sampler.full().sample(&SamplingInput {
            parent: parent.as_ref(),
            trace_id,
            name: self.name,
            kind: &self.kind,
            attributes: &Shown(&self.attributes),
            links: &self.links,
        });
        let sampled = sampling.decision == Decision::Sample;
        if shared.keeps_errors() && !sampled {
            sampling.decision = Decision::Record;
        }
        let own = if ids.are_random() { RANDOM } else { 0 };
        let flags = parent.as_ref().map_or(own, |parent| parent.trace_flags().to_u8() & RANDOM);
        let decided = Decided {
            trace_id,
            span_id: ids.span_id(),
            flags: TraceFlags::new(flags | u8::from(sampled)),
            exported: sampled || shared.keeps_errors(),
            start,
            sampling,
        };
        self.begin(tracer, ids.local, parent, decided)
    }

    #[inline]
    fn begin(
        self,
        tracer: Tracer,
        local: Option<&Local>,
        parent: Option<SpanContext>,
        decided: Decided,
    ) -> Span {
        let Decided { trace_id, span_id, flags, exported, start, sampling } = decided;
        let parent_span_id = parent.as_ref().map_or(SpanId::INVALID, SpanContext::span_id);
        let is_remote = parent.as_ref().is_some_and(SpanContext::is_remote);
        let is_root = parent.is_none();
        let inherited = || parent.map(|parent| parent.trace_state().clone()).unwrap_or_default();
        let trace_state = sampling.trace_state.unwrap_or_else(inherited);
        let context = SpanContext::new(trace_id, span_id, flags, false, trace_state);
        if sampling.decision == Decision::Drop && !(self.tentative && is_root) {
            return Span::unrecorded(context);
        }
        let keep = if flags.is_sampled() { 0 } else { bits::KEEP };
        let header = SpanHeader {
            trace_id: trace_id.to_bytes(),
            span_id: span_id.to_bytes(),
            parent_span_id: parent_span_id.to_bytes(),
            start: self.start.map_or(start.nanos, Timestamp::as_nanos),
            scope: tracer.scope,
            kind: kind_number(&self.kind),
            flags: flags.to_u8(),
            bits: keep
                | if is_remote { bits::REMOTE_PARENT } else { 0 }
                | if is_root || is_remote { bits::LOCAL_ROOT } else { 0 },
            ..SpanHeader::default()
        };
        let mut recording = local.map(Local::recording).unwrap_or_default();
        recording.start(tracer.shared, header, start, exported, self.name);
        recording.set_trace_state(context.trace_state());
        self.attributes.visit(&mut *recording);
        if !sampling.attributes.is_empty() {
            sampling.attributes.as_slice().visit(&mut *recording);
        }
        for link in &self.links {
            recording.add_link(&link.span_context, link.attributes.as_slice(), link.dropped_attributes_count);
        }
        Span::recorded(context, recording)
    }
}

/// What is decided before anything is built.
struct Decided {
    trace_id: TraceId,
    span_id: SpanId,
    flags: TraceFlags,
    exported: bool,
    start: Moment,
    sampling: Sampling,
}

/// What the current context says.
enum Current {
    Suppressed,
    Span(Option<SpanContext>),
}

#[inline]
fn current(local: Option<&Local>) -> Current {
    // Without the thread's own there is no context either.
    if local.is_none() {
        return Current::Span(None);
    }
    Context::map_current(|context| {
        if context.is_telemetry_suppressed() {
            return Current::Suppressed;
        }
        let span = context.span();
        let parent = span.span_context();
        Current::Span(parent.is_valid().then(|| parent.clone()))
    })
}

/// Where the ids of a span come from.
#[derive(Clone, Copy)]
struct Ids<'a> {
    shared: &'static Shared,
    local: Option<&'a Local>,
}

impl Ids<'_> {
    #[inline]
    fn next(self) -> u64 {
        match self.local.and_then(|local| local.ids.try_borrow_mut().ok()) {
            Some(mut ids) => ids.next(),
            None => Generator::new().next(),
        }
    }

    #[inline]
    fn stir(self, time: Moment) {
        if let Some(mut ids) = self.local.and_then(|local| local.ids.try_borrow_mut().ok()) {
            ids.stir(time.nanos);
        }
    }

    fn trace_id(self) -> TraceId {
        match &self.shared.ids {
            Some(custom) => custom.trace_id(),
            None => TraceId::from(u128::from(self.next()) << 64 | u128::from(self.next())),
        }
    }

    fn span_id(self) -> SpanId {
        self.shared.ids.as_ref().map_or_else(|| SpanId::from(self.next()), |custom| custom.span_id())
    }

    fn are_random(self) -> bool {
        self.shared.ids.as_ref().is_none_or(|custom| custom.is_random())
    }
}

/// One attribute after others.
struct One<'a, A, V> {
    before: A,
    key: &'a str,
    value: V,
}

/// Attributes after others.
struct Many<'a, A, B: ?Sized> {
    before: A,
    attributes: &'a B,
}

impl<A: Attributes, V: AttributeValue> Attributes for One<'_, A, V> {
    type Shape = [opentelemetry::KeyValue];
    const DEFINITIONS: &'static [AttributeDef] = &[];
    const NUMBERED: usize = 0;

    fn number(&self) -> usize {
        usize::MAX
    }

    #[inline]
    fn visit<S: Visitor>(&self, visitor: &mut S) {
        self.before.visit(visitor);
        visitor.attribute(self.key, self.value.value());
    }
}

impl<A: Attributes, B: Attributes + ?Sized> Attributes for Many<'_, A, B> {
    type Shape = [opentelemetry::KeyValue];
    const DEFINITIONS: &'static [AttributeDef] = &[];
    const NUMBERED: usize = 0;

    fn number(&self) -> usize {
        usize::MAX
    }

    #[inline]
    fn visit<S: Visitor>(&self, visitor: &mut S) {
        self.before.visit(visitor);
        self.attributes.visit(visitor);
    }
}

/// Attributes as a sampler sees them.
struct Shown<'a, A>(&'a A);

impl<A: Attributes> StartAttributes for Shown<'_, A> {
    fn each(&self, see: &mut dyn FnMut(&str, ValueRef<'_>)) {
        struct Seeing<'a>(&'a mut dyn FnMut(&str, ValueRef<'_>));
        impl Visitor for Seeing<'_> {
            fn attribute(&mut self, key: &str, value: ValueRef<'_>) {
                (self.0)(key, value);
            }
        }
        self.0.visit(&mut Seeing(see));
    }
}
