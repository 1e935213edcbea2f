//! Recording in a series that exists allocates nothing, whichever way in; nor does collecting it again.

#[path = "../../throughline-core/tests/it/counting.rs"]
mod counting;

use throughline_core::KeyValue;
use throughline_macros::{AttributeValue, Attributes};
use throughline_metrics::view::View;
use throughline_metrics::{MeterProvider, TemporalityPreference};

use counting::allocations;

/// Runs `record` until everything is warm, and then checks that it allocates nothing.
#[track_caller]
fn assert_free(what: &str, record: impl Fn(u64)) {
    (0..3).for_each(&record);
    let count = allocations(|| (0..100).for_each(&record));
    assert_eq!(count, 0, "{what}");
}

#[derive(Clone, Copy, AttributeValue)]
#[attribute(crate = throughline_core)]
enum Outcome {
    Ok,
    Failed,
}

#[derive(Attributes)]
#[attribute(crate = throughline_core)]
struct Dense {
    outcome: Outcome,
    cached: bool,
}

#[derive(Attributes)]
#[attribute(crate = throughline_core)]
struct Route<'a> {
    route: &'a str,
    outcome: Outcome,
}

#[derive(Attributes)]
#[attribute(crate = throughline_core)]
struct Literals {
    method: &'static str,
    route: &'static str,
    code: i64,
}

fn sets() -> Vec<(&'static str, Vec<KeyValue>)> {
    let method = || KeyValue::new("method", "GET");
    let route = || KeyValue::new("route", "/cart/{id}".to_owned());
    let code = || KeyValue::new("code", 200);
    let list = || KeyValue::new("list", opentelemetry::Value::Array(vec![1_i64, 2].into()));
    let many = |n: i64| (0..n).map(|i| KeyValue::new(format!("key{i:02}"), i)).collect();
    vec![
        ("none", vec![]),
        ("canonical order", vec![code(), list(), method(), route()]),
        ("other order", vec![route(), code(), method(), list()]),
        ("a key twice", vec![code(), method(), KeyValue::new("code", 404)]),
        ("16 attributes", many(16)),
        ("17 attributes", many(17)),
        ("40 attributes", many(40)),
    ]
}

#[test]
fn dynamic_attributes() {
    let provider = MeterProvider::builder()
        .with_view(View::of("expo").exponential())
        .with_view(View::of("filtered").drop_keys(["code", "key03"]))
        .build();
    let meter = provider.meter("it");
    let counter = meter.u64_counter("c").build();
    let filtered = meter.f64_counter("filtered").build();
    let up_down = meter.i64_up_down_counter("u").build();
    let gauge = meter.f64_gauge("g").build();
    let histogram = meter.f64_histogram("h").build();
    let expo = meter.f64_histogram("expo").build();
    for (what, set) in sets() {
        assert_free(what, |n| counter.add(n, &set));
        assert_free(what, |n| filtered.add(n as f64, &set));
        assert_free(what, |n| up_down.add(-(n as i64), &set));
        assert_free(what, |n| gauge.set(n as f64, &set));
        assert_free(what, |n| histogram.record(n as f64, &set));
        // Ever larger and smaller: the block is coarsened several times on the way.
        assert_free(what, |n| expo.record(if n % 2 == 0 { 1.5_f64.powi(n as i32 * 9) } else { 1e-9 }, &set));
    }
}

#[test]
fn the_opentelemetry_api() {
    let provider = MeterProvider::default();
    let meter = opentelemetry::metrics::MeterProvider::meter(&provider, "api");
    let (counter, histogram) = (meter.u64_counter("c").build(), meter.f64_histogram("h").build());
    let gauge = meter.i64_gauge("g").build();
    for (what, set) in sets() {
        assert_free(what, |n| counter.add(n, &set));
        assert_free(what, |n| histogram.record(n as f64, &set));
        assert_free(what, |n| gauge.record(n as i64, &set));
    }
}

