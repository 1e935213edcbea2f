//! What works and is hardly what was meant is said.

use std::process::Command;

use super::with;

#[test]
fn what_contradicts_itself_is_said() {
    for (variables, expected) in [
        (
            &[("OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:4317")][..],
            "4317 in `http://localhost:4317` is that of OTLP over gRPC",
        ),
        (
            &[
                ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "http://localhost:9090/api/v1/otlp/v1/metrics"),
                ("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "delta"),
            ],
            "otlp-deltatocumulative",
        ),
        (&[("OTEL_TRACES_SAMPLER_ARG", "0.5")], "no effect without OTEL_TRACES_SAMPLER"),
        (
            &[("OTEL_TRACES_EXPORTER", "otlp"), ("OTEL_BSP_MAX_QUEUE_SIZE", "10")],
            "`traces.batch.max_export_batch_size` is 512",
        ),
        (&[("OTEL_EXPORTER_OTLP_INSECURE", "1"), ("OTEL_LOGS_EXPORTER", "otlp")], "counts as false"),
    ] {
        let description = with(variables).explain();
        assert!(description.error().is_none(), "{variables:?}: {:?}", description.error());
        let warnings = description.warnings().join("\n");
        assert!(warnings.contains(expected), "{variables:?}: {warnings}");
    }
}

/// Names can only be listed in a real environment, so the test is its own child.
#[test]
fn misspelt_and_unsupported_variables_are_said() {
    if std::env::var_os("THROUGHLINE_TEST_CHILD").is_some() {
        let description = throughline::TelemetryConfig::new("shop").explain();
        for warning in description.warnings() {
            eprintln!("warning: {warning}");
        }
        return;
    }
    let output = Command::new(std::env::current_exe().expect("this test"))
        .args(["--exact", "warnings::misspelt_and_unsupported_variables_are_said", "--nocapture"])
        .env("THROUGHLINE_TEST_CHILD", "1")
        .env("OTEL_SERVCE_NAME", "hunter2")
        .env("OTEL_EXPORTER_OLTP_ENDPOINT", "hunter2")
        .env("OTEL_EXPORTER_ZIPKIN_ENDPOINT", "hunter2")
        .env("OTEL_SERVICE_VERSION", "hunter2")
        .env("OTEL_PYTHON_LOG_CORRELATION", "true")
        .env("OTEL_ENTITIES", "")
        .output()
        .expect("it runs");
    let said = String::from_utf8_lossy(&output.stderr);
    for part in [
        "OTEL_SERVCE_NAME is set and has no effect: did you mean OTEL_SERVICE_NAME?",
        "did you mean OTEL_EXPORTER_OTLP_ENDPOINT?",
        "OTEL_EXPORTER_ZIPKIN_ENDPOINT is set and has no effect: there is no Zipkin exporter",
        "write `service.version=…` into OTEL_RESOURCE_ATTRIBUTES",
    ] {
        assert!(said.contains(part), "no `{part}` in {said}");
    }
    for part in ["hunter2", "PYTHON", "OTEL_ENTITIES"] {
        assert!(!said.contains(part), "`{part}` in {said}");
    }
}
