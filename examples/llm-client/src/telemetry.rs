//! What telemetry the program has: OpenTelemetry's variables decide, and one of the program's own.

use throughline::{Alias, TelemetryConfig};

/// `OTEL_EXPORTER` is short for the exporters of all signals. A value that it does not know is refused.
pub(crate) fn config() -> TelemetryConfig {
    let exporter = |variable| {
        Alias::new("OTEL_EXPORTER", variable).with_values([("stdout", "console"), ("otlp", "otlp")])
    };
    TelemetryConfig::new("llm-client").with_service_version(env!("CARGO_PKG_VERSION")).with_aliases([
        exporter("OTEL_METRICS_EXPORTER"),
        exporter("OTEL_TRACES_EXPORTER"),
        exporter("OTEL_LOGS_EXPORTER"),
    ])
}
