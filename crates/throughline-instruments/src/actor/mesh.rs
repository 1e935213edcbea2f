//! The mesh: processes with actors in them, and which of both failed.

use throughline_macros::MetricSet;
use throughline_metrics::{Counter, UpDownCounter};

/// The instruments of a mesh.
#[derive(Clone, Debug, MetricSet)]
#[metric(crate = throughline_metrics)]
#[non_exhaustive]
pub struct MeshMetrics {
    /// Processes that run.
    #[metric(name = "proc_mesh.active_procs")]
    pub active_procs: UpDownCounter<i64, ()>,
    /// Processes that ended without having been asked to.
    #[metric(name = "proc_mesh.proc_failures")]
    pub proc_failures: Counter<u64, ()>,
    /// Actors that panicked.
    #[metric(name = "proc_mesh.actor_failures")]
    pub actor_failures: Counter<u64, ()>,
}

impl MeshMetrics {
    /// A process that was started, and runs until the guard is told how it ended, or dropped.
    pub fn start_proc(&self) -> ActiveProc {
        self.active_procs.add(1, &());
        ActiveProc { metrics: self.clone(), is_well: false }
    }
}

/// A process that runs. Dropped without a word, it is counted as failed.
#[derive(Debug)]
#[must_use = "the process is counted as ended as soon as this is dropped"]
pub struct ActiveProc {
    metrics: MeshMetrics,
    is_well: bool,
}

impl ActiveProc {
    /// It ended as it was asked to.
    pub fn end(mut self) {
        self.is_well = true;
    }
}

impl Drop for ActiveProc {
    fn drop(&mut self) {
        self.metrics.active_procs.add(-1, &());
        if !self.is_well {
            self.metrics.proc_failures.add(1, &());
        }
    }
}
