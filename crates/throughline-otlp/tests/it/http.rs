//! Over HTTP/1.1: connections, redirects, proxies, tokens.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use throughline_otlp::{Endpoint, OtlpConfig, Proxies, Signal};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::TcpStream;

use crate::exporter::Exporter;
use crate::server::{HttpReceiver, answer, closing, listen};

fn config(url: &str) -> OtlpConfig {
    OtlpConfig::new(Endpoint::base(url, Signal::Metrics).expect("a URL"))
}

/// A receiver, and how many connections it has had.
async fn start(receiver: &HttpReceiver) -> (String, Arc<AtomicUsize>) {
    let connections = Arc::new(AtomicUsize::new(0));
    let (receiver, counted) = (receiver.clone(), Arc::clone(&connections));
    let address = listen(move |stream| {
        counted.fetch_add(1, Ordering::Relaxed);
        receiver.clone().serve(stream)
    });
    (format!("http://{}", address.await), connections)
}

#[tokio::test]
async fn one_connection_serves_until_the_receiver_closes_it() {
    let receiver = HttpReceiver::answering([answer(200, &[], ""), closing()]);
    let (url, connections) = start(&receiver).await;
    let exporter = Exporter::start(config(&url));
    for expected in [1, 1, 2] {
        exporter.delivers().await;
        assert_eq!(connections.load(Ordering::Relaxed), expected);
    }
    let request = &receiver.received()[0];
    assert_eq!(request.line, "POST /v1/metrics");
    assert_eq!(request.metrics(), ["requests"]);
}

#[tokio::test]
async fn one_bad_metric_does_not_take_the_good_ones_along() {
    let names = ["a", "b", "c", "d", "e", "bad", "g", "h"];
    let receiver = HttpReceiver::refusing("bad");
    let (url, _) = start(&receiver).await;
    let exporter = Exporter::start_with(&names, config(&url));
    let report = exporter.flush().await;
    assert_eq!((report.delivered_items, report.undelivered_items), (7, 1));
    let error = report.last_error.expect("an error");
    assert!(error.contains("too old sample") && error.contains("out_of_order_time_window"), "{error}");
    // Eight, then four, two and one at a time on the side of the bad one.
    let requests: Vec<_> = receiver.received().iter().map(|request| request.metrics().len()).collect();
    assert_eq!(requests, [8, 4, 4, 2, 1, 1, 2]);
}

#[tokio::test]
async fn redirects_are_not_followed_but_shown() {
    let elsewhere = "https://elsewhere.example/v1/metrics";
    let receiver = HttpReceiver::answering([answer(308, &[("location", elsewhere)], "")]);
    let (url, _) = start(&receiver).await;
    let exporter = Exporter::start(config(&url));
    exporter
        .fails_with(&["308 Permanent Redirect (to https://elsewhere.example/v1/metrics)", "not followed"])
        .await;
    assert_eq!(receiver.received().len(), 1);
}

#[tokio::test]
async fn a_renewed_token_is_read_before_anything_is_lost() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("token");
    std::fs::write(&path, "token-one").expect("a writable folder");
    let receiver = HttpReceiver::answering([
        answer(200, &[], ""),
        answer(401, &[], "token-one has expired"),
        answer(200, &[], ""),
        answer(401, &[], "no token-two here"),
    ]);
    let (url, _) = start(&receiver).await;
    let exporter = Exporter::start(config(&url).with_bearer_token_file(&path));
    exporter.delivers().await;
    std::fs::write(&path, "token-two").expect("a writable folder");
    exporter.flush().await;
    exporter.delivers().await;
    exporter.fails_with(&["401 Unauthorized: no *** here", "bearer token"]).await;
    let sent: Vec<_> =
        receiver.received().iter().map(|request| request.headers["authorization"].clone()).collect();
    assert_eq!(sent[0], "Bearer token-one");
    assert_eq!(sent[2], "Bearer token-two");
}

