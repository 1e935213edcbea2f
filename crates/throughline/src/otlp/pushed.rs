//! One running exporter of one signal, as the façade sees it.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::{Map, Value, json};
use throughline_core::{Resource, Timestamp};
use throughline_otlp::{
    BuildError, Command, ExportReport, ExportStatus, Signal, SpoolState, StatusSnapshot, Successor,
};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use crate::exporters::{Delivery, ShutdownReport, Task};

/// An exporter, and the way to talk to it.
pub(super) struct Pushed {
    pub(super) status: ExportStatus,
    successor: Successor,
    pub(super) line: Arc<Line>,
    pub(super) task: Option<Task>,
}

/// The way to talk to an exporter.
pub(super) struct Line {
    pub(super) signal: Signal,
    commands: mpsc::Sender<Command>,
    /// Its last export was asked for before that of the others.
    is_ended: AtomicBool,
}

/// Flushes that may wait to be seen; more of them wait to be sent.
const COMMANDS_MAX: usize = 16;

impl Pushed {
    /// An exporter that begins when its task is run.
    pub(super) fn new(
        signal: Signal,
        status: ExportStatus,
        successor: Successor,
        run: impl FnOnce(mpsc::Receiver<Command>) -> Task,
    ) -> Self {
        let (commands, inbox) = mpsc::channel(COMMANDS_MAX);
        let line = Line { signal, commands, is_ended: AtomicBool::new(false) };
        Self { status, successor, line: Arc::new(line), task: Some(run(inbox)) }
    }

    /// One for a forked child.
    pub(super) fn forked(&self, resource: &Resource, seed: u64) -> Result<Self, BuildError> {
        let exporter = self.successor.exporter(resource, seed)?;
        let (status, successor) = (self.status.clone(), self.successor.clone());
        Ok(Self::new(self.line.signal, status, successor, |inbox| Box::pin(exporter.run(inbox))))
    }
}

impl Line {
    /// Whether its last export was asked for before that of the others.
    pub(super) fn is_ended(&self) -> bool {
        self.is_ended.load(Ordering::Relaxed)
    }

    /// As [`shutdown`](Self::shutdown), before the others; nothing when that was done already.
    pub(super) fn end_early(&self, within: Duration) -> Option<oneshot::Receiver<ExportReport>> {
        let is_first = !self.is_ended.swap(true, Ordering::Relaxed);
        is_first.then(|| self.shutdown(within))
    }

    /// Asks for an export now. The answer comes from the exporter thread; it does not, when that has ended.
    pub(super) fn flush(&self) -> oneshot::Receiver<ExportReport> {
        let (reply, report) = oneshot::channel();
        self.send(Command::Flush { reply });
        report
    }

    /// Asks for a last export, to be over by then.
    pub(super) fn shutdown(&self, within: Duration) -> oneshot::Receiver<ExportReport> {
        let (reply, report) = oneshot::channel();
        let deadline = Instant::now() + within;
        self.send(Command::Shutdown { deadline, reply });
        report
    }

    /// A command that does not fit is dropped with its reply, which tells whoever waits for it.
    fn send(&self, command: Command) {
        if let Err(refused) = self.commands.try_send(command) {
            tracing::debug!(target: "throughline", %refused, "the exporter takes no commands");
        }
    }
}

impl fmt::Debug for Pushed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pushed")
            .field("signal", &self.line.signal)
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

/// Adds what one exporter answered. Without an answer it has ended before.
pub(super) fn add(
    into: &mut ShutdownReport,
    signal: Signal,
    answer: Result<ExportReport, oneshot::error::RecvError>,
) {
    let Ok(ExportReport { delivered_items, undelivered_items, spooled_items, last_error, .. }) = answer
    else {
        into.timed_out = true;
        into.last_error = Some("the exporter does not answer".to_owned());
        return;
    };
    let delivery =
        Delivery { delivered: delivered_items, undelivered: undelivered_items, spooled: spooled_items };
    match signal {
        Signal::Traces => into.spans = delivery,
        Signal::Logs => into.log_records = delivery,
        _ => into.points = delivery,
    }
    into.last_error = last_error.or_else(|| into.last_error.take());
}

/// What is served at `/telemetry` of one exporter.
pub(super) fn to_json(status: &StatusSnapshot) -> Value {
    let dropped = status.dropped_items.by_reason();
    let dropped: Map<_, _> = dropped.into_iter().map(|(why, items)| (why.to_owned(), items.into())).collect();
    json!({
        "running": status.is_running,
        "collected": status.collected_items,
        "recovered": status.recovered_items,
        "exported": status.exported_items,
        "rejected": status.rejected_items,
        "dropped": dropped,
        "queued": status.queued_items,
        "queued_bytes": status.queued_bytes,
        "spooled": status.spooled_items,
        "spooled_bytes": status.spooled_bytes,
        "spool": spool(status),
        "failed_requests": status.failed_requests,
        "retries": status.retries,
        "collect_panics": status.collect_panics,
        "last_success_unix_seconds": status.last_success.map(Timestamp::as_secs_f64),
        "last_error": status.last_error.as_ref().map(|error| json!({
            "message": error.message,
            "unix_seconds": error.time.as_secs_f64(),
        })),
    })
}

fn spool(status: &StatusSnapshot) -> Value {
    let state = match status.spool {
        SpoolState::Working => "working",
        SpoolState::Unavailable => "unavailable",
        _ => "off",
    };
    json!({ "state": state, "problem": status.spool_problem, "failures": status.spool_failures })
}
