//! What is recorded in a registry of the [`prometheus`] crate, shown wherever the metrics of a provider are.
//!
//! ```
//! use prometheus::{IntCounter, Registry};
//! use throughline_instruments::prometheus::RegistryProducer;
//! use throughline_metrics::MeterProvider;
//! use throughline_metrics::testing::Snapshot;
//!
//! let registry = Registry::new();
//! let jobs = IntCounter::new("jobs_total", "Jobs that were done.")?;
//! registry.register(Box::new(jobs.clone()))?;
//!
//! let provider = MeterProvider::default();
//! provider.add_producer(RegistryProducer::new(registry));
//! jobs.inc();
//! assert_eq!(Snapshot::of(&provider).sum("jobs_total", &()), 1.0);
//! # Ok::<(), prometheus::Error>(())
//! ```
//!
//! Names, labels and buckets stay as they are: a scrape of the provider's endpoint gives the series that a scrape of the
//! registry gave, without a label for a scope. Over OTLP a receiver may translate names; Prometheus adds `_total` to a counter
//! that has none. Summaries of collectors become gauges and sums. Metrics of no type are left out: the crate itself
//! cannot write them.

use ::prometheus::proto::MetricType;
use ::prometheus::{Registry, TextEncoder};
use throughline_metrics::producer::{ProducedMetric, Producer};

use crate::exposition;

/// Shows the metrics of a registry.
///
/// The registry is gathered, written and read at each collection. [`prometheus::default_registry`] gives the one that
/// macros such as `register_counter!` use.
///
/// [`prometheus::default_registry`]: ::prometheus::default_registry
#[derive(Clone, Debug)]
pub struct RegistryProducer(Registry);

impl RegistryProducer {
    /// Shows all of this registry, now and later.
    pub fn new(registry: Registry) -> Self {
        Self(registry)
    }
}

impl Producer for RegistryProducer {
    fn produce(&self) -> Vec<ProducedMetric> {
        let (encoder, mut text) = (TextEncoder::new(), String::new());
        let families = self.0.gather();
        for family in families.iter().filter(|family| family.get_field_type() != MetricType::UNTYPED) {
            // What fails is a family without name or metrics, so nothing is lost.
            let _empty = encoder.encode_utf8(std::slice::from_ref(family), &mut text);
        }
        exposition::read(&text)
    }
}
