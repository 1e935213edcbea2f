//! What the `metrics` crate records, scraped from its own exporter.

use std::net::SocketAddr;
use std::time::Duration;

fn address() -> SocketAddr {
    let address = std::env::var("SAMPLE_ADDRESS").unwrap_or_else(|_| "127.0.0.1:9000".to_owned());
    address.parse().expect("SAMPLE_ADDRESS is an address")
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let telemetry = throughline::init_telemetry(
        throughline::TelemetryConfig::new(env!("CARGO_PKG_NAME"))
            .with_prometheus_address(address().into())
            .with_translation_strategy(throughline::TranslationStrategy::UnderscoreEscapingWithoutSuffixes)
            .without_scope_labels(),
    )?;
    let recorder = throughline_instruments::metrics_facade::FacadeRecorder::new(&telemetry.meter(env!("CARGO_PKG_NAME")));
    metrics::set_global_recorder(recorder)?;

    metrics::counter!("sample_work", "kind" => "small").increment(1);
    tokio::time::sleep(Duration::from_secs(60)).await;
    Ok(())
}
