//! What a server records, whatever path a request takes.

#![expect(clippy::float_cmp, reason = "counts, and sums of a few small numbers, are exact")]

use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::{Context as Waiting, Poll, Waker};
use std::time::Duration;

use axum::Router;
use axum::extract::MatchedPath;
use axum::routing::{get, post};
use http::{Method, Request, Response, StatusCode};
use http_body::Body;
use http_body_util::{BodyExt as _, Empty, Full};
use throughline_core::KeyValue;
use throughline_core::propagation::TraceContextExt as _;
use throughline_instruments::http::{HttpServerLayer, UrlScheme};
use throughline_metrics::data::{Histograms, MetricData, Points};
use throughline_metrics::testing::Snapshot;
use throughline_trace::{Context, SpanBuilder, SpanKind};
use tower_layer::Layer as _;
use tower_service::Service;

use crate::web::{Frames, Given, Recorded, Serve, attribute, poll};

const DURATION: &str = "http.server.request.duration";
const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// The layer as a program has it.
fn layer(recorded: &Recorded) -> HttpServerLayer {
    HttpServerLayer::new(&recorded.meter())
        .with_tracer(recorded.tracer)
        .with_clock(recorded.clock.clone())
        .with_route(|head| head.extensions.get::<MatchedPath>().map(MatchedPath::as_str))
}

/// A request without a body.
fn request(method: &str, path: &str) -> Request<axum::body::Body> {
    let method = Method::from_bytes(method.as_bytes()).expect("a method");
    Request::builder().method(method).uri(path).body(axum::body::Body::empty()).expect("a request")
}

