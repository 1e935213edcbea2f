//! State: where a processor keeps what it has not finished.

use std::time::Instant;

use throughline_macros::{AttributeValue, Attributes, MetricSet};
use throughline_metrics::{Counter, Gauge, Histogram};

use crate::clock::now;
use crate::end::End;

/// The instruments of state.
#[derive(Clone, Debug, MetricSet)]
#[metric(crate = throughline_metrics)]
#[non_exhaustive]
pub struct StateMetrics {
    /// Operations on the state.
    #[metric(name = "processor.state.operations", unit = "{operation}")]
    pub operations: Counter<u64, ByOperation<'static>>,
    /// How long an operation on the state took.
    #[metric(name = "processor.state.operation.duration", unit = "s", bounds = DURATIONS)]
    pub duration: Histogram<f64, ByOperation<'static>>,
    /// How much there is.
    #[metric(name = "processor.state.size", unit = "By")]
    pub size: Gauge<u64, ByBackend>,
    /// What had to go because there was no room.
    #[metric(name = "processor.state.evictions", unit = "{entry}")]
    pub evictions: Counter<u64, ByBackend>,
    /// Look-ups that a cache answered.
    #[metric(name = "processor.state.cache.hits", unit = "{lookup}")]
    pub cache_hits: Counter<u64, ByLayer>,
    /// Look-ups that a cache could not answer.
    #[metric(name = "processor.state.cache.misses", unit = "{lookup}")]
    pub cache_misses: Counter<u64, ByLayer>,
}

/// From a map in memory to a store beyond the network.
const DURATIONS: &[f64] =
    &[1e-6, 1e-5, 1e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 1e-2, 2.5e-2, 5e-2, 0.1, 0.5, 1.0, 5.0];

/// What an operation is counted by.
#[derive(Clone, Copy, Debug, Attributes)]
#[attribute(crate = throughline_core)]
#[expect(clippy::exhaustive_structs, reason = "a set of attributes, written out where it is recorded")]
pub struct ByOperation<'a> {
    /// What is done.
    #[attribute(key = "operation.type")]
    pub operation: Operation,
    /// Where.
    #[attribute(key = "state.backend")]
    pub backend: StateBackend,
    /// What went wrong, in one word; absent when nothing did.
    #[attribute(key = "error.type")]
    pub error_type: Option<&'a str>,
}

/// What is done to the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, AttributeValue)]
#[attribute(crate = throughline_core)]
#[non_exhaustive]
pub enum Operation {
    /// A value is looked up.
    Get,
    /// A value is stored.
    Put,
    /// A value is removed.
    Delete,
    /// Several values are read.
    Scan,
    /// All of it is made durable.
    Checkpoint,
}

/// Where the state is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, AttributeValue)]
#[attribute(crate = throughline_core)]
#[non_exhaustive]
pub enum StateBackend {
    /// In the process.
    Memory,
    /// In a file.
    Disk,
    /// Redis.
    Redis,
    /// `PostgreSQL`.
    Postgres,
    /// Elsewhere.
    #[attribute(name = "_OTHER")]
    Other,
}

/// What a whole backend is counted by.
#[derive(Clone, Copy, Debug, Attributes)]
#[attribute(crate = throughline_core)]
#[expect(clippy::exhaustive_structs, reason = "a set of attributes, written out where it is recorded")]
pub struct ByBackend {
    /// Where the state is.
    #[attribute(key = "state.backend")]
    pub backend: StateBackend,
}

/// What a cache before the state is counted by.
#[derive(Clone, Copy, Debug, Attributes)]
#[attribute(crate = throughline_core)]
#[expect(clippy::exhaustive_structs, reason = "a set of attributes, written out where it is recorded")]
pub struct ByLayer {
    /// Which of several caches, such as `l1`.
    pub layer: &'static str,
}

impl StateMetrics {
    /// An operation that is about to be done.
    pub fn start(&self, operation: Operation, backend: StateBackend) -> Operating<'_> {
        Operating { metrics: self, operation, backend, started: now(), end: End::Unsaid }
    }
}

/// An operation under way. Dropped without a word, it is counted with the error `cancelled`, or `panic`.
#[derive(Debug)]
#[must_use = "an operation ends as soon as this is dropped"]
pub struct Operating<'a> {
    metrics: &'a StateMetrics,
    operation: Operation,
    backend: StateBackend,
    started: Instant,
    end: End<'a>,
}

impl<'a> Operating<'a> {
    /// It is done.
    pub fn succeed(mut self) {
        self.end = End::Well;
    }

    /// It failed; `error_type` is one word of few.
    pub fn fail(mut self, error_type: &'a str) {
        self.end = End::Failed(error_type);
    }
}

impl Drop for Operating<'_> {
    fn drop(&mut self) {
        let Self { metrics, operation, backend, started, end } = *self;
        let by = ByOperation { operation, backend, error_type: end.error_type() };
        metrics.duration.record(started.elapsed().as_secs_f64(), &by);
        metrics.operations.add(1, &by);
    }
}
