//! Where the console exporter writes, and what became of it: every item is written, or dropped and counted.
//!
//! Called by `task.rs`. Writing may block for as long as nobody reads the other end of a pipe, so it is done on the
//! runtime's thread for blocking work, one write at a time: neither a scrape nor a push waits for it.

use std::fmt;
use std::io::{self, IsTerminal as _, Write};
use std::ops::AddAssign;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::config::{ConsoleStream, SharedWriter};

/// How long the exporter waits for one write. What takes longer goes on by itself, and what comes meanwhile is dropped.
const WRITE_TIMEOUT: Duration = Duration::from_secs(2);

/// How many items of each signal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Items {
    pub(super) points: u64,
    pub(super) spans: u64,
    pub(super) log_records: u64,
}

impl Items {
    pub(super) fn total(self) -> u64 {
        self.points + self.spans + self.log_records
    }

    fn to_json(self) -> Value {
        let Self { points, spans, log_records } = self;
        json!({ "points": points, "spans": spans, "log_records": log_records })
    }
}

impl AddAssign for Items {
    fn add_assign(&mut self, rhs: Self) {
        self.points += rhs.points;
        self.spans += rhs.spans;
        self.log_records += rhs.log_records;
    }
}

/// Text, and what is in it.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) text: String,
    pub(super) items: Items,
}

/// Where to.
#[derive(Clone)]
pub(super) enum Sink {
    Stream(ConsoleStream),
    Writer(SharedWriter),
}

impl Sink {
    /// Colours are for people.
    pub(super) fn is_terminal(&self) -> bool {
        match self {
            Self::Stream(ConsoleStream::Stdout) => io::stdout().is_terminal(),
            Self::Stream(ConsoleStream::Stderr) => io::stderr().is_terminal(),
            Self::Writer(_) => false,
        }
    }

    /// In one piece, so that what others write stands before or after it.
    fn write(&self, text: &str) -> io::Result<()> {
        let whole = |writer: &mut dyn Write| writer.write_all(text.as_bytes()).and_then(|()| writer.flush());
        match self {
            Self::Stream(ConsoleStream::Stdout) => whole(&mut io::stdout().lock()),
            Self::Stream(ConsoleStream::Stderr) => whole(&mut io::stderr().lock()),
            Self::Writer(writer) => whole(&mut *writer.lock().unwrap_or_else(PoisonError::into_inner)),
        }
    }
}

impl fmt::Display for Sink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stream(stream) => stream.fmt(f),
            Self::Writer(_) => f.write_str("writer"),
        }
    }
}

/// What was written and what was not, shared with whoever asks.
#[derive(Clone, Debug, Default)]
pub(super) struct Counts(Arc<Mutex<Counted>>);

#[derive(Debug, Default)]
struct Counted {
    written: Items,
    /// The other end is closed.
    closed: Items,
    /// Writing failed in another way.
    failed: Items,
    /// The write before was still under way, or too much was waiting.
    slow: Items,
    last_error: Option<String>,
}

impl Counts {
    fn lock(&self) -> MutexGuard<'_, Counted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What found no room while it waited to be written.
    pub(super) fn add_slow(&self, items: Items) {
        self.lock().slow += items;
    }

    pub(super) fn to_json(&self) -> Value {
        let counted = self.lock();
        json!({
            "written": counted.written.to_json(),
            "dropped": {
                "closed": counted.closed.to_json(),
                "failed": counted.failed.to_json(),
                "slow": counted.slow.to_json(),
            },
            "last_error": counted.last_error,
        })
    }
}

/// Writes batches one after the other.
pub(super) struct Output {
    sink: Sink,
    counts: Counts,
    under_way: Option<(JoinHandle<io::Result<()>>, Items)>,
    /// Nobody will ever read what is written.
    closed: bool,
    /// Whether the last failure was logged already.
    failing: bool,
}

impl Output {
    pub(super) fn new(sink: Sink, counts: Counts) -> Self {
        Self { sink, counts, under_way: None, closed: false, failing: false }
    }

    /// Writes it, and says whether it was written.
    pub(super) async fn write(&mut self, Batch { text, items }: Batch) -> bool {
        if items.total() == 0 {
            return true;
        }
        if self.closed {
            self.counts.lock().closed += items;
            return false;
        }
        if !self.wait().await {
            self.counts.add_slow(items);
            return false;
        }
        let sink = self.sink.clone();
        self.under_way = Some((tokio::task::spawn_blocking(move || sink.write(&text)), items));
        self.wait().await && !self.failing
    }

    /// Waits for the write under way, if there is one. Whether it is over.
    async fn wait(&mut self) -> bool {
        let Some((write, items)) = &mut self.under_way else { return true };
        let items = *items;
        let Ok(written) = timeout(WRITE_TIMEOUT, write).await else { return false };
        self.under_way = None;
        match written.unwrap_or_else(|panicked| Err(io::Error::other(panicked))) {
            Ok(()) => {
                self.failing = false;
                self.counts.lock().written += items;
            }
            Err(error) => self.failed(&error, items),
        }
        true
    }

    fn failed(&mut self, error: &io::Error, items: Items) {
        self.closed = error.kind() == io::ErrorKind::BrokenPipe;
        let mut counted = self.counts.lock();
        if self.closed {
            counted.closed += items;
        } else {
            counted.failed += items;
        }
        counted.last_error = Some(error.to_string());
        drop(counted);
        if !self.failing {
            tracing::warn!(target: "throughline", %error, sink = %self.sink,
                "the console exporter cannot write; what is lost is counted, not logged");
        }
        self.failing = true;
    }
}
