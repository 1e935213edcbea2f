//! Exemplars: which measurements leave one, where, and what is in it.

use std::sync::Arc;

use throughline_core::KeyValue;
use throughline_core::clock::Clock as _;
use throughline_metrics::data::{Exemplar, MetricData, Number};
use throughline_metrics::exemplar::{ExemplarFilter, TraceContext, enter};
use throughline_metrics::testing::Snapshot;
use throughline_metrics::view::View;
use throughline_metrics::{Counter, MeterProvider, TemporalityPreference};

use crate::support::{NONE, SECOND, kv, manual_clock};

fn span(n: u8) -> TraceContext {
    TraceContext { trace_id: [n; 16], span_id: [n + 1; 8] }
}

/// The exemplars of the only series of a metric.
fn exemplars(snapshot: &Snapshot, name: &str) -> Vec<Exemplar> {
    match &snapshot.metric(name).1.data {
        MetricData::Sum { points, .. } | MetricData::Gauge { points } => points.at(0).exemplars.to_vec(),
        MetricData::Histogram { points, .. } => points.at(0).exemplars.to_vec(),
        MetricData::ExponentialHistogram { points, .. } => points.at(0).exemplars.to_vec(),
    }
}

fn values(exemplars: &[Exemplar]) -> Vec<(Number, u8)> {
    exemplars.iter().map(|exemplar| (exemplar.value, exemplar.trace_id[0])).collect()
}

#[test]
fn a_histogram_keeps_the_latest_of_each_bucket() {
    let clock = manual_clock();
    let provider = MeterProvider::builder().with_clock(Arc::clone(&clock) as _).build();
    let histogram = provider.meter("it").f64_histogram("h").with_bounds([1.0, 10.0]).build();
    histogram.record(0.1, &[]);
    {
        let _span = enter(Some(span(1)));
        histogram.record(5.0, &[]);
        histogram.bind(&[]).record(6.0);
        let inner = enter(Some(span(3)));
        histogram.record(50.0, &[]);
        drop(inner);
        {
            let _unsampled = enter(None);
            histogram.record(0.2, &[]);
        }
        clock.advance(SECOND);
        histogram.record(7.0, &[]);
    }
    histogram.record(8.0, &[]);
    let kept = exemplars(&Snapshot::of(&provider), "h");
    assert_eq!(values(&kept), [(Number::F64(7.0), 1), (Number::F64(50.0), 3)]);
    assert_eq!((kept[0].span_id, kept[0].time), ([2; 8], clock.now()));
    assert_eq!(Snapshot::of(&provider).histogram("h", NONE).count, 7);
}

#[test]
fn every_kind_and_door_leaves_one() {
    let provider = MeterProvider::builder().with_view(View::of("expo").exponential()).build();
    let meter = provider.meter("it");
    let _span = enter(Some(span(7)));
    meter.u64_counter("c").build().add(2, &[]);
    meter.u64_counter("bound").build().bind(&[]).add(3);
    meter.i64_up_down_counter("u").build().add(-4, &[kv("k", 1)]);
    meter.f64_gauge("g").build().set(5.0, &[]);
    meter.f64_histogram("expo").build().record(6.0, &[]);
    meter.u64_histogram("h").build().record(7, &[]);
    let snapshot = Snapshot::of(&provider);
    let seen: Vec<_> = ["c", "bound", "u", "g", "expo", "h"]
        .into_iter()
        .flat_map(|name| values(&exemplars(&snapshot, name)))
        .collect();
    let expected = [Number::U64(2), Number::U64(3), Number::I64(-4), Number::F64(5.0), Number::F64(6.0)];
    assert_eq!(seen[..5], expected.map(|value| (value, 7)));
    assert_eq!(seen[5], (Number::U64(7), 7));
    assert_eq!(snapshot.sum("bound", NONE), 3.0);
}

#[test]
fn outside_of_a_span_and_for_what_is_dropped_there_is_none() {
    let provider = MeterProvider::default();
    let counter = provider.meter("it").f64_counter("c").build();
    counter.add(1.0, &[]);
    drop(enter(Some(span(1))));
    counter.add(1.0, &[]);
    let span = enter(Some(span(1)));
    counter.add(f64::NAN, &[]);
    std::thread::scope(|scope| scope.spawn(|| counter.add(1.0, &[])).join().unwrap());
    drop(span);
    assert!(exemplars(&Snapshot::of(&provider), "c").is_empty());
}

#[test]
fn a_delta_reader_sees_an_exemplar_once_and_a_cumulative_one_keeps_it() {
    let clock = manual_clock();
    let provider = MeterProvider::builder().with_clock(Arc::clone(&clock) as _).build();
    let counter = provider.meter("it").u64_counter("c").build();
    let mut delta = provider.reader(TemporalityPreference::Delta);
    {
        let _span = enter(Some(span(1)));
        counter.add(1, &[]);
    }
    clock.advance(SECOND);
    assert_eq!(exemplars(&Snapshot::collected(&mut delta), "c").len(), 1);
    clock.advance(SECOND);
    counter.add(1, &[]);
    assert!(exemplars(&Snapshot::collected(&mut delta), "c").is_empty());
    assert_eq!(exemplars(&Snapshot::of(&provider), "c").len(), 1);
}

#[test]
fn what_a_view_filters_is_in_the_exemplar() {
    let provider = MeterProvider::builder().with_view(View::of("c").keep_keys(["kept"])).build();
    let counter = provider.meter("it").u64_counter("c").build();
    let _span = enter(Some(span(1)));
    let set = [kv("user", "u1"), kv("kept", 1)];
    type Door = fn(&Counter<u64>, &[KeyValue]);
    let doors: [Door; 2] = [|c, set| c.add(1, set), |c, set| c.bind(set).add(1)];
    for record in doors {
        record(&counter, &set);
        let kept = exemplars(&Snapshot::of(&provider), "c");
        assert_eq!(kept[0].attributes.to_string(), "{user=u1}");
    }
}

#[test]
fn the_filter_decides() {
    for (filter, outside, inside) in [
        (ExemplarFilter::TraceBased, None, Some(1)),
        (ExemplarFilter::AlwaysOn, Some(0), Some(1)),
        (ExemplarFilter::AlwaysOff, None, None),
    ] {
        for bound in [false, true] {
            let provider = MeterProvider::builder().with_exemplar_filter(filter).build();
            let counter = provider.meter("it").u64_counter("c").build();
            let record = || if bound { counter.bind(&[]).add(1) } else { counter.add(1, &[]) };
            let trace = || exemplars(&Snapshot::of(&provider), "c").first().map(|kept| kept.trace_id[0]);
            record();
            record();
            assert_eq!(trace(), outside, "{filter:?}");
            let _span = enter(Some(span(1)));
            record();
            assert_eq!(trace(), inside, "{filter:?}");
        }
    }
}
