//! What an exporter has done so far: counted for every item, so that nothing is lost without a name for it.
//!
//! An item is a point of a metric, a span or a log record, whichever the exporter exports. `exporter/mod.rs` writes, the
//! façade's status page and `otel.sdk.*` metrics read. At any time
//! `collected + recovered = exported + rejected + dropped + queued + spooled`.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use throughline_core::Timestamp;

/// Shows what an exporter has done so far. Cheap to clone; all clones show the same exporter.
#[derive(Clone, Debug, Default)]
pub struct ExportStatus(Arc<Mutex<StatusSnapshot>>);

impl ExportStatus {
    /// The numbers as they are now. Costs one short lock and the copy of an error's text.
    pub fn snapshot(&self) -> StatusSnapshot {
        self.lock().clone()
    }

    /// Reads the numbers without a copy of all of them; `read` must not wait.
    pub(crate) fn read<T>(&self, read: impl FnOnce(&StatusSnapshot) -> T) -> T {
        read(&self.lock())
    }

    pub(crate) fn update(&self, change: impl FnOnce(&mut StatusSnapshot)) {
        change(&mut self.lock());
    }

    /// Plain numbers are never half-written, so a panic elsewhere does not spoil them.
    fn lock(&self) -> MutexGuard<'_, StatusSnapshot> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What an exporter has done since it was made. Its items are points, counted once for each collection that they are
/// in, spans, or log records.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct StatusSnapshot {
    /// Whether the exporter runs: not before its task is run, nor after that ended, in whatever way.
    pub is_running: bool,
    /// Items read from the engine, or taken out of the recorder.
    pub collected_items: u64,
    /// Items that an earlier process left in the spool.
    pub recovered_items: u64,
    /// Items that the peer took.
    pub exported_items: u64,
    /// Items that the peer refused while it took the rest of their request (partial success).
    pub rejected_items: u64,
    /// Items that were given up, by reason.
    pub dropped_items: DroppedItems,
    /// Items waiting in memory.
    pub queued_items: u64,
    /// Bytes of encoded requests waiting in memory.
    pub queued_bytes: u64,
    /// Items waiting on disk.
    pub spooled_items: u64,
    /// Bytes of the disk that they take.
    pub spooled_bytes: u64,
    /// How the spool is.
    pub spool: SpoolState,
    /// What is wrong with the spool, and where, while it is.
    pub spool_problem: Option<String>,
    /// How often the spool could not be used.
    pub spool_failures: u64,
    /// Requests that failed after all their attempts. Their items may still be delivered, or superseded.
    pub failed_requests: u64,
    /// Items in those requests.
    pub failed_items: u64,
    /// Attempts after the first.
    pub retries: u64,
    /// Collections that a panic in a callback of the application ended.
    pub collect_panics: u64,
    /// When the peer last took a request.
    pub last_success: Option<Timestamp>,
    /// The last failure, also when it was followed by success.
    pub last_error: Option<LastError>,
}

/// How a spool is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum SpoolState {
    /// None was asked for: requests are in memory alone.
    #[default]
    Off,
    /// Requests are on disk.
    Working,
    /// It is not open yet, or not any more, or cannot be used now: requests are in memory until it can.
    Unavailable,
}

/// Items given up, by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct DroppedItems {
    /// The peer refused their request for good.
    pub refused: u64,
    /// Cumulative points whose request failed: the next collection's have all that these had. No loss, only a gap in
    /// time resolution.
    pub superseded: u64,
    /// Delta points, spans or log records that the queue had no room for.
    pub queue_full: u64,
    /// Items that the spool had no room for.
    pub spool_full: u64,
    /// Items that were in the spool for longer than allowed.
    pub spool_expired: u64,
    /// Items that were in the spool, and cannot be read or are not there any more.
    pub spool_lost: u64,
    /// Items that stood in the spool in an encoding that is not the configured one: JSON for protobuf, or the other way.
    pub incompatible: u64,
    /// Items that were neither delivered nor on disk when the exporter ended.
    pub shutdown: u64,
}

impl DroppedItems {
    /// For whatever reason.
    pub fn total(&self) -> u64 {
        self.by_reason().iter().map(|(_, items)| items).sum()
    }

    /// Each reason's name, as in metrics and status, with its items.
    pub fn by_reason(&self) -> [(&'static str, u64); 8] {
        let Self {
            refused,
            superseded,
            queue_full,
            spool_full,
            spool_expired,
            spool_lost,
            incompatible,
            shutdown,
        } = *self;
        [
            ("refused", refused),
            ("superseded", superseded),
            ("queue_full", queue_full),
            ("spool_full", spool_full),
            ("spool_expired", spool_expired),
            ("spool_lost", spool_lost),
            ("incompatible", incompatible),
            ("shutdown", shutdown),
        ]
    }
}

impl std::ops::AddAssign for DroppedItems {
    fn add_assign(&mut self, rhs: Self) {
        self.refused += rhs.refused;
        self.superseded += rhs.superseded;
        self.queue_full += rhs.queue_full;
        self.spool_full += rhs.spool_full;
        self.spool_expired += rhs.spool_expired;
        self.spool_lost += rhs.spool_lost;
        self.incompatible += rhs.incompatible;
        self.shutdown += rhs.shutdown;
    }
}

/// A failure and its time.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LastError {
    /// What failed, why, and how to mend it where that can be told.
    pub message: String,
    /// When.
    pub time: Timestamp,
}

impl LastError {
    pub(crate) fn new(message: String, time: Timestamp) -> Self {
        Self { message, time }
    }
}
