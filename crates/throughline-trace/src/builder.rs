//! Spans to be started, with what is known of them before.
//!
//! Used by everybody who makes spans. `start.rs` decides first; a span that is not sampled costs next to nothing, since
//! even its attributes are only looked at when somebody wants them. The started span is in `span.rs`.

use std::fmt;

use opentelemetry::Context;
use opentelemetry::trace::{Link, SpanContext, SpanKind};
use throughline_core::attribute::{AttributeValue, Attributes, ValueRef, Visitor};
use throughline_core::{RECORDS, Timestamp};

use crate::baggage::FromBaggage;
use crate::provider::{Tracer, global_tracer};
use crate::sampler::StartAttributes;
use crate::span::Span;
use crate::start::{Links, Parent, Start};

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
    start: Start<'a>,
    attributes: A,
}

impl<A> fmt::Debug for SpanBuilder<'_, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpanBuilder")
            .field("name", &self.start.name)
            .field("kind", &self.start.kind)
            .finish_non_exhaustive()
    }
}

impl<'a> SpanBuilder<'a> {
    /// A span of this name: internal, a child of the current span, of the global provider
    /// ([`install_global`](crate::install_global)). Before there is one, nothing is recorded.
    #[inline]
    pub fn new(name: &'a str) -> Self {
        let start = Start {
            tracer: None,
            name,
            kind: SpanKind::Internal,
            parent: Parent::Current,
            time: None,
            links: None,
            tentative: false,
        };
        Self { start, attributes: () }
    }
}

impl<'a, A: Attributes> SpanBuilder<'a, A> {
    /// Of this tracer.
    #[inline]
    pub fn with_tracer(mut self, tracer: Tracer) -> Self {
        self.start.tracer = Some(tracer);
        self
    }

    /// Of this kind.
    #[inline]
    pub fn with_kind(mut self, kind: SpanKind) -> Self {
        self.start.kind = kind;
        self
    }

    /// A child of the span in this context; the root of a new trace when there is none in it.
    #[inline]
    pub fn with_parent(mut self, parent: &'a Context) -> Self {
        self.start.parent = Parent::Context(parent);
        self
    }

    /// A child of this span; the root of a new trace when it is not valid.
    #[inline]
    pub fn with_parent_span(mut self, parent: &'a SpanContext) -> Self {
        self.start.parent = Parent::Span(parent);
        self
    }

    /// The root of a new trace.
    #[inline]
    pub fn with_no_parent(mut self) -> Self {
        self.start.parent = Parent::None;
        self
    }

    /// Started at this time rather than now.
    #[inline]
    pub fn with_start(mut self, time: Timestamp) -> Self {
        self.start.time = Some(time);
        self
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
        self.start.links.get_or_insert_default().0.push(Link::with_context(to));
        self
    }

    /// Linked with these, in place of other links.
    pub(crate) fn with_links(mut self, links: Vec<Link>) -> Self {
        self.start.links = if links.is_empty() { None } else { Some(Box::new(Links(links))) };
        self
    }

    /// If it is a root, recorded even when it is not sampled, for as long as it may get another parent.
    #[inline]
    pub(crate) fn with_tentative(mut self) -> Self {
        self.start.tentative = true;
        self
    }

    #[inline]
    fn map_attributes<B>(self, map: impl FnOnce(A) -> B) -> SpanBuilder<'a, B> {
        let Self { start, attributes } = self;
        SpanBuilder { start, attributes: map(attributes) }
    }

    /// Starts the span, and says so to nobody: [`Span::enter`] makes it the current one.
    ///
    /// Cost when it is sampled: one reading of the clock, and copying what was given here; when not: ids.
    #[expect(
        clippy::inline_always,
        reason = "keys are literals, and copying those is a move or two where it is inlined"
    )]
    #[inline(always)]
    pub fn start(self) -> Span {
        let Self { start, attributes } = self;
        if !RECORDS {
            return Span::none();
        }
        let Some(tracer) = start.tracer.or_else(global_tracer) else { return Span::none() };
        let Some(quick) = tracer.shared.sampler.quick() else {
            return start_full(&start, tracer, attributes);
        };
        let mut span = start.quick(tracer, quick);
        if let Some(recording) = span.recording() {
            recording.set_attributes(&attributes);
        }
        span
    }
}

/// Takes the attributes away, so that the compiler knows them to be constants on the way where nobody asks a sampler: a
/// reference would tie them to memory there, too.
#[cold]
#[inline(never)]
fn start_full<A: Attributes>(start: &Start<'_>, tracer: Tracer, attributes: A) -> Span {
    let context = start.baggage_context(tracer);
    let before = FromBaggage::new(tracer.shared, context.as_ref());
    let attributes = Many { before, attributes: &attributes };
    let mut span = start.full(tracer, &Shown(&attributes));
    span.set_attributes(&attributes);
    span
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

    #[expect(
        clippy::inline_always,
        reason = "keys are literals, and copying those is a move or two where it is inlined"
    )]
    #[inline(always)]
    fn visit<S: Visitor>(&self, visitor: &mut S) {
        self.before.visit(visitor);
        self.value.visit(self.key, visitor);
    }
}

impl<A: Attributes, B: Attributes + ?Sized> Attributes for Many<'_, A, B> {
    type Shape = [opentelemetry::KeyValue];

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
