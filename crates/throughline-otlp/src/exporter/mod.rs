//! Takes what is to be exported, and delivers it, on a timer and on request: the same loop for all signals.
//!
//! The façade spawns the exporters' `run` on the toolkit's exporter thread and talks to them with [`Command`]s. What
//! differs between the signals is the [`Source`]: `metrics.rs` collects and encodes metrics, `records.rs` takes spans or
//! log records out of their rings and encodes those. The loop appends the requests to the queue (`queue.rs`), and sends
//! the queue oldest first (`retry.rs`, then `transport/http.rs`, stop 8 in the life of an increment).
//!
//! What fails: cumulative points are superseded by the next collection; delta points, spans and log records stay queued
//! until they are delivered or the queue's limit drops the oldest; what the peer refuses for good is dropped, after a
//! request with good and bad items was cut until they are apart (`split.rs`). Each is counted (`status.rs`). A panic in a
//! callback of the application ends one collection, not the exporter.
//!
//! Everything happens on the task that runs the exporter, but for the open connection, which is a task of its own of the
//! same runtime: a thread that is excluded from recording keeps all of it excluded.

mod command;
mod health;
mod metrics;
mod queue;
mod records;

use std::borrow::Cow;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;

use throughline_core::Clock;
use tokio::sync::{Notify, mpsc};
use tokio::time::{Instant, MissedTickBehavior, interval_at};

pub use self::command::{Command, ExportReport};
use self::command::{Inbox, reply_all};
use self::health::Health;
pub use self::metrics::MetricExporter;
use self::queue::{Queue, Request};
pub use self::records::RecordExporter;
use crate::compression::compress;
use crate::config::{BuildError, OtlpConfig};
use crate::endpoint::Signal;
use crate::error::{ExportError, Refusal};
use crate::race::{Either, race};
use crate::retry::{Delivery, Random, Stop};
use crate::split::halves;
use crate::status::{ExportStatus, LastError, StatusSnapshot};
use crate::transport::connect::Connect;
use crate::transport::{Accepted, Transport};

/// Where requests come from: what differs between the signals.
trait Source: Send + fmt::Debug {
    /// Has `wake` called when an export is due before its time.
    fn on_batch(&self, wake: Wake) {
        drop(wake);
    }

    /// Says that an export begins, and why.
    fn begin(&mut self, cause: Cause) {
        let _: Cause = cause;
    }

    /// Gives the next requests of this export to `sink`. Whether there are more.
    fn take(&mut self, sink: &mut dyn FnMut(Encoded<'_>)) -> bool;
}

/// How often requests are cut in two during one export: enough to find several bad items among a thousand, and a limit
/// to what a peer that refuses everything is bothered with.
const SPLITS_MAX: u32 = 32;

type Wake = Box<dyn Fn() + Send + Sync>;

/// Why there is an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cause {
    /// It is time, or somebody asked.
    Due,
    /// A batch is full before it was time.
    BatchFull,
}

/// An encoded request.
struct Encoded<'a> {
    body: Cow<'a, [u8]>,
    items: u64,
    /// Whether it has items that no later request repeats.
    must_arrive: bool,
}

/// The loop of one signal.
#[derive(Debug)]
struct Exporter {
    signal: Signal,
    source: Box<dyn Source>,
    queue: Queue,
    delivery: Delivery,
    status: ExportStatus,
    health: Health,
    config: OtlpConfig,
    clock: Arc<dyn Clock>,
}

impl Exporter {
    fn new(
        signal: Signal,
        source: Box<dyn Source>,
        config: OtlpConfig,
        clock: Arc<dyn Clock>,
        seed: u64,
        connector: Box<dyn Connect>,
    ) -> Result<Self, BuildError> {
        if config.timeout.is_zero() {
            return Err(BuildError::Zero { setting: "timeout" });
        }
        let transport = Transport::new(&config, connector, Arc::clone(&clock))?;
        Ok(Self {
            signal,
            source,
            queue: Queue::new(config.queue_bytes_max),
            delivery: Delivery::new(transport, config.retry.clone(), Random::new(seed)),
            status: ExportStatus::default(),
            health: Health::default(),
            config,
            clock,
        })
    }

    fn with_queued_items_max(mut self, items: u64) -> Self {
        self.queue = self.queue.with_items_max(items);
        self
    }

    fn status(&self) -> ExportStatus {
        self.status.clone()
    }

    async fn run(mut self, commands: mpsc::Receiver<Command>) {
        let mut inbox = Inbox::new(commands, self.config.timeout);
        let mut ticks = interval_at(Instant::now() + self.config.interval, self.config.interval);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let batch_full = Arc::new(Notify::new());
        let wake = Arc::clone(&batch_full);
        self.source.on_batch(Box::new(move || wake.notify_one()));
        loop {
            let cause = inbox.wait(&mut ticks, &batch_full).await;
            if let Some(shutdown) = inbox.shutdown.take() {
                let report = self.finish(shutdown.deadline).await;
                inbox.close(&report);
                return reply_all(shutdown.reply, &report);
            }
            let waiting = std::mem::take(&mut inbox.flushes);
            let report = self.export_listening(cause, &mut inbox).await;
            reply_all(waiting, &report);
        }
    }

    /// Exports, filing commands meanwhile; a shutdown makes the export hurry.
    async fn export_listening(&mut self, cause: Cause, inbox: &mut Inbox) -> ExportReport {
        let (stopper, mut stop) = Stop::new();
        let mut export = pin!(self.export(cause, None, &mut stop));
        while inbox.shutdown.is_none() {
            let event = {
                let receive = pin!(inbox.receive());
                race(export.as_mut(), receive).await
            };
            match event {
                Either::Left(report) => return report,
                Either::Right(()) => inbox.hurry(&stopper),
            }
        }
        export.await
    }

