//! The running exporters and their thread, when a cargo feature brings any; otherwise nothing.

#[cfg(feature = "runtime")]
mod enabled;
#[cfg(feature = "runtime")]
mod thread;
#[cfg(feature = "runtime")]
pub(crate) use enabled::{Exporters, on_a_thread};
#[cfg(feature = "runtime")]
pub(crate) use thread::Task;

#[cfg(not(feature = "runtime"))]
mod disabled;
#[cfg(not(feature = "runtime"))]
pub(crate) use disabled::{Exporters, on_a_thread};

use std::fmt;

/// What the last export delivered, and what it did not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ShutdownReport {
    /// Points of metrics.
    pub points: Delivery,
    /// Spans.
    pub spans: Delivery,
    /// Log records.
    pub log_records: Delivery,
    /// Points, spans and log records that went to the console.
    pub console: Delivery,
    /// The last failure.
    pub last_error: Option<String>,
    /// The time was over before everything was done; what was still under way is not counted above.
    pub timed_out: bool,
}

/// How much was delivered of what was to be pushed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Delivery {
    /// What the receiver took.
    pub delivered: u64,
    /// What it did not take, and what is not on disk.
    pub undelivered: u64,
    /// What is on disk, in the spool: the next process delivers it.
    pub spooled: u64,
}

impl ShutdownReport {
    /// Whether everything that was to be delivered was, or is on disk to be delivered later.
    pub fn is_complete(&self) -> bool {
        let Self { points, spans, log_records, console, timed_out, .. } = self;
        [points, spans, log_records, console].iter().all(|delivery| delivery.undelivered == 0) && !timed_out
    }
}

impl ShutdownReport {
    /// The report when it is complete, so that `?` tells of what was not delivered.
    ///
    /// # Errors
    /// The report when it is not.
    pub fn into_result(self) -> Result<Self, ShutdownError> {
        if self.is_complete() { Ok(self) } else { Err(ShutdownError { report: Box::new(self) }) }
    }
}

/// Not everything was delivered before the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShutdownError {
    report: Box<ShutdownReport>,
}

impl ShutdownError {
    /// What was delivered, and what was not.
    pub fn report(&self) -> &ShutdownReport {
        &self.report
    }
}

impl fmt::Display for ShutdownError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not all telemetry was delivered: {}", self.report)
    }
}

impl std::error::Error for ShutdownError {}

impl fmt::Display for ShutdownReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { points, spans, log_records, console, last_error, timed_out } = self;
        let signals = [
            (points, "points"),
            (spans, "spans"),
            (log_records, "log records"),
            (console, "items for the console"),
        ];
        let mut pushed = signals.iter().filter(|(delivery, _)| **delivery != Delivery::default()).peekable();
        if pushed.peek().is_none() {
            f.write_str("nothing was to be pushed")?;
        }
        while let Some((Delivery { delivered, undelivered, spooled }, items)) = pushed.next() {
            write!(f, "{delivered} {items} delivered and {undelivered} not")?;
            if *spooled > 0 {
                write!(f, " ({spooled} on disk)")?;
            }
            f.write_str(if pushed.peek().is_some() { ", " } else { "" })?;
        }
        if *timed_out {
            f.write_str("; the time was over before everything was done")?;
        }
        match last_error {
            Some(error) => write!(f, "; {error}"),
            None => Ok(()),
        }
    }
}
