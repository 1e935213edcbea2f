//! A build without exporters: it records, and refuses what it cannot do by the name of the cargo feature.
//!
//! `cargo xtask test` builds it without default features.
#![cfg(not(any(feature = "prometheus", feature = "otlp-http")))]

use throughline::testing::Snapshot;
use throughline::{Error, Source, TelemetryConfig, init_telemetry};

fn config() -> TelemetryConfig {
    TelemetryConfig::new("shop").without_globals().without_environment_variables()
}

#[test]
fn it_records_without_exporters() {
    let telemetry = init_telemetry(config()).expect("nothing was asked for that is not there");
    telemetry.meter("it").u64_counter("orders").build().add(2, &[]);
    assert!((Snapshot::of(telemetry.meter_provider()).sum("orders", &()) - 2.0).abs() < f64::EPSILON);
    assert!(telemetry.shutdown_blocking().is_complete());
}

#[test]
fn an_exporter_that_is_not_compiled_in_is_an_error_that_names_the_feature() {
    let lookup =
        |name: &str| (name == "OTEL_EXPORTER_OTLP_ENDPOINT").then(|| "http://localhost:4318".to_owned());
    let endpoint = ([127, 0, 0, 1], 0).into();
    for (config, expected, feature) in [
        (
            config().with_environment_variables(lookup),
            Source::Environment("OTEL_EXPORTER_OTLP_ENDPOINT".into()),
            "otlp-http",
        ),
        (
            config().with_otlp_endpoint("http://localhost:4318"),
            Source::Code("with_otlp_endpoint"),
            "otlp-http",
        ),
        (config().with_prometheus_address(endpoint), Source::Code("with_prometheus_address"), "prometheus"),
    ] {
        let error = init_telemetry(config).expect_err("no such exporter");
        assert!(error.to_string().contains(&format!("cargo feature `{feature}`")), "{error}");
        assert!(matches!(error, Error::NotCompiledIn { source, .. } if source == expected));
    }
}
