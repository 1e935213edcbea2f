//! The formats, and what each reads and writes. Several together are [`Propagators`](super::Propagators).

use std::fmt;
use std::sync::OnceLock;

use opentelemetry::Context;
use opentelemetry::propagation::text_map_propagator::FieldIter;
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
use opentelemetry::trace::{SpanContext, TraceContextExt as _};

use super::extracted::Extracted;
use super::{ReadCarrier, Sampling, WriteCarrier, b3, baggage, jaeger, trace_context, xray};

/// A way of writing a context into headers. It is a [`TextMapPropagator`] of OpenTelemetry's too; through a carrier of
/// this module it costs less.
///
/// # Examples
///
/// ```
/// use std::collections::HashMap;
/// use throughline_core::propagation::{Context, Format};
///
/// let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned();
/// let received = HashMap::from([("traceparent".to_owned(), parent)]);
/// let context = Format::TraceContext.extract(&Context::new(), &received);
///
/// let mut sent = HashMap::new();
/// Format::B3.inject(&context, &mut sent);
/// assert_eq!(sent["b3"], "0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-1");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Format {
    /// W3C Trace Context: `traceparent` and `tracestate`.
    TraceContext,
    /// W3C Baggage: `baggage`.
    Baggage,
    /// B3 in a single header: `b3`. Reads both forms.
    B3,
    /// B3 in several headers: `X-B3-TraceId` and so on. Reads both forms.
    B3Multi,
    /// Jaeger: `uber-trace-id` and `uberctx-*`.
    Jaeger,
    /// AWS X-Ray: `X-Amzn-Trace-Id`.
    XRay,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "by reference these methods come before those of the same names in TextMapPropagator"
)]
impl Format {
    /// All formats.
    pub const ALL: [Self; 6] =
        [Self::TraceContext, Self::Baggage, Self::B3, Self::B3Multi, Self::Jaeger, Self::XRay];

    /// The name that `OTEL_PROPAGATORS` knows it by.
    pub const fn name(self) -> &'static str {
        match self {
            Self::TraceContext => "tracecontext",
            Self::Baggage => "baggage",
            Self::B3 => "b3",
            Self::B3Multi => "b3multi",
            Self::Jaeger => "jaeger",
            Self::XRay => "xray",
        }
    }

    /// The headers it writes, in lower case; those whose names hold a key of the user's are left out.
    pub const fn headers(self) -> &'static [&'static str] {
        match self {
            Self::TraceContext => &[trace_context::TRACEPARENT, trace_context::TRACESTATE],
            Self::Baggage => &[baggage::BAGGAGE],
            Self::B3 => &[b3::SINGLE],
            Self::B3Multi => &[b3::TRACE_ID, b3::SPAN_ID, b3::SAMPLED, b3::FLAGS],
            Self::Jaeger => &[jaeger::TRACE],
            Self::XRay => &[xray::TRACE],
        }
    }

    /// Writes what a context holds of this format's concern.
    ///
    /// Afterwards the headers written say what the context says: what a previous hop left there is replaced, or taken
    /// out. Without a valid span, headers of traces stay as they are, so that a service that takes no part in the trace
    /// passes it on.
    pub fn inject<C: WriteCarrier + ?Sized>(&self, context: &Context, carrier: &mut C) {
        let span = context.span();
        let span = span.span_context();
        match *self {
            Self::TraceContext | Self::XRay if !span.is_valid() => {}
            Self::TraceContext => trace_context::write(span, carrier),
            Self::Baggage => baggage::write(context, carrier),
            Self::B3 => b3::write_single(span, Sampling::of(context), carrier),
            Self::B3Multi => b3::write_multiple(span, Sampling::of(context), carrier),
            Self::Jaeger => jaeger::write(context, span, carrier),
            Self::XRay => xray::write(span, Sampling::of(context), carrier),
        }
    }

    /// Writes a span context alone, for code that has no [`Context`]; one that is not valid is not written.
    ///
    /// Trace Context without a `tracestate` allocates what the carrier allocates, and nothing else.
    #[inline]
    pub fn inject_span_context<C: WriteCarrier + ?Sized>(&self, span: &SpanContext, carrier: &mut C) {
        match *self {
            _ if !span.is_valid() => {}
            Self::TraceContext => trace_context::write(span, carrier),
            Self::Baggage => {}
            Self::B3 => b3::write_single(span, None, carrier),
            Self::B3Multi => b3::write_multiple(span, None, carrier),
            Self::Jaeger => jaeger::write_trace(span, None, carrier),
            Self::XRay => xray::write(span, None, carrier),
        }
    }

    /// The context with what the carrier holds of this format's concern; the context as it is, when that is nothing, or
    /// nothing valid.
    ///
    /// Allocates once for a span, since a [`Context`] shares it.
    pub fn extract<C: ReadCarrier + ?Sized>(&self, context: &Context, carrier: &C) -> Context {
        let mut found = Extracted::default();
        self.read(carrier, &mut found);
        found.into_context(context)
    }

    /// The caller's span, for code that needs no [`Context`].
    ///
    /// Trace Context without a `tracestate`, B3 and X-Ray allocate nothing.
    #[inline]
    pub fn extract_span_context<C: ReadCarrier + ?Sized>(&self, carrier: &C) -> Option<SpanContext> {
        match *self {
            Self::TraceContext => trace_context::span_context(carrier),
            Self::Baggage => None,
            other => {
                let mut found = Extracted::default();
                other.read(carrier, &mut found);
                found.span
            }
        }
    }

    pub(super) fn read<C: ReadCarrier + ?Sized>(self, carrier: &C, found: &mut Extracted) {
        match self {
            Self::TraceContext => trace_context::read(carrier, found),
            Self::Baggage => baggage::read(carrier, found),
            Self::B3 | Self::B3Multi => b3::read(carrier, found),
            Self::Jaeger => jaeger::read(carrier, found),
            Self::XRay => xray::read(carrier, found),
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl TextMapPropagator for Format {
    fn inject_context(&self, cx: &Context, injector: &mut dyn Injector) {
        self.inject(cx, injector);
    }

    fn extract_with_context(&self, cx: &Context, extractor: &dyn Extractor) -> Context {
        Self::extract(self, cx, extractor)
    }

    fn fields(&self) -> FieldIter<'_> {
        static FIELDS: OnceLock<[Vec<String>; Format::ALL.len()]> = OnceLock::new();
        let fields = FIELDS.get_or_init(|| Self::ALL.map(Self::fields_owned));
        FieldIter::new(&fields[*self as usize])
    }
}

impl Format {
    pub(super) fn fields_owned(self) -> Vec<String> {
        self.headers().iter().map(|&header| header.to_owned()).collect()
    }
}
