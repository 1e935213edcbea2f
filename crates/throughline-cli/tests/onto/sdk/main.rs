//! Traces and metrics set up with the SDK of OpenTelemetry.

use opentelemetry::trace::{Tracer, TracerProvider as _};
use opentelemetry::{global, KeyValue};
use opentelemetry_otlp::{MetricExporter, SpanExporter, WithExportConfig};
use opentelemetry_sdk::metrics::{PeriodicReader, SdkMeterProvider};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
use opentelemetry_sdk::Resource;
use std::time::Duration;

fn endpoint() -> String {
    std::env::var("SAMPLE_ENDPOINT").unwrap_or_else(|_| "http://localhost:4317".to_owned())
}

fn resource() -> Resource {
    Resource::builder()
        .with_service_name("sample")
        .with_attribute(KeyValue::new("deployment.environment.name", "test"))
        .build()
}

fn init_tracer() -> Result<SdkTracerProvider, Box<dyn std::error::Error + Send + Sync>> {
    let exporter = SpanExporter::builder().with_tonic().with_endpoint(endpoint()).build()?;
    let provider = SdkTracerProvider::builder()
        .with_batch_exporter(exporter)
        .with_sampler(Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(1.0))))
        .with_resource(resource())
        .build();
    global::set_tracer_provider(provider.clone());
    Ok(provider)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    global::set_text_map_propagator(TraceContextPropagator::new());
    let provider = init_tracer()?;
    let exporter = MetricExporter::builder().with_tonic().with_endpoint(endpoint()).build()?;
    let reader = PeriodicReader::builder(exporter).with_interval(Duration::from_secs(5)).build();
    let metrics = SdkMeterProvider::builder().with_reader(reader).with_resource(resource()).build();
    global::set_meter_provider(metrics.clone());

    let counter = global::meter("sample").u64_counter("sample.work").build();
    provider.tracer("sample").in_span("work", |_context| counter.add(1, &[KeyValue::new("kind", "small")]));

    metrics.shutdown()?;
    provider.shutdown()?;
    Ok(())
}
