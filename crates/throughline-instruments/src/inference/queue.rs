//! A place in the queue: [`QueuePlace`].

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{QueueAttributes, QueueOutcome, Shared};
use crate::clock::now;

/// A request that waits for the model. Counts in `queue_depth`, and records the wait when the model takes it, or when it
/// is dropped before, which is [abandoned](QueueOutcome::Abandoned).
#[must_use = "a place that is dropped at once was abandoned"]
pub struct QueuePlace {
    shared: Arc<Shared>,
    since: Instant,
    outcome: QueueOutcome,
}

impl QueuePlace {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        shared.metrics.queue_depth.add(1, &());
        Self { shared, since: now(), outcome: QueueOutcome::Abandoned }
    }

    /// The model takes it. Gives the time it waited.
    pub fn taken(mut self) -> Duration {
        self.outcome = QueueOutcome::Taken;
        self.since.elapsed()
    }
}

impl Drop for QueuePlace {
    fn drop(&mut self) {
        let metrics = &self.shared.metrics;
        metrics.queue_depth.add(-1, &());
        let waited = self.since.elapsed().as_secs_f64();
        metrics.queue_wait.record(waited, &QueueAttributes { outcome: self.outcome });
    }
}

impl fmt::Debug for QueuePlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QueuePlace").field("outcome", &self.outcome).finish_non_exhaustive()
    }
}
