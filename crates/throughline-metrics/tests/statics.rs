//! Instruments in statics, before and after there is a provider.

use std::time::Duration;

use throughline_core::{InstrumentKind, KeyValue};
use throughline_macros::Attributes;
use throughline_metrics::testing::Snapshot;
use throughline_metrics::{
    MeterProvider, TimeUnit, declare_observable_gauge, declare_static_counter, declare_static_gauge,
    declare_static_histogram, declare_static_timer, declare_static_up_down_counter, key_value, kv_pairs,
    statics,
};

#[derive(Attributes)]
#[attribute(crate = throughline_core)]
struct Cached {
    cached: bool,
}

declare_static_counter!(REQUESTS, "st.requests", unit = "{request}", description = "Answered.");
declare_static_counter!(
    /// Only this one is typed.
    pub(crate) LOOKUPS, "st.lookups", attributes = Cached
);
declare_static_up_down_counter!(OPEN, "st.open");
declare_static_gauge!(SHARE, "st.share", unit = "1");
declare_static_histogram!(WAITED, "st.waited", unit = "s", bounds = &[0.5, 1.5]);
declare_static_counter!(NEVER, "st.never");
declare_observable_gauge!(
    LOAD,
    "st.load",
    |observer| observer.observe(0.5, kv_pairs!("core" => "a")),
    unit = "1",
    description = "How busy."
);
declare_static_timer!(TOOK, "st.took", TimeUnit::Micros);
declare_static_timer!(
    /// Of several, this one is public.
    pub(crate) LASTED, "st.lasted", TimeUnit::Nanos
);

fn record() {
    REQUESTS.add(1, kv_pairs!("method" => "GET"));
    LOOKUPS.add(2, &Cached { cached: true });
    OPEN.add(-3, kv_pairs!());
    SHARE.set(0.25, &[]);
    WAITED.record(1.0, &[]);
    TOOK.record(Duration::from_millis(3), kv_pairs!("kind" => "slow"));
    drop(LASTED.start(&[key_value!("kind", "quick")]));
}

#[test]
fn statics_record_from_the_moment_a_provider_is_installed() {
    record();
    assert!(REQUESTS.instrument().is_none() && statics::global().is_none());

    let provider = MeterProvider::default();
    statics::install_global(provider.clone()).expect("it is the first");
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(record);
        }
    });
    let refused = statics::install_global(MeterProvider::default()).expect_err("there is one already");
    assert!(Snapshot::of(&refused).names().is_empty());

    let snapshot = Snapshot::of(&provider);
    let is =
        |value: f64, expected: f64| assert!((value - expected).abs() < f64::EPSILON, "{value} {expected}");
    is(snapshot.sum("st.requests", &[KeyValue::new("method", "GET")]), 4.0);
    is(snapshot.sum("st.lookups", &Cached { cached: true }), 8.0);
    is(snapshot.sum("st.open", &()), -12.0);
    is(snapshot.gauge("st.share", &()), 0.25);
    is(snapshot.gauge("st.load", &[KeyValue::new("core", "a")]), 0.5);
    assert_eq!((LOAD.definition().unit, snapshot.metric("st.load").1.unit.as_ref()), ("1", "1"));
    assert_eq!(snapshot.histogram("st.waited", &()).buckets, [0, 4, 0]);
    let took = snapshot.histogram("st.took.us", &[KeyValue::new("kind", "slow")]);
    assert_eq!((took.count, snapshot.metric("st.took.us").1.unit.as_ref()), (4, "us"));
    is(took.sum, 12_000.0);
    assert_eq!(snapshot.histogram("st.lasted.ns", &[KeyValue::new("kind", "quick")]).count, 4);
    let (scope, metric) = snapshot.metric("st.requests");
    assert_eq!((scope.name(), &*metric.unit), ("throughline-metrics", "{request}"));

    let catalogue = provider.catalogue();
    let entry = |name: &str| catalogue.iter().filter(|entry| entry.name == name).collect::<Vec<_>>();
    assert_eq!(entry("st.never").len(), 1);
    assert_eq!((entry("st.never")[0].series, entry("st.requests")[0].series), (0, 1));
    assert_eq!(entry("st.load").len(), 1);
    assert_eq!((entry("st.requests").len(), entry("st.requests")[0].kind), (1, InstrumentKind::Counter));
    assert_eq!(NEVER.definition().name, "st.never");
}
