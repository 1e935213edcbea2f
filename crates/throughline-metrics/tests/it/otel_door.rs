//! The OpenTelemetry API on this engine: all its instruments, and everything their builders say.

use opentelemetry::metrics::AsyncInstrument;
use throughline_core::{InstrumentationScope, KeyValue};
use throughline_metrics::data::{MetricData, Number};
use throughline_metrics::testing::Snapshot;
use throughline_metrics::view::View;
use throughline_metrics::{DropReason, MeterProvider};

use crate::support::{NONE, dropped, kv, logged, points};

/// The API's meter of this provider.
fn api(provider: &MeterProvider) -> opentelemetry::metrics::Meter {
    let provider: &dyn opentelemetry::metrics::MeterProvider = provider;
    provider.meter("api")
}

/// `kind number value` of each metric, where a histogram's value is its count.
fn listing(snapshot: &Snapshot) -> Vec<String> {
    let show = |metric: &throughline_metrics::data::Metric| match &metric.data {
        MetricData::Sum { monotonic, points, .. } => {
            format!("{} sum monotonic={monotonic} {:?}", metric.name, points.at(0).value)
        }
        MetricData::Gauge { points } => format!("{} gauge {:?}", metric.name, points.at(0).value),
        MetricData::Histogram { points, .. } => {
            format!("{} histogram {}", metric.name, points.at(0).value.sum)
        }
        MetricData::ExponentialHistogram { points, .. } => {
            format!("{} exponential {}", metric.name, points.at(0).value.sum)
        }
    };
    snapshot.collection().metrics().filter(|(_, m)| !m.data.is_empty()).map(|(_, m)| show(m)).collect()
}

#[test]
fn all_sixteen_instruments_record() {
    let provider = MeterProvider::default();
    let meter = api(&provider);
    let set = [kv("k", "v")];
    meter.u64_counter("c.u64").build().add(1, &set);
    meter.f64_counter("c.f64").build().add(1.5, &set);
    meter.i64_up_down_counter("u.i64").build().add(-2, &set);
    meter.f64_up_down_counter("u.f64").build().add(-2.5, &set);
    meter.u64_gauge("g.u64").build().record(3, &set);
    meter.i64_gauge("g.i64").build().record(-3, &set);
    meter.f64_gauge("g.f64").build().record(3.5, &set);
    meter.u64_histogram("h.u64").build().record(4, &set);
    meter.f64_histogram("h.f64").build().record(4.5, &set);
    fn observe<T: Copy + Send + Sync + 'static>(
        value: T,
    ) -> impl Fn(&dyn AsyncInstrument<T>) + Send + Sync + 'static {
        move |observer| observer.observe(value, &[kv("k", "v")])
    }
    let _ = meter.u64_observable_counter("oc.u64").with_callback(observe(5)).build();
    let _ = meter.f64_observable_counter("oc.f64").with_callback(observe(5.5)).build();
    let _ = meter.i64_observable_up_down_counter("ou.i64").with_callback(observe(-6)).build();
    let _ = meter.f64_observable_up_down_counter("ou.f64").with_callback(observe(-6.5)).build();
    let _ = meter.u64_observable_gauge("og.u64").with_callback(observe(7)).build();
    let _ = meter.i64_observable_gauge("og.i64").with_callback(observe(-7)).build();
    let _ = meter.f64_observable_gauge("og.f64").with_callback(observe(7.5)).build();
    let snapshot = Snapshot::of(&provider);
    assert_eq!(
        listing(&snapshot),
        [
            "c.u64 sum monotonic=true U64(1)",
            "c.f64 sum monotonic=true F64(1.5)",
            "u.i64 sum monotonic=false I64(-2)",
            "u.f64 sum monotonic=false F64(-2.5)",
            "g.u64 gauge U64(3)",
            "g.i64 gauge I64(-3)",
            "g.f64 gauge F64(3.5)",
            "h.u64 histogram 4",
            "h.f64 histogram 4.5",
            "oc.u64 sum monotonic=true U64(5)",
            "oc.f64 sum monotonic=true F64(5.5)",
            "ou.i64 sum monotonic=false I64(-6)",
            "ou.f64 sum monotonic=false F64(-6.5)",
            "og.u64 gauge U64(7)",
            "og.i64 gauge I64(-7)",
            "og.f64 gauge F64(7.5)",
        ]
    );
    assert_eq!(points(&snapshot, "og.f64").at(0).attributes.to_string(), "{k=v}");
}

#[test]
fn builders_are_heard() {
    let provider = MeterProvider::default();
    let meter = api(&provider);
    let histogram = meter
        .f64_histogram("h")
        .with_unit("s")
        .with_description("Waited.")
        .with_boundaries(vec![0.5, 1.0])
        .build();
    histogram.record(0.7, &[]);
    meter.u64_histogram("none").with_boundaries(Vec::new()).build().record(9, &[]);
    let _o = meter.u64_observable_gauge("o").with_unit("By").with_description("Used.").build();
    let snapshot = Snapshot::of(&provider);
    let (scope, metric) = snapshot.metric("h");
    assert_eq!((scope.name(), &*metric.unit, &*metric.description), ("api", "s", "Waited."));
    assert_eq!(snapshot.histogram("h", NONE).buckets, [0, 1, 0]);
    assert_eq!(snapshot.histogram("none", NONE).buckets, [1]);
    let (_, metric) = snapshot.metric("o");
    assert_eq!((&*metric.unit, &*metric.description), ("By", "Used."));
}

