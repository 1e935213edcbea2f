//! The provider as OpenTelemetry's global one: what any crate instrumented with that API records lands here.

use opentelemetry::{KeyValue, global};
use throughline_metrics::MeterProvider;
use throughline_metrics::testing::Snapshot;

#[test]
fn instruments_of_the_global_meter_record_here() {
    let before = global::meter("early").u64_counter("early").build();
    let provider = MeterProvider::default();
    global::set_meter_provider(provider.clone());
    before.add(1, &[]);

    let set = [KeyValue::new("k", "v")];
    global::meter("lib").u64_counter("c").build().add(2, &set);
    let scope = opentelemetry::InstrumentationScope::builder("lib").with_version("2").build();
    global::meter_with_scope(scope.clone()).f64_histogram("h").build().record(1.0, &set);
    let _g = global::meter("lib").i64_observable_gauge("g").with_callback(|o| o.observe(-5, &[])).build();
    std::thread::spawn(|| global::meter("lib").u64_counter("c").build().add(3, &[KeyValue::new("k", "v")]))
        .join()
        .expect("the thread only records");

    let snapshot = Snapshot::of(&provider);
    assert_eq!(snapshot.names(), ["c", "g", "h"], "what was made before has nowhere to record");
    assert!((snapshot.sum("c", &set) - 5.0).abs() < f64::EPSILON);
    assert!((snapshot.gauge("g", &()) + 5.0).abs() < f64::EPSILON);
    assert_eq!(snapshot.metric("h").0, &scope);
}
