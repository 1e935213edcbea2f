//! Cardinality limits, the overflow series, the expiry of idle series, and slots given back.

use std::sync::Arc;

use throughline_core::clock::{Clock as _, ManualClock};
use throughline_core::{AttributeSet, KeyValue};
use throughline_metrics::testing::Snapshot;
use throughline_metrics::view::View;
use throughline_metrics::{Counter, DEFAULT_LIMIT, MeterProvider, Reader, TemporalityPreference};

use crate::support::{SECOND, kv, logged, manual_clock, points, total};

fn overflow() -> [KeyValue; 1] {
    [kv("otel.metric.overflow", true)]
}

/// Adds one to the series `n`.
fn add(counter: &Counter<u64>, n: i64) {
    counter.add(1, &[kv("n", n)]);
}

#[test]
fn the_default_limit_fits_exactly() {
    let provider = MeterProvider::default();
    let counter = provider.meter("it").u64_counter("c").build();
    for n in 0..DEFAULT_LIMIT as i64 {
        add(&counter, n);
    }
    let snapshot = Snapshot::of(&provider);
    assert_eq!(points(&snapshot, "c").len(), DEFAULT_LIMIT);
    let full = &provider.catalogue()[0];
    assert_eq!((full.name.as_str(), full.series, full.overflowed), ("c", DEFAULT_LIMIT, false));

    add(&counter, -1);
    add(&counter, -2);
    add(&counter, 5);
    let snapshot = Snapshot::of(&provider);
    assert_eq!(points(&snapshot, "c").len(), DEFAULT_LIMIT + 1);
    assert_eq!(snapshot.sum("c", &overflow()), 2.0);
    assert_eq!(snapshot.sum("c", &[kv("n", 5)]), 2.0);
    assert!(provider.catalogue()[0].overflowed);
}

#[test]
fn the_warning_comes_once_and_names_the_instrument_and_the_key_with_most_values() {
    let provider = MeterProvider::builder().with_cardinality_limit(10).build();
    let counter = provider.meter("it").u64_counter("visits").build();
    let lines = logged(|| {
        for n in 0..50_i64 {
            counter.add(1, &[kv("few", n % 2), kv("user.id", n), kv("some", n % 5)]);
        }
    });
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].contains("`visits` has reached its limit of 10 series"), "{lines:?}");
    assert!(lines[0].contains("`user.id` has 10 values"), "{lines:?}");
}

#[test]
fn views_set_limits_of_their_own_and_zero_sends_everything_to_the_overflow() {
    let provider = MeterProvider::builder()
        .with_cardinality_limit(5)
        .with_view(View::of("one").limit(1))
        .with_view(View::of("zero").limit(0))
        .build();
    let meter = provider.meter("it");
    for name in ["one", "zero", "five"] {
        let counter = meter.u64_counter(name).build();
        (0..8).for_each(|n| add(&counter, n));
    }
    let snapshot = Snapshot::of(&provider);
    assert_eq!(snapshot.sum("one", &overflow()), 7.0);
    assert_eq!(snapshot.sum("zero", &overflow()), 8.0);
    assert_eq!(snapshot.sum("five", &overflow()), 3.0);
}

#[test]
fn every_kind_overflows() {
    let provider =
        MeterProvider::builder().with_cardinality_limit(1).with_view(View::of("expo").exponential()).build();
    let meter = provider.meter("it");
    let up_down = meter.i64_up_down_counter("u").build();
    let gauge = meter.f64_gauge("g").build();
    let histogram = meter.f64_histogram("h").build();
    let expo = meter.f64_histogram("expo").build();
    for n in 0..3 {
        let set = [kv("n", n)];
        up_down.add(-n, &set);
        gauge.set(n as f64, &set);
        histogram.bind(&set).record(n as f64);
        expo.record(n as f64, &set);
    }
    let snapshot = Snapshot::of(&provider);
    assert_eq!(snapshot.sum("u", &overflow()), -3.0);
    assert_eq!(snapshot.gauge("g", &overflow()), 2.0);
    assert_eq!(snapshot.histogram("h", &overflow()).count, 2);
    assert_eq!(snapshot.exponential("expo", &overflow()).sum, 3.0);
}

#[test]
fn a_set_that_looks_like_the_overflow_series_is_counted_in_it() {
    let provider = MeterProvider::builder().with_cardinality_limit(2).build();
    let counter = provider.meter("it").u64_counter("c").build();
    counter.add(1, &overflow());
    (0..3).for_each(|n| add(&counter, n));
    let snapshot = Snapshot::of(&provider);
    let mut sets: Vec<_> = points(&snapshot, "c").iter().map(|point| point.attributes.clone()).collect();
    assert_eq!(total(&snapshot, "c"), 4.0);
    sets.sort();
    sets.dedup();
    assert_eq!(sets.len(), points(&snapshot, "c").len(), "each set stands once");
}

