//! What takes the telemetry of the examples: an OTLP/HTTP receiver that says yes to everything, and a scraper. Both are in
//! this process, so that none of it is in the processor time of the example.

use std::io::{BufRead as _, BufReader, Read as _, Write as _, copy, sink};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result};

/// The receiver. Ends with the process.
pub(super) struct Backend {
    address: SocketAddr,
    bytes: Arc<AtomicU64>,
}

/// Several times as often as Prometheus scrapes.
const SCRAPE_INTERVAL: Duration = Duration::from_secs(1);

impl Backend {
    pub(super) fn start() -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).context("listen for what is pushed")?;
        let backend = Self { address: listener.local_addr()?, bytes: Arc::default() };
        let bytes = Arc::clone(&backend.bytes);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let bytes = Arc::clone(&bytes);
                // Whoever hangs up has its reasons.
                thread::spawn(move || drop(take(&stream, &bytes)));
            }
        });
        Ok(backend)
    }

    /// How much was pushed so far.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Variables that lead a program here.
    pub(super) fn environment(&self) -> [(&'static str, String); 6] {
        let address = self.address;
        [
            ("OTEL_EXPORTER", "otlp".to_owned()),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://{address}")),
            ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", format!("http://{address}/v1/metrics")),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf".to_owned()),
            ("OTEL_EXPORTER_OTLP_METRICS_PROTOCOL", "http/protobuf".to_owned()),
            ("NO_PROXY", "127.0.0.1".to_owned()),
        ]
    }
}

/// Does something, and scrapes this port meanwhile.
pub(super) fn scraping<T>(port: &str, work: impl FnOnce() -> T) -> T {
    let (done, is_done) = channel();
    let address = format!("127.0.0.1:{port}");
    let scraper = thread::spawn(move || scrape_until(&is_done, &address));
    let result = work();
    drop(done);
    drop(scraper.join());
    result
}

/// A port that nobody listens at.
pub(super) fn free_port() -> Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).context("find a free port")?;
    Ok(listener.local_addr()?.port())
}

/// Takes requests until the client goes.
fn take(stream: &TcpStream, bytes: &AtomicU64) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    loop {
        let mut length = 0;
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line)? == 0 {
                return Ok(());
            }
            let header = line.trim_end().to_ascii_lowercase();
            if header.is_empty() {
                break;
            }
            if let Some(value) = header.strip_prefix("content-length:") {
                length = value.trim().parse().unwrap_or(0);
            }
        }
        bytes.fetch_add(copy(&mut reader.by_ref().take(length), &mut sink())?, Ordering::Relaxed);
        let mut stream = stream;
        stream.write_all(
            b"HTTP/1.1 200 OK\r\ncontent-type: application/x-protobuf\r\ncontent-length: 0\r\n\r\n",
        )?;
    }
}

fn scrape_until(is_done: &Receiver<()>, address: &str) {
    while let Err(RecvTimeoutError::Timeout) = is_done.recv_timeout(SCRAPE_INTERVAL) {
        // A program without an endpoint has none.
        drop(scrape(address));
    }
}

fn scrape(address: &str) -> std::io::Result<u64> {
    let mut stream = TcpStream::connect(address)?;
    write!(stream, "GET /metrics HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n")?;
    copy(&mut stream, &mut sink())
}
