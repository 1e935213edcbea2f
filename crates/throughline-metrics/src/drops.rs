//! Measurements that were not recorded, counted by reason. Nothing is dropped without passing here.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

/// Why a measurement was not recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum DropReason {
    /// It was infinite or not a number.
    NonFinite,
    /// It would have made a counter shrink.
    Negative,
    /// Its instrument has a name that the specification does not allow.
    InvalidInstrument,
    /// Its instrument has the name of another one of a different kind.
    InstrumentConflict,
    /// Its series expired between being found and being written.
    Expired,
    /// Its producer has more series than are taken.
    ProducerLimit,
    /// Its producer said it twice, or of a histogram as many buckets as do not fit the bounds.
    ProducedInvalid,
}

impl DropReason {
    /// All reasons.
    pub const ALL: [Self; 7] = [
        Self::NonFinite,
        Self::Negative,
        Self::InvalidInstrument,
        Self::InstrumentConflict,
        Self::Expired,
        Self::ProducerLimit,
        Self::ProducedInvalid,
    ];

    /// The reason as the value of an attribute.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NonFinite => "non_finite",
            Self::Negative => "negative_increment",
            Self::InvalidInstrument => "invalid_instrument",
            Self::InstrumentConflict => "instrument_conflict",
            Self::Expired => "expired",
            Self::ProducerLimit => "producer_limit",
            Self::ProducedInvalid => "produced_invalid",
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
pub(crate) struct Drops {
    counts: [AtomicU64; DropReason::ALL.len()],
    callback_panics: AtomicU64,
}

impl Drops {
    #[cold]
    pub(crate) fn count(&self, reason: DropReason) {
        self.add(reason, 1);
    }

    pub(crate) fn add(&self, reason: DropReason, measurements: u64) {
        self.counts[reason as usize].fetch_add(measurements, Ordering::Relaxed);
    }

    #[cold]
    pub(crate) fn count_callback_panic(&self) {
        self.callback_panics.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn callback_panics(&self) -> u64 {
        self.callback_panics.load(Ordering::Relaxed)
    }

    /// The reasons that occurred, with their counts.
    pub(crate) fn by_reason(&self) -> Vec<(DropReason, u64)> {
        let count = |reason: DropReason| (reason, self.counts[reason as usize].load(Ordering::Relaxed));
        DropReason::ALL.into_iter().map(count).filter(|(_, count)| *count > 0).collect()
    }
}