    /// The last export; what it leaves is lost.
    async fn finish(&mut self, deadline: Instant) -> ExportReport {
        let (_never, mut stop) = Stop::new();
        let mut report = self.export(Cause::Due, Some(deadline), &mut stop).await;
        let lost = self.queue.clear();
        report.undelivered_items += lost;
        self.update_status(|status| status.dropped_items.shutdown += lost);
        report
    }

    /// Sends what is queued, then what there is; with a `deadline`, what fails stays in the queue to be counted by the
    /// caller. A peer that does not take the one is not asked to take the other.
    async fn export(&mut self, cause: Cause, deadline: Option<Instant>, stop: &mut Stop) -> ExportReport {
        let mut report = ExportReport::default();
        self.source.begin(cause);
        let mut is_taken = self.send_queue(deadline, stop, &mut report).await;
        let mut has_more = true;
        while has_more {
            has_more = self.take(&mut report);
            if is_taken {
                is_taken = self.send_queue(deadline, stop, &mut report).await;
            }
        }
        if deadline.is_none() {
            let superseded = self.queue.remove_superseded();
            report.undelivered_items += superseded + self.queue.items();
            self.update_status(|status| status.dropped_items.superseded += superseded);
        }
        report
    }

    /// Appends the next requests to the queue, and drops what it has no room for. Whether there are more.
    fn take(&mut self, report: &mut ExportReport) -> bool {
        let Self { source, queue, config, .. } = self;
        let before = queue.items();
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            source.take(&mut |Encoded { body, items, must_arrive }| {
                let body = compress(config.compression, body);
                queue.push(Request { body, items, must_arrive });
            })
        }));
        let taken = queue.items() - before;
        let dropped = queue.remove_excess();
        report.undelivered_items += dropped;
        self.update_status(|status| {
            status.collected_items += taken;
            status.collect_panics += u64::from(outcome.is_err());
            status.dropped_items.queue_full += dropped;
        });
        if outcome.is_err() {
            health::log_panic();
        }
        if dropped > 0 && self.status.snapshot().dropped_items.queue_full == dropped {
            health::log_queue_full(dropped, self.signal);
        }
        outcome.unwrap_or(false)
    }

    /// Sends requests until the queue is empty, or until the peer takes none. Whether it takes them.
    async fn send_queue(
        &mut self,
        deadline: Option<Instant>,
        stop: &mut Stop,
        report: &mut ExportReport,
    ) -> bool {
        let mut splits_left = SPLITS_MAX;
        while let Some(request) = self.queue.front() {
            let timeout = Instant::now() + self.config.timeout;
            let deadline = deadline.map_or(timeout, |deadline| deadline.min(timeout));
            let status = &self.status;
            let on_retry = || status.update(|status| status.retries += 1);
            match self.delivery.send(&request.body, deadline, stop, &on_retry).await {
                Ok(accepted) => self.delivered(&accepted, report),
                Err(error) if splits_left > 0 && self.split(&error) => splits_left -= 1,
                Err(error) => {
                    self.failed(&error, report);
                    if error.is_retryable() {
                        return false;
                    }
                }
            }
        }
        true
    }

    /// Cuts the oldest request in two, when it was refused for some of what is in it; says whether it did.
    fn split(&mut self, error: &ExportError) -> bool {
        if error.refusal() != Some(Refusal::Splittable) {
            return false;
        }
        let OtlpConfig { protocol, compression, .. } = self.config;
        let front = self.queue.front();
        let halves = front.and_then(|request| halves(&request.body, protocol, compression, self.signal));
        let Some(halves) = halves else { return false };
        self.queue.split_front(halves);
        self.update_status(|status| status.failed_requests += 1);
        true
    }

    fn delivered(&mut self, accepted: &Accepted, report: &mut ExportReport) {
        let items = self.queue.pop().map_or(0, |request| request.items);
        let rejected = accepted.rejected_items.min(items);
        report.delivered_items += items - rejected;
        report.undelivered_items += rejected;
        let now = self.clock.now();
        let endpoint = self.config.endpoint.to_string();
        let complaint = (rejected > 0).then(|| {
            format!("{endpoint} refused {rejected} of {items} {}: {}", self.signal.items(), accepted.message)
        });
        self.health.delivered(rejected, &accepted.message, &endpoint, now);
        report.last_error = complaint.clone().or_else(|| report.last_error.take());
        self.update_status(|status| {
            status.exported_items += items - rejected;
            status.rejected_items += rejected;
            status.last_success = Some(now);
            if let Some(complaint) = complaint {
                status.last_error = Some(LastError::new(complaint, now));
            }
        });
    }

    /// Counts a failure. What was refused for good leaves the queue; the rest stays.
    fn failed(&mut self, error: &ExportError, report: &mut ExportReport) {
        let items = self.queue.front().map_or(0, |request| request.items);
        let refused = if error.is_retryable() { 0 } else { items };
        if !error.is_retryable() {
            self.queue.pop();
        }
        let now = self.clock.now();
        let message = error.describe();
        self.health.failed(&message, now);
        report.undelivered_items += refused;
        report.last_error = Some(message.clone());
        self.update_status(|status| {
            status.failed_requests += 1;
            status.failed_items += items;
            status.dropped_items.refused += refused;
            status.last_error = Some(LastError::new(message, now));
        });
    }

    fn update_status(&self, change: impl FnOnce(&mut StatusSnapshot)) {
        self.status.update(|status| {
            change(status);
            status.queued_items = self.queue.items();
            status.queued_bytes = self.queue.bytes() as u64;
        });
    }
}

#[cfg(test)]
mod tests;
