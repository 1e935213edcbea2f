//! The usage example of the document that this system comes from, as written there but for the crate's name.
#![expect(unused_variables, reason = "as in the document")]

#[rustfmt::skip]
use throughline::{TelemetryConfig, init_telemetry, SpanBuilder, MetricsRecorder};

#[rustfmt::skip]
#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Initialize
    let config = TelemetryConfig::new("my-processor")
        .with_otlp_endpoint("http://localhost:4317");
    let providers = init_telemetry(config)?;

    // Create spans
    let span = SpanBuilder::new("process_event")
        .with_attribute("event.type", "metric")
        .start();

    // Record metrics
    let recorder = MetricsRecorder::new();
    recorder.record_counter("processor", "events.processed", 1, vec![]);

    // Shutdown
    providers.shutdown().await?;
    Ok(())
}
