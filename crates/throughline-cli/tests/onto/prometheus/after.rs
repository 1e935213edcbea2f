//! A registry of the `prometheus` crate, and a server that answers with its page.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use prometheus::{IntCounterVec, Opts, Registry, TextEncoder};

fn answer(mut stream: TcpStream, registry: &Registry) -> std::io::Result<()> {
    let _request = stream.read(&mut [0; 1024])?;
    let page = TextEncoder::new().encode_to_string(&registry.gather()).unwrap_or_default();
    write!(stream, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\r\n{page}", page.len())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let registry = Registry::new();
    let telemetry = throughline::init_telemetry(throughline::TelemetryConfig::new(env!("CARGO_PKG_NAME")))?;
    telemetry
        .meter_provider()
        .add_producer(throughline_instruments::prometheus::RegistryProducer::new(registry.clone()));
    let work = IntCounterVec::new(Opts::new("sample_work_total", "Work done."), &["kind"])?;
    registry.register(Box::new(work.clone()))?;
    work.with_label_values(&["small"]).inc();

    let address = std::env::var("SAMPLE_ADDRESS").unwrap_or_else(|_| "127.0.0.1:9000".to_owned());
    for stream in TcpListener::bind(address)?.incoming() {
        answer(stream?, &registry)?;
    }
    Ok(())
}
