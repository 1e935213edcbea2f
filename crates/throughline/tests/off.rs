//! A build without telemetry: nothing is recorded, and nothing is opened, whatever is asked for.
//!
//! `cargo xtask test` builds it with the feature `off`.

use throughline::testing::Snapshot;
use throughline::{TelemetryConfig, init_telemetry};
use throughline_metrics::MeterProvider;
use throughline_trace::TracerProvider;

#[test]
fn telemetry_starts_and_is_not_there() {
    let config = TelemetryConfig::new("shop")
        .without_environment_variables()
        .with_prometheus_address(([127, 0, 0, 1], 0).into());
    let telemetry = init_telemetry(config).expect("there is nothing to fail");
    assert_eq!(telemetry.prometheus_address(), None);
    assert!(telemetry.describe().to_string().contains("cargo feature `off`"), "{}", telemetry.describe());
    assert!(telemetry.shutdown_blocking().is_complete());
}

#[test]
fn instruments_of_a_provider_of_ones_own_record_nothing() {
    let provider = MeterProvider::default();
    let meter = provider.meter("it");
    let (orders, sizes) = (meter.u64_counter("orders").build(), meter.f64_histogram("sizes").build());
    orders.add(2, &[]);
    sizes.record(0.5, &[]);
    assert!(Snapshot::of(&provider).names().is_empty());
    // Binding makes a series.
    orders.bind(&[]).add(2);
    sizes.bind(&[]).record(0.5);
    let snapshot = Snapshot::of(&provider);
    assert_eq!(snapshot.sum("orders", &()) as u64, 0);
    assert_eq!(snapshot.histogram("sizes", &()).count, 0);
}

#[test]
fn spans_are_none() {
    let provider = TracerProvider::default();
    let _reader = provider.reader();
    let span = provider.tracer("it").span("request").with_attribute("answer", 42).start();
    assert!(!span.is_recording() && !span.span_context().is_valid());
}
