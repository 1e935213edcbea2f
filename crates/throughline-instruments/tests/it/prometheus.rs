//! A registry of the `prometheus` crate.
#![expect(clippy::float_cmp, reason = "the sums are of numbers that floats hold exactly")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use ::prometheus::core::{Collector, Desc};
use ::prometheus::proto::{Metric as MetricProto, MetricFamily, MetricType, Quantile, Summary};
use ::prometheus::{Counter, Gauge, HistogramOpts, HistogramVec, IntCounterVec, Opts, Registry, TextEncoder};
use opentelemetry_proto::tonic::metrics::v1::AggregationTemporality;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use throughline_core::KeyValue;
use throughline_instruments::prometheus::RegistryProducer;
use throughline_metrics::MeterProvider;
use throughline_metrics::testing::Snapshot;
use throughline_prometheus::Exposition;

use crate::wire::{float, pushed, samples, scraped};

/// Names and labels that a translator would change, on all kinds of metrics.
fn registry() -> Registry {
    let registry = Registry::new();
    let jobs = Counter::new("jobs__done", "Jobs:\n\"done\" \\ or not.").unwrap();
    jobs.inc_by(2.5);
    let requests =
        IntCounterVec::new(Opts::new("http_requests_total", "Requests."), &["_path", "code"]).unwrap();
    requests.with_label_values(&["/a\"b\\c\n", "200"]).inc_by(3);
    requests.with_label_values(&["/", "500"]).inc();
    let depth = Gauge::new("queue:depth", "Depth.").unwrap();
    depth.set(f64::INFINITY);
    let buckets = vec![0.1, 1.0, 10.0];
    let latency = HistogramOpts::new("latency_seconds", "Latency.").buckets(buckets);
    let latency = HistogramVec::new(latency, &["route"]).unwrap();
    for seconds in [0.05, 0.1, 5.0, 50.0] {
        latency.with_label_values(&["/"]).observe(seconds);
    }
    latency.with_label_values(&["/slow"]).observe(3.0);
    registry.register(Box::new(jobs)).unwrap();
    registry.register(Box::new(requests)).unwrap();
    registry.register(Box::new(depth)).unwrap();
    registry.register(Box::new(latency)).unwrap();
    registry
}

fn joined(registry: &Registry) -> MeterProvider {
    let provider = MeterProvider::default();
    provider.add_producer(RegistryProducer::new(registry.clone()));
    provider
}

#[test]
fn a_scrape_gives_the_series_that_the_registry_gave() {
    let registry = registry();
    registry.register(Box::new(Sizes::new())).unwrap();
    let own = TextEncoder::new().encode_to_string(&registry.gather()).unwrap();
    let ours = scraped(&joined(&registry), Exposition::Text0_0_4);
    assert_eq!(samples(&ours), samples(&own));
    assert!(
        ours.contains("# HELP jobs__done Jobs:\\n\"done\" \\\\ or not.\n# TYPE jobs__done counter\n"),
        "{ours}"
    );
    assert!(ours.contains("# TYPE latency_seconds histogram\n"), "{ours}");
}

#[test]
fn it_stands_beside_what_is_recorded_and_follows() {
    let registry = Registry::new();
    let provider = joined(&registry);
    provider.meter("own").u64_counter("own").build().add(1, &[]);
    let later = Counter::new("later_total", "It comes later.").unwrap();
    registry.register(Box::new(later.clone())).unwrap();
    for expected in [1.0, 2.0] {
        later.inc();
        let snapshot = Snapshot::of(&provider);
        assert_eq!(snapshot.sum("later_total", &()), expected);
        assert_eq!(snapshot.sum("own", &()), 1.0);
    }
    let text = scraped(&provider, Exposition::Text0_0_4);
    assert!(
        text.contains("\nlater_total 2\n") && text.contains("own_total{otel_scope_name=\"own\"} 1\n"),
        "{text}"
    );
}

#[test]
fn a_push_has_names_and_kinds_and_buckets() {
    let provider = joined(&registry());
    let requests = pushed(&provider, "http_requests_total");
    let Some(Data::Sum(sum)) = requests.data else { panic!("{requests:?}") };
    assert!(sum.is_monotonic && sum.aggregation_temporality() == AggregationTemporality::Cumulative);
    let mut values: Vec<_> = sum.data_points.iter().map(float).collect();
    values.sort_by(|a, b| a.partial_cmp(b).unwrap());
    assert_eq!((values, &*requests.description), (vec![Some(1.0), Some(3.0)], "Requests."));
    let latency = pushed(&provider, "latency_seconds");
    let Some(Data::Histogram(histogram)) = latency.data else { panic!("{latency:?}") };
    let point = histogram.data_points.iter().find(|point| point.count == 4).unwrap();
    assert_eq!((&point.explicit_bounds, &point.bucket_counts), (&vec![0.1, 1.0, 10.0], &vec![2, 0, 1, 1]));
    assert_eq!(point.sum, Some(55.15));
}

#[test]
fn a_summary_is_a_gauge_of_quantiles_and_two_sums() {
    let registry = Registry::new();
    registry.register(Box::new(Sizes::new())).unwrap();
    let snapshot = Snapshot::of(&joined(&registry));
    let quantile = |quantile: &'static str| KeyValue::new("quantile", quantile);
    assert_eq!(snapshot.gauge("sizes", &[quantile("0.5")]), 10.0);
    assert_eq!(snapshot.gauge("sizes", &[quantile("0.9")]), 20.0);
    assert_eq!((snapshot.sum("sizes_sum", &()), snapshot.sum("sizes_count", &())), (60.0, 5.0));
}

/// A collector with a summary, which the crate has no metric for.
struct Sizes(Desc);

impl Sizes {
    fn new() -> Self {
        Self(Desc::new("sizes".to_owned(), "Sizes.".to_owned(), Vec::new(), [].into()).unwrap())
    }
}

impl Collector for Sizes {
    fn desc(&self) -> Vec<&Desc> {
        vec![&self.0]
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let quantile = |(at, value)| {
            let mut quantile = Quantile::default();
            quantile.set_quantile(at);
            quantile.set_value(value);
            quantile
        };
        let mut summary = Summary::default();
        summary.set_sample_count(5);
        summary.set_sample_sum(60.0);
        summary.set_quantile([(0.5, 10.0), (0.9, 20.0)].map(quantile).to_vec());
        let mut metric = MetricProto::default();
        metric.set_summary(summary);
        let mut family = MetricFamily::default();
        family.set_name("sizes".to_owned());
        family.set_help("Sizes.".to_owned());
        family.set_field_type(MetricType::SUMMARY);
        family.set_metric(vec![metric]);
        vec![family]
    }
}
