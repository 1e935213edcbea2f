//! Traces and metrics set up with the SDK of OpenTelemetry.

use opentelemetry::trace::Tracer;
use opentelemetry::{global, KeyValue};
use std::time::Duration;

fn endpoint() -> String {
    std::env::var("SAMPLE_ENDPOINT").unwrap_or_else(|_| "http://localhost:4317".to_owned())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let telemetry = throughline::init_telemetry(
        throughline::TelemetryConfig::new("sample")
            .without_prometheus_endpoint()
            .with_resource_attribute(KeyValue::new("deployment.environment.name", "test"))
            .with_traces(
                throughline::TraceConfig::new()
                    .with_export(
                        throughline::ExportConfig::new()
                            .with_endpoint(endpoint())
                            .with_protocol(throughline::OtlpProtocol::Grpc),
                    )
                    .with_sampling(throughline::SamplingStrategy::ParentBased { root: Box::new(throughline::SamplingStrategy::TraceIdRatio { ratio: 1.0 }) }),
            )
            .with_metrics(
                throughline::MetricsConfig::new()
                    .with_export(
                        throughline::ExportConfig::new()
                            .with_endpoint(endpoint())
                            .with_protocol(throughline::OtlpProtocol::Grpc),
                    )
                    .with_export_interval(Duration::from_secs(5)),
            ),
    )?;

    let counter = global::meter("sample").u64_counter("sample.work").build();
    global::tracer("sample").in_span("work", |_context| counter.add(1, &[KeyValue::new("kind", "small")]));

    telemetry.shutdown().await?;
    Ok(())
}
