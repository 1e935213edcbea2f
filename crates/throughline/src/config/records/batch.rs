//! How spans and log records are gathered before they are pushed: [`BatchConfiguration`].

use std::time::Duration;

/// How many items are pushed at once, and how often. What is left out comes from the `OTEL_BSP_*` variables for spans and
/// the `OTEL_BLRP_*` variables for log records, and then from the specification's defaults.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use = "a configuration does nothing until it is part of a `TraceConfig` or a `LogConfig`"]
pub struct BatchConfiguration {
    pub(crate) max_queue_size: Option<usize>,
    pub(crate) max_export_batch_size: Option<usize>,
    pub(crate) scheduled_delay: Option<Duration>,
    pub(crate) max_export_timeout: Option<Duration>,
}

impl BatchConfiguration {
    /// Leaves everything to the environment and to defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets how many items may wait for a push; 2048 unless set. The oldest give way, and are counted.
    pub fn with_max_queue_size(mut self, items: usize) -> Self {
        self.max_queue_size = Some(items);
        self
    }

    /// Sets how many items go out in one request; 512 unless set. When a thread has so many waiting they are pushed without
    /// waiting for the delay; it looks after every 64 of its own.
    pub fn with_max_export_batch_size(mut self, items: usize) -> Self {
        self.max_export_batch_size = Some(items);
        self
    }

    /// Sets how long an item waits for others; 5 s for spans and 1 s for log records unless set.
    pub fn with_scheduled_delay(mut self, delay: Duration) -> Self {
        self.scheduled_delay = Some(delay);
        self
    }

    /// Sets how long one push may take in all, retries included; 30 s unless set.
    pub fn with_max_export_timeout(mut self, timeout: Duration) -> Self {
        self.max_export_timeout = Some(timeout);
        self
    }
}
