//! How spans and log records are gathered before they are exported.
//!
//! The façade fills [`BatchConfiguration`] from code and from the variables `OTEL_BSP_*` and `OTEL_BLRP_*`;
//! `exporter/records.rs` keeps to it.

use std::time::Duration;

use crate::config::DURATION_MAX;

/// How spans or log records are gathered; the specification's settings of its
/// [batching processors](https://opentelemetry.io/docs/specs/otel/trace/sdk/#batching-processor).
///
/// ```
/// use std::time::Duration;
/// use throughline_otlp::BatchConfiguration;
///
/// let batch = BatchConfiguration::spans()
///     .with_max_export_batch_size(100)
///     .with_scheduled_delay(Duration::from_secs(1));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchConfiguration {
    pub(crate) max_queue_size: usize,
    pub(crate) max_export_batch_size: usize,
    pub(crate) scheduled_delay: Duration,
    pub(crate) export_timeout: Duration,
}

/// The specification's default of `OTEL_BSP_MAX_QUEUE_SIZE` and `OTEL_BLRP_MAX_QUEUE_SIZE`.
const MAX_QUEUE_SIZE: usize = 2048;

/// The specification's default of `OTEL_BSP_MAX_EXPORT_BATCH_SIZE` and `OTEL_BLRP_MAX_EXPORT_BATCH_SIZE`.
const MAX_EXPORT_BATCH_SIZE: usize = 512;

/// The specification's default of `OTEL_BSP_EXPORT_TIMEOUT` and `OTEL_BLRP_EXPORT_TIMEOUT`.
const EXPORT_TIMEOUT: Duration = Duration::from_secs(30);

impl BatchConfiguration {
    /// The specification's defaults for spans: 512 at a time, every 5 s.
    pub fn spans() -> Self {
        Self {
            max_queue_size: MAX_QUEUE_SIZE,
            max_export_batch_size: MAX_EXPORT_BATCH_SIZE,
            scheduled_delay: Duration::from_secs(5),
            export_timeout: EXPORT_TIMEOUT,
        }
    }

    /// The specification's defaults for log records: 512 at a time, every second.
    pub fn logs() -> Self {
        Self { scheduled_delay: Duration::from_secs(1), ..Self::spans() }
    }

    /// How many encoded spans or log records are kept for later.
    pub fn max_queue_size(&self) -> usize {
        self.max_queue_size
    }

    /// How many spans or log records a request has at most.
    pub fn max_export_batch_size(&self) -> usize {
        self.max_export_batch_size
    }

    /// The time from one export to the next, when no batch is full before.
    pub fn scheduled_delay(&self) -> Duration {
        self.scheduled_delay
    }

    /// How long the delivery of one request may take.
    pub fn export_timeout(&self) -> Duration {
        self.export_timeout
    }

    /// Sets how many encoded spans or log records are kept for later while the peer takes none (2048 unless set, at least
    /// a batch). Beyond that the oldest are dropped and counted. What the exporter has not taken yet waits in the
    /// recorder's rings, which have limits of their own.
    pub fn with_max_queue_size(mut self, records: usize) -> Self {
        self.max_queue_size = records;
        self
    }

    /// Sets how many spans or log records a request has at most (512 unless set, at least one). As soon as some thread
    /// has so many waiting, they are exported without waiting for the delay; the recorder looks every 64 records.
    pub fn with_max_export_batch_size(mut self, records: usize) -> Self {
        self.max_export_batch_size = records.max(1);
        self
    }

    /// Sets the time from one export to the next, when no batch is full before.
    pub fn with_scheduled_delay(mut self, delay: Duration) -> Self {
        self.scheduled_delay = delay.min(DURATION_MAX);
        self
    }

    /// Sets how long the delivery of one request may take (30 s unless set). The exporter's own timeout holds too.
    pub fn with_export_timeout(mut self, timeout: Duration) -> Self {
        self.export_timeout = timeout.min(DURATION_MAX);
        self
    }
}
