//! The recorder of the `metrics` crate.
#![expect(clippy::float_cmp, reason = "the sums are of numbers that floats hold exactly")]

use ::metrics::{counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use throughline_core::KeyValue;
use throughline_instruments::metrics_facade::FacadeRecorder;
use throughline_metrics::testing::Snapshot;
use throughline_metrics::{DropReason, MeterProvider};

use crate::counting::allocations;

fn recorded(run: impl FnOnce()) -> Snapshot {
    let provider = MeterProvider::default();
    ::metrics::with_local_recorder(&FacadeRecorder::new(&provider.meter("facade")), run);
    Snapshot::of(&provider)
}

fn method(method: &'static str) -> [KeyValue; 1] {
    [KeyValue::new("method", method)]
}

#[test]
fn counters_gauges_and_histograms_arrive_with_their_labels() {
    let snapshot = recorded(|| {
        for _ in 0..3 {
            counter!("requests", "method" => "GET").increment(2);
            histogram!("latency").record(0.25);
        }
        counter!("requests", "method" => "PUT").increment(1);
        let depth = gauge!("depth");
        depth.set(10.0);
        depth.increment(2.5);
        depth.decrement(5.0);
        gauge!("depth").increment(1.0);
        gauge!("only_incremented", "method" => "GET").increment(3.0);
        drop(gauge!("never_set"));
        histogram!("batches").record_many(4.0, 5);
    });
    assert_eq!(snapshot.sum("requests", &method("GET")), 6.0);
    assert_eq!(snapshot.sum("requests", &method("PUT")), 1.0);
    assert_eq!(snapshot.gauge("depth", &()), 8.5);
    assert_eq!(snapshot.gauge("only_incremented", &method("GET")), 3.0);
    assert_eq!(snapshot.histogram("latency", &()).count, 3);
    assert_eq!((snapshot.histogram("batches", &()).count, snapshot.histogram("batches", &()).sum), (5, 20.0));
    assert!(!snapshot.names().contains(&"never_set"));
}

#[test]
fn units_and_descriptions_are_those_that_were_described_before() {
    let snapshot = recorded(|| {
        describe_counter!("sent", ::metrics::Unit::Bytes, "What was sent.");
        describe_gauge!("load", ::metrics::Unit::Percent, "How busy it is.");
        describe_histogram!("latency", ::metrics::Unit::Seconds, "How long it takes.");
        counter!("sent").increment(1);
        gauge!("load").set(1.0);
        histogram!("latency").record(1.0);
    });
    let described = |name: &str| {
        let metric = snapshot.metric(name).1;
        (metric.unit.to_string(), metric.description.to_string())
    };
    let expected = [
        ("sent", "By", "What was sent."),
        ("load", "%", "How busy it is."),
        ("latency", "s", "How long it takes."),
    ];
    for (name, unit, description) in expected {
        assert_eq!(described(name), (unit.to_owned(), description.to_owned()));
    }
    let bounds = match &snapshot.metric("latency").1.data {
        throughline_metrics::data::MetricData::Histogram { points, .. } => points.values().bounds().to_vec(),
        other => panic!("{other:?}"),
    };
    assert!(bounds.contains(&0.005), "bounds that fit seconds: {bounds:?}");
}

#[test]
fn a_counter_can_be_told_totals() {
    let snapshot = recorded(|| {
        let seen = counter!("seen");
        seen.absolute(5);
        seen.absolute(3);
        seen.absolute(9);
        counter!("seen").absolute(10);
    });
    assert_eq!(snapshot.sum("seen", &()), 10.0);
}

#[test]
fn handles_of_many_threads_are_one() {
    let provider = MeterProvider::default();
    let recorder = FacadeRecorder::new(&provider.meter("facade"));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                ::metrics::with_local_recorder(&recorder, || {
                    for _ in 0..1000 {
                        counter!("n").increment(1);
                        gauge!("g").increment(1.0);
                    }
                });
            });
        }
    });
    let snapshot = Snapshot::of(&provider);
    assert_eq!((snapshot.sum("n", &()), snapshot.gauge("g", &())), (4000.0, 4000.0));
}

#[test]
fn labels_from_outside_are_bounded() {
    let provider = MeterProvider::default();
    let recorder = FacadeRecorder::new(&provider.meter("facade"));
    ::metrics::with_local_recorder(&recorder, || {
        for number in 0..12_000 {
            counter!("hits", "path" => number.to_string()).increment(1);
            gauge!("depth", "path" => number.to_string()).increment(1.0);
        }
    });
    let snapshot = Snapshot::of(&provider);
    let overflow = [KeyValue::new("otel.metric.overflow", true)];
    assert_eq!(snapshot.sum("hits", &overflow), 10_000.0, "what is beyond 2000 series");
    assert_eq!(snapshot.metric("depth").1.data.len(), 2001);
}

#[test]
fn one_name_for_two_kinds_is_counted() {
    let provider = MeterProvider::default();
    ::metrics::with_local_recorder(&FacadeRecorder::new(&provider.meter("facade")), || {
        counter!("both").increment(1);
        histogram!("both").record(1.0);
    });
    assert_eq!(provider.drops(), [(DropReason::InstrumentConflict, 1)]);
}

#[test]
fn a_macro_that_is_passed_again_allocates_nothing() {
    let provider = MeterProvider::default();
    let recorder = FacadeRecorder::new(&provider.meter("facade"));
    let record = || {
        counter!("requests", "method" => "GET").increment(1);
        gauge!("depth", "method" => "GET").increment(1.0);
        histogram!("latency", "method" => "GET").record(1.0);
    };
    ::metrics::with_local_recorder(&recorder, || {
        record();
        assert_eq!(allocations(record), 0);
    });
}
