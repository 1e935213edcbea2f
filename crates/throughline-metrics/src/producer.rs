//! Metrics that something else keeps, such as the registry of another library.
//!
//! A [`Producer`] stands where a callback stands (`instrument/observable.rs`): it is asked by `reader.rs`, on the collecting
//! thread, once for each collection of each reader. `produced.rs` makes points of what it says. OpenTelemetry calls it a
//! [`MetricProducer`](https://opentelemetry.io/docs/specs/otel/metrics/sdk/#metricproducer).
#![expect(
    clippy::exhaustive_structs,
    clippy::exhaustive_enums,
    reason = "plain data, made by producers, which are others'"
)]

use std::sync::Arc;

use throughline_core::{AttributeSet, InstrumentationScope, Timestamp};

use crate::instrument::observable::Running;
use crate::stream::Shared;

/// Metrics that something else keeps, shown beside those of a provider: see
/// [`MeterProvider::add_producer`](crate::MeterProvider::add_producer).
///
/// ```
/// use throughline_core::AttributeSet;
/// use throughline_metrics::MeterProvider;
/// use throughline_metrics::producer::{ProducedData, ProducedMetric, Producer};
/// use throughline_metrics::testing::Snapshot;
///
/// struct Turnstile;
///
/// impl Producer for Turnstile {
///     fn produce(&self) -> Vec<ProducedMetric> {
///         let points = vec![(AttributeSet::empty(), 12.0)];
///         vec![ProducedMetric::new("visitors_total", ProducedData::Sum { monotonic: true, points })]
///     }
/// }
///
/// let provider = MeterProvider::default();
/// provider.add_producer(Turnstile);
/// assert_eq!(Snapshot::of(&provider).sum("visitors_total", &()), 12.0);
/// ```
pub trait Producer: Send + Sync {
    /// What there is now: totals since the beginning, not what was added. Each metric once, each attribute set once in it.
    ///
    /// Called without any lock of the engine held, so it may record and create instruments. When it panics that is
    /// counted, and nothing is shown of it this time. When it collects, it is not asked again by its own collection.
    fn produce(&self) -> Vec<ProducedMetric>;

    /// The scope of its metrics; an empty one unless it says otherwise, which adds no label to their series.
    fn scope(&self) -> InstrumentationScope {
        InstrumentationScope::default()
    }
}

/// One metric, as its producer has it.
#[derive(Clone, Debug)]
pub struct ProducedMetric {
    /// The name.
    pub name: String,
    /// Whether the name, and those of the attributes, are Prometheus names already, which its exporters leave alone.
    pub verbatim: bool,
    /// What it measures, or empty.
    pub description: String,
    /// The unit as [UCUM](https://ucum.org/ucum) writes it, or empty.
    pub unit: String,
    /// The values.
    pub data: ProducedData,
}

impl ProducedMetric {
    /// A metric with a name for Prometheus, without description or unit.
    pub fn new(name: impl Into<String>, data: ProducedData) -> Self {
        let (name, description, unit) = (name.into(), String::new(), String::new());
        Self { name, verbatim: true, description, unit, data }
    }
}

/// The values of a metric, by kind, each with its attributes.
#[derive(Clone, Debug)]
pub enum ProducedData {
    /// Last values, shown as they are.
    Gauge(Vec<(AttributeSet, f64)>),
    /// Sums.
    Sum {
        /// Whether they only grow. One that is smaller than before was then reset, and counts from there.
        monotonic: bool,
        /// The totals.
        points: Vec<(AttributeSet, f64)>,
    },
    /// Histograms.
    Histogram {
        /// The upper bounds of the buckets, inclusive, ascending and finite.
        bounds: Vec<f64>,
        /// The totals.
        points: Vec<(AttributeSet, ProducedHistogram)>,
    },
}

/// What a histogram has counted.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ProducedHistogram {
    /// The sum of what was measured.
    pub sum: f64,
    /// How many measurements in each bucket; one more than bounds.
    pub buckets: Vec<u64>,
}

/// A producer of a provider.
pub(crate) struct Joined {
    producer: Box<dyn Producer>,
    pub(crate) scope: InstrumentationScope,
    /// When it was added.
    pub(crate) since: Timestamp,
}

impl Joined {
    pub(crate) fn new(producer: impl Producer + 'static, since: Timestamp) -> Arc<Self> {
        Arc::new(Self { scope: producer.scope(), producer: Box::new(producer), since })
    }

    /// Asks the producer.
    pub(crate) fn ask(&self, shared: &Shared) -> Vec<ProducedMetric> {
        let Some(_running) = Running::enter(self) else {
            return Vec::new();
        };
        let run = std::panic::AssertUnwindSafe(|| self.producer.produce());
        std::panic::catch_unwind(run).unwrap_or_else(|_panic| {
            shared.drops.count_callback_panic();
            let scope = self.scope.name();
            tracing::warn!(target: "throughline", scope, "a producer panicked; what it has is not shown this time");
            Vec::new()
        })
    }
}

impl std::fmt::Debug for Joined {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Joined").field("scope", &self.scope).finish_non_exhaustive()
    }
}
