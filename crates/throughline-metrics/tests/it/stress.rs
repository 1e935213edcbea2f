//! Real threads that start and end while two readers collect: nothing is lost, nothing is doubled, nothing shrinks.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use throughline_core::AttributeSet;
use throughline_macros::{AttributeValue, Attributes};
use throughline_metrics::data::{Collection, MetricData, Temporality};
use throughline_metrics::view::View;
use throughline_metrics::{DropReason, Meter, MeterProvider, TemporalityPreference};

use crate::support::{SECOND, dropped, kv, manual_clock};

#[derive(Clone, Copy, AttributeValue)]
#[attribute(crate = throughline_core)]
enum Shard {
    A,
    B,
    C,
}

#[derive(Attributes)]
#[attribute(crate = throughline_core)]
struct Typed {
    shard: Shard,
}

#[derive(Attributes)]
#[attribute(crate = throughline_core)]
struct Named<'a> {
    shard: &'a str,
}

const SHARDS: [(Shard, &str); 3] = [(Shard::A, "a"), (Shard::B, "b"), (Shard::C, "c")];

/// Records `rounds` times through every door in every kind. All values are whole numbers, so that sums are exact.
fn record(meter: &Meter, thread: u64, rounds: u64) {
    let counter = meter.u64_counter("counter").build();
    let typed = meter.u64_counter("counter").with_attributes::<Typed>().build();
    let named = meter.f64_counter("floats").with_attributes::<Named<'_>>().build();
    let up_down = meter.i64_up_down_counter("up_down").build();
    let histogram = meter.f64_histogram("histogram").with_bounds([2.0, 8.0, 32.0]).build();
    let typed_histogram = meter.f64_histogram("histogram").with_attributes::<Typed>().build();
    let expo = meter.u64_histogram("expo").build();
    for round in 0..rounds {
        let (shard, name) = SHARDS[((thread + round) % 3) as usize];
        let (n, set) = (thread * 7 + round, [kv("shard", name)]);
        counter.add(n % 5, &set);
        counter.bind(&set).add(1);
        typed.add(2, &Typed { shard });
        named.add(3.0, &Named { shard: name });
        up_down.add(if round % 2 == 0 { 5 } else { -4 }, &set);
        up_down.bind(&[]).add(-1);
        histogram.record((n % 50) as f64, &set);
        typed_histogram.record(1.0, &Typed { shard });
        histogram.bind(&[]).record(40.0);
        // Values ever further apart, so that blocks are coarsened again and again.
        expo.record(1 << (n % 40), &set);
        expo.bind(&[]).record(round);
    }
}

/// What a series counts, made additive: value or count, then sum, then the buckets by their upper end.
type Totals = BTreeMap<(String, AttributeSet), (f64, f64)>;

fn totals(collection: &Collection) -> Totals {
    let mut totals = Totals::new();
    for (_, metric) in collection.metrics() {
        let mut put = |set: &AttributeSet, value| {
            totals.insert((metric.name.to_string(), set.clone()), value);
        };
        match &metric.data {
            MetricData::Sum { points, .. } | MetricData::Gauge { points } => {
                for point in points.iter() {
                    put(point.attributes, (point.value.as_f64(), 0.0));
                }
            }
            MetricData::Histogram { points, .. } => {
                for point in points.iter() {
                    assert_eq!(point.value.buckets.iter().sum::<u64>(), point.value.count);
                    put(point.attributes, (point.value.count as f64, point.value.sum));
                }
            }
            MetricData::ExponentialHistogram { points, .. } => {
                for point in points.iter() {
                    let value = &point.value;
                    let buckets = value.positive.counts.iter().chain(&value.negative.counts).sum::<u64>();
                    assert_eq!(buckets + value.zero_count, value.count, "{value:?}");
                    put(point.attributes, (value.count as f64, value.sum));
                }
            }
        }
    }
    totals
}

fn is_delta(name: &str) -> bool {
    name != "up_down"
}

fn add_to(seen: &mut Totals, collection: &Collection) {
    for (key, (a, b)) in totals(collection) {
        let entry = seen.entry(key.clone()).or_default();
        // Up-down counters stay cumulative for a delta reader.
        *entry = if is_delta(&key.0) { (entry.0 + a, entry.1 + b) } else { (a, b) };
    }
}

