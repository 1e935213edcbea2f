//! Watermarks: how far event time has come, and what came too late for it.

use throughline_macros::{Attributes, MetricSet};
use throughline_metrics::{Counter, Gauge};

use super::window::ByWindow;

/// The instruments of watermarks.
#[derive(Clone, Debug, MetricSet)]
#[metric(crate = throughline_metrics)]
#[non_exhaustive]
pub struct WatermarkMetrics {
    /// How far the watermark is behind the time of day.
    #[metric(name = "processor.watermark.lag", unit = "s")]
    pub lag: Gauge<f64, ByPartition>,
    /// How often the watermark advanced.
    #[metric(name = "processor.watermark.updates", unit = "{update}")]
    pub updates: Counter<u64, ByPartition>,
    /// Events that came after one with a later time.
    #[metric(name = "processor.out_of_order.events", unit = "{event}")]
    pub out_of_order: Counter<u64, ByPartition>,
    /// Events that came when one of their windows was triggered already.
    #[metric(name = "processor.late.events", unit = "{event}")]
    pub late: Counter<u64, ByWindow>,
}

/// What happens in a partition is counted by.
#[derive(Clone, Copy, Debug, Attributes)]
#[attribute(crate = throughline_core)]
#[expect(clippy::exhaustive_structs, reason = "a set of attributes, written out where it is recorded")]
pub struct ByPartition {
    /// Its number.
    #[attribute(key = "partition.id")]
    pub partition: u32,
}

impl WatermarkMetrics {
    /// The watermark of this partition advanced, and is so many seconds behind.
    pub fn advance(&self, partition: u32, lag_seconds: f64) {
        let partition = ByPartition { partition };
        self.updates.add(1, &partition);
        self.lag.set(lag_seconds, &partition);
    }
}