#[test]
fn observables_overflow_too() {
    let provider = MeterProvider::builder().with_cardinality_limit(2).build();
    let observe = |o: &throughline_metrics::Observer<'_, u64>| {
        (0..5_i64).for_each(|n| o.observe(10, &[kv("n", n)]));
        // The same set again: the last value counts, beyond the limit as well.
        o.observe(20, &[kv("n", 4)]);
    };
    let _c = provider.meter("it").u64_observable_counter("c").with_callback(observe).build();
    let mut reader = provider.reader(TemporalityPreference::Cumulative);
    for _ in 0..2 {
        let snapshot = Snapshot::collected(&mut reader);
        assert_eq!(points(&snapshot, "c").len(), 3);
        assert_eq!(snapshot.sum("c", &[kv("n", 0)]), 10.0);
        assert_eq!(snapshot.sum("c", &overflow()), 40.0);
    }
}

#[test]
fn sets_that_a_callback_no_longer_reports_make_room_for_others() {
    let provider = MeterProvider::builder().with_cardinality_limit(3).build();
    let round = Arc::new(std::sync::atomic::AtomicI64::new(0));
    let first = Arc::clone(&round);
    let observe = move |o: &throughline_metrics::Observer<'_, i64>| {
        let first = first.load(std::sync::atomic::Ordering::Relaxed);
        (first..first + 3).for_each(|n| o.observe(n, &[kv("n", n)]));
    };
    let _g = provider.meter("it").i64_observable_gauge("g").with_callback(observe).build();
    let mut reader = provider.reader(TemporalityPreference::Cumulative);
    for n in [0, 10, 20, 21] {
        round.store(n, std::sync::atomic::Ordering::Relaxed);
        let snapshot = Snapshot::collected(&mut reader);
        let sets: Vec<_> = points(&snapshot, "g").iter().map(|p| p.attributes.to_string()).collect();
        let expected: Vec<_> = (n..n + 3).map(|n| AttributeSet::new(&[kv("n", n)]).to_string()).collect();
        let (mut sets, mut expected) = (sets, expected);
        sets.sort();
        expected.sort();
        assert_eq!(sets, expected);
    }
}

/// A provider whose series expire after four seconds; passes are made by collections at least one second apart.
fn expiring() -> (Arc<ManualClock>, MeterProvider, Counter<u64>) {
    let clock = manual_clock();
    let provider =
        MeterProvider::builder().with_clock(Arc::clone(&clock) as _).with_idle_expiry(4 * SECOND).build();
    let counter = provider.meter("it").u64_counter("c").build();
    (clock, provider, counter)
}

/// Collects every second.
fn wait(clock: &ManualClock, reader: &mut Reader, seconds: u32) {
    for _ in 0..seconds {
        clock.advance(SECOND);
        reader.collect();
    }
}

#[test]
fn idle_series_vanish_and_come_back_as_new_ones() {
    let (clock, provider, counter) = expiring();
    let mut reader = provider.reader(TemporalityPreference::Cumulative);
    add(&counter, 1);
    add(&counter, 2);
    let before = points(&Snapshot::collected(&mut reader), "c");
    let before = before.at(0);
    for _ in 0..10 {
        wait(&clock, &mut reader, 1);
        add(&counter, 2);
    }
    let snapshot = Snapshot::collected(&mut reader);
    assert_eq!(points(&snapshot, "c").len(), 1);
    assert_eq!(snapshot.sum("c", &[kv("n", 2)]), 11.0);

    add(&counter, 1);
    let snapshot = Snapshot::collected(&mut reader);
    assert_eq!(snapshot.sum("c", &[kv("n", 1)]), 1.0);
    let after = points(&snapshot, "c");
    let after = after.iter().find(|point| point.attributes == before.attributes).unwrap();
    assert_ne!(after.series, before.series);
    assert_eq!(after.start, clock.now());
    assert!(provider.drops().is_empty());
}

#[test]
fn a_series_in_a_place_that_was_vacated_is_seen_by_every_reader() {
    let (clock, provider, counter) = expiring();
    let mut reader = provider.reader(TemporalityPreference::Cumulative);
    let mut delta = provider.reader(TemporalityPreference::Delta);
    add(&counter, 1);
    wait(&clock, &mut reader, 2);
    delta.collect();
    wait(&clock, &mut reader, 8);
    assert!(points(&Snapshot::collected(&mut reader), "c").is_empty());
    assert!(points(&Snapshot::collected(&mut delta), "c").is_empty());
    add(&counter, 2);
    assert_eq!(Snapshot::collected(&mut reader).sum("c", &[kv("n", 2)]), 1.0);
    assert_eq!(Snapshot::collected(&mut delta).sum("c", &[kv("n", 2)]), 1.0);
}

