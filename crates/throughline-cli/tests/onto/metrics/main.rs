//! What the `metrics` crate records, scraped from its own exporter.

use std::net::SocketAddr;
use std::time::Duration;

use metrics_exporter_prometheus::PrometheusBuilder;

fn address() -> SocketAddr {
    let address = std::env::var("SAMPLE_ADDRESS").unwrap_or_else(|_| "127.0.0.1:9000".to_owned());
    address.parse().expect("SAMPLE_ADDRESS is an address")
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    PrometheusBuilder::new().with_http_listener(address()).install()?;

    metrics::counter!("sample_work", "kind" => "small").increment(1);
    tokio::time::sleep(Duration::from_secs(60)).await;
    Ok(())
}