#[test]
fn a_view_wins_over_boundaries_and_boundaries_over_the_default() {
    let provider = MeterProvider::builder().with_view(View::of("viewed").bounds([100.0])).build();
    for name in ["viewed", "plain"] {
        api(&provider).f64_histogram(name).with_boundaries(vec![1.0, 2.0]).build().record(1.5, &[]);
    }
    let snapshot = Snapshot::of(&provider);
    assert_eq!(snapshot.histogram("viewed", NONE).buckets, [1, 0]);
    assert_eq!(snapshot.histogram("plain", NONE).buckets, [0, 1, 0]);
}

#[test]
fn the_scope_is_kept_as_given_and_tells_instruments_apart() {
    let provider = MeterProvider::default();
    let base = || InstrumentationScope::builder("lib");
    let scopes = [
        base().build(),
        base().with_version("1.0").build(),
        base().with_version("1.0").with_schema_url("https://example.com/1").build(),
        base().with_version("1.0").with_attributes([kv("a", 1)]).build(),
    ];
    for (n, scope) in scopes.iter().enumerate() {
        // Twice the same scope is the same instrument.
        for _ in 0..2 {
            let meter = opentelemetry::metrics::MeterProvider::meter_with_scope(&provider, scope.clone());
            meter.u64_counter("c").build().add(n as u64 + 1, &[]);
        }
    }
    let snapshot = Snapshot::of(&provider);
    let mut seen: Vec<_> = snapshot
        .collection()
        .metrics()
        .filter_map(|(scope, metric)| match &metric.data {
            MetricData::Sum { points, .. } if &*metric.name == "c" => {
                Some((points.at(0).value, scope.clone()))
            }
            _ => None,
        })
        .collect();
    seen.sort_by_key(|(value, _)| value.as_f64() as u64);
    let expected: Vec<_> =
        scopes.into_iter().enumerate().map(|(n, scope)| (Number::U64(2 * n as u64 + 2), scope)).collect();
    assert_eq!(seen, expected);
}

#[test]
fn both_apis_record_in_the_same_series() {
    let provider = MeterProvider::default();
    let theirs = api(&provider).u64_counter("c").build();
    let ours = provider.meter("api").u64_counter("C").build();
    theirs.add(1, &[kv("a", 1), kv("b", 2)]);
    ours.add(2, &[kv("b", 2), kv("a", 1)]);
    theirs.add(4, &[kv("b", 0), KeyValue::new("a", 1), kv("b", 2)]);
    assert_eq!(Snapshot::of(&provider).sum("c", &[kv("a", 1), kv("b", 2)]), 7.0);
}

#[test]
fn what_is_invalid_is_said_and_counted() {
    let provider = MeterProvider::default();
    let meter = api(&provider);
    let lines = logged(|| {
        meter.u64_counter("not valid").build().add(1, &[]);
        meter.u64_counter("c").build().add(1, &[]);
        meter.f64_gauge("c").build().record(1.0, &[]);
        meter.f64_counter("f").build().add(-1.0, &[]);
    });
    assert_eq!(lines.len(), 2, "{lines:?}");
    let of = |reason| dropped(&provider, reason);
    assert_eq!(
        (of(DropReason::InvalidInstrument), of(DropReason::InstrumentConflict), of(DropReason::Negative)),
        (1, 1, 1)
    );
}

#[test]
fn a_disabled_provider_does_nothing() {
    let provider = MeterProvider::disabled();
    let meter = api(&provider);
    meter.u64_counter("c").build().add(1, &[]);
    let _o = meter.u64_observable_gauge("o").with_callback(|_| panic!("asked")).build();
    assert!(Snapshot::of(&provider).names().is_empty());
    assert!(provider.drops().is_empty() && provider.callback_panics() == 0);
}

#[cfg(feature = "otel-bound-instruments")]
#[test]
fn bound_instruments_record_in_their_series() {
    let provider = MeterProvider::default();
    let meter = api(&provider);
    let set = [kv("k", "v")];
    meter.u64_counter("c").build().bind(&set).add(2);
    meter.f64_up_down_counter("u").build().bind(&set).add(-0.5);
    meter.i64_gauge("g").build().bind(&set).record(-3);
    meter.f64_histogram("h").build().bind(&set).record(4.0);
    let snapshot = Snapshot::of(&provider);
    assert_eq!((snapshot.sum("c", &set), snapshot.sum("u", &set)), (2.0, -0.5));
    assert_eq!((snapshot.gauge("g", &set), snapshot.histogram("h", &set).sum), (-3.0, 4.0));
}