#[test]
fn typed_attributes() {
    let provider = MeterProvider::builder().with_view(View::of("expo").exponential()).build();
    let meter = provider.meter("it");
    let dense = meter.u64_counter("dense").with_attributes::<Dense>().build();
    let dense_expo = meter.f64_histogram("expo").with_attributes::<Dense>().build();
    let strings = meter.f64_histogram("strings").with_attributes::<Route<'_>>().build();
    let literals = meter.u64_counter("literals").with_attributes::<Literals>().build();
    let borrowed = meter.u64_counter("borrowed").with_attributes::<Route<'static>>().build();
    let texts: Vec<_> = (0..103).map(|n| format!("/cart/{}", n % 3)).collect();
    for outcome in [Outcome::Ok, Outcome::Failed] {
        assert_free("literals", |n| {
            literals.add(n, &Literals { method: "GET", route: "/cart", code: n as i64 % 3 });
        });
        assert_free("borrowed", |n| borrowed.add(n, &Route { route: &texts[n as usize], outcome }));
        assert_free("dense", |n| dense.add(n, &Dense { outcome, cached: true }));
        assert_free("dense", |n| dense_expo.record(n as f64, &Dense { outcome, cached: false }));
        assert_free("strings", |n| strings.record(n as f64, &Route { route: "/cart", outcome }));
    }
}

#[test]
fn bound_instruments() {
    let provider = MeterProvider::builder().with_view(View::of("expo").exponential()).build();
    let meter = provider.meter("it");
    let (counter, gauge) = (meter.u64_counter("c").build().bind(&[]), meter.u64_gauge("g").build().bind(&[]));
    let histogram = meter.f64_histogram("h").build().bind(&[]);
    let expo = meter.f64_histogram("expo").build().bind(&[]);
    assert_free("counter", |n| counter.add(n));
    assert_free("gauge", |n| gauge.set(n));
    assert_free("histogram", |n| histogram.record(n as f64));
    assert_free("exponential", |n| expo.record(1e-300 * 1e6_f64.powi(n as i32)));
}

#[test]
fn what_is_dropped_or_beyond_the_limit() {
    let provider = MeterProvider::builder().with_cardinality_limit(1).build();
    let counter = provider.meter("it").f64_counter("c").build();
    let refused = provider.meter("it").u64_counter("not valid").build();
    let sets: Vec<_> = (0..103).map(|n| [KeyValue::new("n", n)]).collect();
    assert_free("not a number", |_| counter.add(f64::NAN, &[]));
    assert_free("refused", |n| refused.add(n, &[]));
    assert_free("overflow", |n| counter.add(1.0, &sets[n as usize]));
}

/// How often a repeated collection allocates, with this many series in each instrument.
fn collection(series: i64, temporality: TemporalityPreference) -> u64 {
    let provider = MeterProvider::builder().with_view(View::of("expo").exponential()).build();
    let meter = provider.meter("it");
    let counter = meter.u64_counter("c").build();
    let gauge = meter.f64_gauge("g").build();
    let histogram = meter.f64_histogram("h").build();
    let expo = meter.f64_histogram("expo").build();
    let record = |n: i64| {
        counter.add(1, &[KeyValue::new("n", n)]);
        gauge.set(1.0, &[KeyValue::new("n", n)]);
        histogram.record(1.0, &[KeyValue::new("n", n)]);
        for value in [-2.0, 0.5, n as f64] {
            expo.record(value, &[KeyValue::new("n", n)]);
        }
    };
    let mut reader = provider.reader(temporality);
    // A delta reader has seen a total, and reported a difference.
    for _ in 0..3 {
        (0..series).for_each(record);
        reader.collect();
    }
    (0..series).for_each(record);
    allocations(|| {
        reader.collect();
    })
}

#[test]
fn collecting_again_allocates_nothing_for_each_series() {
    for temporality in [TemporalityPreference::Cumulative, TemporalityPreference::Delta] {
        assert_eq!(collection(300, temporality), collection(1, temporality), "{temporality:?}");
    }
}
