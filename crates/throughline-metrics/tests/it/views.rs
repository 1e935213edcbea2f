//! Views: what they change about a stream, and what happens when they cannot.

use throughline_core::InstrumentKind;
use throughline_metrics::data::{MetricData, Temporality};
use throughline_metrics::testing::Snapshot;
use throughline_metrics::view::View;
use throughline_metrics::{MeterProvider, MeterProviderBuilder, Observer, TemporalityPreference};

use crate::support::{NONE, kv, logged, on_each_event, points, total};

fn with(views: impl IntoIterator<Item = View>) -> MeterProvider {
    views.into_iter().fold(MeterProvider::builder(), MeterProviderBuilder::with_view).build()
}

#[test]
fn names_and_descriptions_change_and_the_rest_stays() {
    let provider = with([View::of("Http.*").rename("web.requests").describe("Answered.")]);
    let counter = provider.meter("it").u64_counter("http.requests").with_unit("{request}").build();
    counter.add(1, &[]);
    let snapshot = Snapshot::of(&provider);
    let (_, metric) = snapshot.metric("web.requests");
    assert_eq!((&*metric.description, &*metric.unit), ("Answered.", "{request}"));
    assert_eq!(snapshot.names(), ["web.requests"]);
}

#[test]
fn dropped_instruments_record_nothing_and_their_callbacks_do_not_run() {
    let provider = with([View::of("noisy.*").drop()]);
    let meter = provider.meter("it");
    meter.u64_counter("noisy.c").build().add(1, &[]);
    meter.u64_counter("noisy.c").build().bind(&[]).add(1);
    let _g = meter.i64_observable_gauge("noisy.g").with_callback(|_| panic!("asked")).build();
    assert!(Snapshot::of(&provider).names().is_empty());
    assert_eq!((provider.callback_panics(), provider.drops().len()), (0, 0));
}

#[test]
fn views_choose_by_name_kind_unit_and_scope() {
    let provider = with([
        View::of("*").kind(InstrumentKind::Histogram).unit("s").scope("chosen").rename("yes"),
        View::of("exact").rename("yes"),
    ]);
    let record = |scope: &'static str, name: &'static str, unit: &'static str| {
        provider.meter(scope).f64_histogram(name).with_unit(unit).build().record(1.0, &[]);
    };
    record("chosen", "a", "s");
    record("chosen", "b", "ms");
    record("other", "c", "s");
    record("other", "EXACT", "s");
    provider.meter("chosen").f64_gauge("d").with_unit("s").build().set(1.0, &[]);
    assert_eq!(Snapshot::of(&provider).names(), ["yes", "b", "d", "c", "yes"]);
}

#[test]
fn series_that_become_equal_become_one() {
    let provider = with([View::of("kept.*").keep_keys(["a"]), View::of("rest.*").drop_keys(["b", "c"])]);
    let meter = provider.meter("it");
    for name in ["kept.c", "rest.c"] {
        let counter = meter.u64_counter(name).build();
        for n in 0..6_i64 {
            counter.add(1, &[kv("b", n), kv("a", n % 2), kv("c", n)]);
            counter.bind(&[kv("c", n), kv("a", n % 2)]).add(10);
        }
    }
    let observe = |o: &Observer<'_, i64>| (0..6).for_each(|n| o.observe(2, &[kv("a", n % 3), kv("b", n)]));
    let _u = meter.i64_observable_up_down_counter("kept.u").with_callback(observe).build();
    let snapshot = Snapshot::of(&provider);
    for name in ["kept.c", "rest.c"] {
        assert_eq!(points(&snapshot, name).len(), 2);
        assert_eq!(snapshot.sum(name, &[kv("a", 0)]), 33.0);
        assert_eq!(snapshot.sum(name, &[kv("a", 1)]), 33.0);
    }
    assert_eq!(snapshot.sum("kept.u", &[kv("a", 2)]), 4.0);
}

#[test]
fn merged_observations_are_right_as_delta_too() {
    let provider = with([View::of("*").keep_keys(["a"])]);
    let meter = provider.meter("it");
    let calls = std::sync::atomic::AtomicU64::new(0);
    let observe = move |o: &Observer<'_, u64>| {
        let call = calls.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        (0..4_i64).for_each(|n| o.observe(10 * call, &[kv("a", 1), kv("b", n)]));
    };
    let _c = meter.u64_observable_counter("c").with_callback(observe).build();
    let mut delta = provider.reader(TemporalityPreference::Delta);
    let seen: Vec<_> = (0..4).map(|_| Snapshot::collected(&mut delta).sum("c", &[kv("a", 1)])).collect();
    assert_eq!(seen, [0.0, 40.0, 40.0, 40.0]);
}

#[test]
fn every_aggregation_takes_every_synchronous_instrument() {
    let views: [fn(View) -> View; 4] =
        [View::sum, View::last_value, |view| view.bounds([0.0, 10.0]), View::exponential];
    for (choice, view) in views.into_iter().enumerate() {
        let provider = with([view(View::of("m.*"))]);
        let meter = provider.meter("it");
        let (counter, up_down) = (meter.u64_counter("m.c").build(), meter.i64_up_down_counter("m.u").build());
        let (gauge, histogram) = (meter.f64_gauge("m.g").build(), meter.f64_histogram("m.h").build());
        for value in [4.0, 20.0] {
            counter.add(value as u64, &[]);
            up_down.add(value as i64, &[]);
            gauge.set(value, &[]);
            histogram.record(value, &[]);
        }
        let snapshot = Snapshot::of(&provider);
        for name in ["m.c", "m.u", "m.g", "m.h"] {
            match (choice, &snapshot.metric(name).1.data) {
                (0, MetricData::Sum { points, .. }) => assert_eq!(points.at(0).value.as_f64(), 24.0),
                (1, MetricData::Gauge { points }) => assert_eq!(points.at(0).value.as_f64(), 20.0),
                (2, MetricData::Histogram { points, .. }) => {
                    assert_eq!(
                        (&points.values().bounds()[..], points.at(0).value.buckets),
                        (&[0.0, 10.0][..], &[0, 1, 1][..])
                    );
                }
                (3, MetricData::ExponentialHistogram { points, .. }) => {
                    assert_eq!((points.at(0).value.count, points.at(0).value.sum), (2, 24.0));
                }
                (_, other) => panic!("{name}: {other:?}"),
            }
        }
    }
}

