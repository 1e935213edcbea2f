//! Stop 6 in the life of an increment: finished numbers.
//!
//! [`Reader::collect`](crate::Reader::collect) fills a [`Collection`]; `throughline-prometheus/src/text.rs` and
//! `throughline-otlp/src/encode/metrics.rs` turn it into bytes. Plain data: nothing here refers to the engine, so a
//! collection can be kept, compared, sent to another thread or made by hand in a test. A [`SeriesId`] stays the same
//! for as long as the series lives and is never given to another one, so that an exporter can key its caches by it.
//!
//! The shapes follow the OpenTelemetry
//! [metrics data model](https://opentelemetry.io/docs/specs/otel/metrics/data-model/).
#![expect(
    clippy::exhaustive_structs,
    clippy::exhaustive_enums,
    reason = "plain data, made and matched by others"
)]

use std::sync::Arc;

use throughline_core::{AttributeSet, InstrumentationScope, Resource, Timestamp};

/// Everything one reader saw in one collection.
#[derive(Clone, Debug, Default)]
pub struct Collection {
    /// What produced it.
    pub resource: Arc<Resource>,
    /// When it was collected; the time of every point in it.
    pub time: Timestamp,
    /// The metrics by the scope that created them, in order of scope name, version, schema URL, attributes.
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
        points: Vec<Point<Number>>,
    },
    /// Sums.
    Sum {
        /// Whether the sum only grows.
        monotonic: bool,
        /// What the values refer to.
        temporality: Temporality,
        /// One for each series.
        points: Vec<Point<Number>>,
    },
    /// Histograms with explicit bounds.
    Histogram {
        /// What the values refer to.
        temporality: Temporality,
        /// The upper bounds, inclusive, ascending; one fewer than buckets.
        bounds: Arc<[f64]>,
        /// One for each series.
        points: Vec<Point<HistogramValue>>,
    },
    /// Base-2 exponential histograms.
    ExponentialHistogram {
        /// What the values refer to.
        temporality: Temporality,
        /// One for each series.
        points: Vec<Point<ExponentialValue>>,
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

/// The value of one series.
#[derive(Clone, Debug)]
pub struct Point<V> {
    /// Which series.
    pub series: SeriesId,
    /// Its attributes: the same for as long as `series` is.
    pub attributes: AttributeSet,
    /// Since when: the series' first measurement, or the last collection when the temporality is delta.
    pub start: Timestamp,
    /// The value.
    pub value: V,
    /// Sample measurements with the trace they were made in.
    pub exemplars: Vec<Exemplar>,
}

/// A number of the type that the instrument records.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Number {
    /// Of a `u64` instrument.
    U64(u64),
    /// Of an `i64` instrument.
    I64(i64),
    /// Of an `f64` instrument.
    F64(f64),
}

/// Zero.
impl Default for Number {
    fn default() -> Self {
        Self::U64(0)
    }
}

impl Number {
    /// The number as a float; large integers lose precision.
    pub fn as_f64(self) -> f64 {
        match self {
            Self::U64(v) => v as f64,
            Self::I64(v) => v as f64,
            Self::F64(v) => v,
        }
    }
}

/// A histogram with explicit bounds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HistogramValue {
    /// How many measurements.
    pub count: u64,
    /// Their sum.
    pub sum: f64,
    /// The smallest; only with cumulative temporality, because the engine's cells never shrink.
    pub min: Option<f64>,
    /// The largest; only with cumulative temporality.
    pub max: Option<f64>,
    /// How many in each bucket; one more than bounds.
    pub buckets: Vec<u64>,
}

/// A base-2 exponential histogram: bucket `i` holds values in `(2^(i·2^-scale), 2^((i+1)·2^-scale)]`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ExponentialValue {
    /// How many measurements.
    pub count: u64,
    /// Their sum.
    pub sum: f64,
    /// The smallest; only with cumulative temporality.
    pub min: Option<f64>,
    /// The largest; only with cumulative temporality.
    pub max: Option<f64>,
    /// The resolution: each power of two is cut in `2^scale` buckets.
    pub scale: i32,
    /// How many measurements were zero.
    pub zero_count: u64,
    /// Measurements above zero.
    pub positive: Buckets,
    /// Measurements below zero, by magnitude.
    pub negative: Buckets,
}

/// A run of exponential buckets.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Buckets {
    /// The index of the first bucket.
    pub offset: i32,
    /// How many measurements in each bucket from there on.
    pub counts: Vec<u64>,
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