/// A proxy that connects every tunnel to `target`, and notes what it is asked.
async fn proxy(
    target: String,
    refusal: Option<&'static str>,
) -> (String, Arc<std::sync::Mutex<Vec<String>>>) {
    let asked = Arc::new(std::sync::Mutex::new(Vec::new()));
    let noted = Arc::clone(&asked);
    let address = listen(move |mut stream: TcpStream| {
        let (noted, target) = (Arc::clone(&noted), target.clone());
        async move {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(stream.read_u8().await.expect("a head"));
            }
            noted.lock().expect("no panic").push(String::from_utf8(head).expect("text"));
            let answer = refusal.unwrap_or("200 Connection established");
            stream.write_all(format!("HTTP/1.1 {answer}\r\n\r\n").as_bytes()).await.expect("a client");
            if refusal.is_none() {
                let mut receiver = TcpStream::connect(target).await.expect("a receiver");
                drop(copy_bidirectional(&mut stream, &mut receiver).await);
            }
        }
    });
    (format!("http://me:s3cret@{}", address.await), asked)
}

fn through(variable: &'static str, url: &str) -> Proxies {
    Proxies::from_variables(|name| (name == variable).then(|| url.to_owned())).expect("a proxy")
}

#[tokio::test]
async fn plain_requests_go_to_the_proxy_as_a_whole() {
    let receiver = HttpReceiver::default();
    let (proxy, _) = start(&receiver).await;
    let proxies = through("http_proxy", &proxy.replace("http://", "http://me:s3cret@"));
    // Nobody but the proxy could find this host.
    Exporter::start(config("http://collector.invalid:4318").with_proxies(proxies)).delivers().await;
    let request = &receiver.received()[0];
    assert_eq!(request.line, "POST http://collector.invalid:4318/v1/metrics");
    assert_eq!(request.headers["host"], "collector.invalid:4318");
    assert_eq!(request.headers["proxy-authorization"], "Basic bWU6czNjcmV0");
}

#[cfg(feature = "grpc")]
#[tokio::test]
async fn grpc_goes_through_a_tunnel() {
    let receiver = crate::grpc::Receiver::default();
    let target = receiver.clone().listen().await;
    let (proxy, asked) = proxy(target.to_string(), None).await;
    let endpoint = Endpoint::grpc("http://collector.invalid:4317", Signal::Metrics, false).expect("a URL");
    let config = OtlpConfig::new(endpoint).with_proxies(through("ALL_PROXY", &proxy));
    Exporter::start(config).delivers().await;
    assert_eq!(receiver.requests().len(), 1);
    let asked = asked.lock().expect("no panic").join("");
    assert!(asked.starts_with("CONNECT collector.invalid:4317 HTTP/1.1\r\nhost: collector.invalid:4317\r\n"));
    assert!(asked.contains("proxy-authorization: Basic bWU6czNjcmV0\r\n"), "{asked}");
}

#[cfg(feature = "tls")]
#[tokio::test]
async fn tls_goes_through_a_tunnel_to_the_receiver_itself() {
    let authority = crate::tls::Authority::new();
    let receiver = HttpReceiver::default();
    let target = crate::tls::listen(&receiver, authority.server("collector.invalid")).await;
    let (proxy, asked) = proxy(target.to_string(), None).await;
    let config = config("https://collector.invalid:4318").with_proxies(through("https_proxy", &proxy));
    Exporter::start(config.with_tls(authority.trusted())).delivers().await;
    assert_eq!(receiver.received()[0].line, "POST /v1/metrics");
    assert!(!receiver.received()[0].headers.contains_key("proxy-authorization"));
    assert_eq!(asked.lock().expect("no panic").len(), 1);
}

#[cfg(feature = "grpc")]
#[tokio::test]
async fn a_proxy_that_refuses_is_named_without_its_password() {
    let (proxy, _) = proxy(String::new(), Some("407 Proxy Authentication Required")).await;
    let endpoint = Endpoint::grpc("http://collector.invalid:4317", Signal::Metrics, false).expect("a URL");
    let exporter = Exporter::start(OtlpConfig::new(endpoint).with_proxies(through("HTTP_PROXY", &proxy)));
    let shown = format!("through the proxy {} (HTTP_PROXY)", proxy.replace("me:s3cret@", ""));
    exporter.fails_with(&[&shown, "407 Proxy Authentication Required", "user name and password"]).await;
}
