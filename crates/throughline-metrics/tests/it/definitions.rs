//! What an instrument may be called, what happens when it is asked for twice, and what the catalogue knows.

use throughline_core::{InstrumentKind, MetricDef, NumberKind};
use throughline_macros::{AttributeValue, Attributes};
use throughline_metrics::testing::Snapshot;
use throughline_metrics::{
    Counter, DropReason, MAX_BOUNDS, MeterProvider, declare_static_histogram, kv_pairs,
};

use crate::support::{NONE, dropped, kv, logged, points};

#[test]
fn names() {
    let longest = "a".repeat(255);
    let too_long = "a".repeat(256);
    let valid = ["a", "Z", "http.server/duration_total-2", "a..b", &longest];
    let invalid =
        ["", "1a", "_a", ".a", "-a", "/a", "a b", "a\n", "a\0", "a:b", "a%", "naïve", "ä", &too_long];
    for name in valid {
        let provider = MeterProvider::default();
        let lines = logged(|| provider.meter("it").u64_counter(name.to_owned()).build().add(1, &[]));
        assert!(lines.is_empty(), "{lines:?}");
        assert_eq!(Snapshot::of(&provider).sum(name, NONE), 1.0);
    }
    for name in invalid {
        let provider = MeterProvider::default();
        let lines = logged(|| {
            let counter = provider.meter("it").u64_counter(name.to_owned()).build();
            counter.add(1, &[]);
            counter.bind(&[]).add(1);
        });
        assert_eq!(lines.len(), 1, "{name:?} {lines:?}");
        assert!(lines[0].contains("instrument name"), "{lines:?}");
        assert_eq!(dropped(&provider, DropReason::InvalidInstrument), 2, "{name:?}");
        assert_eq!(Snapshot::of(&provider).names(), ["throughline.measurements.dropped"]);
    }
}

#[test]
fn units_that_cannot_be_are_left_out_and_the_measurements_kept() {
    let longest = "u".repeat(63);
    for (unit, kept) in [("s", true), ("{request}", true), (&*longest, true), ("µs", false), ("", true)] {
        let provider = MeterProvider::default();
        let build = || provider.meter("it").u64_counter("c").with_unit(unit.to_owned()).build().add(1, &[]);
        assert_eq!(logged(build).is_empty(), kept, "{unit}");
        let snapshot = Snapshot::of(&provider);
        assert_eq!(&*snapshot.metric("c").1.unit, if kept { unit } else { "" });
        assert_eq!(snapshot.sum("c", NONE), 1.0);
    }
}

#[test]
fn bounds_that_cannot_be_give_way_to_the_default() {
    let cases: [(&[f64], bool); 7] = [
        (&[], true),
        (&[1.0], true),
        (&[-1.0, 0.0, 1e300], true),
        (&[1.0, 1.0], false),
        (&[2.0, 1.0], false),
        (&[f64::NAN], false),
        (&[1.0, f64::INFINITY], false),
    ];
    for (bounds, kept) in cases {
        let provider = MeterProvider::default();
        let build = || provider.meter("it").f64_histogram("h").with_bounds(bounds).build().record(1.0, &[]);
        assert_eq!(logged(build).is_empty(), kept, "{bounds:?}");
        let buckets = Snapshot::of(&provider).histogram("h", NONE).buckets.len();
        assert_eq!(buckets == bounds.len() + 1, kept, "{bounds:?}");
    }
}

#[test]
fn the_most_bounds_count_in_shared_cells_too() {
    let provider = MeterProvider::default();
    let build = |name: &'static str, bounds: usize| {
        let bounds: Vec<_> = (0..bounds).map(|bound| bound as f64).collect();
        provider.meter("it").f64_histogram(name).with_bounds(bounds).build()
    };
    let most = build("most", MAX_BOUNDS);
    // Each is a chunk, so that the threads' own cells are soon used up.
    for series in 0..200 {
        for value in [-1.0, 1e9] {
            most.record(value, &[kv("series", series)]);
        }
    }
    assert!(logged(|| drop(build("too_many", MAX_BOUNDS + 1))).concat().contains("are more than 4092"));
    let snapshot = Snapshot::of(&provider);
    for series in 0..200 {
        let value = snapshot.histogram("most", &[kv("series", series)]);
        assert_eq!((value.buckets[0], value.buckets[MAX_BOUNDS], value.count), (1, 1, 2), "{series}");
    }
}

#[test]
fn the_same_again_is_the_same() {
    let provider = MeterProvider::default();
    let new = || provider.meter("it").u64_counter("c").with_unit("s").with_description("d").build();
    let lines = logged(|| {
        new().add(1, &[]);
        new().add(2, &[]);
        new().bind(&[]).add(4);
    });
    assert!(lines.is_empty(), "{lines:?}");
    assert_eq!(Snapshot::of(&provider).sum("c", NONE), 7.0);
}

#[test]
fn names_that_differ_in_case_are_the_same() {
    let provider = MeterProvider::default();
    for name in ["Http.Requests", "http.requests", "HTTP.REQUESTS"] {
        provider.meter("it").u64_counter(name).build().add(1, &[]);
    }
    let snapshot = Snapshot::of(&provider);
    assert_eq!(snapshot.names(), ["Http.Requests"]);
    assert_eq!(snapshot.sum("Http.Requests", NONE), 3.0);
}

