//! Traces and metrics as OpenTelemetry 0.28 to 0.32 had them: processors have threads of their own.

use opentelemetry::trace::{Tracer, TracerProvider as _};
use opentelemetry::{global, KeyValue};
use opentelemetry_otlp::{MetricExporter, SpanExporter, WithExportConfig};
use opentelemetry_sdk::metrics::{PeriodicReader, SdkMeterProvider};
use opentelemetry_sdk::trace::SdkTracerProvider;
use opentelemetry_sdk::Resource;

fn endpoint() -> String {
    std::env::var("SAMPLE_ENDPOINT").unwrap_or_else(|_| "http://localhost:4317".to_owned())
}

fn resource() -> Resource {
    Resource::builder().with_service_name("sample").build()
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let exporter = SpanExporter::builder().with_tonic().with_endpoint(endpoint()).build()?;
    let provider = SdkTracerProvider::builder()
        .with_batch_exporter(exporter)
        .with_resource(resource())
        .build();
    global::set_tracer_provider(provider.clone());
    let exporter = MetricExporter::builder().with_tonic().with_endpoint(endpoint()).build()?;
    let reader = PeriodicReader::builder(exporter).build();
    let metrics = SdkMeterProvider::builder().with_reader(reader).with_resource(resource()).build();
    global::set_meter_provider(metrics.clone());
    let counter = global::meter("sample").u64_counter("sample.work").build();
    provider.tracer("sample").in_span("work", |_context| counter.add(1, &[KeyValue::new("kind", "small")]));
    metrics.shutdown()?;
    provider.shutdown()?;
    Ok(())
}
