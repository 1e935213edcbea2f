//! W3C Trace Context: [`traceparent`](super::trace_parent) and [`tracestate`](super::trace_state) together.
//!
//! A request whose `traceparent` is wrong, or there twice, begins a trace of its own, and its `tracestate` is not looked
//! at. A wrong `tracestate` is left out, and the trace goes on.

use opentelemetry::trace::{SpanContext, TraceState};

use super::extracted::Extracted;
use super::{ReadCarrier, Rejected, WriteCarrier, trace_parent, trace_state};

pub(super) const TRACEPARENT: &str = "traceparent";
pub(super) const TRACESTATE: &str = "tracestate";

pub(super) fn read<C: ReadCarrier + ?Sized>(carrier: &C, found: &mut Extracted) {
    if let Some(span) = span_context(carrier) {
        found.span = Some(span);
        found.sampling = None;
    }
}

/// The caller's span. Allocates only for members of a `tracestate`.
#[inline]
pub(super) fn span_context<C: ReadCarrier + ?Sized>(carrier: &C) -> Option<SpanContext> {
    let (mut header, mut several, mut has_state) = (None, false, false);
    carrier.read_each([TRACEPARENT, TRACESTATE], |place, value| match place {
        0 => several |= header.replace(value).is_some(),
        _ => has_state = true,
    });
    let Some(parent) = trace_parent::parse(header?).filter(|_| !several) else {
        Rejected::TraceParent.add(1);
        return None;
    };
    if has_state {
        return Some(with_state(&parent, trace_state::parse(carrier.read(TRACESTATE))));
    }
    Some(parent)
}

#[cold]
fn with_state(parent: &SpanContext, state: Option<TraceState>) -> SpanContext {
    let state = state.unwrap_or_else(|| {
        Rejected::TraceState.add(1);
        TraceState::NONE
    });
    SpanContext::new(parent.trace_id(), parent.span_id(), parent.trace_flags(), true, state)
}

/// Writes a valid span context.
#[inline]
pub(super) fn write<C: WriteCarrier + ?Sized>(span: &SpanContext, carrier: &mut C) {
    let parent = trace_parent::format(span);
    carrier.write_bytes(TRACEPARENT, &parent);
    match trace_state::format(span.trace_state()) {
        None => carrier.remove(TRACESTATE),
        Some(state) => carrier.write(TRACESTATE, &state),
    }
}
