//! Traces as OpenTelemetry 0.17 to 0.20 had them: the SDK is a module of the API.

use opentelemetry::sdk::{trace, Resource};
use opentelemetry::trace::{TraceError, Tracer};
use opentelemetry::{global, KeyValue};
use opentelemetry_otlp::WithExportConfig;

fn endpoint() -> String {
    std::env::var("SAMPLE_ENDPOINT").unwrap_or_else(|_| "http://localhost:4317".to_owned())
}

fn init_tracer() -> Result<trace::Tracer, TraceError> {
    opentelemetry_otlp::new_pipeline()
        .tracing()
        .with_exporter(opentelemetry_otlp::new_exporter().tonic().with_endpoint(endpoint()))
        .with_trace_config(
            trace::config().with_resource(Resource::new(vec![KeyValue::new("service.name", "sample")])),
        )
        .install_batch(opentelemetry::runtime::Tokio)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let tracer = init_tracer()?;
    tracer.in_span("work", |_context| {});
    global::shutdown_tracer_provider();
    Ok(())
}
