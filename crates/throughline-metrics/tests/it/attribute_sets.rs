//! Which attributes make the same series, through every door.

use throughline_core::{AttributeSet, KeyValue, Value};
use throughline_macros::Attributes;
use throughline_metrics::MeterProvider;
use throughline_metrics::testing::Snapshot;

use crate::support::{NONE, kv, points, total};

#[test]
fn order_does_not_matter_and_the_last_of_equal_keys_counts() {
    let provider = MeterProvider::default();
    let counter = provider.meter("it").u64_counter("c").build();
    let sets: [&[KeyValue]; 5] = [
        &[kv("a", 1), kv("b", "x"), kv("c", true)],
        &[kv("c", true), kv("b", "x"), kv("a", 1)],
        &[kv("b", "x"), kv("a", 9), kv("c", true), kv("a", 1)],
        &[kv("a", 1), kv("a", 1), kv("a", 1), kv("b", "x"), kv("c", true)],
        &[kv("c", false), kv("b", "y"), kv("c", true), kv("b", "x"), kv("a", 1)],
    ];
    for _ in 0..3 {
        for set in sets {
            counter.add(1, set);
            counter.bind(set).add(1);
        }
    }
    let snapshot = Snapshot::of(&provider);
    assert_eq!(points(&snapshot, "c").len(), 1);
    assert_eq!(snapshot.sum("c", sets[0]), 30.0);
    assert_eq!(points(&snapshot, "c").at(0).attributes.to_string(), "{a=1, b=x, c=true}");
}

/// Sets that are easily taken for one another: the same bytes, split or typed otherwise.
#[test]
fn different_sets_are_different_series() {
    let many = |n: usize| (0..n).map(|i| KeyValue::new(format!("k{i:02}"), i as i64)).collect::<Vec<_>>();
    let huge = "x".repeat(1 << 20);
    let array = |values: &[&'static str]| {
        Value::Array(values.iter().map(|v| opentelemetry::StringValue::from(*v)).collect::<Vec<_>>().into())
    };
    let sets: Vec<Vec<KeyValue>> = vec![
        vec![],
        vec![kv("", "")],
        vec![kv("", "a")],
        vec![kv("a", "")],
        vec![kv("a", "b")],
        vec![kv("ab", "")],
        vec![kv("a", "b\0")],
        vec![kv("a", "\0b")],
        vec![kv("a", ""), kv("b", "")],
        vec![kv("a", 1)],
        vec![kv("a", 1.0)],
        vec![kv("a", "1")],
        vec![kv("a", true)],
        vec![kv("a", "true")],
        vec![kv("a", 0.0)],
        vec![kv("a", -0.0)],
        vec![kv("a", f64::NAN)],
        vec![kv("a", array(&["x", "y"]))],
        vec![kv("a", array(&["xy"]))],
        vec![kv("a", array(&["x", ""]))],
        vec![kv("a", array(&[]))],
        vec![kv("a", Value::Array(vec![1_i64, 2].into()))],
        vec![kv("a", Value::Array(vec![1.0, 2.0].into()))],
        vec![kv("a", Value::Array(vec![true].into()))],
        vec![kv("a", "[\"x\",\"y\"]")],
        vec![kv("a", huge.clone())],
        vec![kv("a", format!("{huge}y"))],
        many(16),
        many(17),
        many(300),
    ];
    let provider = MeterProvider::default();
    let meter = provider.meter("it");
    let (counter, other) = (meter.u64_counter("c").build(), meter.u64_counter("d").build());
    for round in 0..3 {
        for (n, set) in sets.iter().enumerate() {
            counter.add(n as u64, set);
            let mut reversed = set.clone();
            reversed.reverse();
            counter.add(1000, &reversed);
            other.add(round, set);
        }
    }
    let snapshot = Snapshot::of(&provider);
    assert_eq!(points(&snapshot, "c").len(), sets.len());
    for (n, set) in sets.iter().enumerate() {
        assert_eq!(snapshot.sum("c", set.as_slice()), (n * 3 + 3000) as f64, "{n}");
        assert_eq!(snapshot.sum("d", set.as_slice()), 3.0, "{n}");
    }
}

