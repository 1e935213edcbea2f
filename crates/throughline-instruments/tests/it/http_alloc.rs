//! A request whose like was seen before is recorded without an allocation; with a span, the contexts are what is allocated.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use http_body_util::Full;
use throughline_instruments::http::HttpServerLayer;
use throughline_metrics::MeterProvider;
use throughline_trace::TracerProvider;
use tower_layer::Layer as _;
use tower_service::Service;

use crate::counting::allocations;

#[derive(Clone)]
struct Hello;

impl Service<Request<Full<Bytes>>> for Hello {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Ready<Result<Response<Full<Bytes>>, Infallible>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _req: Request<Full<Bytes>>) -> Self::Future {
        ready(Ok(Response::new(Full::from("hello"))))
    }
}

fn request() -> Request<Full<Bytes>> {
    let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    Request::get("/hello").header("traceparent", parent).body(Full::default()).expect("a request")
}

/// Allocations of a request that is not the first of its kind.
fn of_a_request(layer: &HttpServerLayer) -> u64 {
    let mut service = layer.layer(Hello);
    for _ in 0..3 {
        answer(&mut service, request());
    }
    let request = request();
    allocations(|| answer(&mut service, request))
}

fn answer<S, B>(service: &mut S, request: Request<Full<Bytes>>)
where
    S: Service<Request<Full<Bytes>>, Response = Response<B>>,
    B: Body + Unpin,
{
    let mut context = Context::from_waker(Waker::noop());
    let Poll::Ready(Ok(response)) = pin!(service.call(request)).poll(&mut context) else { return };
    let mut body = response.into_body();
    while let Poll::Ready(Some(_)) = Pin::new(&mut body).poll_frame(&mut context) {}
}

#[test]
fn metrics_allocate_nothing() {
    let provider = MeterProvider::default();
    let layer = HttpServerLayer::new(&provider.meter("it")).with_route(|_| Some("/hello"));
    assert_eq!(of_a_request(&layer), 0);
}

#[test]
fn a_span_allocates_its_two_contexts_and_what_they_go_along_in() {
    let provider = MeterProvider::default();
    let traces = TracerProvider::default();
    let _reader = traces.reader();
    let layer = HttpServerLayer::new(&provider.meter("it"))
        .with_route(|_| Some("/hello"))
        .with_tracer(traces.tracer("it"));
    assert_eq!(of_a_request(&layer), 3);
}
