//! `reqwest` talks to axum, both recorded: one trace, and both ends agree.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::extract::MatchedPath;
use axum::routing::get;
use reqwest_middleware::{ClientBuilder, ClientWithMiddleware};
use throughline_core::KeyValue;
use throughline_instruments::http::reqwest::ReqwestMiddleware;
use throughline_instruments::http::{HttpClientLayer, HttpServerLayer, UrlTemplate};
use throughline_metrics::testing::Snapshot;
use throughline_trace::SpanKind;

use crate::web::{Recorded, attribute};

async fn serve(recorded: &Recorded) -> SocketAddr {
    let layer = HttpServerLayer::new(&recorded.meter())
        .with_tracer(recorded.tracer)
        .with_route(|head| head.extensions.get::<MatchedPath>().map(MatchedPath::as_str));
    let app: Router = Router::new()
        .route("/users/{id}", get(async || "someone"))
        .route("/never", get(std::future::pending::<()>))
        .layer(layer);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("its address");
    drop(tokio::spawn(async move { axum::serve(listener, app).await }));
    address
}

fn client(recorded: &Recorded) -> ClientWithMiddleware {
    let layer = HttpClientLayer::new(&recorded.meter()).with_tracer(recorded.tracer);
    ClientBuilder::new(reqwest::Client::new()).with(ReqwestMiddleware::from(layer)).build()
}

fn called(address: SocketAddr, given: impl IntoIterator<Item = KeyValue>) -> Vec<KeyValue> {
    let mut attributes = vec![
        KeyValue::new("http.request.method", "GET"),
        KeyValue::new("server.address", "127.0.0.1"),
        KeyValue::new("server.port", i64::from(address.port())),
    ];
    attributes.extend(given);
    attributes
}

#[tokio::test]
async fn client_and_server_are_one_trace() {
    let mut recorded = Recorded::new();
    let address = serve(&recorded).await;
    let url = format!("http://{address}/users/7?key=secret");
    let response = client(&recorded).get(&url).with_extension(UrlTemplate("/users/{id}")).send().await;
    let response = response.expect("a response");
    assert_eq!(response.url().as_str(), url, "it still is what reqwest says it is");
    assert_eq!(response.content_length(), Some(7));
    assert_eq!(response.text().await.expect("a body"), "someone");

    let mut spans = recorded.spans();
    while spans.len() < 2 {
        tokio::task::yield_now().await;
        spans.extend(recorded.spans());
    }
    let of = |kind| spans.iter().find(|span| span.kind == kind).expect("a span of this kind");
    let (client, server) = (of(SpanKind::Client), of(SpanKind::Server));
    assert_eq!((server.trace_id, server.parent_span_id), (client.trace_id, client.span_id));
    assert_eq!((client.name.as_str(), server.name.as_str()), ("GET /users/{id}", "GET /users/{id}"));
    assert_eq!(attribute(client, "url.full"), Some(format!("http://{address}/users/7").as_str()));
    let ended = called(
        address,
        [
            KeyValue::new("url.template", "/users/{id}"),
            KeyValue::new("http.response.status_code", 200),
            KeyValue::new("network.protocol.version", "1.1"),
        ],
    );
    let snapshot = Snapshot::of(&recorded.metrics);
    assert_eq!(snapshot.histogram("http.client.request.duration", &ended).count, 1);
    assert!(snapshot.histogram("http.client.response.body.size", &ended).sum >= 7.0);
}

#[tokio::test]
async fn errors_are_named() {
    let recorded = Recorded::new();
    let address = serve(&recorded).await;
    let never = client(&recorded).get(format!("http://{address}/never")).timeout(Duration::from_millis(50));
    assert!(never.send().await.is_err());
    let count = |address, error| {
        let attributes = called(address, [KeyValue::new("error.type", error)]);
        Snapshot::of(&recorded.metrics).histogram("http.client.request.duration", &attributes).count
    };
    assert_eq!(count(address, "timeout"), 1);

    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let closed = listener.local_addr().expect("its address");
    drop(listener);
    assert!(client(&recorded).get(format!("http://{closed}/")).send().await.is_err());
    assert_eq!(count(closed, "connect"), 1);
}
