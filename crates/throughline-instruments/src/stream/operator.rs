//! The steps that events take: one operator each, such as `window` or `aggregate`.

use std::time::Instant;

use throughline_macros::{Attributes, MetricSet};
use throughline_metrics::{Histogram, UpDownCounter};

use crate::clock::now;

/// The instruments of operators.
#[derive(Clone, Debug, MetricSet)]
#[metric(crate = throughline_metrics)]
#[non_exhaustive]
pub struct OperatorMetrics {
    /// How long one call of an operator took.
    #[metric(name = "processor.operator.duration", unit = "s")]
    pub duration: Histogram<f64, ByOperator>,
    /// Calls of operators that are under way.
    #[metric(name = "processor.pipeline.operators.active", unit = "{operator}")]
    pub active: UpDownCounter<i64, ByOperator>,
}

/// What an operator is counted by.
#[derive(Clone, Copy, Debug, Attributes)]
#[attribute(crate = throughline_core)]
#[expect(clippy::exhaustive_structs, reason = "a set of attributes, written out where it is recorded")]
pub struct ByOperator {
    /// Its name.
    pub operator: &'static str,
}

impl OperatorMetrics {
    /// A call of this operator, which lasts until the guard is dropped.
    pub fn start(&self, operator: &'static str) -> Running<'_> {
        let operator = ByOperator { operator };
        self.active.add(1, &operator);
        Running { metrics: self, operator, started: now() }
    }
}

/// A call of an operator.
#[derive(Debug)]
#[must_use = "the call is over as soon as this is dropped"]
pub struct Running<'a> {
    metrics: &'a OperatorMetrics,
    operator: ByOperator,
    started: Instant,
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.metrics.duration.record(self.started.elapsed().as_secs_f64(), &self.operator);
        self.metrics.active.add(-1, &self.operator);
    }
}
