//! Stop 6 in the life of an increment: finished numbers.
//!
//! [`Reader::collect`](crate::Reader::collect) fills a [`Collection`]; `throughline-prometheus/src/text.rs` and
//! `throughline-otlp/src/encode/metrics.rs` turn it into bytes. Plain data: nothing here refers to the engine, so a
//! collection can be kept, compared, sent to another thread or made by hand in a test. A [`SeriesId`] stays the same
//! for as long as the series lives and is never given to another one, so that an exporter can key its caches by it.
//!
//! A metric's numbers stand side by side ([`Numbers`], [`Histograms`]), apart from the [`Series`] they are of, which
//! hardly ever change and are shared: see [`Points`].
//!
//! The shapes follow the OpenTelemetry
//! [metrics data model](https://opentelemetry.io/docs/specs/otel/metrics/data-model/).
#![expect(
    clippy::exhaustive_structs,
    clippy::exhaustive_enums,
    reason = "plain data, made and matched by others"
)]

mod points;
mod values;

pub use points::{Point, Points, Series, SeriesVersion};
pub(crate) use values::Totals;
pub use values::{Buckets, ExponentialValue, HistogramValue, Histograms, Number, Numbers, Values};

use std::sync::Arc;

use throughline_core::{AttributeSet, InstrumentationScope, Resource, Timestamp};

/// Everything one reader saw in one collection.
#[derive(Clone, Debug, Default)]
pub struct Collection {
    /// What produced it.
    pub resource: Arc<Resource>,
    /// When it was collected; the time of every point in it.
    pub time: Timestamp,
    /// The metrics by the scope that created them, in order of scope name, version, schema URL, attributes; then those of
    /// producers, in the order that these were added.
    pub scopes: Vec<ScopeMetrics>,
}

impl Collection {
    /// Each metric with its scope, in order.
    pub fn metrics(&self) -> impl Iterator<Item = (&InstrumentationScope, &Metric)> {
        self.scopes.iter().flat_map(|scope| scope.metrics.iter().map(move |metric| (&scope.scope, metric)))
    }
}

/// The metrics of one scope.
#[derive(Clone, Debug)]
pub struct ScopeMetrics {
    /// The instrumentation scope.
    pub scope: InstrumentationScope,
    /// Its metrics, in order of creation.
    pub metrics: Vec<Metric>,
}

/// One metric stream: an instrument as its view shows it.
#[derive(Clone, Debug)]
pub struct Metric {
    /// The stream's number: the same in every collection, unique in the process.
    pub id: StreamId,
    /// The name, as declared or as a view renamed it.
    pub name: Arc<str>,
    /// Whether the name, and those of the attributes, are Prometheus names already, which are not translated.
    pub verbatim: bool,
    /// What it measures, or empty.
    pub description: Arc<str>,
    /// The unit, or empty.
    pub unit: Arc<str>,
    /// The points.
    pub data: MetricData,
}

/// Identifies a stream for the life of the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId(pub u64);

/// Identifies a series for the life of the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SeriesId(pub u64);

/// What the numbers of a point refer to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Temporality {
    /// Everything since [`Point::start`], which stays.
    #[default]
    Cumulative,
    /// What came since this reader's last collection, which is [`Point::start`].
    Delta,
}

/// The points of a metric, by kind of aggregation.
#[derive(Clone, Debug)]
pub enum MetricData {
    /// The last values.
    Gauge {
        /// One for each series.
        points: Points<Numbers>,
    },
    /// Sums.
    Sum {
        /// Whether the sum only grows.
        monotonic: bool,
        /// What the values refer to.
        temporality: Temporality,
        /// One for each series.
        points: Points<Numbers>,
    },
    /// Histograms with explicit bounds.
    Histogram {
        /// What the values refer to.
        temporality: Temporality,
        /// One for each series; their bounds are those of [`Histograms::bounds`].
        points: Points<Histograms>,
    },
    /// Base-2 exponential histograms.
    ExponentialHistogram {
        /// What the values refer to.
        temporality: Temporality,
        /// One for each series.
        points: Points<Vec<ExponentialValue>>,
    },
}

impl MetricData {
    /// How many points there are.
    pub fn len(&self) -> usize {
        match self {
            Self::Gauge { points } | Self::Sum { points, .. } => points.len(),
            Self::Histogram { points, .. } => points.len(),
            Self::ExponentialHistogram { points, .. } => points.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// One measurement, kept as an example, with the trace it was made in.
#[derive(Clone, Debug, PartialEq)]
pub struct Exemplar {
    /// The value measured.
    pub value: Number,
    /// When.
    pub time: Timestamp,
    /// The trace.
    pub trace_id: [u8; 16],
    /// The span.
    pub span_id: [u8; 8],
    /// The attributes that a view dropped from the series.
    pub attributes: AttributeSet,
}