fn assert_not_shrunk(earlier: &Totals, later: &Totals) {
    for (key, (a, b)) in earlier.iter().filter(|(key, _)| is_delta(&key.0)) {
        let (later_a, later_b) = later.get(key).unwrap();
        assert!(later_a >= a && later_b >= b, "{key:?}: {a} {b} became {later_a} {later_b}");
    }
}

/// Runs `threads` threads, `at_once` at a time, and compares what two readers saw meanwhile with the same recordings
/// made by one thread alone.
fn nothing_is_lost(threads: u64, at_once: usize, rounds: u64) {
    let new = || MeterProvider::builder().with_view(View::of("expo").exponential()).build();
    let (provider, alone) = (new(), new());
    let meter = provider.meter("it");
    let done = AtomicBool::new(false);
    let (deltas, cumulative) = std::thread::scope(|scope| {
        let delta = scope.spawn(|| {
            let (mut reader, mut seen) = (provider.reader(TemporalityPreference::Delta), Totals::new());
            loop {
                let last = done.load(Ordering::Acquire);
                add_to(&mut seen, reader.collect());
                if last {
                    return seen;
                }
            }
        });
        let cumulative = scope.spawn(|| {
            let (mut reader, mut seen) = (provider.reader(TemporalityPreference::Cumulative), Totals::new());
            loop {
                let last = done.load(Ordering::Acquire);
                let now = totals(reader.collect());
                assert_not_shrunk(&seen, &now);
                seen = now;
                if last {
                    return seen;
                }
            }
        });
        for batch in (0..threads).collect::<Vec<_>>().chunks(at_once) {
            let started = std::sync::Barrier::new(batch.len());
            std::thread::scope(|scope| {
                for thread in batch {
                    let (meter, started) = (&meter, &started);
                    scope.spawn(move || {
                        started.wait();
                        record(meter, *thread, rounds);
                    });
                }
            });
        }
        done.store(true, Ordering::Release);
        (delta.join().unwrap(), cumulative.join().unwrap())
    });
    let meter = alone.meter("it");
    (0..threads).for_each(|thread| record(&meter, thread, rounds));
    let expected = totals(alone.reader(TemporalityPreference::Cumulative).collect());
    for (key, value) in &expected {
        assert_eq!(cumulative.get(key), Some(value), "cumulative {key:?}");
        assert_eq!(deltas.get(key), Some(value), "delta {key:?}");
    }
    assert_eq!((cumulative.len(), deltas.len()), (expected.len(), expected.len()));
}

#[test]
fn many_short_lived_threads_lose_nothing() {
    nothing_is_lost(300, 6, 10);
}

#[test]
fn few_busy_threads_lose_nothing() {
    nothing_is_lost(4, 4, 3000);
}

/// More threads at once than may have exponential blocks of their own.
#[test]
fn very_many_threads_at_once_lose_nothing() {
    nothing_is_lost(160, 80, 20);
}

/// A family far larger than what threads have cells of their own for.
#[test]
fn a_hundred_thousand_series_from_64_threads_lose_nothing() {
    const SERIES: i64 = 100_000;
    let provider = MeterProvider::builder().with_cardinality_limit(SERIES as usize).build();
    let counter = provider.meter("it").u64_counter("c").build();
    std::thread::scope(|scope| {
        for thread in 0..64_i64 {
            let counter = &counter;
            // Every series from eight threads.
            scope.spawn(move || {
                (thread % 8..SERIES).step_by(8).for_each(|n| counter.add(n as u64, &[kv("n", n)]));
            });
        }
    });
    let snapshot = throughline_metrics::testing::Snapshot::of(&provider);
    let points = crate::support::points(&snapshot, "c");
    assert_eq!(points.len(), SERIES as usize);
    for point in points.iter() {
        let n: f64 = point.attributes.value("n").unwrap().to_string().parse().unwrap();
        assert_eq!(point.value.as_f64(), 8.0 * n);
    }
}

