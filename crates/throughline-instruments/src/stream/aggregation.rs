//! Aggregation: what is computed of the events in a window.

use std::time::Instant;

use throughline_macros::{AttributeValue, Attributes, MetricSet};
use throughline_metrics::{Counter, Histogram};

use crate::clock::now;
use crate::end::End;

/// The instruments of aggregation.
#[derive(Clone, Debug, MetricSet)]
#[metric(crate = throughline_metrics)]
#[non_exhaustive]
pub struct AggregationMetrics {
    /// Aggregates that were computed.
    #[metric(name = "processor.aggregations.computed", unit = "{aggregation}")]
    pub computed: Counter<u64, ByAggregation<'static>>,
    /// Aggregates that could not be computed, by the error.
    #[metric(name = "processor.aggregation.errors", unit = "{error}")]
    pub errors: Counter<u64, ByAggregation<'static>>,
    /// How long an aggregation took.
    #[metric(name = "processor.aggregation.duration", unit = "s", bounds = DURATIONS)]
    pub duration: Histogram<f64, ByAggregation<'static>>,
}

/// From a microsecond to ten seconds: most aggregations are a loop over values in memory.
const DURATIONS: &[f64] = &[1e-6, 2.5e-6, 1e-5, 2.5e-5, 1e-4, 2.5e-4, 1e-3, 2.5e-3, 1e-2, 0.1, 1.0, 10.0];

/// What an aggregation is counted by.
#[derive(Clone, Copy, Debug, Attributes)]
#[attribute(crate = throughline_core)]
#[expect(clippy::exhaustive_structs, reason = "a set of attributes, written out where it is recorded")]
pub struct ByAggregation<'a> {
    /// What is computed.
    #[attribute(key = "aggregation.type")]
    pub aggregation_type: AggregationType,
    /// What went wrong, in one word; absent when nothing did.
    #[attribute(key = "error.type")]
    pub error_type: Option<&'a str>,
}

/// What is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, AttributeValue)]
#[attribute(crate = throughline_core)]
#[non_exhaustive]
pub enum AggregationType {
    /// How many.
    Count,
    /// All together.
    Sum,
    /// The mean.
    #[attribute(name = "avg")]
    Average,
    /// The smallest.
    #[attribute(name = "min")]
    Minimum,
    /// The largest.
    #[attribute(name = "max")]
    Maximum,
    /// The standard deviation.
    #[attribute(name = "stddev")]
    Deviation,
    /// The median.
    P50,
    /// The 95th percentile.
    P95,
    /// The 99th percentile.
    P99,
    /// Something else.
    #[attribute(name = "_OTHER")]
    Other,
}

impl AggregationMetrics {
    /// An aggregation that is about to be computed.
    pub fn start(&self, aggregation_type: AggregationType) -> Aggregating<'_> {
        Aggregating { metrics: self, aggregation_type, started: now(), end: End::Unsaid }
    }
}

/// An aggregation under way. Dropped without a word, it is counted with the error `cancelled`, or `panic`.
#[derive(Debug)]
#[must_use = "an aggregation ends as soon as this is dropped"]
pub struct Aggregating<'a> {
    metrics: &'a AggregationMetrics,
    aggregation_type: AggregationType,
    started: Instant,
    end: End<'a>,
}

impl<'a> Aggregating<'a> {
    /// It is computed.
    pub fn succeed(mut self) {
        self.end = End::Well;
    }

    /// It cannot be computed; `error_type` is one word of few.
    pub fn fail(mut self, error_type: &'a str) {
        self.end = End::Failed(error_type);
    }
}

impl Drop for Aggregating<'_> {
    fn drop(&mut self) {
        let Self { metrics, aggregation_type, started, end } = *self;
        let aggregation = ByAggregation { aggregation_type, error_type: end.error_type() };
        metrics.duration.record(started.elapsed().as_secs_f64(), &aggregation);
        match aggregation.error_type {
            None => metrics.computed.add(1, &aggregation),
            Some(_) => metrics.errors.add(1, &aggregation),
        }
    }
}
