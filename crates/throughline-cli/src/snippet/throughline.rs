use throughline::{KeyValue, TelemetryConfig, init_telemetry};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // OTEL_EXPORTER_OTLP_ENDPOINT says where to push to; http://127.0.0.1:9464/metrics can be scraped.
    let telemetry = init_telemetry(TelemetryConfig::new("checkout"))?;

    let orders = telemetry.meter("checkout").u64_counter("orders.placed").with_unit("{order}").build();
    orders.add(1, &[KeyValue::new("channel", "web")]);

    println!("{}", telemetry.shutdown().await?); // what was delivered; an error says what was not
    Ok(())
}