/// More sets than a thread's cache has entries, over several instruments: entries give way, nothing is mixed up.
#[test]
fn caches_that_overflow_mix_nothing_up() {
    let provider = MeterProvider::builder().with_cardinality_limit(20_000).build();
    let meter = provider.meter("it");
    let counters: Vec<_> = (0..3).map(|n| meter.u64_counter(format!("c{n}")).build()).collect();
    for _ in 0..2 {
        for n in 0..6000_i64 {
            for counter in &counters {
                counter.add(n as u64, &[kv("n", n), kv("fixed", "x")]);
            }
        }
    }
    let snapshot = Snapshot::of(&provider);
    for name in ["c0", "c1", "c2"] {
        for point in points(&snapshot, name).iter() {
            let n = AttributeSet::value(point.attributes, "n").unwrap().to_string();
            assert_eq!(point.value.as_f64(), 2.0 * n.parse::<f64>().unwrap());
        }
        assert_eq!(total(&snapshot, name), 2.0 * (5999.0 * 6000.0 / 2.0));
    }
}

#[test]
fn instruments_that_end_leave_nothing_behind_in_caches() {
    for round in 0..50 {
        let provider = MeterProvider::default();
        let counter = provider.meter("it").u64_counter("c").build();
        counter.add(round, &[kv("k", "same in every round")]);
        counter.add(round, NONE);
        assert_eq!(total(&Snapshot::of(&provider), "c"), 2.0 * round as f64);
    }
}

#[derive(Attributes)]
#[attribute(crate = throughline_core)]
struct Labels<'a, 'b> {
    method: &'a str,
    route: &'b str,
}

/// What an instrument is recorded with need not live as long as the instrument.
#[test]
fn an_instrument_takes_sets_that_borrow_for_a_moment() {
    let provider = MeterProvider::default();
    let meter = provider.meter("it");
    let counter = meter.u64_counter("c").with_attributes::<Labels<'static, 'static>>().build();
    let histogram = meter.u64_histogram("h").with_attributes::<Labels<'static, 'static>>().build();
    for n in 0..30 {
        let route = format!("/items/{}", n % 3);
        let labels = Labels { method: "GET", route: &route };
        counter.add(1, &labels);
        counter.bind(&labels).add(1);
        histogram.record(n, &labels);
    }
    let snapshot = Snapshot::of(&provider);
    for n in 0..3 {
        let labels = Labels { method: "GET", route: &format!("/items/{n}") };
        assert_eq!(snapshot.sum("c", &labels), 20.0);
        assert_eq!(snapshot.histogram("h", &labels).count, 10);
    }
}

#[test]
fn an_instrument_takes_every_form_of_its_attributes() {
    let provider = MeterProvider::default();
    let meter = provider.meter("it");
    let counter = meter.u64_counter("c").build();
    let pair = || kv("k", "v");
    let vector = vec![pair()];
    let slice: &[KeyValue] = &vector;
    counter.add(1, &[]);
    counter.add(1, &vec![]);
    counter.add(1, &[pair()]);
    counter.add(1, &vector);
    counter.add(1, slice);
    counter.add(1, &slice);
    counter.add(1, &AttributeSet::new(slice));
    let unit = meter.u64_counter("c").with_attributes::<()>().build();
    unit.add(1, &());
    let snapshot = Snapshot::of(&provider);
    assert_eq!(snapshot.sum("c", NONE), 3.0);
    assert_eq!(snapshot.sum("c", slice), 5.0);
}

/// Literals are told by where they stand; wherever they do, their text decides.
#[test]
fn literals_at_different_addresses_are_the_same_series() {
    #[derive(Attributes)]
    #[attribute(crate = throughline_core)]
    struct Literal {
        text: &'static str,
    }
    let provider = MeterProvider::default();
    let counter = provider.meter("it").u64_counter("c").with_attributes::<Literal>().build();
    let long: &'static str = "x".repeat(1 << 17).leak();
    for _ in 0..3 {
        for text in ["abc", "abcabc".get(3..).unwrap(), "abc".to_owned().leak(), "abcd".get(..3).unwrap()] {
            counter.add(1, &Literal { text });
        }
        counter.add(1, &Literal { text: "" });
        counter.add(1, &Literal { text: long });
        counter.add(1, &Literal { text: long.get(..1 << 16).unwrap() });
    }
    let snapshot = Snapshot::of(&provider);
    assert_eq!(points(&snapshot, "c").len(), 4);
    assert_eq!(snapshot.sum("c", &Literal { text: "abc" }), 12.0);
    assert_eq!(snapshot.sum("c", &Literal { text: long }), 3.0);
}
