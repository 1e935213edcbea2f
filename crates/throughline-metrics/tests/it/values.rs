//! Values at and beyond the edges: what is refused is counted, and nothing makes a number that is none.

use throughline_metrics::data::{MetricData, Number};
use throughline_metrics::testing::Snapshot;
use throughline_metrics::view::View;
use throughline_metrics::{DropReason, MeterProvider, TemporalityPreference};

use crate::support::{NONE, dropped, points};

const NOT_FINITE: [f64; 3] = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY];

fn provider() -> MeterProvider {
    MeterProvider::builder().with_view(View::of("expo").exponential()).build()
}

#[test]
fn what_is_not_finite_is_dropped_and_counted_by_every_kind_and_door() {
    let provider = provider();
    let meter = provider.meter("it");
    let counter = meter.f64_counter("c").build();
    let up_down = meter.f64_up_down_counter("u").build();
    let gauge = meter.f64_gauge("g").build();
    let histogram = meter.f64_histogram("h").build();
    let expo = meter.f64_histogram("expo").build();
    for value in NOT_FINITE {
        counter.add(value, &[]);
        counter.bind(&[]).add(value);
        up_down.add(value, &[]);
        up_down.bind(&[]).add(value);
        gauge.set(value, &[]);
        gauge.bind(&[]).set(value);
        histogram.record(value, &[]);
        histogram.bind(&[]).record(value);
        expo.record(value, &[]);
        expo.bind(&[]).record(value);
    }
    assert_eq!(dropped(&provider, DropReason::NonFinite), 30);
    let snapshot = Snapshot::of(&provider);
    assert_eq!(snapshot.sum("c", NONE), 0.0);
    assert_eq!(snapshot.sum("u", NONE), 0.0);
    assert!(points(&snapshot, "g").is_empty(), "a gauge that was never set has no value");
    let value = snapshot.histogram("h", NONE);
    assert_eq!((value.count, value.sum, value.min, value.max), (0, 0.0, None, None));
    let value = snapshot.exponential("expo", NONE);
    assert_eq!((value.count, value.sum, value.min, value.max), (0, 0.0, None, None));
}

#[test]
fn counters_do_not_shrink() {
    let provider = provider();
    let counter = provider.meter("it").f64_counter("c").build();
    counter.add(2.0, &[]);
    counter.add(-1.0, &[]);
    counter.bind(&[]).add(-f64::MIN_POSITIVE);
    counter.add(-0.0, &[]);
    assert_eq!(dropped(&provider, DropReason::Negative), 2);
    assert_eq!(Snapshot::of(&provider).sum("c", NONE), 2.0);
}

#[test]
fn integers_wrap_around_and_deltas_with_them() {
    let provider = provider();
    let meter = provider.meter("it");
    let counter = meter.u64_counter("c").build();
    let up_down = meter.i64_up_down_counter("u").build();
    let mut delta = provider.reader(TemporalityPreference::Delta);
    counter.add(u64::MAX, &[]);
    up_down.add(i64::MAX, &[]);
    assert_eq!(points(&Snapshot::collected(&mut delta), "c").at(0).value, Number::U64(u64::MAX));
    counter.add(3, &[]);
    up_down.add(1, &[]);
    let snapshot = Snapshot::of(&provider);
    assert_eq!(points(&snapshot, "c").at(0).value, Number::U64(2));
    assert_eq!(points(&snapshot, "u").at(0).value, Number::I64(i64::MIN));
    assert_eq!(points(&Snapshot::collected(&mut delta), "c").at(0).value, Number::U64(3));
}

const EXTREMES: [f64; 9] =
    [0.0, -0.0, 5e-324, -5e-324, f64::MIN_POSITIVE, -f64::MIN_POSITIVE, 1e290, f64::MAX, f64::MIN];

#[test]
fn histograms_hold_every_finite_value() {
    let provider = provider();
    let meter = provider.meter("it");
    let histogram = meter.f64_histogram("h").with_bounds([-1.0, 0.0, 1.0]).build();
    let expo = meter.f64_histogram("expo").build();
    for value in EXTREMES {
        histogram.record(value, &[]);
        expo.record(value, &[]);
    }
    let snapshot = Snapshot::of(&provider);
    let value = snapshot.histogram("h", NONE);
    assert_eq!(value.buckets, [1, 4, 2, 2]);
    assert_eq!((value.count, value.sum), (9, 0.0));
    assert_eq!((value.min, value.max), (Some(f64::MIN), Some(f64::MAX)));
    let value = snapshot.exponential("expo", NONE);
    assert_eq!((value.count, value.zero_count), (9, 2));
    assert_eq!((value.positive.counts.iter().sum(), value.negative.counts.iter().sum()), (4_u64, 3_u64));
    assert_eq!((value.min, value.max, value.sum), (Some(f64::MIN), Some(f64::MAX), 0.0));
}

