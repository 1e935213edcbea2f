//! What happens to what cannot be pushed yet: [`BufferConfig`].

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// How much is kept of what a receiver does not take, and where. Each signal has a queue and a spool of its own, of these
/// sizes.
///
/// What is left out comes from the `THROUGHLINE_QUEUE_*` and `THROUGHLINE_SPOOL_*` variables, and then from defaults.
///
/// ```
/// use std::time::Duration;
/// use throughline::{BufferConfig, TelemetryConfig};
///
/// let buffer = BufferConfig::new()
///     .with_spool("/var/lib/shop/telemetry")
///     .with_spool_bytes_max(1 << 30)
///     .with_spool_age_max(Duration::from_secs(6 * 3600));
/// let config = TelemetryConfig::new("shop").with_buffer(buffer);
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "a configuration does nothing until it is part of a `TelemetryConfig`"]
pub struct BufferConfig {
    pub(crate) queue_bytes_max: Option<usize>,
    pub(crate) queue_full: Option<QueueFull>,
    pub(crate) spool: Option<PathBuf>,
    pub(crate) spool_bytes_max: Option<u64>,
    pub(crate) spool_age_max: Option<Duration>,
}

impl BufferConfig {
    /// Leaves everything to the environment and to defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets how many bytes of encoded requests wait in memory, for each signal; 16 MiB unless set. Spans and log records
    /// are limited in number as well, by their batches' `max_queue_size`.
    pub fn with_queue_bytes_max(mut self, bytes: usize) -> Self {
        self.queue_bytes_max = Some(bytes);
        self
    }

    /// Sets what is dropped when the queue, or the spool, is full; the oldest unless set. It is counted either way, and
    /// nobody waits.
    pub fn with_queue_full(mut self, full: QueueFull) -> Self {
        self.queue_full = Some(full);
        self
    }

    /// Keeps everything that is to be pushed on disk, in this directory, until the receiver has taken it. Needs the cargo
    /// feature `spool`.
    ///
    /// What the exporter has taken over then survives outages, restarts, `kill -9` and power cuts, and is pushed oldest
    /// first with the times it was recorded at. It takes spans and log records over when their batch's delay is over, or
    /// a batch is full, and metrics at each interval; what was recorded after that is in memory alone. Every request is
    /// synced to the disk before it is sent, on a thread of the exporter: recording never waits for it. After a crash up
    /// to 16 requests a signal are pushed twice.
    ///
    /// The directory is made for its owner alone, and belongs to one process at a time: another one works from memory,
    /// says so, and takes over when the first has ended.
    pub fn with_spool(mut self, directory: impl Into<PathBuf>) -> Self {
        self.spool = Some(directory.into());
        self
    }

    /// Sets how many bytes of disk the spool takes for each signal; 256 MiB unless set.
    pub fn with_spool_bytes_max(mut self, bytes: u64) -> Self {
        self.spool_bytes_max = Some(bytes);
        self
    }

    /// Sets how long something stays in the spool; 24 h unless set.
    pub fn with_spool_age_max(mut self, age: Duration) -> Self {
        self.spool_age_max = Some(age);
        self
    }
}

/// What is dropped when there is no room for more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum QueueFull {
    /// The oldest: what is happening now matters more.
    #[default]
    DropOldest,
    /// The newest: how it began matters more.
    DropNewest,
}

impl fmt::Display for QueueFull {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::DropOldest => "drop_oldest",
            Self::DropNewest => "drop_newest",
        })
    }
}
