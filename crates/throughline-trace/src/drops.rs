//! Spans and log records that were not delivered to the exporter, counted by reason. Nothing is lost without passing
//! here; what a sampler leaves out is not lost.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

/// Why a finished span or log record was dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum DropReason {
    /// The ring of its thread was full: the exporter does not keep up.
    RingFull,
    /// The queue of records too large for a ring was full.
    LargeQueueFull,
    /// It ended after the reader had gone.
    Closed,
    /// It waited for the end of its trace, to be kept if that failed, and the buffer of such spans was full.
    KeepBufferFull,
    /// It waited for the end of its trace, to be kept if that failed, for too long.
    KeepTooOld,
}

impl DropReason {
    /// All reasons.
    pub const ALL: [Self; 5] =
        [Self::RingFull, Self::LargeQueueFull, Self::Closed, Self::KeepBufferFull, Self::KeepTooOld];

    /// The reason as the value of an attribute.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RingFull => "ring_full",
            Self::LargeQueueFull => "large_queue_full",
            Self::Closed => "closed",
            Self::KeepBufferFull => "keep_buffer_full",
            Self::KeepTooOld => "keep_too_old",
        }
    }
}

impl fmt::Display for DropReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The counts of one provider.
#[derive(Debug, Default)]
pub(crate) struct Drops([AtomicU64; DropReason::ALL.len()]);

impl Drops {
    #[cold]
    pub(crate) fn count(&self, reason: DropReason) {
        self.add(reason, 1);
    }

    pub(crate) fn add(&self, reason: DropReason, records: u64) {
        self.0[reason as usize].fetch_add(records, Ordering::Relaxed);
    }

    /// The reasons that occurred, with their counts.
    pub(crate) fn by_reason(&self) -> Vec<(DropReason, u64)> {
        let count = |reason: DropReason| (reason, self.0[reason as usize].load(Ordering::Relaxed));
        DropReason::ALL.into_iter().map(count).filter(|(_, count)| *count > 0).collect()
    }
}
