//! What a running exporter is asked, and what it answers.
//!
//! Commands arrive at any time, also during an export: the [`Inbox`] keeps them until they can be served.

use std::pin::pin;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;

use super::Cause;
use super::wakes::Wakes;
use crate::race::{Either, race};

/// What a running exporter can be asked.
#[derive(Debug)]
#[non_exhaustive]
pub enum Command {
    /// Export now, and say how it went.
    Flush {
        /// Gets the report.
        reply: oneshot::Sender<ExportReport>,
    },
    /// Export a last time and end.
    Shutdown {
        /// When to give up. An export that is under way gets half of the time until then.
        deadline: Instant,
        /// Gets the report.
        reply: oneshot::Sender<ExportReport>,
    },
}

/// How one export went, with what had been queued before. Its items are points, spans or log records.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ExportReport {
    /// Items that the peer took.
    pub delivered_items: u64,
    /// Items that it did not take. Some may be queued still, unless this is the report of a shutdown.
    pub undelivered_items: u64,
    /// Items that wait on disk.
    pub spooled_items: u64,
    /// The last failure.
    pub last_error: Option<String>,
}

/// The commands that have arrived and wait to be served.
pub(super) struct Inbox {
    commands: mpsc::Receiver<Command>,
    pub(super) flushes: Vec<oneshot::Sender<ExportReport>>,
    pub(super) shutdown: Option<Shutdown>,
    /// How long the last export may take when the channel is closed without a shutdown.
    grace: Duration,
}

pub(super) struct Shutdown {
    pub(super) deadline: Instant,
    /// None when the channel was closed.
    pub(super) reply: Option<oneshot::Sender<ExportReport>>,
}

impl Inbox {
    pub(super) fn new(commands: mpsc::Receiver<Command>, grace: Duration) -> Self {
        Self { commands, flushes: Vec::new(), shutdown: None, grace }
    }

    /// Waits until there is a reason to export.
    pub(super) async fn wait(&mut self, wakes: &mut Wakes) -> Cause {
        if !self.flushes.is_empty() || self.shutdown.is_some() {
            return Cause::Due;
        }
        match race(pin!(self.receive()), pin!(wakes.next())).await {
            Either::Left(()) => Cause::Due,
            Either::Right(cause) => cause,
        }
    }

    /// Waits for one command and files it. Nothing is lost when it is dropped before.
    pub(super) async fn receive(&mut self) {
        match self.commands.recv().await {
            Some(Command::Flush { reply }) => self.flushes.push(reply),
            Some(Command::Shutdown { deadline, reply }) => {
                self.shutdown = Some(Shutdown { deadline, reply: Some(reply) });
            }
            None => {
                let deadline = Instant::now() + self.grace;
                self.shutdown = Some(Shutdown { deadline, reply: None });
            }
        }
    }

    /// Passes a shutdown on to the export under way, which gets half of the time that is left.
    pub(super) fn hurry(&self, stopper: &watch::Sender<Option<Instant>>) {
        if let Some(shutdown) = &self.shutdown {
            let now = Instant::now();
            let half = shutdown.deadline.saturating_duration_since(now) / 2;
            stopper.send_replace(Some(now + half));
        }
    }

    /// Ends the inbox; whoever asked for something while the last export was under way gets its report too.
    pub(super) fn close(mut self, report: &ExportReport) {
        self.commands.close();
        while let Ok(Command::Flush { reply } | Command::Shutdown { reply, .. }) = self.commands.try_recv() {
            self.flushes.push(reply);
        }
        reply_all(self.flushes, report);
    }
}

/// Whoever asked may have stopped listening.
pub(super) fn reply_all(
    replies: impl IntoIterator<Item = oneshot::Sender<ExportReport>>,
    report: &ExportReport,
) {
    for reply in replies {
        drop(reply.send(report.clone()));
    }
}
