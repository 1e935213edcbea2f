//! What producers say is seen by every reader, as it wants it.

use std::sync::{Arc, Mutex};

use throughline_core::{AttributeSet, InstrumentationScope};
use throughline_metrics::data::{MetricData, Temporality};
use throughline_metrics::producer::{ProducedData, ProducedHistogram, ProducedMetric, Producer};
use throughline_metrics::testing::Snapshot;
use throughline_metrics::{DropReason, MeterProvider, TemporalityPreference};

use crate::support::{NONE, SECOND, dropped, kv, manual_clock, points};

/// Says what it is told to.
#[derive(Clone, Default)]
struct Told(Arc<Mutex<Vec<ProducedMetric>>>);

impl Told {
    fn say(&self, metrics: impl IntoIterator<Item = ProducedMetric>) {
        *self.0.lock().unwrap() = metrics.into_iter().collect();
    }
}

impl Producer for Told {
    fn produce(&self) -> Vec<ProducedMetric> {
        self.0.lock().unwrap().clone()
    }
}

fn set(value: &'static str) -> AttributeSet {
    AttributeSet::new(&[kv("k", value)][..])
}

fn counter(points: &[(&'static str, f64)]) -> ProducedMetric {
    let points = points.iter().map(|(key, value)| (set(key), *value)).collect();
    ProducedMetric::new("jobs_total", ProducedData::Sum { monotonic: true, points })
}

fn histogram(sum: f64, buckets: &[u64]) -> ProducedMetric {
    let points = vec![(set("a"), ProducedHistogram { sum, buckets: buckets.to_vec() })];
    ProducedMetric::new("latency", ProducedData::Histogram { bounds: vec![1.0, 2.0], points })
}

#[test]
fn every_reader_sees_it_beside_what_is_recorded() {
    let provider = MeterProvider::default();
    let told = Told::default();
    provider.add_producer(told.clone());
    provider.meter("own").u64_counter("own").build().add(1, NONE);
    let mut early = provider.reader(TemporalityPreference::Cumulative);
    for round in [1.0, 2.0] {
        let depth = ProducedMetric::new("depth", ProducedData::Gauge(vec![(set("a"), round)]));
        told.say([counter(&[("a", round), ("b", 7.0)]), depth, histogram(round, &[1, 0, 2])]);
        for snapshot in [Snapshot::collected(&mut early), Snapshot::of(&provider)] {
            assert_eq!(snapshot.sum("own", NONE), 1.0);
            assert_eq!(snapshot.sum("jobs_total", &[kv("k", "a")]), round);
            assert_eq!(snapshot.gauge("depth", &[kv("k", "a")]), round);
            let latency = snapshot.histogram("latency", &[kv("k", "a")]);
            assert_eq!((latency.count, latency.sum, latency.buckets), (3, round, &[1, 0, 2][..]));
            assert_eq!(snapshot.names(), ["own", "jobs_total", "depth", "latency"]);
        }
    }
}

#[test]
fn delta_readers_are_told_what_was_added() {
    let provider = MeterProvider::default();
    let told = Told::default();
    provider.add_producer(told.clone());
    let mut reader = provider.reader(TemporalityPreference::Delta);
    let mut round = |value: f64, buckets: &[u64]| {
        told.say([counter(&[("a", value)]), histogram(value, buckets)]);
        let snapshot = Snapshot::collected(&mut reader);
        let MetricData::Sum { temporality, .. } = &snapshot.metric("jobs_total").1.data else {
            panic!("it is a sum")
        };
        assert_eq!(*temporality, Temporality::Delta);
        let latency = snapshot.histogram("latency", &[kv("k", "a")]);
        (snapshot.sum("jobs_total", &[kv("k", "a")]), latency.sum, latency.buckets.to_vec())
    };
    assert_eq!(round(5.0, &[1, 2, 3]), (5.0, 5.0, vec![1, 2, 3]));
    assert_eq!(round(7.0, &[1, 4, 3]), (2.0, 2.0, vec![0, 2, 0]));
    assert_eq!(round(3.0, &[1, 0, 0]), (3.0, 3.0, vec![1, 0, 0]), "it was reset");
}

#[test]
fn a_series_keeps_its_id_and_knows_since_when_it_counts() {
    let clock = manual_clock();
    let provider = MeterProvider::builder().with_clock(clock.clone()).build();
    let told = Told::default();
    provider.add_producer(told.clone());
    let mut reader = provider.reader(TemporalityPreference::Cumulative);
    let mut seen = |points_said: &[(&'static str, f64)]| {
        clock.advance(SECOND);
        told.say([counter(points_said)]);
        let points = points(&Snapshot::collected(&mut reader), "jobs_total");
        let seconds = |at: usize| (points.start(at).as_nanos() / 1_000_000_000) - 1000;
        let rows = (0..points.len()).map(|at| (points.at(at).series, seconds(at)));
        (rows.collect::<Vec<_>>(), points.version())
    };
    let (first, version) = seen(&[("a", 1.0)]);
    let (again, same) = seen(&[("a", 2.0)]);
    assert_eq!((&first, version), (&again, same), "exporters know it by its list");
    assert_eq!(first[0].1, 0, "since the producer was added");
    let (more, _) = seen(&[("a", 2.0), ("b", 1.0)]);
    assert_eq!((more[0], more[1].1), (first[0], 2), "a new one since the collection before");
    let (reset, _) = seen(&[("a", 1.0), ("b", 1.0)]);
    assert_eq!(reset.iter().map(|(_, start)| *start).collect::<Vec<_>>(), [3, 2], "it was reset");
    let (left, _) = seen(&[("b", 1.0)]);
    assert_eq!(left, reset[1..]);
}

#[test]
fn what_makes_no_sense_is_dropped_and_counted() {
    let provider = MeterProvider::default();
    let told = Told::default();
    provider.add_producer(told.clone());
    told.say([
        counter(&[("a", 1.0), ("a", 2.0), ("b", 3.0)]),
        counter(&[("c", 1.0)]),
        histogram(1.0, &[1]),
        ProducedMetric::new("jobs_total", ProducedData::Gauge(vec![(set("a"), 9.0)])),
    ]);
    let snapshot = Snapshot::of(&provider);
    assert_eq!(points(&snapshot, "jobs_total").len(), 2, "the first of each");
    assert_eq!(dropped(&provider, DropReason::ProducedInvalid), 3);
    assert_eq!(snapshot.names(), ["jobs_total", "jobs_total"], "a gauge of that name is another metric");
}

#[test]
fn there_is_a_limit() {
    let provider = MeterProvider::default();
    let told = Told::default();
    provider.add_producer(told.clone());
    let points = (0..100_002).map(|number| (AttributeSet::new(&[kv("n", number)][..]), 1.0)).collect();
    told.say([ProducedMetric::new("many_total", ProducedData::Sum { monotonic: true, points })]);
    let seen = crate::support::points(&Snapshot::of(&provider), "many_total");
    assert_eq!(seen.len(), 100_000);
    assert_eq!(dropped(&provider, DropReason::ProducerLimit), 2);
}

#[test]
fn one_that_panics_or_collects_harms_nobody() {
    struct Panics;
    impl Producer for Panics {
        fn produce(&self) -> Vec<ProducedMetric> {
            panic!("it cannot");
        }
    }

    struct Collects(MeterProvider);
    impl Producer for Collects {
        fn produce(&self) -> Vec<ProducedMetric> {
            let seen = Snapshot::of(&self.0).names().len() as f64;
            vec![ProducedMetric::new("seen", ProducedData::Gauge(vec![(AttributeSet::empty(), seen)]))]
        }
        fn scope(&self) -> InstrumentationScope {
            InstrumentationScope::builder("looks").build()
        }
    }

    let provider = MeterProvider::default();
    provider.add_producer(Panics);
    provider.add_producer(Collects(provider.clone()));
    provider.meter("own").u64_counter("own").build().add(1, NONE);
    let snapshot = Snapshot::of(&provider);
    assert_eq!(snapshot.gauge("seen", NONE), 1.0, "what is recorded, not itself");
    assert_eq!(snapshot.metric("seen").0.name(), "looks");
    assert_eq!(provider.callback_panics(), 2, "asked by both collections");
}
