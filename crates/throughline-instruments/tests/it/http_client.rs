//! What a client records, whatever comes back.

#![expect(clippy::float_cmp, reason = "counts, and sums of a few small numbers, are exact")]

use std::convert::Infallible;
use std::time::Duration;

use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Empty, Full};
use throughline_core::KeyValue;
use throughline_instruments::http::{HttpClient, HttpClientLayer, UrlTemplate};
use throughline_metrics::testing::Snapshot;
use throughline_trace::{SpanBuilder, SpanKind};
use tower_layer::Layer as _;
use tower_service::Service as _;

use crate::web::{Frames, Given, Recorded, Serve, attribute, poll};

const DURATION: &str = "http.client.request.duration";

fn layer(recorded: &Recorded) -> HttpClientLayer {
    HttpClientLayer::new(&recorded.meter()).with_tracer(recorded.tracer).with_clock(recorded.clock.clone())
}

/// Answers at once.
type Server = Serve<Box<dyn FnMut(Request<Full<bytes::Bytes>>) -> Answer>>;
type Answer = std::future::Ready<Result<Response<Frames<std::io::Error>>, Infallible>>;

/// A client whose server answers with this status and these frames.
fn client(
    recorded: &Recorded,
    status: u16,
    frames: fn() -> Vec<Given<std::io::Error>>,
) -> HttpClient<Server> {
    layer(recorded).layer(Serve(Box::new(move |_| {
        let response = Response::builder().status(status).body(Frames::new(frames()));
        std::future::ready(Ok(response.expect("a response")))
    })))
}

fn request(url: &str) -> Request<Full<bytes::Bytes>> {
    Request::get(url).body(Full::default()).expect("a request")
}

fn attributes(given: &[(&'static str, &'static str)], status: Option<i64>) -> Vec<KeyValue> {
    let mut attributes = vec![
        KeyValue::new("http.request.method", "GET"),
        KeyValue::new("server.address", "users.example"),
        KeyValue::new("server.port", 8080),
    ];
    attributes.extend(given.iter().map(|(key, value)| KeyValue::new(*key, *value)));
    if let Some(status) = status {
        attributes.push(KeyValue::new("http.response.status_code", status));
        attributes.push(KeyValue::new("network.protocol.version", "1.1"));
    }
    attributes
}

#[tokio::test]
async fn a_request_carries_the_context_of_its_span() {
    let mut recorded = Recorded::new();
    let mut sent = HeaderMap::new();
    let mut client = layer(&recorded).layer(Serve(|request: Request<Full<bytes::Bytes>>| {
        sent = request.headers().clone();
        async { Ok::<_, Infallible>(Response::new(Full::new(bytes::Bytes::from_static(b"someone")))) }
    }));
    let outer = SpanBuilder::new("outer").with_tracer(recorded.tracer).start();
    let entered = outer.enter();
    let request = Request::post("http://user:secret@users.example:8080/users/7?key=secret")
        .extension(UrlTemplate("/users/{id}"))
        .body(Full::new(bytes::Bytes::from_static(b"who?")));
    let future = client.call(request.expect("a request"));
    drop(entered);
    let response = future.await.expect("a response");
    recorded.clock.advance(Duration::from_millis(500));
    assert_eq!(response.into_body().collect().await.expect("a body").to_bytes(), "someone");
    drop(client);

    let span = recorded.span();
    assert_eq!((span.name.as_str(), &span.kind), ("POST /users/{id}", &SpanKind::Client));
    assert_eq!(span.parent_span_id, outer.span_context().span_id());
    let expected = format!("00-{}-{}-03", span.trace_id, span.span_id);
    assert_eq!(sent.get("traceparent").expect("a context"), expected.as_str());
    assert_eq!(attribute(&span, "url.full"), Some("http://users.example:8080/users/7"));
    assert_eq!(attribute(&span, "http.response.status_code"), Some("200"));
    assert!(span.attributes.iter().all(|(_, value)| !value.contains("secret")));

    let snapshot = Snapshot::of(&recorded.metrics);
    let mut all = attributes(&[("url.template", "/users/{id}")], Some(200));
    all[0] = KeyValue::new("http.request.method", "POST");
    assert_eq!(snapshot.histogram(DURATION, &all).sum, 0.5);
    assert_eq!(snapshot.histogram("http.client.request.body.size", &all).sum, 4.0);
    assert_eq!(snapshot.histogram("http.client.response.body.size", &all).sum, 7.0);
}

#[tokio::test]
async fn statuses_from_400_on_are_errors() {
    for (status, error) in [(302, None), (404, Some("404")), (503, Some("503"))] {
        let mut recorded = Recorded::new();
        let mut client = client(&recorded, status, Vec::new);
        let response = client.call(request("http://users.example:8080/")).await.expect("a response");
        assert!(response.into_body().collect().await.is_ok());
        let error = error.map(|error| ("error.type", error));
        let all = attributes(error.as_slice(), Some(status.into()));
        assert_eq!(Snapshot::of(&recorded.metrics).histogram(DURATION, &all).count, 1);
        assert_eq!(recorded.span().status, error.map(|_| (false, String::new())));
    }
}

#[tokio::test]
async fn a_body_nobody_wants_is_complete_and_one_that_is_given_up_is_not() {
    let recorded = Recorded::new();
    let mut client = client(&recorded, 200, || vec![Given::Data("one"), Given::Pending]);
    for polls in [0, 1, 2] {
        let response = client.call(request("http://users.example:8080/")).await.expect("a response");
        let mut body = response.into_body();
        (0..polls).for_each(|_| _ = poll(&mut body));
    }
    let snapshot = Snapshot::of(&recorded.metrics);
    assert_eq!(snapshot.histogram(DURATION, &attributes(&[], Some(200))).count, 1);
    let cancelled = attributes(&[("error.type", "cancelled")], Some(200));
    assert_eq!(snapshot.histogram(DURATION, &cancelled).count, 2);
}

#[tokio::test]
async fn an_error_has_no_status() {
    let recorded = Recorded::new();
    let mut client = layer(&recorded).layer(Serve(async |_: Request<Empty<bytes::Bytes>>| {
        Err::<Response<String>, _>(std::io::Error::from(std::io::ErrorKind::TimedOut))
    }));
    let request = Request::get("http://users.example:8080/").body(Empty::new()).expect("a request");
    assert!(client.call(request).await.is_err());
    let all = attributes(&[("error.type", "timeout")], None);
    assert_eq!(Snapshot::of(&recorded.metrics).histogram(DURATION, &all).count, 1);
}

#[tokio::test]
async fn ports_are_those_of_the_scheme_unless_given() {
    let recorded = Recorded::new();
    let mut client = client(&recorded, 200, Vec::new);
    for url in ["https://a.example/", "http://a.example/", "http://[::1]:81/"] {
        drop(client.call(request(url)).await);
    }
    let snapshot = Snapshot::of(&recorded.metrics);
    for (address, port) in [("a.example", 443), ("a.example", 80), ("::1", 81)] {
        let mut all = attributes(&[], Some(StatusCode::OK.as_u16().into()));
        all[1] = KeyValue::new("server.address", address);
        all[2] = KeyValue::new("server.port", port);
        assert_eq!(snapshot.histogram(DURATION, &all).count, 1, "{address}:{port}");
    }
}
