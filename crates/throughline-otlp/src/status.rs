//! What an exporter has done so far: counted for every item, so that nothing is lost without a name for it.
//!
//! An item is a point of a metric, a span or a log record, whichever the exporter exports. `exporter/mod.rs` writes, the
//! façade's status page and `otel.sdk.*` metrics read. At any time `collected = exported + rejected + dropped + queued`.

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
    /// Items read from the engine, or taken out of the recorder.
    pub collected_items: u64,
    /// Items that the peer took.
    pub exported_items: u64,
    /// Items that the peer refused while it took the rest of their request (partial success).
    pub rejected_items: u64,
    /// Items that were given up, by reason.
    pub dropped_items: DroppedItems,
    /// Items waiting in the queue.
    pub queued_items: u64,
    /// Bytes of encoded requests waiting in the queue.
    pub queued_bytes: u64,
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
    /// Items that were not delivered when the exporter ended.
    pub shutdown: u64,
}

impl DroppedItems {
    /// For whatever reason.
    pub fn total(&self) -> u64 {
        let Self { refused, superseded, queue_full, shutdown } = self;
        refused + superseded + queue_full + shutdown
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
