//! What the tests share.

use std::sync::Arc;

use throughline_core::Timestamp;
use throughline_core::clock::ManualClock;
use throughline_trace::sampler::Sampler;
use throughline_trace::testing::{self, FinishedSpan};
use throughline_trace::{
    SpanContext, SpanId, SpanReader, TraceFlags, TraceId, TraceState, TracerProvider, TracerProviderBuilder,
};

/// 2001-09-09, in nanoseconds.
pub(crate) const EPOCH: u64 = 1_000_000_000_000_000_000;

pub(crate) fn manual_clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::at(Timestamp::from_nanos(EPOCH)))
}

/// A provider and its reader.
pub(crate) fn provider(
    set_up: impl FnOnce(TracerProviderBuilder) -> TracerProviderBuilder,
) -> (TracerProvider, SpanReader) {
    let provider = set_up(TracerProvider::builder()).build();
    let reader = provider.reader().expect("the first reader");
    (provider, reader)
}

/// What `sampler` makes of one span with this parent.
pub(crate) fn sampled(sampler: Sampler, parent: &SpanContext) -> bool {
    let (provider, _reader) = provider(|builder| builder.with_sampler(sampler));
    provider.tracer("it").span("s").with_parent_span(parent).start().span_context().is_sampled()
}

/// A parent with these properties.
pub(crate) fn parent(sampled: bool, remote: bool) -> SpanContext {
    let flags = if sampled { TraceFlags::SAMPLED } else { TraceFlags::NOT_SAMPLED };
    SpanContext::new(TraceId::from(0xAB << 100 | 0xCD), SpanId::from(0xEF), flags, remote, TraceState::NONE)
}

/// The one span that there is.
#[track_caller]
pub(crate) fn only(reader: &mut SpanReader) -> FinishedSpan {
    let mut spans = testing::spans(reader);
    assert_eq!(spans.len(), 1, "{spans:#?}");
    spans.remove(0)
}

/// Keys and values as `testing` shows them.
pub(crate) fn pairs(pairs: &[(&str, &str)]) -> testing::Attributes {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}