#[test]
fn another_unit_description_or_bounds_warns_and_records_in_the_first() {
    let provider = MeterProvider::default();
    let meter = provider.meter("it");
    meter.f64_histogram("h").with_unit("s").with_bounds([1.0]).build().record(1.0, &[]);
    let lines = logged(|| {
        meter.f64_histogram("h").with_unit("ms").with_bounds([1.0]).build().record(1.0, &[]);
        meter.f64_histogram("h").with_unit("s").with_bounds([2.0]).build().record(1.0, &[]);
        meter
            .f64_histogram("h")
            .with_unit("s")
            .with_bounds([1.0])
            .with_description("d")
            .build()
            .record(1.0, &[]);
    });
    assert_eq!(lines.len(), 3, "{lines:?}");
    let snapshot = Snapshot::of(&provider);
    assert_eq!(snapshot.histogram("h", NONE).buckets, [4, 0]);
    assert_eq!(&*snapshot.metric("h").1.unit, "s");
}

#[test]
fn another_kind_or_number_warns_and_its_measurements_are_dropped() {
    let provider = MeterProvider::default();
    let meter = provider.meter("it");
    meter.u64_counter("c").build().add(1, &[]);
    let lines = logged(|| {
        meter.f64_counter("c").build().add(1.0, &[]);
        meter.i64_up_down_counter("c").build().add(1, &[]);
        meter.f64_gauge("c").build().set(1.0, &[]);
        meter.f64_histogram("c").build().record(1.0, &[]);
        let _o = meter.u64_observable_counter("c").with_callback(|o| o.observe(9, NONE)).build();
    });
    assert_eq!(lines.len(), 5, "{lines:?}");
    assert!(lines.iter().all(|line| line.contains("`c` is a counter of u64 already")), "{lines:?}");
    assert_eq!(dropped(&provider, DropReason::InstrumentConflict), 4);
    let snapshot = Snapshot::of(&provider);
    assert_eq!((snapshot.names().len(), snapshot.sum("c", NONE)), (2, 1.0));
    provider.meter("another").f64_gauge("c").build().set(1.0, &[]);
    assert_eq!(dropped(&provider, DropReason::InstrumentConflict), 4, "other scopes have names of their own");
}

#[derive(Clone, Copy, AttributeValue)]
#[attribute(crate = throughline_core)]
enum Outcome {
    Ok,
    Failed,
}

#[derive(Attributes)]
#[attribute(crate = throughline_core)]
struct Request {
    outcome: Outcome,
}

declare_static_histogram!(
    /// Never recorded, nor is a provider installed in this program.
    WAITED, "it.waited", unit = "s", description = "Waited.", attributes = Request, bounds = &[0.1, 1.0]
);

#[test]
fn the_catalogue_knows_what_was_declared_and_what_was_made() {
    let provider = MeterProvider::default();
    let counter =
        provider.meter("b").u64_counter("made").with_unit("By").with_attributes::<Request>().build();
    counter.add(1, &Request { outcome: Outcome::Failed });
    let _g = provider.meter("a").i64_observable_gauge("observed").build();
    WAITED.record(1.0, &Request { outcome: Outcome::Ok });
    let catalogue = provider.catalogue();
    let names: Vec<_> = catalogue.iter().map(|entry| (entry.scope.as_str(), entry.name.as_str())).collect();
    assert_eq!(
        names,
        [
            ("a", "observed"),
            ("b", "made"),
            ("throughline", "throughline.measurements.dropped"),
            ("throughline-metrics", "it.waited"),
        ]
    );
    let made = &catalogue[1];
    assert_eq!((made.kind, made.number, made.series), (InstrumentKind::Counter, NumberKind::U64, 1));
    assert_eq!((made.unit.as_str(), made.attributes[0].values), ("By", &["ok", "failed"][..]));
    let waited = &catalogue[3];
    assert_eq!((waited.unit.as_str(), waited.description.as_str(), waited.series), ("s", "Waited.", 0));
    assert_eq!(waited.bounds.as_deref(), Some(&[0.1, 1.0][..]));
    assert_eq!(WAITED.definition().attributes.len(), 1);
}

#[test]
fn the_catalogue_counts_observed_series() {
    let provider = MeterProvider::builder().with_cardinality_limit(2).build();
    let _g = provider
        .meter("it")
        .i64_observable_gauge("g")
        .with_callback(|o| (0..5).for_each(|n| o.observe(n, &[kv("user", n)])))
        .build();
    let lines = logged(|| {
        let mut reader = provider.reader(throughline_metrics::TemporalityPreference::Cumulative);
        reader.collect();
        reader.collect();
    });
    let entry = &provider.catalogue()[0];
    assert_eq!((entry.name.as_str(), entry.series, entry.overflowed), ("g", 3, true));
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].contains("`g` has reached its limit of 2 series"), "{lines:?}");
    assert!(lines[0].contains("`user`"), "{lines:?}");
}

#[test]
fn definitions_make_instruments() {
    const DEF: MetricDef = MetricDef::new("c", InstrumentKind::Counter, NumberKind::U64).with_unit("By");
    let provider = MeterProvider::default();
    let counter: Counter<u64> = provider.meter("it").instrument(&DEF);
    counter.add(3, kv_pairs!("a" => 1, "b" => "x"));
    counter.add(4, kv_pairs!());
    let snapshot = Snapshot::of(&provider);
    assert_eq!(snapshot.sum("c", kv_pairs!("b" => "x", "a" => 1)), 3.0);
    assert_eq!((&*snapshot.metric("c").1.unit, points(&snapshot, "c").len()), ("By", 2));
}
