//! The service, in an axum router.

use std::io::{Read, Write};
use std::net::TcpStream;

use throughline_prometheus::service::MetricsService;

use crate::sample::{exporter_of, recorded};

fn ask(address: std::net::SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("the router listens");
    stream.write_all(request.as_bytes()).expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("text");
    answer
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn metrics_are_mounted_in_a_router_of_the_application() {
    let exporter = exporter_of(&recorded());
    let router = axum::Router::new().route_service("/internal/metrics", MetricsService::new(exporter));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let serving = tokio::spawn(async move { axum::serve(listener, router).await });
    let get = "GET /internal/metrics HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
    let answers =
        tokio::task::spawn_blocking(move || (ask(address, get), ask(address, &get.replace("GET", "POST"))));
    let (get, post) = answers.await.expect("both are answered");
    assert!(get.starts_with("HTTP/1.1 200") && get.contains("shop_requests_total{"), "{get}");
    assert!(post.starts_with("HTTP/1.1 405") && post.to_lowercase().contains("allow: get, head"), "{post}");
    serving.abort();
}
