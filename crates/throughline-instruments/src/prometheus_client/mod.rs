//! What is recorded in a registry of the [`prometheus-client`](::prometheus_client) crate, shown wherever the metrics of a
//! provider are.
//!
//! ```
//! use std::sync::Arc;
//!
//! use prometheus_client::metrics::counter::Counter;
//! use prometheus_client::registry::Registry;
//! use throughline_instruments::prometheus_client::RegistryProducer;
//! use throughline_metrics::MeterProvider;
//! use throughline_metrics::testing::Snapshot;
//!
//! let mut registry = Registry::default();
//! let jobs = Counter::<u64>::default();
//! registry.register("jobs", "Jobs that were done", jobs.clone());
//!
//! let provider = MeterProvider::default();
//! provider.add_producer(RegistryProducer::new(Arc::new(registry)));
//! jobs.inc();
//! assert_eq!(Snapshot::of(&provider).sum("jobs_total", &()), 1.0);
//! ```
//!
//! Names, labels and buckets stay as the crate writes them: a scrape of the provider's endpoint gives the series that a
//! scrape of the registry gave, without a label for a scope. Exemplars are not taken over, and native histograms by their
//! classic buckets alone.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ::prometheus_client::encoding::text::encode_registry;
use ::prometheus_client::registry::Registry;
use throughline_metrics::producer::{ProducedMetric, Producer};

use crate::exposition;

/// Shows the metrics of a registry, which is written and read at each collection.
pub struct RegistryProducer {
    write: Box<dyn Fn(&mut String) -> fmt::Result + Send + Sync>,
    /// Whether it was said that not all can be written.
    said: AtomicBool,
}

impl RegistryProducer {
    /// Shows all of this registry.
    pub fn new(registry: Arc<Registry>) -> Self {
        Self::writing(move |text| encode_registry(text, &registry))
    }

    /// Shows what `write` writes: for a registry behind a lock, or several.
    ///
    /// ```
    /// use std::sync::{Arc, Mutex};
    ///
    /// use prometheus_client::encoding::text::encode_registry;
    /// use prometheus_client::registry::Registry;
    /// use throughline_instruments::prometheus_client::RegistryProducer;
    ///
    /// let registry = Arc::new(Mutex::new(Registry::default()));
    /// let producer = RegistryProducer::writing(move |text| {
    ///     encode_registry(text, &registry.lock().expect("nobody panics with it"))
    /// });
    /// # drop(producer);
    /// ```
    pub fn writing(write: impl Fn(&mut String) -> fmt::Result + Send + Sync + 'static) -> Self {
        Self { write: Box::new(write), said: AtomicBool::new(false) }
    }
}

impl Producer for RegistryProducer {
    fn produce(&self) -> Vec<ProducedMetric> {
        let mut text = String::new();
        if (self.write)(&mut text).is_err() && !self.said.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                target: "throughline",
                "a registry of prometheus-client stopped writing before its end, so the metrics behind that are not \
                 shown; a native histogram without classic buckets cannot be written as text"
            );
        }
        exposition::read(&text)
    }
}

impl fmt::Debug for RegistryProducer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegistryProducer").finish_non_exhaustive()
    }
}
