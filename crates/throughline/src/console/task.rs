//! What the exporter thread does for the console: collects metrics at their interval, takes records out soon after they
//! came, and writes.
//!
//! Started by `exporters/enabled.rs`, asked through [`Command`]s. Text and JSON are made in `text/` and `json/`, records
//! wait in `records/`, and `output.rs` writes.

use std::time::Duration;

use throughline_metrics::Reader;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout_at};

use super::enabled::Style;
use super::output::{Batch, Items, Output};
use super::records::Recorded;
use super::{json, text};
use crate::exporters::Delivery;

/// What the running console exporter can be asked.
#[derive(Debug)]
pub(super) enum Command {
    /// A thread has a batch of records waiting.
    Batch,
    /// Show what there is, and say what was written.
    Flush(oneshot::Sender<Delivery>),
    /// … and end.
    Shutdown(oneshot::Sender<Delivery>),
}

/// The exporter's work.
pub(super) struct Work {
    pub(super) metrics: Option<Metrics>,
    pub(super) records: Recorded,
    /// How long records wait.
    pub(super) delay: Duration,
    pub(super) style: Style,
    pub(super) output: Output,
}

/// Metrics, and how often they are shown.
pub(super) struct Metrics {
    pub(super) reader: Reader,
    pub(super) interval: Duration,
}

impl Work {
    /// Works until it is told to end, or until nobody can tell it any more.
    pub(super) async fn run(mut self, mut commands: mpsc::Receiver<Command>) {
        let mut records_due = Instant::now() + self.delay;
        let mut metrics_due = self.metrics.as_ref().map(|metrics| Instant::now() + metrics.interval);
        loop {
            let due = metrics_due.map_or(records_due, |metrics_due| metrics_due.min(records_due));
            match timeout_at(due, commands.recv()).await {
                Ok(Some(Command::Flush(reply))) => {
                    let _nobody_waits = reply.send(self.show_all().await);
                }
                Ok(Some(Command::Shutdown(reply))) => {
                    let _nobody_waits = reply.send(self.show_all().await);
                    return;
                }
                Ok(None) => {
                    self.show_all().await;
                    return;
                }
                Ok(Some(Command::Batch)) => {
                    self.show_records().await;
                }
                Err(_elapsed) => {
                    let now = Instant::now();
                    if records_due <= now {
                        self.show_records().await;
                        records_due = now + self.delay;
                    }
                    if metrics_due.is_some_and(|due| due <= now) {
                        self.show_metrics().await;
                        metrics_due = self.metrics.as_ref().map(|metrics| now + metrics.interval);
                    }
                }
            }
        }
    }

    /// Records first: what is measured is explained by what happened.
    async fn show_all(&mut self) -> Delivery {
        let records = self.show_records().await;
        let metrics = self.show_metrics().await;
        Delivery {
            delivered: records.delivered + metrics.delivered,
            undelivered: records.undelivered + metrics.undelivered,
            ..Delivery::default()
        }
    }

    async fn show_metrics(&mut self) -> Delivery {
        let Some(metrics) = &mut self.metrics else { return Delivery::default() };
        let collection = metrics.reader.collect();
        let points: usize = collection.metrics().map(|(_, metric)| metric.data.len()).sum();
        let text = match self.style {
            Style::Text { colours } => text::metrics(collection, colours),
            Style::Json => json::metrics(collection),
        };
        let items = Items { points: points as u64, ..Items::default() };
        self.write(Batch { text, items }).await
    }

    /// What waits now, a batch after the other.
    async fn show_records(&mut self) -> Delivery {
        let mut shown = Delivery::default();
        let mut left = self.records.batches();
        while left > 0 {
            let batch = self.records.take();
            let Delivery { delivered, undelivered, .. } = self.write(batch).await;
            shown.delivered += delivered;
            shown.undelivered += undelivered;
            left -= 1;
        }
        shown
    }

    async fn write(&mut self, batch: Batch) -> Delivery {
        let count = batch.items.total();
        let written = self.output.write(batch).await;
        if written {
            Delivery { delivered: count, ..Delivery::default() }
        } else {
            Delivery { undelivered: count, ..Delivery::default() }
        }
    }
}
