//! A registry of the `prometheus-client` crate.
#![expect(clippy::float_cmp, reason = "the sums are of numbers that floats hold exactly")]

use std::sync::{Arc, Mutex};

use ::prometheus_client::encoding::text::{encode, encode_registry};
use ::prometheus_client::metrics::counter::Counter;
use ::prometheus_client::metrics::family::Family;
use ::prometheus_client::metrics::gauge::Gauge;
use ::prometheus_client::metrics::histogram::Histogram;
use ::prometheus_client::metrics::info::Info;
use ::prometheus_client::registry::{Registry, Unit};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use throughline_instruments::prometheus_client::RegistryProducer;
use throughline_metrics::MeterProvider;
use throughline_metrics::testing::Snapshot;
use throughline_prometheus::Exposition;

use crate::wire::{float, pushed, samples, scraped};

type Labels = Vec<(String, String)>;

fn registry() -> Registry {
    let mut registry = Registry::with_prefix("shop");
    let jobs = Counter::<u64>::default();
    jobs.inc_by(2);
    registry.register("jobs", "Jobs that were done", jobs);
    let requests = Family::<Labels, Counter>::default();
    requests.get_or_create(&vec![("path".to_owned(), "/a\"b\\c\n".to_owned())]).inc_by(3);
    registry.register("requests", "Requests", requests);
    let below = registry.sub_registry_with_label(("zone".into(), "eu".into()));
    let memory = Gauge::<i64>::default();
    memory.set(-7);
    below.register_with_unit("memory", "Memory", Unit::Bytes, memory);
    let latency = Histogram::new([0.1, 1.0, 10.0]);
    for seconds in [0.05, 0.1, 5.0, 50.0] {
        latency.observe(seconds);
    }
    below.register_with_unit("latency", "Latency", Unit::Seconds, latency);
    let build = Info::new(vec![("version".to_owned(), "1.2".to_owned())]);
    registry.register("build", "What runs", build);
    registry
}

fn joined(registry: &Arc<Registry>) -> MeterProvider {
    let provider = MeterProvider::default();
    provider.add_producer(RegistryProducer::new(Arc::clone(registry)));
    provider
}

#[test]
fn a_scrape_gives_the_series_that_the_registry_gave() {
    let registry = Arc::new(registry());
    let mut own = String::new();
    encode(&mut own, &registry).unwrap();
    let ours = scraped(&joined(&registry), Exposition::OpenMetrics1_0_0);
    let known: Vec<_> =
        samples(&ours).into_iter().filter(|(series, _)| !series.contains("_created{")).collect();
    assert_eq!(known, samples(&own));
    for line in [
        "# TYPE shop_jobs counter\n",
        "# UNIT shop_latency_seconds seconds\n",
        "# TYPE shop_memory_bytes gauge\n",
    ] {
        assert!(ours.contains(line), "no `{line}` in:\n{ours}");
    }
}

#[test]
fn a_push_has_names_kinds_and_units() {
    let provider = joined(&Arc::new(registry()));
    let memory = pushed(&provider, "shop_memory_bytes");
    let Some(Data::Gauge(gauge)) = &memory.data else { panic!("{memory:?}") };
    assert_eq!((float(&gauge.data_points[0]), &*memory.unit), (Some(-7.0), "By"));
    let jobs = pushed(&provider, "shop_jobs_total");
    assert!(matches!(&jobs.data, Some(Data::Sum(sum)) if sum.is_monotonic), "{jobs:?}");
    let latency = pushed(&provider, "shop_latency_seconds");
    let Some(Data::Histogram(histogram)) = &latency.data else { panic!("{latency:?}") };
    assert_eq!((&histogram.data_points[0].bucket_counts, &*latency.unit), (&vec![2, 0, 1, 1], "s"));
}

#[test]
fn a_registry_behind_a_lock_can_grow() {
    let registry = Arc::new(Mutex::new(Registry::default()));
    let provider = MeterProvider::default();
    let shared = Arc::clone(&registry);
    provider
        .add_producer(RegistryProducer::writing(move |text| encode_registry(text, &shared.lock().unwrap())));
    assert_eq!(Snapshot::of(&provider).names(), <[&str; 0]>::default());
    let later = Counter::<u64>::default();
    registry.lock().unwrap().register("later", "It comes later", later.clone());
    later.inc();
    assert_eq!(Snapshot::of(&provider).sum("later_total", &()), 1.0);
}
