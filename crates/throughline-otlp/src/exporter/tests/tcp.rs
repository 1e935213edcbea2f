//! The same over real sockets, on the loopback interface, in real time.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use throughline_core::SystemClock;
use throughline_metrics::data::Temporality;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::super::*;
use super::fake::Source;
use crate::Endpoint;
use crate::transport::connect::TcpConnector;

/// Answers every request with success until the connection closes; returns what it read.
fn serve(listener: &TcpListener) -> Vec<u8> {
    let (mut stream, _) = listener.accept().expect("a connection");
    let mut read = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        match stream.read(&mut buffer).expect("a readable connection") {
            0 => return read,
            length => read.extend_from_slice(&buffer[..length]),
        }
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").expect("a writable connection");
    }
}

async fn shut_down(url: &str, within: Duration) -> ExportReport {
    let config = OtlpConfig::new(Endpoint::verbatim(url).expect("a URL"));
    let source = Box::new(Source::new(Temporality::Cumulative));
    let clock = Arc::new(SystemClock);
    let exporter =
        MetricExporter::with_parts(source, config, clock, 1, Box::new(TcpConnector)).expect("an exporter");
    let (commands, inbox) = mpsc::channel(1);
    let running = tokio::spawn(exporter.run(inbox));
    let (reply, report) = oneshot::channel();
    let deadline = Instant::now() + within;
    commands.send(Command::Shutdown { deadline, reply }).await.expect("the exporter runs");
    running.await.expect("the exporter does not panic");
    report.await.expect("a report")
}

#[tokio::test]
async fn delivers_over_tcp_to_a_host_name() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let server = std::thread::spawn(move || serve(&listener));
    let report = shut_down(&format!("http://localhost:{port}/v1/metrics"), Duration::from_secs(5)).await;
    assert_eq!(report, super::report(1, 0));
    // The connection closes when its task sees that the exporter is gone.
    let read = tokio::task::spawn_blocking(|| server.join().expect("a server that does not panic"));
    let read = read.await.expect("a result");
    assert!(read.starts_with(b"POST /v1/metrics HTTP/1.1\r\n"));
}

#[tokio::test]
async fn says_when_nothing_listens() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let port = listener.local_addr().expect("an address").port();
    drop(listener);
    let report = shut_down(&format!("http://127.0.0.1:{port}/v1/metrics"), Duration::from_millis(300)).await;
    assert_eq!((report.delivered_items, report.undelivered_items), (0, 1));
    let error = report.last_error.expect("an error");
    assert!(
        error.contains("cannot connect to http://127.0.0.1:") && error.contains("is the receiver running"),
        "{error}"
    );
}
