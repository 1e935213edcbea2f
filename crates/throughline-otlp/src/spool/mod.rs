//! Requests on disk: what survives an outage of the receiver, a restart, and `kill -9`.
//!
//! `exporter/spool.rs` decides what is written, loaded and given up; here are its settings, the form in which a request is
//! stored ([`record`]) and the file ([`file`]). Each signal has a file of its own, which one process at a time holds.
//!
//! The file is a [redb](https://www.redb.org) database: pure Rust, one file, transactions that survive a crash, and a line
//! of releases that builds at our Rust version; `LMDB` and `SQLite` need a C compiler for a good deal more than a queue, and
//! fjall is a tree of files with a thread of its own. Cargo feature `spool`.

pub(crate) mod file;
pub(crate) mod record;

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::config::BuildError;
use crate::endpoint::Signal;

/// Where requests are kept until the receiver has taken them, and for how long.
///
/// Every request is written, and synced to the disk, before it is sent for the first time, and removed when it was taken
/// or refused. So what an exporter has taken over is not lost to an outage, a restart, `kill -9` or a power cut; what was
/// recorded within the last delay of a batch, or interval of metrics, was not taken over yet. It is sent with the times it
/// was recorded at, oldest first, by the next process with this directory, to the endpoint that that one has.
///
/// Delivery is at least once: after a crash, up to 16 requests a signal that the receiver had taken already are sent again.
///
/// A directory belongs to one process at a time. Another one with the same directory works from memory, says so, and
/// takes the spool over when the first has ended. Workers that are all to be safe have a directory each.
///
/// ```
/// use std::time::Duration;
/// use throughline_otlp::SpoolConfig;
///
/// let spool = SpoolConfig::new("/var/lib/shop/telemetry")
///     .with_max_bytes(1 << 30)
///     .with_max_age(Duration::from_secs(6 * 3600));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpoolConfig {
    pub(crate) directory: PathBuf,
    pub(crate) max_bytes: u64,
    pub(crate) max_age: Duration,
}

/// Ten minutes and more of ten thousand spans a second, compressed; and small for a disk.
const MAX_BYTES: u64 = 256 << 20;

/// Beyond a day most receivers refuse what they get.
const MAX_AGE: Duration = Duration::from_secs(24 * 3600);

impl SpoolConfig {
    /// A spool in this directory, which is made when it is not there, for its owner alone.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self { directory: directory.into(), max_bytes: MAX_BYTES, max_age: MAX_AGE }
    }

    /// Sets how many bytes of disk each signal's requests take at most (256 MiB unless set). What is beyond that is dropped
    /// as [`QueueFull`](crate::QueueFull) says, and counted.
    pub fn with_max_bytes(mut self, bytes: u64) -> Self {
        self.max_bytes = bytes;
        self
    }

    /// Sets how old a request may get (24 h unless set). Older ones are dropped and counted.
    pub fn with_max_age(mut self, age: Duration) -> Self {
        self.max_age = age;
        self
    }

    /// Where it is.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Refuses what can never work: what may pass (a full disk, another process) is for the exporter to wait out.
    ///
    /// # Errors
    /// A build without spools, or a path at which there is something else than a directory.
    pub fn check(&self) -> Result<(), BuildError> {
        let problem = |problem: &str| {
            let from = format!("the spool's directory `{}`", self.directory.display());
            Err(BuildError::File { from, problem: problem.to_owned() })
        };
        if !file::BUILT_IN {
            return problem("is asked for, but spools are not in this build: add the cargo feature `spool`");
        }
        if self.directory.exists() && !self.directory.is_dir() {
            return problem("is not a directory: name one, or one that can be made");
        }
        Ok(())
    }

    /// The file of one signal.
    pub(crate) fn path(&self, signal: Signal) -> PathBuf {
        self.directory.join(match signal {
            Signal::Traces => "traces.redb",
            Signal::Logs => "logs.redb",
            Signal::Metrics => "metrics.redb",
        })
    }
}