/// What a request is recorded with, beside what all of these tests have in common.
fn attributes(method: &str, given: &[(&'static str, &str)], status: Option<i64>) -> Vec<KeyValue> {
    let mut attributes = vec![
        KeyValue::new("http.request.method", method.to_owned()),
        KeyValue::new("url.scheme", "http"),
        KeyValue::new("network.protocol.version", "1.1"),
    ];
    attributes.extend(given.iter().map(|(key, value)| KeyValue::new(*key, (*value).to_owned())));
    attributes.extend(status.map(|status| KeyValue::new("http.response.status_code", status)));
    attributes
}

/// Asserts that there was one request, which ended in this way, and that none is under way.
#[track_caller]
fn assert_one(recorded: &Recorded, method: &str, given: &[(&'static str, &str)], status: Option<i64>) {
    let snapshot = Snapshot::of(&recorded.metrics);
    let attributes = attributes(method, given, status);
    assert_eq!(snapshot.histogram(DURATION, &attributes).count, 1);
    let points = durations(&snapshot);
    assert_eq!(points.iter().count(), 1, "and nothing else");
    assert_eq!(active(&snapshot, method), 0.0);
}

fn durations(snapshot: &Snapshot) -> &Points<Histograms> {
    match &snapshot.metric(DURATION).1.data {
        MetricData::Histogram { points, .. } => points,
        other => unreachable!("{other:?}"),
    }
}

fn active(snapshot: &Snapshot, method: &str) -> f64 {
    let attributes =
        [KeyValue::new("http.request.method", method.to_owned()), KeyValue::new("url.scheme", "http")];
    snapshot.sum("http.server.active_requests", &attributes)
}

fn failed(span: &throughline_trace::testing::FinishedSpan) -> bool {
    matches!(span.status, Some((false, _)))
}

#[tokio::test]
async fn a_request_is_recorded_once_its_body_has_ended() {
    let mut recorded = Recorded::new();
    let clock = recorded.clock.clone();
    let mut app: Router = Router::new()
        .route("/users/{id}", post(async |body: String| format!("<{body}>")))
        .layer(layer(&recorded));
    let request = Request::post("/users/7?token=secret")
        .header("host", "example.com:8080")
        .header("user-agent", "it/1")
        .header("traceparent", PARENT)
        .body(axum::body::Body::from("hello"))
        .expect("a request");
    let response = app.call(request).await.expect("a response");
    clock.advance(Duration::from_millis(250));
    assert_eq!(active(&Snapshot::of(&recorded.metrics), "POST"), 1.0);
    assert_eq!(response.into_body().collect().await.expect("a body").to_bytes(), "<hello>");

    assert_one(&recorded, "POST", &[("http.route", "/users/{id}")], Some(200));
    let snapshot = Snapshot::of(&recorded.metrics);
    let all = attributes("POST", &[("http.route", "/users/{id}")], Some(200));
    assert_eq!(snapshot.histogram(DURATION, &all).sum, 0.25);
    assert_eq!(snapshot.histogram("http.server.request.body.size", &all).sum, 5.0);
    assert_eq!(snapshot.histogram("http.server.response.body.size", &all).sum, 7.0);

    let span = recorded.span();
    assert_eq!((span.name.as_str(), &span.kind), ("POST /users/{id}", &SpanKind::Server));
    assert_eq!(span.trace_id.to_string(), "0af7651916cd43dd8448eb211c80319c");
    assert_eq!((span.parent_span_id.to_string().as_str(), span.parent_is_remote), ("b7ad6b7169203331", true));
    assert_eq!(span.status, None);
    for (key, value) in [
        ("http.request.method", "POST"),
        ("http.route", "/users/{id}"),
        ("http.response.status_code", "200"),
        ("url.scheme", "http"),
        ("url.path", "/users/7"),
        ("server.address", "example.com"),
        ("server.port", "8080"),
        ("user_agent.original", "it/1"),
        ("network.protocol.version", "1.1"),
    ] {
        assert_eq!(attribute(&span, key), Some(value), "{key}");
    }
    assert!(span.attributes.iter().all(|(_, value)| !value.contains("secret")), "queries hold secrets");
    let points = durations(&snapshot);
    let exemplars: Vec<_> = points.exemplars(0).iter().map(|exemplar| exemplar.span_id).collect();
    assert_eq!(exemplars, [span.span_id.to_bytes()]);
}

#[tokio::test]
async fn the_duration_is_that_of_the_span_and_leads_to_it_whatever_is_current() {
    let mut recorded = Recorded::new();
    let layer = HttpServerLayer::new(&recorded.meter()).with_tracer(recorded.tracer);
    // From here on, measurements look for their span in OpenTelemetry's context, where none is when a request has ended.
    let other = recorded.tracer.span("other").start();
    let _carried = other.context();
    let mut app: Router = Router::new().route("/", get(async || "hello")).layer(layer);
    let response = app.call(request("GET", "/")).await.expect("a response");
    response.into_body().collect().await.expect("a body");

    let span = recorded.span();
    let snapshot = Snapshot::of(&recorded.metrics);
    let took = Duration::from_nanos(span.end.as_nanos() - span.start.as_nanos());
    assert_eq!(snapshot.histogram(DURATION, &attributes("GET", &[], Some(200))).sum, took.as_secs_f64());
    let exemplars: Vec<_> =
        durations(&snapshot).exemplars(0).iter().map(|exemplar| exemplar.span_id).collect();
    assert_eq!(exemplars, [span.span_id.to_bytes()]);
}

#[tokio::test]
async fn what_a_stranger_makes_up_is_no_attribute() {
    let mut recorded = Recorded::new();
    let mut app: Router = Router::new().route("/known", get(async || "known")).layer(layer(&recorded));
    for attempt in 0..100 {
        let response = app.call(request(&format!("M{attempt}"), &format!("/{attempt}/hostile"))).await;
        let response = response.expect("a response");
        assert_eq!(response.status(), StatusCode::NOT_FOUND);
    }
    let snapshot = Snapshot::of(&recorded.metrics);
    assert_eq!(snapshot.histogram(DURATION, &attributes("_OTHER", &[], Some(404))).count, 100);
    let spans = recorded.spans();
    assert_eq!(spans[7].name, "HTTP");
    assert_eq!(attribute(&spans[7], "http.request.method"), Some("_OTHER"));
    assert_eq!(attribute(&spans[7], "http.request.method_original"), Some("M7"));
    assert!(!failed(&spans[7]), "a client's mistake is no failure of the server");
}

#[tokio::test]
async fn routes_of_nested_routers_are_whole() {
    let recorded = Recorded::new();
    let users = Router::new().route("/{id}", get(async || "someone"));
    let mut app: Router = Router::new().nest("/api/users", users).layer(layer(&recorded));
    let response = app.call(request("GET", "/api/users/7")).await.expect("a response");
    assert_eq!(response.into_body().collect().await.expect("a body").to_bytes(), "someone");
    assert_one(&recorded, "GET", &[("http.route", "/api/users/{id}")], Some(200));
}

#[tokio::test]
async fn a_failed_status_is_the_error() {
    let mut recorded = Recorded::new();
    let mut app: Router =
        Router::new().route("/", get(async || StatusCode::SERVICE_UNAVAILABLE)).layer(layer(&recorded));
    drop(app.call(request("GET", "/")).await);
    assert_one(&recorded, "GET", &[("http.route", "/"), ("error.type", "503")], Some(503));
    let span = recorded.span();
    assert_eq!(span.status, Some((false, String::new())));
    assert_eq!(attribute(&span, "error.type"), Some("503"));
}

#[tokio::test]
async fn the_scheme_is_what_the_request_or_the_program_says() {
    let recorded = Recorded::new();
    let layer = HttpServerLayer::new(&recorded.meter()).with_scheme(UrlScheme::Https);
    let mut service =
        layer.layer(Serve(async |_| Ok::<_, Infallible>(Response::new(Empty::<bytes::Bytes>::new()))));
    for uri in ["/", "http://example.com/", "gopher://example.com/"] {
        drop(service.call(Request::get(uri).body(Full::<bytes::Bytes>::default()).expect("a request")).await);
    }
    let snapshot = Snapshot::of(&recorded.metrics);
    let sum = |scheme: &'static str| {
        let method = KeyValue::new("http.request.method", "GET");
        let [version, status] = [
            KeyValue::new("network.protocol.version", "1.1"),
            KeyValue::new("http.response.status_code", 200),
        ];
        snapshot.histogram(DURATION, &[method, KeyValue::new("url.scheme", scheme), version, status]).count
    };
    assert_eq!((sum("https"), sum("http")), (2, 1));
}

/// A service whose body gives these frames, and what a client that polls it so often sees.
async fn streamed(recorded: &Recorded, frames: Vec<Given<std::io::Error>>, polls: usize) {
    let mut frames = Some(frames);
    let mut service = layer(recorded).layer(Serve(|_| {
        let frames = Frames::new(frames.take().expect("one request"));
        async move { Ok::<_, Infallible>(Response::new(frames)) }
    }));
    let mut body = service.call(request("GET", "/")).await.expect("a response").into_body();
    let polled = AssertUnwindSafe(|| (0..polls).for_each(|_| _ = poll(&mut body)));
    let _panic = catch_unwind(polled);
    drop(body);
}

#[tokio::test]
async fn a_body_that_is_dropped_before_its_end_was_cancelled() {
    let mut recorded = Recorded::new();
    streamed(&recorded, vec![Given::Data("one"), Given::Pending, Given::Data("two")], 2).await;
    assert_one(&recorded, "GET", &[("error.type", "cancelled")], Some(200));
    let all = attributes("GET", &[("error.type", "cancelled")], Some(200));
    let snapshot = Snapshot::of(&recorded.metrics);
    assert_eq!(snapshot.histogram("http.server.response.body.size", &all).sum, 3.0, "as far as it was sent");
    let span = recorded.span();
    assert_eq!(span.status, Some((false, "cancelled".to_owned())));
}

#[tokio::test]
async fn a_body_with_trailers_is_complete() {
    let recorded = Recorded::new();
    streamed(&recorded, vec![Given::Data("one"), Given::Trailers(http::HeaderMap::new())], 3).await;
    assert_one(&recorded, "GET", &[], Some(200));
}

#[tokio::test]
async fn a_body_that_fails_says_with_what() {
    let recorded = Recorded::new();
    let error = std::io::Error::from(std::io::ErrorKind::TimedOut);
    streamed(&recorded, vec![Given::Data("one"), Given::Error(error)], 2).await;
    assert_one(&recorded, "GET", &[("error.type", "timeout")], Some(200));
}

#[tokio::test]
async fn a_body_that_panics_says_so() {
    let mut recorded = Recorded::new();
    streamed(&recorded, vec![Given::Data("one"), Given::Panic], 2).await;
    assert_one(&recorded, "GET", &[("error.type", "panic")], Some(200));
    assert!(failed(&recorded.span()));
}

#[tokio::test]
async fn answers_without_a_body_are_complete_though_nobody_reads_them() {
    for (method, status) in [("HEAD", 200), ("GET", 304), ("GET", 204)] {
        let recorded = Recorded::new();
        let mut service = layer(&recorded).layer(Serve(async |_| {
            let body = Frames::<Infallible>::new([Given::Data("not sent")]);
            Ok::<_, Infallible>(Response::builder().status(status).body(body).expect("a response"))
        }));
        drop(service.call(request(method, "/")).await);
        assert_one(&recorded, method, &[], Some(status.into()));
    }
}

#[tokio::test]
async fn an_answer_of_known_length_is_complete_when_all_of_it_was_taken() {
    let recorded = Recorded::new();
    let mut app: Router = Router::new().route("/", get(async || "all of it")).layer(layer(&recorded));
    let mut body = app.call(request("GET", "/")).await.expect("a response").into_body();
    assert!(poll(&mut body));
    drop(body);
    assert_one(&recorded, "GET", &[("http.route", "/")], Some(200));
}

#[test]
fn a_request_that_is_dropped_before_the_answer_was_cancelled() {
    let mut recorded = Recorded::new();
    let mut service = layer(&recorded).layer(Serve(async |_| {
        std::future::pending::<()>().await;
        Ok::<_, Infallible>(Response::new(String::new()))
    }));
    {
        let mut future = pin!(service.call(request("GET", "/")));
        assert!(future.as_mut().poll(&mut Waiting::from_waker(Waker::noop())).is_pending());
        assert_eq!(active(&Snapshot::of(&recorded.metrics), "GET"), 1.0);
    }
    assert_one(&recorded, "GET", &[("error.type", "cancelled")], None);
    assert_eq!(attribute(&recorded.span(), "http.response.status_code"), None);
}

#[test]
fn a_panic_says_so_in_the_call_and_in_the_future() {
    for in_call in [true, false] {
        let recorded = Recorded::new();
        let mut service = layer(&recorded).layer(Serve(|_| {
            assert!(!in_call, "in the call");
            async move {
                assert!(in_call, "in the future");
                Ok::<_, Infallible>(Response::new(String::new()))
            }
        }));
        let work = AssertUnwindSafe(|| {
            let mut future = pin!(service.call(request("GET", "/")));
            let _never = future.as_mut().poll(&mut Waiting::from_waker(Waker::noop()));
        });
        assert!(catch_unwind(work).is_err());
        assert_one(&recorded, "GET", &[("error.type", "panic")], None);
    }
}

#[tokio::test(start_paused = true)]
async fn a_service_that_fails_is_named() {
    type Boxed = Box<dyn std::error::Error + Send + Sync>;
    let recorded = Recorded::new();
    let mut service = layer(&recorded)
        .with_error_names(|failure| failure.find::<std::fmt::Error>().map(|_| "unformatted"))
        .layer(Serve(async |request: Request<axum::body::Body>| -> Result<Response<String>, Boxed> {
            if request.uri().path() == "/named" {
                return Err(Boxed::from(std::fmt::Error));
            }
            tokio::time::timeout(Duration::from_secs(1), std::future::pending::<()>()).await?;
            Ok(Response::new(String::new()))
        }));
    for path in ["/", "/named", "/named"] {
        assert!(service.call(request("GET", path)).await.is_err());
    }
    let snapshot = Snapshot::of(&recorded.metrics);
    let count =
        |error| snapshot.histogram(DURATION, &attributes("GET", &[("error.type", error)], None)).count;
    assert_eq!((count("timeout"), count("unformatted")), (1, 2));
}

#[tokio::test]
async fn the_span_is_current_in_the_service_and_in_the_body() {
    /// A body that starts a span.
    struct Spanning(throughline_trace::Tracer, bool);

    impl Body for Spanning {
        type Data = bytes::Bytes;
        type Error = Infallible;

        fn poll_frame(
            mut self: std::pin::Pin<&mut Self>,
            _cx: &mut Waiting<'_>,
        ) -> Poll<Option<Result<http_body::Frame<bytes::Bytes>, Infallible>>> {
            SpanBuilder::new("in the body").with_tracer(self.0).start().end();
            let first = !std::mem::replace(&mut self.1, true);
            Poll::Ready(first.then(|| Ok(http_body::Frame::data(bytes::Bytes::from_static(b"x")))))
        }
    }

    let mut recorded = Recorded::new();
    let tracer = recorded.tracer;
    let mut service = layer(&recorded).layer(Serve(async |_| {
        SpanBuilder::new("in the service").with_tracer(tracer).start().end();
        Ok::<_, Infallible>(Response::new(Spanning(tracer, false)))
    }));
    let request = Request::get("/").header("traceparent", PARENT).body(Empty::<bytes::Bytes>::new());
    let response = service.call(request.expect("a request")).await.expect("a response");
    drop(response.into_body().collect().await);
    assert!(!Context::current().has_active_span(), "and no longer");
    let spans = recorded.spans();
    let server = spans.iter().find(|span| span.kind == SpanKind::Server).expect("its span");
    let children: Vec<_> = spans.iter().filter(|span| span.parent_span_id == server.span_id).collect();
    assert_eq!(children.len(), 3, "{spans:#?}");
}

#[tokio::test]
async fn more_routes_than_the_table_holds_are_recorded_all_the_same() {
    const ROUTES: usize = 1500;
    let recorded = Recorded::new();
    let mut service = HttpServerLayer::new(&recorded.meter())
        .with_route(|head| Some(head.uri.path()))
        .layer(Serve(async |_| Ok::<_, Infallible>(Response::new(Empty::<bytes::Bytes>::new()))));
    for round in 0..2 {
        for route in 0..ROUTES {
            let response = service.call(request("GET", &format!("/{route}"))).await;
            assert!(response.is_ok(), "{round}");
        }
    }
    let snapshot = Snapshot::of(&recorded.metrics);
    let points = durations(&snapshot);
    assert_eq!(points.iter().count(), ROUTES);
    assert!(points.iter().all(|point| point.value.count == 2));
    assert_eq!(active(&snapshot, "GET"), 0.0);
}

#[tokio::test]
async fn a_client_that_goes_away_cancels_over_a_real_connection_too() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    let recorded = Recorded::new();
    let endless = async || {
        let frames = Frames::<Infallible>::new([Given::Data("one"), Given::Pending]);
        axum::body::Body::new(frames)
    };
    let app: Router = Router::new()
        .route("/endless", get(endless))
        .route("/", get(async || "all of it"))
        .layer(layer(&recorded));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("its address");
    let server = tokio::spawn(async move { axum::serve(listener, app).await });

    let mut connection = tokio::net::TcpStream::connect(address).await.expect("a connection");
    connection.write_all(b"HEAD / HTTP/1.1\r\nhost: it\r\n\r\n").await.expect("it takes a request");
    read_to(&mut connection, "\r\n\r\n").await;
    connection.write_all(b"GET / HTTP/1.1\r\nhost: it\r\n\r\n").await.expect("it takes a request");
    read_to(&mut connection, "all of it").await;
    connection.write_all(b"GET /endless HTTP/1.1\r\nhost: it\r\n\r\n").await.expect("it takes a request");
    read_to(&mut connection, "one").await;
    drop(connection);

    let route = |route| attributes("GET", &[("http.route", route)], Some(200));
    let cancelled = attributes("GET", &[("http.route", "/endless"), ("error.type", "cancelled")], Some(200));
    while active(&Snapshot::of(&recorded.metrics), "GET") > 0.0 {
        tokio::task::yield_now().await;
    }
    let snapshot = Snapshot::of(&recorded.metrics);
    assert_eq!(snapshot.histogram(DURATION, &cancelled).count, 1);
    assert_eq!(snapshot.histogram(DURATION, &route("/")).count, 1);
    let head = attributes("HEAD", &[("http.route", "/")], Some(200));
    assert_eq!(snapshot.histogram(DURATION, &head).count, 1, "nobody wants its body");
    server.abort();

    async fn read_to(connection: &mut tokio::net::TcpStream, end: &str) {
        let mut seen = Vec::new();
        while !String::from_utf8_lossy(&seen).contains(end) {
            let byte = connection.read_u8().await.expect("there is more");
            seen.push(byte);
        }
    }
}
