//! Callbacks of observable instruments: what they report, and what they must not be able to break.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use throughline_core::KeyValue;
use throughline_metrics::testing::Snapshot;
use throughline_metrics::view::View;
use throughline_metrics::{MeterProvider, Observer, TemporalityPreference};

use crate::support::{NONE, SECOND, kv, logged, manual_clock, points};

type Reported = Mutex<Vec<(&'static str, u64)>>;

/// A provider with an observable counter `c` that reports, at each collection, the sets and values in the list.
fn reporting() -> (Arc<Reported>, MeterProvider) {
    let reported: Arc<Reported> = Arc::default();
    let provider = MeterProvider::builder().with_clock(manual_clock()).build();
    let report = Arc::clone(&reported);
    let observe = move |o: &Observer<'_, u64>| {
        for (set, value) in report.lock().unwrap().iter() {
            o.observe(*value, &[kv("set", *set)]);
        }
    };
    let _c = provider.meter("it").u64_observable_counter("c").with_callback(observe).build();
    (reported, provider)
}

#[test]
fn deltas_are_differences_of_totals_for_each_reader() {
    let (reported, provider) = reporting();
    let mut early = provider.reader(TemporalityPreference::Delta);
    let mut late = provider.reader(TemporalityPreference::Delta);
    let mut low = provider.reader(TemporalityPreference::LowMemory);
    *reported.lock().unwrap() = vec![("a", 10)];
    assert_eq!(Snapshot::collected(&mut early).sum("c", &[kv("set", "a")]), 10.0);
    *reported.lock().unwrap() = vec![("a", 15), ("b", 1)];
    let snapshot = Snapshot::collected(&mut early);
    assert_eq!(snapshot.sum("c", &[kv("set", "a")]), 5.0);
    assert_eq!(snapshot.sum("c", &[kv("set", "b")]), 1.0);
    assert_eq!(Snapshot::collected(&mut late).sum("c", &[kv("set", "a")]), 15.0);
    assert_eq!(Snapshot::collected(&mut low).sum("c", &[kv("set", "a")]), 15.0);
    assert_eq!(Snapshot::collected(&mut low).sum("c", &[kv("set", "a")]), 15.0, "cumulative");
}

#[test]
fn sets_that_are_no_longer_reported_vanish() {
    let (reported, provider) = reporting();
    let mut reader = provider.reader(TemporalityPreference::Cumulative);
    *reported.lock().unwrap() = vec![("a", 1), ("b", 2)];
    assert_eq!(points(&Snapshot::collected(&mut reader), "c").len(), 2);
    *reported.lock().unwrap() = vec![("b", 3)];
    let snapshot = Snapshot::collected(&mut reader);
    assert_eq!(points(&snapshot, "c").len(), 1);
    assert_eq!(snapshot.sum("c", &[kv("set", "b")]), 3.0);
    reported.lock().unwrap().clear();
    assert!(Snapshot::collected(&mut reader).names().is_empty());
}

#[test]
fn the_last_of_equal_sets_counts() {
    let (reported, provider) = reporting();
    *reported.lock().unwrap() = vec![("a", 7), ("a", 5)];
    let mut delta = provider.reader(TemporalityPreference::Delta);
    assert_eq!(Snapshot::collected(&mut delta).sum("c", &[kv("set", "a")]), 5.0);
    assert_eq!(Snapshot::of(&provider).sum("c", &[kv("set", "a")]), 5.0);
}

#[test]
fn a_counter_that_shrinks_was_reset_and_starts_anew() {
    let clock = manual_clock();
    let value = Arc::new(AtomicU64::new(100));
    let read = Arc::clone(&value);
    let provider = MeterProvider::builder().with_clock(Arc::clone(&clock) as _).build();
    let observe = move |o: &Observer<'_, u64>| o.observe(read.load(Ordering::Relaxed), NONE);
    let _c = provider.meter("it").u64_observable_counter("c").with_callback(observe).build();
    let mut cumulative = provider.reader(TemporalityPreference::Cumulative);
    let mut delta = provider.reader(TemporalityPreference::Delta);
    let start = points(&Snapshot::collected(&mut cumulative), "c").at(0).start;
    delta.collect();

    value.store(5, Ordering::Relaxed);
    clock.advance(SECOND);
    assert_eq!(Snapshot::collected(&mut delta).sum("c", NONE), 5.0);
    let after = Snapshot::collected(&mut cumulative);
    assert_eq!(after.sum("c", NONE), 5.0);
    assert!(points(&after, "c").at(0).start >= start);

    value.store(9, Ordering::Relaxed);
    clock.advance(SECOND);
    assert_eq!(Snapshot::collected(&mut delta).sum("c", NONE), 4.0);
    let later = Snapshot::collected(&mut cumulative);
    assert_eq!(points(&later, "c").at(0).start, points(&after, "c").at(0).start);
}

