//! What the derives expand to, as an instrument sees it.

use throughline_core::attribute::{AttributeValue as _, Attributes as _};
use throughline_core::{AttributeSet, KeyValue};
use throughline_macros::{AttributeValue, Attributes, MetricSet};
use throughline_metrics::testing::Snapshot;
use throughline_metrics::{Counter, Histogram, MeterProvider, MetricSet as _};

#[derive(Clone, Copy, AttributeValue)]
#[attribute(crate = throughline_core)]
enum Outcome {
    Ok,
    #[attribute(name = "too late")]
    TimedOut,
    HTTPError,
}

#[derive(Attributes)]
#[attribute(crate = throughline_core)]
struct Bounded {
    outcome: Outcome,
    cached: bool,
    #[attribute(key = "a.priority", max = 3)]
    priority: u8,
}

#[derive(Attributes)]
#[attribute(crate = throughline_core)]
struct Open<'a, T: throughline_core::attribute::AttributeValue> {
    route: &'a str,
    r#type: String,
    extra: T,
    ratio: f64,
}

#[test]
fn enums_are_closed_sets_of_values() {
    assert_eq!(Outcome::NAMES, ["ok", "too late", "http_error"]);
    assert_eq!(Outcome::CARDINALITY, Some(3));
    assert_eq!(Outcome::TimedOut.index(), 1);
}

#[test]
fn bounded_structs_have_an_index_for_each_set() {
    assert_eq!(Bounded::NUMBERED, 3 * 2 * 4);
    let mut seen = std::collections::BTreeSet::new();
    for outcome in [Outcome::Ok, Outcome::TimedOut, Outcome::HTTPError] {
        for cached in [false, true] {
            for priority in 0..4 {
                seen.insert(Bounded { outcome, cached, priority }.number());
            }
        }
    }
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), (0..24).collect::<Vec<_>>());
    let above = Bounded { outcome: Outcome::Ok, cached: false, priority: 200 };
    assert_eq!(AttributeSet::new(&above).to_string(), "{a.priority=3, cached=false, outcome=ok}");
    assert!(above.number() < 24);
}

#[test]
fn definitions_name_keys_and_values() {
    let keys: Vec<_> =
        Bounded::DEFINITIONS.iter().map(|def| (def.key, def.values.len(), def.cardinality)).collect();
    assert_eq!(keys, [("a.priority", 0, Some(4)), ("cached", 2, Some(2)), ("outcome", 3, Some(3))]);
}

#[test]
fn typed_and_dynamic_attributes_record_in_the_same_series() {
    let provider = MeterProvider::default();
    let meter = provider.meter("it");
    let typed = meter.u64_counter("c").with_attributes::<Bounded>().build();
    let dynamic = meter.u64_counter("c").build();
    let attributes = Bounded { outcome: Outcome::HTTPError, cached: true, priority: 2 };
    typed.add(1, &attributes);
    typed.bind(&attributes).add(10);
    let pairs = [
        KeyValue::new("outcome", "http_error"),
        KeyValue::new("cached", true),
        KeyValue::new("a.priority", 2),
    ];
    dynamic.add(100, &pairs);
    let open = meter.u64_counter("o").with_attributes::<Open<'static, bool>>().build();
    open.add(1, &Open { route: "/", r#type: "x".to_owned(), extra: true, ratio: 0.5 });
    let snapshot = Snapshot::of(&provider);
    assert!((snapshot.sum("c", &pairs) - 111.0).abs() < f64::EPSILON);
    let open = Open { route: "/", r#type: "x".to_owned(), extra: true, ratio: 0.5 };
    assert_eq!(AttributeSet::new(&open).to_string(), "{extra=true, ratio=0.5, route=/, type=x}");
    assert!((snapshot.sum("o", &open) - 1.0).abs() < f64::EPSILON);
}

#[derive(Attributes)]
#[attribute(crate = throughline_core)]
struct Call<'a> {
    #[attribute(key = "error.type")]
    error: Option<Outcome>,
    model: Option<&'a str>,
    route: &'a str,
}

#[test]
fn attributes_can_be_absent() {
    assert_eq!(Option::<Outcome>::CARDINALITY, Some(4));
    assert_eq!((None::<Outcome>.index(), Some(Outcome::Ok).index()), (0, 1));

    let provider = MeterProvider::default();
    let calls = provider.meter("shop").u64_counter("calls").with_attributes::<Call<'static>>().build();
    let sets = [
        Call { error: None, model: None, route: "a" },
        Call { error: None, model: Some("a"), route: "a" },
        Call { error: Some(Outcome::TimedOut), model: None, route: "a" },
        Call { error: None, model: Some("a text that is longer than what words hold of it"), route: "a" },
    ];
    for _ in 0..2 {
        for set in &sets {
            calls.add(1, set);
        }
    }
    let snapshot = Snapshot::of(&provider);
    let route = KeyValue::new("route", "a");
    for more in [
        vec![],
        vec![KeyValue::new("model", "a")],
        vec![KeyValue::new("error.type", "too late")],
        vec![KeyValue::new("model", "a text that is longer than what words hold of it")],
    ] {
        let attributes: Vec<_> = more.into_iter().chain([route.clone()]).collect();
        assert_eq!(snapshot.sum("calls", &attributes) as u64, 2, "{attributes:?}");
    }
}

#[derive(MetricSet)]
#[metric(crate = throughline_metrics)]
struct Shop {
    /// Calls of the shop,
    /// all of them.
    ///
    /// This is not part of the description.
    #[metric(name = "shop.calls", unit = "{call}")]
    calls: Counter<u64, Call<'static>>,
    #[metric(name = "shop.size", unit = "By", description = "How large.", bounds = &[1.0, 2.0])]
    size: Histogram<f64>,
}

#[test]
fn a_set_makes_its_instruments() {
    let provider = MeterProvider::default();
    let shop = Shop::new(&provider.meter("shop"));
    shop.calls.add(3, &Call { error: None, model: None, route: "a" });
    shop.size.record(1.5, &[]);

    let snapshot = Snapshot::of(&provider);
    assert_eq!(snapshot.sum("shop.calls", &[KeyValue::new("route", "a")]) as u64, 3);
    let [calls, size] = [Shop::DEFINITIONS[0], Shop::DEFINITIONS[1]];
    assert_eq!((calls.unit, calls.description), ("{call}", "Calls of the shop, all of them."));
    assert_eq!(calls.attributes.len(), 3);
    assert_eq!((size.description, size.bounds), ("How large.", Some(&[1.0, 2.0][..])));
}
