//! Telemetry of one process of the mesh: metrics go straight into Prometheus, under their own names.

use std::io::{Write as _, stderr};
use std::time::Duration;

use hyperactor_telemetry::{
    Alias, Error, KeyValue, LogConfig, MetricsConfig, TelemetryConfig, TelemetryProviders, init_telemetry,
};

/// Starts telemetry. The environment wins over what stands here, the variables of the actor runtime among it.
pub(crate) fn start(proc: u32, role: &'static str) -> Result<TelemetryProviders, Error> {
    let metrics = MetricsConfig::new()
        .with_otlp_to_prometheus("http://localhost:9090")
        .with_export_interval(Duration::from_secs(15));
    let backend = Alias::new("HYPERACTOR_OTEL_BACKEND", "OTEL_METRICS_EXPORTER");
    let mut config = TelemetryConfig::new("monarch")
        .with_service_version(env!("CARGO_PKG_VERSION"))
        .with_environment_first()
        .with_aliases([backend.with_values([("prometheus", "otlp"), ("none", "none")])])
        .without_prometheus_endpoint()
        .with_metrics(metrics)
        .with_resource_attribute(KeyValue::new("mesh.role", role))
        .with_resource_attribute(KeyValue::new("mesh.proc", i64::from(proc)));
    if role == "worker" {
        config = config.with_logs(LogConfig::new().with_filter("warn")); // the controller has said it all
    }
    // One variable for all processes: each adds its number.
    if let Ok(id) = std::env::var("OTEL_SERVICE_INSTANCE_ID") {
        config = config.with_resource_attribute(KeyValue::new("service.instance.id", format!("{id}-{proc}")));
    }
    let telemetry = init_telemetry(config)?;
    // A panic of an actor is a log record, with the trace it happened in, rather than a page of text.
    std::panic::set_hook(Box::new(|panic| tracing::warn!("{panic}")));
    Ok(telemetry)
}

/// Ends it, and says whether everything arrived.
pub(crate) fn end(proc: u32, telemetry: TelemetryProviders) {
    let report = telemetry.shutdown_blocking();
    let not_all = if report.is_complete() { "" } else { ", not all of which arrived" };
    // Whoever does not listen misses it.
    let _unheard = writeln!(stderr(), "telemetry of process {proc}{not_all}: {report}");
}
