//! Layers around a router of axum, which answers in process: no connection, no runtime.
//!
//! What a request costs in axum itself, and what it costs to make one, is the same for all, and in every row.

use std::hint::black_box;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use axum::Router;
use axum::body::Body;
use axum::extract::MatchedPath;
use axum::routing::get;
use http::{HeaderMap, Request};
use http_body::Body as _;
use throughline_instruments::http::HttpServerLayer;
use throughline_metrics::MeterProvider;
use throughline_metrics::data::MetricData;
use throughline_metrics::testing::Snapshot;
use throughline_trace::sampler::Sampler;
use tower_layer::Identity;
use tower_service::Service as _;

use super::headers::{self, PARENT};
use super::limit::http::Layer as LimitLayer;
use super::throughline_trace::background;
use crate::harness::{Candidate, LIMIT, OURS};

fn routes() -> Router {
    Router::new().route("/users/{id}", get(async || "someone"))
}

/// Axum alone.
pub fn bare() -> Candidate {
    answering("axum", routes(), headers::request(&[]))
}

/// With a layer that does nothing, which axum boxes as every layer.
pub fn boxed() -> Candidate {
    answering("axum, a layer that does nothing", routes().layer(Identity::new()), headers::request(&[]))
}

/// Durations in a slab, and nothing else.
pub fn limit() -> Candidate {
    answering(LIMIT, routes().layer(LimitLayer::default()), headers::request(&[]))
}

/// Metrics alone.
pub fn metrics() -> Candidate {
    ours(OURS, None, headers::request(&[]))
}

/// With a span, the root of a trace.
pub fn root() -> Candidate {
    ours(&format!("{OURS} (metrics, sampled root)"), Some(Sampler::default()), headers::request(&[]))
}

/// With a span, the child of the caller's.
pub fn child() -> Candidate {
    let received = headers::request(&[("traceparent", PARENT)]);
    ours(&format!("{OURS} (metrics, sampled child)"), Some(Sampler::default()), received)
}

/// With a span that is not sampled.
pub fn unsampled() -> Candidate {
    let sampler = Sampler::parent_based(Sampler::always_off());
    ours(&format!("{OURS} (metrics, unsampled root)"), Some(sampler), headers::request(&[]))
}

fn ours(name: &str, sampler: Option<Sampler>, received: HeaderMap) -> Candidate {
    let provider = MeterProvider::default();
    let mut layer = HttpServerLayer::new(&provider.meter("bench"))
        .with_route(|head| head.extensions.get::<MatchedPath>().map(MatchedPath::as_str));
    if let Some(sampler) = sampler {
        layer = layer.with_tracer(background(sampler).tracer);
    }
    answering(name, routes().layer(layer), received).with_recorded(move || recorded(&provider))
}

fn recorded(provider: &MeterProvider) -> u64 {
    let snapshot = Snapshot::of(provider);
    match &snapshot.metric("http.server.request.duration").1.data {
        MetricData::Histogram { points, .. } => points.iter().map(|point| point.value.count).sum(),
        _ => 0,
    }
}

fn answering(name: &str, app: Router, received: HeaderMap) -> Candidate {
    // As axum's server does: a router without it makes the layers of a route anew for each request.
    let app = app.with_state::<()>(());
    Candidate::new(name, move |times| {
        let mut app = app.clone();
        for _ in 0..times {
            let mut request = Request::new(Body::empty());
            *request.uri_mut() = http::Uri::from_static("/users/7");
            *request.headers_mut() = received.clone();
            let response = at_once(pin!(app.call(black_box(request))));
            let Ok(response) = response;
            black_box(read(response.into_body()));
        }
    })
}

/// The bytes of a body that is there.
fn read(mut body: Body) -> usize {
    let mut bytes = 0;
    let mut context = Context::from_waker(Waker::noop());
    while let Poll::Ready(Some(Ok(frame))) = Pin::new(&mut body).poll_frame(&mut context) {
        bytes += frame.data_ref().map_or(0, bytes::Bytes::len);
    }
    bytes
}

/// What a future gives that waits for nothing.
fn at_once<F: Future>(mut future: Pin<&mut F>) -> F::Output {
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return output;
        }
    }
}