#[test]
fn bound_series_do_not_expire() {
    let (clock, provider, counter) = expiring();
    let mut reader = provider.reader(TemporalityPreference::Cumulative);
    let bound = counter.bind(&[kv("n", 1)]);
    bound.add(1);
    wait(&clock, &mut reader, 20);
    bound.add(1);
    assert_eq!(Snapshot::collected(&mut reader).sum("c", &[kv("n", 1)]), 2.0);
    drop(bound);
    wait(&clock, &mut reader, 8);
    assert!(points(&Snapshot::collected(&mut reader), "c").is_empty());
}

#[test]
fn a_delta_reader_that_collects_rarely_loses_nothing_of_a_series_that_expires() {
    let (clock, provider, counter) = expiring();
    let mut often = provider.reader(TemporalityPreference::Cumulative);
    let mut rarely = provider.reader(TemporalityPreference::Delta);
    rarely.collect();
    add(&counter, 1);
    wait(&clock, &mut often, 20);
    assert_eq!(total(&Snapshot::collected(&mut rarely), "c"), 1.0);
    add(&counter, 1);
    wait(&clock, &mut often, 20);
    assert_eq!(total(&Snapshot::collected(&mut rarely), "c"), 1.0);
    wait(&clock, &mut often, 8);
    assert!(points(&Snapshot::collected(&mut often), "c").is_empty(), "everybody has seen it: it goes");
    rarely.collect();
    assert!(points(&Snapshot::collected(&mut rarely), "c").is_empty());
}

#[test]
fn a_delta_reader_that_is_gone_keeps_nothing_from_expiring() {
    let (clock, provider, counter) = expiring();
    let mut often = provider.reader(TemporalityPreference::Cumulative);
    drop(provider.reader(TemporalityPreference::Delta));
    add(&counter, 1);
    wait(&clock, &mut often, 8);
    assert!(points(&Snapshot::collected(&mut often), "c").is_empty());
}

#[test]
fn a_series_that_was_nearly_idle_is_not_reported_twice_as_delta() {
    let (clock, provider, counter) = expiring();
    let mut delta = provider.reader(TemporalityPreference::Delta);
    let mut seen = 0.0;
    for second in 0..40 {
        clock.advance(SECOND);
        // Series expire at different times, and each is revived when it is about to.
        for n in 0..7 {
            if second % (4 + n) == 0 {
                add(&counter, n);
            }
        }
        seen += total(&Snapshot::collected(&mut delta), "c");
    }
    let recorded: i64 = (0..7).map(|n| (0..40).filter(|second| second % (4 + n) == 0).count() as i64).sum();
    assert_eq!(seen, recorded as f64);
}

#[test]
fn counts_of_new_series_start_at_zero_however_many_came_before() {
    for round in 0..60_i64 {
        let provider = MeterProvider::default();
        let meter = provider.meter("it");
        let counter = meter.u64_counter("c").build();
        let histogram = meter.f64_histogram("h").build();
        for n in 0..500 {
            add(&counter, n);
            histogram.record(round as f64, &[kv("n", n)]);
        }
        let snapshot = Snapshot::of(&provider);
        assert!(points(&snapshot, "c").iter().all(|point| point.value.as_f64() == 1.0));
        let value = snapshot.histogram("h", &[kv("n", 499)]);
        assert_eq!((value.count, value.sum, value.max), (1, round as f64, Some(round as f64)));
    }
}

#[test]
fn more_series_than_there_are_slots_lose_nothing() {
    let provider = MeterProvider::builder().with_cardinality_limit(40_000).build();
    let counter = provider.meter("it").f64_counter("c").build();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| (0..20_000_i64).for_each(|n| counter.add(0.5, &[kv("n", n)])));
        }
    });
    let snapshot = Snapshot::of(&provider);
    assert_eq!(points(&snapshot, "c").len(), 20_000);
    assert!(points(&snapshot, "c").iter().all(|point| point.value.as_f64() == 1.0));
}

/// A thread that starts to record brings cells of its own for every series there is: that is no change of any.
#[test]
fn threads_that_start_keep_nothing_from_expiring() {
    let (clock, provider, counter) = expiring();
    let mut reader = provider.reader(TemporalityPreference::Cumulative);
    let other = MeterProvider::default().meter("it").u64_counter("other").build();
    add(&counter, 1);
    let started = std::sync::Barrier::new(2);
    let end = std::sync::Barrier::new(9);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            let (other, started, end) = (&other, &started, &end);
            scope.spawn(move || {
                add(other, 1);
                started.wait();
                end.wait();
            });
            started.wait();
            wait(&clock, &mut reader, 1);
        }
        end.wait();
    });
    assert!(points(&Snapshot::collected(&mut reader), "c").is_empty());
    assert!(provider.drops().is_empty());
}