#[test]
fn observables_can_be_sums_and_last_values() {
    let provider = with([View::of("g").sum(), View::of("c").last_value()]);
    let meter = provider.meter("it");
    let _g = meter.i64_observable_gauge("g").with_callback(|o| o.observe(-2, NONE)).build();
    let _c = meter.u64_observable_counter("c").with_callback(|o| o.observe(5, NONE)).build();
    let mut delta = provider.reader(TemporalityPreference::Delta);
    for _ in 0..2 {
        let snapshot = Snapshot::collected(&mut delta);
        assert!(matches!(
            snapshot.metric("g").1.data,
            MetricData::Sum { monotonic: false, temporality: Temporality::Cumulative, .. }
        ));
        assert_eq!((snapshot.sum("g", NONE), snapshot.gauge("c", NONE)), (-2.0, 5.0));
    }
}

#[test]
fn exponential_shapes_are_brought_inside_the_limits() {
    let provider =
        with([View::of("tiny").exponential_with(0, 100), View::of("huge").exponential_with(100_000, -100)]);
    let meter = provider.meter("it");
    for name in ["tiny", "huge"] {
        let histogram = meter.f64_histogram(name).build();
        (1..1000).for_each(|n| histogram.record(f64::from(n), &[]));
    }
    let snapshot = Snapshot::of(&provider);
    assert!(snapshot.exponential("tiny", NONE).positive.counts.len() <= 2);
    assert_eq!(snapshot.exponential("huge", NONE).scale, throughline_metrics::MIN_SCALE);
    assert_eq!(snapshot.exponential("tiny", NONE).count, 999);
}

#[test]
fn views_win_over_what_the_instrument_asks_for() {
    let provider = with([View::of("h").bounds([1.0, 2.0])]);
    let histogram = provider.meter("it").f64_histogram("h").with_bounds([100.0]).build();
    histogram.record(1.5, &[]);
    assert_eq!(Snapshot::of(&provider).histogram("h", NONE).buckets, [0, 1, 0]);
}

#[test]
fn several_views_make_several_streams() {
    let provider = with([
        View::of("latency").rename("latency.by_route").keep_keys(["route"]),
        View::of("latency").rename("latency.all").keep_keys::<&str>([]).exponential(),
        View::of("latency").rename("latency.count").sum().limit(1),
        View::of("other").rename("never"),
    ]);
    let histogram = provider.meter("it").f64_histogram("latency").build();
    for n in 0..4_i64 {
        histogram.record(2.0, &[kv("route", n % 2), kv("user", n)]);
    }
    let bound = histogram.bind(&[kv("route", 1)]);
    bound.record(2.0);
    let snapshot = Snapshot::of(&provider);
    assert_eq!(snapshot.names(), ["latency.by_route", "latency.all", "latency.count"]);
    assert_eq!(snapshot.histogram("latency.by_route", &[kv("route", 1)]).count, 3);
    assert_eq!(snapshot.exponential("latency.all", NONE).count, 5);
    assert_eq!((points(&snapshot, "latency.count").len(), total(&snapshot, "latency.count")), (2, 10.0));
}

#[test]
fn what_cannot_be_is_said_and_left_out() {
    let cases: [(View, &str); 4] = [
        (View::of("c").rename("1st"), "renames `c` to `1st`"),
        (View::of("c").bounds([2.0, 1.0]), "which cannot be"),
        (View::of("c").bounds([f64::NAN]), "which cannot be"),
        (View::of("g").exponential(), "which cannot be"),
    ];
    for (view, expected) in cases {
        let provider = with([view]);
        let meter = provider.meter("it");
        let lines = logged(|| {
            meter.u64_counter("c").build().add(3, &[]);
            let _g = meter.i64_observable_gauge("g").with_callback(|o| o.observe(1, NONE)).build();
        });
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(lines[0].contains(expected), "{lines:?}");
        let snapshot = Snapshot::of(&provider);
        assert_eq!((snapshot.sum("c", NONE), snapshot.gauge("g", NONE)), (3.0, 1.0));
    }
}

/// A log subscriber may use the provider that warns, as one that counts log lines does.
#[test]
fn warnings_come_when_no_lock_is_held() {
    let provider = with([View::of("c").rename("1st")]);
    let counting = provider.clone();
    let count = move |_| counting.meter("log").u64_counter("lines").build().add(1, &[]);
    on_each_event(count, || provider.meter("it").u64_counter("c").build().add(1, &[]));
    let snapshot = Snapshot::of(&provider);
    assert_eq!((snapshot.sum("c", NONE), snapshot.sum("lines", NONE)), (1.0, 1.0));
}

/// Two streams of one name in one scope cannot be told apart by any backend: that is said.
#[test]
fn streams_of_one_name_are_said() {
    let provider =
        with([View::of("*").kind(InstrumentKind::Counter).limit(5), View::of("c").drop_keys(["k"])]);
    let lines = logged(|| provider.meter("it").u64_counter("c").build().add(1, &[]));
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].contains("two streams named `c`"), "{lines:?}");
}
