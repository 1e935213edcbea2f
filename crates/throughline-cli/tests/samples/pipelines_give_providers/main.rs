//! Traces and metrics as OpenTelemetry 0.24 to 0.26 had them: pipelines give providers, and set nothing.

use opentelemetry::metrics::MetricsError;
use opentelemetry::trace::{TraceError, Tracer, TracerProvider as _};
use opentelemetry::{global, KeyValue};
use opentelemetry_otlp::WithExportConfig;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use opentelemetry_sdk::trace::{Config, TracerProvider};
use opentelemetry_sdk::{runtime, Resource};

fn endpoint() -> String {
    std::env::var("SAMPLE_ENDPOINT").unwrap_or_else(|_| "http://localhost:4317".to_owned())
}

fn resource() -> Resource {
    Resource::new(vec![KeyValue::new("service.name", "sample")])
}

fn init_tracer() -> Result<TracerProvider, TraceError> {
    opentelemetry_otlp::new_pipeline()
        .tracing()
        .with_exporter(opentelemetry_otlp::new_exporter().tonic().with_endpoint(endpoint()))
        .with_trace_config(Config::default().with_resource(resource()))
        .install_batch(runtime::Tokio)
}

fn init_metrics() -> Result<SdkMeterProvider, MetricsError> {
    opentelemetry_otlp::new_pipeline()
        .metrics(runtime::Tokio)
        .with_exporter(opentelemetry_otlp::new_exporter().tonic().with_endpoint(endpoint()))
        .with_resource(resource())
        .with_period(std::time::Duration::from_secs(5))
        .build()
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let provider = init_tracer()?;
    global::set_tracer_provider(provider.clone());
    let metrics = init_metrics()?;
    global::set_meter_provider(metrics.clone());
    let histogram = global::meter("sample").f64_histogram("sample.duration").with_unit("s").init();
    provider.tracer("sample").in_span("work", |_context| histogram.record(0.1, &[KeyValue::new("kind", "small")]));
    metrics.shutdown()?;
    global::shutdown_tracer_provider();
    Ok(())
}
