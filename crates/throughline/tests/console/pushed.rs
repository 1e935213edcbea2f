//! The console beside a push: both get every span and log record, whether the push arrives or not.

use throughline::{TelemetryConfig, init_telemetry};

use crate::support::{Written, everything, record, with};

#[test]
fn what_is_pushed_is_shown_too() {
    let written = Written::default();
    let config: TelemetryConfig = with(&[("OTEL_EXPORTER_OTLP_TIMEOUT", "100")])
        // Nobody listens there.
        .with_otlp_endpoint("http://127.0.0.1:9")
        .with_self_telemetry(false)
        .with_console_exporter(everything().with_writer(written.clone()));
    let telemetry = init_telemetry(config).expect("telemetry starts");
    record(&telemetry);
    let report = telemetry.shutdown_blocking();
    assert_eq!(
        (report.console.delivered, report.spans.undelivered, report.log_records.undelivered),
        (6, 2, 1)
    );
    let text = written.text();
    assert!(text.contains("SELECT") && text.contains("second line") && text.contains("orders"), "{text}");
}
