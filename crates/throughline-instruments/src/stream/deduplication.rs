//! Deduplication: events that came before, because somebody sent them twice.

use throughline_macros::MetricSet;
use throughline_metrics::{Counter, Gauge};

/// The instruments of deduplication.
#[derive(Clone, Debug, MetricSet)]
#[metric(crate = throughline_metrics)]
#[non_exhaustive]
pub struct DeduplicationMetrics {
    /// Events that were looked for among those that came before.
    #[metric(name = "processor.dedup.events.checked", unit = "{event}")]
    pub checked: Counter<u64, ()>,
    /// Events that were there before.
    #[metric(name = "processor.deduplication.count", unit = "{event}")]
    pub duplicates: Counter<u64, ()>,
    /// How many events are remembered.
    #[metric(name = "processor.dedup.cache.size", unit = "{event}")]
    pub cache_size: Gauge<u64, ()>,
    /// Events that were forgotten because there was no room.
    #[metric(name = "processor.dedup.cache.evictions", unit = "{event}")]
    pub cache_evictions: Counter<u64, ()>,
}

impl DeduplicationMetrics {
    /// An event was looked for; `is_duplicate` when it was found.
    pub fn check(&self, is_duplicate: bool) {
        self.checked.add(1, &());
        if is_duplicate {
            self.duplicates.add(1, &());
        }
    }
}
