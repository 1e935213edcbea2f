//! Strangers who make things up, to fill the memory of whoever counts them. What tools are called is in `mcp.rs`.

use std::convert::Infallible;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use axum::Router;
use axum::body::Body;
use axum::extract::MatchedPath;
use axum::routing::get;
use http::{Request, Response};
use throughline_core::KeyValue;
use throughline_instruments::http::{HttpClientLayer, HttpServerLayer};
use throughline_instruments::mcp::{Call, Endpoint, Method, Transport};
use throughline_metrics::data::{Histograms, MetricData, Points};
use throughline_metrics::testing::Snapshot;
use throughline_metrics::{DEFAULT_LIMIT, MeterProvider};
use throughline_trace::TracerProvider;
use tower_layer::Layer as _;
use tower_service::Service;

use crate::counting::heap;
use crate::warnings::warnings_of;
use crate::web::Serve;

/// What is made up: a million, and fewer where code that is not optimised would take minutes for them.
const ATTACK: u64 = if cfg!(debug_assertions) { 100_000 } else { 1_000_000 };

/// What comes first: it fills whatever there is to fill.
const FIRST: u64 = 50_000;

/// What is held after the first ones may differ by this: a vector that grew, but nothing of each request.
const BYTES_MAX: i64 = 256 * 1024;

/// Numbers in a row become numbers all over (`SplitMix64`).
fn scatter(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Makes all of it up, and asserts that memory stays as it is after the first ones.
#[track_caller]
fn attack(mut one: impl FnMut(u64)) {
    (0..FIRST).for_each(&mut one);
    let (_, bytes) = heap(|| (FIRST..ATTACK).for_each(&mut one));
    assert!(bytes.abs() < BYTES_MAX, "{bytes} bytes more are held");
}

/// The answer of a service that has it at once; its body is dropped.
fn ask<S, B, R>(service: &mut S, request: Request<B>)
where
    S: Service<Request<B>, Response = Response<R>, Error = Infallible>,
{
    let answer = pin!(service.call(request)).poll(&mut Context::from_waker(Waker::noop()));
    assert!(matches!(answer, Poll::Ready(Ok(_))), "it waits");
}

fn histogram<'a>(snapshot: &'a Snapshot, name: &str) -> &'a Points<Histograms> {
    match &snapshot.metric(name).1.data {
        MetricData::Histogram { points, .. } => points,
        other => unreachable!("{other:?}"),
    }
}

fn count(points: &Points<Histograms>) -> u64 {
    points.iter().map(|point| point.value.count).sum()
}

#[test]
fn paths_agents_methods_and_hosts_are_no_series_of_a_server() {
    const STANDARD: [&str; 4] = ["GET", "POST", "DELETE", "QUERY"];
    let (provider, warnings) = warnings_of(|| {
        let provider = MeterProvider::default();
        let layer = HttpServerLayer::new(&provider.meter("it"))
            .with_tracer(TracerProvider::builder().without_recording().build().tracer("it"))
            .with_route(|head| head.extensions.get::<MatchedPath>().map(MatchedPath::as_str));
        let mut app: Router = Router::new().route("/users/{id}", get(async || "someone")).layer(layer);
        attack(|number| {
            let made_up = scatter(number);
            let method = match STANDARD.get(number as usize % 8) {
                Some(method) => (*method).to_owned(),
                None => format!("M{made_up:x}"),
            };
            let path = if number % 3 == 0 { "users" } else { "wp" };
            let request = Request::builder()
                .method(&*method)
                .uri(format!("/{path}/{made_up:x}?{number}"))
                .header("host", format!("{made_up:x}.example"))
                .header("user-agent", format!("agent/{made_up:x}"))
                .body(Body::empty());
            ask(&mut app, request.expect("a request"));
        });
        provider
    });
    assert_eq!(warnings, Vec::<String>::new(), "nothing has reached a limit");
    let snapshot = Snapshot::of(&provider);
    let durations = histogram(&snapshot, "http.server.request.duration");
    assert_eq!(count(durations), ATTACK, "nothing is lost");
    // The five methods that were told apart, with a route and without.
    assert!(durations.iter().count() <= 2 * (STANDARD.len() + 1), "{}", durations.iter().count());
}

#[test]
fn hosts_of_a_client_stay_within_the_limit() {
    let (provider, warnings) = warnings_of(|| {
        let provider = MeterProvider::default();
        let answer = |_: Request<Body>| std::future::ready(Ok::<_, Infallible>(Response::new(Body::empty())));
        let mut client = HttpClientLayer::new(&provider.meter("it")).layer(Serve(answer));
        attack(|number| {
            let url = format!("http://{:x}.example/", scatter(number));
            ask(&mut client, Request::get(url).body(Body::empty()).expect("a request"));
        });
        provider
    });
    let snapshot = Snapshot::of(&provider);
    let durations = histogram(&snapshot, "http.client.request.duration");
    assert_eq!(count(durations), ATTACK, "nothing is lost");
    assert_eq!(durations.iter().count(), DEFAULT_LIMIT + 1, "the limit, and the rest");
    let overflow = [KeyValue::new("otel.metric.overflow", true)];
    let rest = snapshot.histogram("http.client.request.duration", &overflow).count;
    assert_eq!(rest, ATTACK - DEFAULT_LIMIT as u64, "what is beyond is in one series");
    let of_durations = |warning: &&String| warning.contains("http.client.request.duration");
    let warnings: Vec<_> = warnings.iter().filter(of_durations).collect();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].contains("server.address"), "{warnings:?}");
}

#[test]
fn methods_of_the_protocol_are_a_closed_set() {
    let provider = MeterProvider::default();
    let spans = TracerProvider::builder().without_recording().build();
    let server = Endpoint::server(&provider.meter("it"), spans.tracer("it"), Transport::Tcp);
    attack(|number| {
        let method = Method::of(&format!("tools/{:x}", scatter(number)));
        server.begin(Call::new(method)).rpc_error(-32601, "there is no such method");
    });
    let snapshot = Snapshot::of(&provider);
    let durations = histogram(&snapshot, "mcp.server.operation.duration");
    assert_eq!((count(durations), durations.iter().count()), (ATTACK, 1));
}
