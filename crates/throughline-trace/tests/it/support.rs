//! What the tests share.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context as Waiting, Poll, Waker};

use throughline_core::Timestamp;
use throughline_core::clock::ManualClock;
use throughline_trace::layer::{TelemetryLayer, TelemetryLayerBuilder};
use throughline_trace::sampler::Sampler;
use throughline_trace::testing::{self, FinishedSpan, RecordedLog};
use throughline_trace::{
    LogReader, LoggerProvider, SpanContext, SpanId, SpanReader, TraceFlags, TraceId, TraceState, Tracer,
    TracerProvider, TracerProviderBuilder,
};
use tracing_subscriber::layer::SubscriberExt as _;

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

/// A subscriber with our layer alone, and what arrives from it.
pub(crate) struct Layered {
    pub(crate) dispatch: tracing::Dispatch,
    pub(crate) traces: TracerProvider,
    pub(crate) tracer: Tracer,
    pub(crate) spans: SpanReader,
    pub(crate) logs: LogReader,
}

impl Layered {
    pub(crate) fn new(
        sampler: Sampler,
        set_up: impl FnOnce(TelemetryLayerBuilder) -> TelemetryLayerBuilder,
    ) -> Self {
        let (traces, spans) = provider(|builder| builder.with_sampler(sampler));
        let logs = LoggerProvider::default();
        let layer = TelemetryLayer::builder().with_tracer(traces.tracer("it")).with_logger(logs.logger("it"));
        // What the tests do not ask for only stands in their way.
        let layer = set_up(layer.with_target(false).with_location(false)).build();
        Self {
            dispatch: tracing::Dispatch::new(tracing_subscriber::registry().with(layer)),
            traces,
            tracer: traces.tracer("it"),
            spans,
            logs: logs.reader().expect("the first reader"),
        }
    }

    pub(crate) fn sampled() -> Self {
        Self::new(Sampler::default(), |layer| layer)
    }

    pub(crate) fn unsampled() -> Self {
        Self::new(Sampler::parent_based(Sampler::always_off()), |layer| layer)
    }

    pub(crate) fn within<R>(&self, work: impl FnOnce() -> R) -> R {
        tracing::dispatcher::with_default(&self.dispatch, work)
    }

    /// What was exported.
    pub(crate) fn finished(&mut self) -> Vec<FinishedSpan> {
        testing::spans(&mut self.spans)
    }

    /// Does the work, and gives the one span that was exported.
    #[track_caller]
    pub(crate) fn one_span(mut self, work: impl FnOnce()) -> FinishedSpan {
        self.within(work);
        only(&mut self.spans)
    }

    /// Does the work, and gives the one log record.
    #[track_caller]
    pub(crate) fn one_log(mut self, work: impl FnOnce()) -> RecordedLog {
        self.within(work);
        let mut logs = testing::logs(&mut self.logs);
        assert_eq!(logs.len(), 1, "{logs:#?}");
        logs.remove(0)
    }
}

/// The span of this name.
#[track_caller]
pub(crate) fn named<'a>(spans: &'a [FinishedSpan], name: &str) -> &'a FinishedSpan {
    let mut found = spans.iter().filter(|span| span.name == name);
    let span = found.next();
    assert!(span.is_some() && found.next().is_none(), "one span `{name}` in {spans:#?}");
    span.expect("it was asserted")
}

/// Asserts that these spans are each the parent of the next, in one trace.
#[track_caller]
pub(crate) fn assert_chain(spans: &[FinishedSpan], names: &[&str]) {
    for pair in names.windows(2) {
        let (parent, child) = (named(spans, pair[0]), named(spans, pair[1]));
        assert_eq!(child.parent_span_id, parent.span_id, "`{}` under `{}`", pair[1], pair[0]);
        assert_eq!(child.trace_id, parent.trace_id, "`{}` under `{}`", pair[1], pair[0]);
    }
}

/// For `poll_fn`: not ready the first time.
pub(crate) fn pending_once() -> impl FnMut(&mut Waiting<'_>) -> Poll<()> {
    let mut polled = false;
    move |_| if std::mem::replace(&mut polled, true) { Poll::Ready(()) } else { Poll::Pending }
}

/// Polls until it is ready.
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Waiting::from_waker(Waker::noop())) {
            return output;
        }
    }
}
