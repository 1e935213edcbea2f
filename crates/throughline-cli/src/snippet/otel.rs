use opentelemetry::trace::{Tracer, TracerProvider as _};
use opentelemetry::{KeyValue, global};
use opentelemetry_otlp::{MetricExporter, SpanExporter};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use opentelemetry_sdk::trace::SdkTracerProvider;

fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    // OTEL_EXPORTER_OTLP_ENDPOINT says where to; http://localhost:4318 unless set.
    let resource = Resource::builder().with_service_name("checkout").build();
    let exporter = SpanExporter::builder().with_http().build()?;
    let traces =
        SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource.clone()).build();
    global::set_tracer_provider(traces.clone());
    let exporter = MetricExporter::builder().with_http().build()?;
    let metrics = SdkMeterProvider::builder().with_periodic_exporter(exporter).with_resource(resource).build();
    global::set_meter_provider(metrics.clone());

    let orders = global::meter("checkout").u64_counter("orders.placed").with_unit("{order}").build();
    traces.tracer("checkout").in_span("place order", |_context| orders.add(1, &[KeyValue::new("channel", "web")]));

    // Flushes what is waiting. A provider that is only dropped, or left in `global`, may not.
    traces.shutdown()?;
    metrics.shutdown()?;
    Ok(())
}
