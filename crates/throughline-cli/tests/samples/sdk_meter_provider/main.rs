//! Traces and metrics as OpenTelemetry 0.22 and 0.23 had them: the meter provider has its name.

use opentelemetry::trace::{TraceError, Tracer};
use opentelemetry::metrics::MetricsError;
use opentelemetry::{global, KeyValue};
use opentelemetry_otlp::WithExportConfig;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use opentelemetry_sdk::{runtime, trace, Resource};

fn endpoint() -> String {
    std::env::var("SAMPLE_ENDPOINT").unwrap_or_else(|_| "http://localhost:4317".to_owned())
}

fn resource() -> Resource {
    Resource::new(vec![KeyValue::new("service.name", "sample")])
}

fn init_tracer() -> Result<trace::Tracer, TraceError> {
    let exporter = opentelemetry_otlp::new_exporter().tonic().with_endpoint(endpoint());
    opentelemetry_otlp::new_pipeline()
        .tracing()
        .with_exporter(exporter)
        .with_trace_config(trace::config().with_sampler(trace::Sampler::AlwaysOn).with_resource(resource()))
        .install_batch(runtime::Tokio)
}

fn init_metrics() -> Result<SdkMeterProvider, MetricsError> {
    opentelemetry_otlp::new_pipeline()
        .metrics(runtime::Tokio)
        .with_exporter(opentelemetry_otlp::new_exporter().tonic().with_endpoint(endpoint()))
        .with_resource(resource())
        .build()
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let tracer = init_tracer()?;
    let metrics = init_metrics()?;
    let counter = global::meter("sample").u64_counter("sample.work").with_description("Work done").init();
    tracer.in_span("work", |_context| counter.add(1, &[KeyValue::new("kind", "small")]));
    metrics.shutdown()?;
    global::shutdown_tracer_provider();
    Ok(())
}