#[test]
fn a_panic_is_counted_and_neither_stops_the_others_nor_takes_back_what_was_reported() {
    let provider = MeterProvider::default();
    let meter = provider.meter("it");
    let _bad = meter
        .i64_observable_gauge("bad")
        .with_callback(|o| {
            o.observe(1, &[kv("before", true)]);
            panic!("in a callback");
        })
        .with_callback(|o| o.observe(2, &[kv("second", true)]))
        .build();
    let _good = meter.i64_observable_gauge("good").with_callback(|o| o.observe(3, NONE)).build();
    let mut reader = provider.reader(TemporalityPreference::Cumulative);
    for round in 1..=2 {
        let mut snapshot = None;
        let lines = logged(|| snapshot = Some(Snapshot::collected(&mut reader)));
        let snapshot = snapshot.unwrap();
        assert_eq!(snapshot.gauge("bad", &[kv("before", true)]), 1.0);
        assert_eq!(snapshot.gauge("bad", &[kv("second", true)]), 2.0);
        assert_eq!(snapshot.gauge("good", NONE), 3.0);
        assert_eq!(provider.callback_panics(), round);
        assert!(lines[0].contains("the callback of `bad` panicked"), "{lines:?}");
    }
}

#[test]
fn callbacks_may_create_instruments_and_record() {
    let provider = MeterProvider::default();
    let meter = provider.meter("it");
    let inner = meter.clone();
    let calls = meter.u64_counter("calls").build();
    let _g = meter
        .u64_observable_gauge("g")
        .with_callback(move |o| {
            calls.add(1, &[]);
            inner.u64_counter("created").build().add(2, &[]);
            let _later = inner.i64_observable_gauge("g2").with_callback(|o| o.observe(4, NONE)).build();
            o.observe(1, NONE);
        })
        .build();
    let mut reader = provider.reader(TemporalityPreference::Cumulative);
    reader.collect();
    let snapshot = Snapshot::collected(&mut reader);
    assert_eq!(snapshot.sum("calls", NONE), 2.0);
    assert_eq!(snapshot.sum("created", NONE), 4.0);
    assert_eq!(snapshot.gauge("g2", NONE), 4.0);
}

/// A collection made by a callback does not ask that callback again; everything else is in it.
#[test]
fn a_callback_that_collects_is_not_asked_by_its_own_collection() {
    let provider = MeterProvider::default();
    let meter = provider.meter("it");
    meter.u64_counter("c").build().add(3, &[]);
    let _other = meter.u64_observable_gauge("other").with_callback(|o| o.observe(4, NONE)).build();
    let inner = provider.clone();
    let _nested = meter
        .f64_observable_gauge("nested")
        .with_callback(move |o| {
            let snapshot = Snapshot::of(&inner);
            assert_eq!(snapshot.names(), ["c", "other"]);
            o.observe(snapshot.sum("c", NONE) + snapshot.gauge("other", NONE), NONE);
        })
        .build();
    for _ in 0..2 {
        assert_eq!(Snapshot::of(&provider).gauge("nested", NONE), 7.0);
    }
    assert_eq!(provider.callback_panics(), 0);
}

#[test]
fn two_threads_may_collect_at_once() {
    let (reported, provider) = reporting();
    *reported.lock().unwrap() = vec![("a", 1)];
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..50 {
                    assert_eq!(Snapshot::of(&provider).sum("c", &[kv("set", "a")]), 1.0);
                }
            });
        }
    });
}

#[test]
fn an_instrument_asked_for_twice_has_both_callbacks_and_counts_nothing_twice() {
    let provider = MeterProvider::builder().with_view(View::of("filtered").keep_keys(["keep"])).build();
    for _ in 0..2 {
        let report = |o: &Observer<'_, u64>| {
            o.observe(1, &[kv("keep", 1), kv("drop", 1)]);
            o.observe(2, &[kv("drop", 2), kv("keep", 1)]);
        };
        for name in ["plain", "filtered"] {
            let _c = provider.meter("it").u64_observable_counter(name).with_callback(report).build();
        }
    }
    let snapshot = Snapshot::of(&provider);
    assert_eq!(snapshot.sum("filtered", &[kv("keep", 1)]), 3.0);
    assert_eq!(snapshot.sum("plain", &[KeyValue::new("keep", 1), kv("drop", 2)]), 2.0);
}

#[test]
fn what_cannot_be_observed_is_dropped_and_counted() {
    let provider = MeterProvider::default();
    let report = |o: &Observer<'_, f64>| {
        for value in [f64::NAN, f64::INFINITY, -1.0] {
            o.observe(value, NONE);
        }
        o.observe(1.0, &[kv("fine", true)]);
    };
    let _c = provider.meter("it").f64_observable_counter("c").with_callback(report).build();
    let snapshot = Snapshot::of(&provider);
    assert_eq!(points(&snapshot, "c").len(), 1);
    let drops: Vec<_> = provider.drops().into_iter().map(|(reason, n)| (reason.as_str(), n)).collect();
    assert_eq!(drops, [("non_finite", 2), ("negative_increment", 1)]);
    let later = Snapshot::of(&provider);
    assert_eq!(later.sum("throughline.measurements.dropped", &[kv("reason", "non_finite")]), 2.0);
}