/// More series than there are cells of the threads' own: the threads take longer slabs, and share what is beyond.
#[test]
fn series_beyond_the_cells_of_a_thread_lose_nothing() {
    const SERIES: i64 = 2000;
    let provider = MeterProvider::builder().with_view(View::of("expo").exponential()).build();
    let meter = provider.meter("it");
    let name = |n: usize| format!("h{n}");
    let histograms: Vec<_> = (0..8).map(|n| meter.f64_histogram(name(n)).build()).collect();
    let expo = meter.f64_histogram("expo").build();
    std::thread::scope(|scope| {
        for thread in 0..2 {
            let (histograms, expo) = (&histograms, &expo);
            scope.spawn(move || {
                for n in 0..SERIES {
                    let set = [kv("n", n)];
                    for histogram in histograms {
                        histogram.record(f64::from(thread + 1), &set);
                    }
                    for value in [1.0, -2.0, 1e6, 0.0] {
                        expo.record(value, &set);
                    }
                }
            });
        }
    });
    let collected = totals(provider.reader(TemporalityPreference::Cumulative).collect());
    assert_eq!(collected.len(), 9 * SERIES as usize);
    for ((name, set), seen) in &collected {
        let expected = if name == "expo" { (8.0, 2.0 * (1e6 - 1.0)) } else { (2.0, 3.0) };
        assert_eq!(*seen, expected, "{name} {set}");
    }
}

/// Series that appear in many threads at once are made once.
#[test]
fn threads_that_make_the_same_series_share_it() {
    let provider = MeterProvider::default();
    let counter = provider.meter("it").u64_counter("c").build();
    let mut delta = provider.reader(TemporalityPreference::Delta);
    let mut seen = 0.0;
    for round in 0..30_i64 {
        let started = std::sync::Barrier::new(8);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    started.wait();
                    (0..20_i64).for_each(|n| counter.add(1, &[kv("round", round), kv("n", n)]));
                });
            }
        });
        let collection = delta.collect();
        let (_, metric) = collection.metrics().find(|(_, metric)| &*metric.name == "c").unwrap();
        let MetricData::Sum { temporality: Temporality::Delta, points, .. } = &metric.data else { panic!() };
        assert_eq!(points.len(), 20);
        assert!(points.iter().all(|point| point.value.as_f64() == 8.0));
        seen += 160.0;
    }
    assert_eq!(crate::support::total(&throughline_metrics::testing::Snapshot::of(&provider), "c"), seen);
}

/// Series that expire under the hands of threads that record in them: a measurement is reported once, or, when its
/// thread was held up for all the time that expiry takes, counted as dropped.
#[test]
fn series_that_expire_while_they_are_recorded_lose_nothing_silently() {
    let clock = manual_clock();
    let provider =
        MeterProvider::builder().with_clock(Arc::clone(&clock) as _).with_idle_expiry(4 * SECOND).build();
    let counter = provider.meter("it").u64_counter("c").build();
    let histogram = provider.meter("it").f64_histogram("h").build();
    let mut reader = provider.reader(TemporalityPreference::Delta);
    let done = AtomicBool::new(false);
    let mut seen = Totals::new();
    std::thread::scope(|scope| {
        let writer = |thread: i64| {
            let (counter, histogram) = (&counter, &histogram);
            move || {
                for n in 0..20_000_i64 {
                    let set = [kv("n", (n / 50 + thread) % 40)];
                    counter.add(1, &set);
                    histogram.record(2.0, &set);
                }
            }
        };
        let collector = scope.spawn(|| {
            while !done.load(Ordering::Acquire) {
                clock.advance(SECOND);
                add_to(&mut seen, reader.collect());
            }
            // Twice, since a collection takes note of what came late only after it has reported.
            for _ in 0..2 {
                clock.advance(SECOND);
                add_to(&mut seen, reader.collect());
            }
        });
        let writers = [scope.spawn(writer(0)), scope.spawn(writer(20))];
        for writer in writers {
            writer.join().unwrap();
        }
        done.store(true, Ordering::Release);
        collector.join().unwrap();
    });
    let of = |name: &str| seen.iter().filter(|(key, _)| key.0 == name).map(|(_, value)| *value).collect();
    let (counters, histograms): (Vec<_>, Vec<_>) = (of("c"), of("h"));
    let counted: f64 = counters.iter().map(|(count, _)| count).sum();
    let recorded: f64 = histograms.iter().map(|(count, _)| count).sum();
    let late = dropped(&provider, DropReason::Expired);
    assert!(counted <= 40_000.0 && recorded <= 40_000.0, "{counted} {recorded}");
    assert!(counted + recorded == 80_000.0 || late > 0, "{counted} {recorded} {late}");
    assert!(histograms.iter().all(|(count, sum)| *sum == 2.0 * count || late > 0));
}
