//! What the tests of HTTP and gRPC share.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as Waiting, Poll};

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body::{Body, Frame};
use throughline_core::Timestamp;
use throughline_core::clock::ManualClock;
use throughline_metrics::{Meter, MeterProvider};
use throughline_trace::testing::{self, FinishedSpan};
use throughline_trace::{SpanReader, Tracer, TracerProvider};

/// Telemetry of one test.
pub(crate) struct Recorded {
    pub(crate) metrics: MeterProvider,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) tracer: Tracer,
    spans: SpanReader,
}

impl Recorded {
    pub(crate) fn new() -> Self {
        let traces = TracerProvider::default();
        Self {
            metrics: MeterProvider::default(),
            clock: Arc::new(ManualClock::at(Timestamp::from_nanos(1_000_000_000_000_000_000))),
            tracer: traces.tracer("it"),
            spans: traces.reader().expect("the first reader"),
        }
    }

    pub(crate) fn meter(&self) -> Meter {
        self.metrics.meter("it")
    }

    pub(crate) fn spans(&mut self) -> Vec<FinishedSpan> {
        testing::spans(&mut self.spans)
    }

    /// The one span that there is.
    #[track_caller]
    pub(crate) fn span(&mut self) -> FinishedSpan {
        let mut spans = self.spans();
        assert_eq!(spans.len(), 1, "{spans:#?}");
        spans.remove(0)
    }
}

/// What an attribute of a span says.
pub(crate) fn attribute<'a>(span: &'a FinishedSpan, key: &str) -> Option<&'a str> {
    span.attributes.iter().find(|(known, _)| known == key).map(|(_, value)| value.as_str())
}

/// A body that gives these frames, one a poll.
pub(crate) struct Frames<E>(pub(crate) std::vec::IntoIter<Given<E>>);

/// What a [`Frames`] gives.
pub(crate) enum Given<E> {
    Data(&'static str),
    Trailers(HeaderMap),
    /// Not ready, and never again.
    Pending,
    Error(E),
    Panic,
}

impl<E> Frames<E> {
    pub(crate) fn new(frames: impl IntoIterator<Item = Given<E>>) -> Self {
        Self(frames.into_iter().collect::<Vec<_>>().into_iter())
    }
}

impl<E: Unpin> Body for Frames<E> {
    type Data = Bytes;
    type Error = E;

    fn poll_frame(mut self: Pin<&mut Self>, _cx: &mut Waiting<'_>) -> Poll<Option<Result<Frame<Bytes>, E>>> {
        if matches!(self.0.as_slice(), [Given::Pending, ..]) {
            return Poll::Pending;
        }
        match self.0.next() {
            None => Poll::Ready(None),
            Some(Given::Data(text)) => {
                Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(text.as_bytes())))))
            }
            Some(Given::Trailers(trailers)) => Poll::Ready(Some(Ok(Frame::trailers(trailers)))),
            Some(Given::Error(error)) => Poll::Ready(Some(Err(error))),
            Some(Given::Pending | Given::Panic) => unreachable!("a panic in a body"),
        }
    }
}

/// A service of a function.
#[derive(Clone)]
pub(crate) struct Serve<F>(pub(crate) F);

impl<F, Fut, B, R, E> tower_service::Service<Request<B>> for Serve<F>
where
    F: FnMut(Request<B>) -> Fut,
    Fut: Future<Output = Result<Response<R>, E>>,
{
    type Response = Response<R>;
    type Error = E;
    type Future = Fut;

    fn poll_ready(&mut self, _cx: &mut Waiting<'_>) -> Poll<Result<(), E>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, req: Request<B>) -> Fut {
        (self.0)(req)
    }
}

/// Polls a body once; says whether it was ready.
pub(crate) fn poll<B: Body + Unpin>(body: &mut B) -> bool {
    Pin::new(body).poll_frame(&mut Waiting::from_waker(std::task::Waker::noop())).is_ready()
}
