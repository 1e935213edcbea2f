//! To a Unix socket.

use throughline_otlp::{Endpoint, OtlpConfig, Signal};
use tokio::net::UnixListener;

use crate::exporter::Exporter;
use crate::server::HttpReceiver;

#[tokio::test]
async fn a_receiver_at_a_unix_socket_is_reached() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("otel.sock");
    let url = format!("unix://{}", path.display());
    let exporter = Exporter::start(OtlpConfig::new(Endpoint::base(&url, Signal::Metrics).expect("a URL")));
    exporter
        .fails_with(&["cannot connect to unix://", "otel.sock:/v1/metrics", "there is no such socket"])
        .await;

    let listener = UnixListener::bind(&path).expect("a socket");
    let receiver = HttpReceiver::default();
    let serving = receiver.clone();
    drop(tokio::spawn(async move {
        let (stream, _) = listener.accept().await.expect("a connection");
        serving.serve(stream).await;
    }));
    exporter.delivers().await;
    let request = &receiver.received()[0];
    assert_eq!(
        (request.line.as_str(), &request.headers["host"]),
        ("POST /v1/metrics", &"localhost".parse().unwrap())
    );
}
