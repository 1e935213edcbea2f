//! Log lines of an exporter: one when delivery starts to fail, one when it works again, nothing in between.

use std::path::Path;
use std::time::Duration;

use throughline_core::Timestamp;

use crate::endpoint::Signal;

/// The target of every log line, for filters.
const TARGET: &str = "throughline";

/// How the last delivery went.
#[derive(Debug, Default)]
pub(super) enum Health {
    /// There was none yet.
    #[default]
    Unknown,
    /// All was taken.
    Good,
    /// Taken, with refused items or a warning.
    Complaining,
    /// Not taken.
    Failing {
        /// Since when.
        since: Timestamp,
        /// How many requests.
        requests: u64,
    },
}

impl Health {
    pub(super) fn failed(&mut self, error: &str, now: Timestamp) {
        if let Self::Failing { requests, .. } = self {
            *requests += 1;
            return;
        }
        tracing::warn!(target: TARGET, error, "OTLP export fails; further failures are counted, not logged");
        *self = Self::Failing { since: now, requests: 1 };
    }

    pub(super) fn delivered(&mut self, rejected_items: u64, message: &str, endpoint: &str, now: Timestamp) {
        self.log_recovery(endpoint, now);
        if rejected_items == 0 && message.is_empty() {
            *self = Self::Good;
            return;
        }
        if !matches!(self, Self::Complaining) {
            tracing::warn!(target: TARGET, endpoint, rejected_items, answer = message,
                "the OTLP receiver took a request in part or with a warning; further ones are counted, not logged");
        }
        *self = Self::Complaining;
    }

    fn log_recovery(&self, endpoint: &str, now: Timestamp) {
        match self {
            Self::Unknown => tracing::debug!(target: TARGET, endpoint, "first OTLP export delivered"),
            Self::Good | Self::Complaining => {}
            Self::Failing { since, requests } => {
                let after = humantime::format_duration(Duration::from_secs((now - *since).as_secs()));
                tracing::info!(target: TARGET, endpoint, failed_requests = requests, %after,
                    "OTLP export works again");
            }
        }
    }
}

pub(super) fn log_panic() {
    tracing::warn!(target: TARGET,
        "a callback of the application panicked while metrics were collected; this export is skipped");
}

pub(super) fn log_queue_full(dropped: u64, signal: Signal) {
    let items = signal.items();
    tracing::warn!(target: TARGET, dropped,
        "the queue of undelivered {items} is full: some are dropped; further ones are counted, not logged");
}

pub(super) fn log_spool_full(dropped: u64, signal: Signal) {
    let items = signal.items();
    tracing::warn!(target: TARGET, dropped,
        "the spool of undelivered {items} is full: some are dropped; further ones are counted, not logged");
}

pub(super) fn log_spool_fails(problem: &str, signal: Signal) {
    let items = signal.items();
    tracing::warn!(target: TARGET, "{problem}; undelivered {items} are kept in memory until it can be used");
}

pub(super) fn log_spool_works(path: &Path) {
    tracing::info!(target: TARGET, "the spool {} can be used again", path.display());
}

pub(super) fn log_spool_set_aside(path: &Path, what: &str) {
    tracing::warn!(target: TARGET, "the spool {} was damaged: {what}", path.display());
}

pub(super) fn log_recovered(recovered: u64, signal: Signal, path: &Path) {
    let items = signal.items();
    tracing::info!(target: TARGET, "{recovered} {items} from before are in the spool {}", path.display());
}