#[test]
fn the_smallest_and_the_largest_are_those_recorded() {
    let provider = provider();
    let meter = provider.meter("it");
    for values in [&[3.5][..], &[-2.0, -1.0], &[-1.0, 4.0, 2.0], &[0.0], &[-0.0]] {
        let name = format!("h{values:?}").replace(['[', ']', ',', ' '], "_");
        let histogram = meter.f64_histogram(name.clone()).build();
        for value in values {
            histogram.record(*value, &[]);
        }
        let snapshot = Snapshot::of(&provider);
        let value = snapshot.histogram(&name, NONE);
        assert_eq!(value.min, values.iter().copied().reduce(f64::min), "{values:?}");
        assert_eq!(value.max, values.iter().copied().reduce(f64::max), "{values:?}");
    }
}

#[test]
fn a_sum_beyond_the_largest_float_leaves_deltas_that_are_numbers() {
    let provider = provider();
    let meter = provider.meter("it");
    let counter = meter.f64_counter("c").build();
    let histogram = meter.f64_histogram("h").build();
    let expo = meter.f64_histogram("expo").build();
    let mut delta = provider.reader(TemporalityPreference::Delta);
    for _ in 0..3 {
        for _ in 0..2 {
            counter.add(f64::MAX, &[]);
            histogram.record(f64::MAX, &[]);
            expo.record(f64::MAX, &[]);
        }
        let snapshot = Snapshot::collected(&mut delta);
        assert!(points(&snapshot, "c").iter().all(|point| !point.value.as_f64().is_nan()));
        assert!(!snapshot.histogram("h", NONE).sum.is_nan());
        assert!(!snapshot.exponential("expo", NONE).sum.is_nan());
        assert_eq!(snapshot.histogram("h", NONE).count, 2);
    }
}

#[test]
fn sums_of_opposite_infinities_are_numbers() {
    let provider = provider();
    let meter = provider.meter("it");
    let up_down = meter.f64_up_down_counter("u").build();
    let histogram = meter.f64_histogram("h").build();
    let expo = meter.f64_histogram("expo").build();
    // Both threads hold a slab at the same time, so that each sums up on its own.
    let both = std::sync::Barrier::new(2);
    std::thread::scope(|scope| {
        for huge in [f64::MAX, f64::MIN] {
            let (up_down, histogram, expo, both) = (&up_down, &histogram, &expo, &both);
            scope.spawn(move || {
                for _ in 0..2 {
                    up_down.add(huge, &[]);
                    histogram.record(huge, &[]);
                    expo.record(huge, &[]);
                }
                both.wait();
            });
        }
    });
    let snapshot = Snapshot::of(&provider);
    assert!(!snapshot.sum("u", NONE).is_nan());
    assert!(!snapshot.histogram("h", NONE).sum.is_nan());
    assert!(!snapshot.exponential("expo", NONE).sum.is_nan());
}

#[test]
fn integer_histograms_and_gauges_take_their_extremes() {
    let provider = provider();
    let meter = provider.meter("it");
    meter.u64_histogram("h").with_bounds([10.0]).build().record(u64::MAX, &[]);
    meter.u64_histogram("expo").build().record(u64::MAX, &[]);
    meter.i64_gauge("g").build().set(i64::MIN, &[]);
    meter.f64_gauge("z").build().set(-0.0, &[]);
    let snapshot = Snapshot::of(&provider);
    assert_eq!(snapshot.histogram("h", NONE).buckets, [0, 1]);
    assert_eq!(snapshot.exponential("expo", NONE).max, Some(u64::MAX as f64));
    assert_eq!(points(&snapshot, "g").at(0).value, Number::I64(i64::MIN));
    assert_eq!(snapshot.gauge("z", NONE).to_bits(), (-0.0_f64).to_bits());
}

#[test]
fn bound_but_never_recorded_is_zero_and_a_gauge_has_no_value() {
    let provider = provider();
    let meter = provider.meter("it");
    let _counter = meter.u64_counter("c").build().bind(&[]);
    let _gauge = meter.u64_gauge("g").build().bind(&[]);
    let _histogram = meter.f64_histogram("h").build().bind(&[]);
    let snapshot = Snapshot::of(&provider);
    assert_eq!(snapshot.names(), ["c", "h"]);
    assert_eq!(snapshot.sum("c", NONE), 0.0);
    let (_, metric) = snapshot.metric("h");
    let MetricData::Histogram { points, .. } = &metric.data else { panic!("{metric:?}") };
    assert_eq!((points.at(0).value.count, points.at(0).value.min, points.at(0).value.max), (0, None, None));
    assert_eq!(points.at(0).value.buckets.len(), points.values().bounds().len() + 1);
}
