//! Log lines of an exporter: one when nothing is delivered, one when it works again, nothing in between.

use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use throughline_core::Timestamp;

use crate::endpoint::Signal;

/// The target of every log line, for filters.
const TARGET: &str = "throughline";

/// How delivery goes, as far as a person wants to know.
#[derive(Debug)]
pub(super) struct Health {
    state: State,
    /// How long passing failures go on before they are worth a line.
    patience: Duration,
    last_success: Option<Timestamp>,
}

/// How the last delivery went.
#[derive(Debug, Default)]
enum State {
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
        /// Whether a line has said so.
        is_told: bool,
    },
}

/// A delivery that failed.
pub(super) struct Failure<'a> {
    pub(super) signal: Signal,
    pub(super) endpoint: &'a str,
    pub(super) error: &'a str,
    /// Whether the request is given up, not kept for later.
    pub(super) is_lost: bool,
    /// How many items wait in memory, and how many on disk.
    pub(super) waiting: (u64, u64),
}

/// How many intervals without a delivery are worth a line: one is a receiver that is started again.
const PATIENCE_INTERVALS: u32 = 3;

/// Intervals may be short; a receiver is allowed to be away for as long as this at least.
const PATIENCE_MIN: Duration = Duration::from_secs(10);

impl Health {
    /// That of an exporter with this interval.
    pub(super) fn new(interval: Duration) -> Self {
        let patience = interval.saturating_mul(PATIENCE_INTERVALS).max(PATIENCE_MIN);
        Self { state: State::default(), patience, last_success: None }
    }

    /// Says so when items are lost, when nothing was ever delivered, or when nothing was for a few intervals: once.
    pub(super) fn failed(&mut self, failure: &Failure<'_>, now: Timestamp) {
        let (since, requests, is_told) = match self.state {
            State::Failing { since, requests, is_told } => (since, requests, is_told),
            _ => (now, 0, false),
        };
        let is_news = failure.is_lost || self.last_success.is_none() || now - since >= self.patience;
        if is_news && !is_told {
            self.log_failing(failure);
        }
        self.state = State::Failing { since, requests: requests + 1, is_told: is_told || is_news };
    }

    fn log_failing(
        &self,
        &Failure { signal, endpoint, error, waiting: (queued, spooled), .. }: &Failure<'_>,
    ) {
        let items = signal.items();
        let last_delivery = self.last_success.map_or_else(
            || "never".to_owned(),
            |time| {
                humantime::format_rfc3339_seconds(UNIX_EPOCH + Duration::from_nanos(time.as_nanos()))
                    .to_string()
            },
        );
        tracing::warn!(target: TARGET, endpoint, error, last_delivery, queued, spooled,
            "{items} are not delivered; further failures are counted, not logged");
    }

    pub(super) fn delivered(&mut self, rejected_items: u64, message: &str, endpoint: &str, now: Timestamp) {
        self.log_recovery(endpoint, now);
        self.last_success = Some(now);
        if rejected_items == 0 && message.is_empty() {
            self.state = State::Good;
            return;
        }
        if !matches!(self.state, State::Complaining) {
            tracing::warn!(target: TARGET, endpoint, rejected_items, answer = message,
                "the OTLP receiver took a request in part or with a warning; further ones are counted, not logged");
        }
        self.state = State::Complaining;
    }

    fn log_recovery(&self, endpoint: &str, now: Timestamp) {
        match self.state {
            State::Unknown => tracing::debug!(target: TARGET, endpoint, "first OTLP export delivered"),
            State::Failing { since, requests, is_told: true } => {
                let after = humantime::format_duration(Duration::from_secs((now - since).as_secs()));
                tracing::info!(target: TARGET, endpoint, failed_requests = requests, %after,
                    "OTLP export works again");
            }
            State::Good | State::Complaining | State::Failing { is_told: false, .. } => {}
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
