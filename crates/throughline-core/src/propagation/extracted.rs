//! What headers said, before it becomes a context: filled by the formats, and turned into a [`Context`] once, whatever
//! their number.

use opentelemetry::Context;
use opentelemetry::baggage::{Baggage, BaggageExt as _};
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt as _, TraceFlags, TraceId, TraceState};

use super::Sampling;

/// What was found. A format that finds nothing leaves what another one found.
#[derive(Default)]
pub(super) struct Extracted {
    pub(super) span: Option<SpanContext>,
    /// Belongs to `span`; or stands alone, when the caller decided about sampling and began no trace.
    pub(super) sampling: Option<Sampling>,
    pub(super) baggage: Option<Baggage>,
}

impl Extracted {
    /// A trace of a format that has no `tracestate`.
    pub(super) fn set_trace(&mut self, trace: TraceId, span: SpanId, sampling: Sampling) {
        let flags = if sampling.is_sampled() { TraceFlags::SAMPLED } else { TraceFlags::NOT_SAMPLED };
        self.span = Some(SpanContext::new(trace, span, flags, true, TraceState::NONE));
        self.sampling = sampling.beyond_flags();
    }

    /// The context with what was found; where nothing was found, it stays as it is.
    pub(super) fn into_context(self, context: &Context) -> Context {
        let Self { span, sampling, baggage } = self;
        let mut context = if span.is_some() || sampling.is_some() {
            Sampling::keep(context, sampling)
        } else {
            context.clone()
        };
        if let Some(span) = span {
            context = context.with_remote_span_context(span);
        }
        if let Some(baggage) = baggage {
            context = context.with_baggage(baggage);
        }
        context
    }
}
