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
//! With a spool (`spool.rs`), what is taken goes to disk before it is sent, also what comes while a request is on its way,
//! and nothing that stands there is superseded or dropped for want of memory.
//!
//! Everything happens on the task that runs the exporter, but for the open connection, which is a task of its own of the
//! same runtime: a thread that is excluded from recording keeps all of it excluded. The spool's file is touched on the
//! runtime's threads for what may block.

mod command;
mod health;
mod intake;
mod metrics;
mod queue;
mod records;
mod source;
mod spool;
mod successor;
mod wakes;

use std::pin::pin;
use std::sync::Arc;

use bytes::Bytes;
use throughline_core::Clock;
use throughline_metrics::Meter;
use tokio::sync::mpsc;
use tokio::time::Instant;

pub use self::command::{Command, ExportReport};
use self::command::{Inbox, reply_all};
use self::health::{Failure, Health};
use self::intake::Intake;
pub use self::metrics::MetricExporter;
pub use self::records::RecordExporter;
use self::source::{Encoded, SharedSource, Source};
pub use self::successor::{ForkedExporter, Successor};
use self::wakes::Wakes;
use crate::config::{BuildError, OtlpConfig};
use crate::endpoint::Signal;
use crate::error::{ExportError, Refusal};
use crate::race::{Either, race};
use crate::retry::{Delivery, Random, Stop};
use crate::self_telemetry::{Observed, Operations};
use crate::split::halves;
use crate::spool::SpoolConfig;
use crate::status::{ExportStatus, LastError, StatusSnapshot};
use crate::transport::connect::Connect;
use crate::transport::{Accepted, Transport};

/// How often requests are cut in two during one export: enough to find several bad items among a thousand, and a limit
/// to what a peer that refuses everything is bothered with.
const SPLITS_MAX: u32 = 32;

/// Why there is an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cause {
    /// It is time, or somebody asked.
    Due,
    /// A batch is full before it was time.
    BatchFull,
}

/// The loop of one signal.
#[derive(Debug)]
struct Exporter {
    signal: Signal,
    intake: Intake,
    delivery: Delivery,
    health: Health,
    operations: Operations,
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
        config.spool.as_ref().map_or(Ok(()), SpoolConfig::check)?;
        let transport = Transport::new(&config, connector, Arc::clone(&clock))?;
        Ok(Self {
            signal,
            intake: Intake::new(signal, SharedSource::new(source), &config, Arc::clone(&clock)),
            delivery: Delivery::new(transport, config.retry.clone(), Random::new(seed)),
            health: Health::new(config.interval),
            operations: Operations::default(),
            config,
            clock,
        })
    }

    fn with_queued_items_max(mut self, items: u64) -> Self {
        self.intake.queue = self.intake.queue.with_items_max(items);
        self
    }

    /// Makes metrics of what it does.
    fn observe(&mut self, meter: &Meter) {
        let Self { signal, intake, config, .. } = self;
        let queued_items_max = intake.queue.items_max();
        let observed = Observed { signal: *signal, config, queued_items_max, status: &intake.status };
        self.operations = observed.register(meter);
        self.intake.source.lock().observe(meter);
    }

    fn status(&self) -> ExportStatus {
        self.intake.status.clone()
    }

    async fn run(mut self, commands: mpsc::Receiver<Command>) {
        let _running = Running::begin(self.status());
        let mut inbox = Inbox::new(commands, self.config.timeout);
        let mut wakes = Wakes::new(&self.config, &self.intake.source);
        if self.intake.open_spool().await {
            self.export_listening(None, &mut inbox, &mut wakes).await;
        }
        loop {
            let cause = inbox.wait(&mut wakes).await;
            if let Some(shutdown) = inbox.shutdown.take() {
                let report = self.finish(shutdown.deadline).await;
                inbox.close(&report);
                return reply_all(shutdown.reply, &report);
            }
            let waiting = std::mem::take(&mut inbox.flushes);
            let report = self.export_listening(Some(cause), &mut inbox, &mut wakes).await;
            reply_all(waiting, &report);
        }
    }

    /// Exports, filing commands meanwhile; a shutdown makes the export hurry.
    async fn export_listening(
        &mut self,
        cause: Option<Cause>,
        inbox: &mut Inbox,
        wakes: &mut Wakes,
    ) -> ExportReport {
        let (stopper, stop) = Stop::new();
        let mut export = pin!(self.export(cause, Until { deadline: None, stop, wakes: Some(wakes) }));
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

    /// The last export; what it leaves is on disk, or lost. What is on disk need not be tried twice: nobody is to wait for
    /// a receiver that is away.
    async fn finish(&mut self, deadline: Instant) -> ExportReport {
        let (stopper, stop) = Stop::new();
        if self.intake.is_spooling() {
            stopper.send_replace(Some(deadline));
        }
        let until = Until { deadline: Some(deadline), stop, wakes: None };
        let mut report = self.export(Some(Cause::Due), until).await;
        report.undelivered_items += self.intake.finish(&mut report).await;
        report.spooled_items = self.intake.spooled_items();
        report
    }

    /// Takes what there is, if anything is due, and sends what waits; with a deadline, what fails stays in the queue to be
    /// counted by the caller.
    async fn export(&mut self, cause: Option<Cause>, mut until: Until<'_>) -> ExportReport {
        let mut report = ExportReport::default();
        self.intake.open_spool().await;
        match cause {
            Some(cause) if !self.intake.is_spooling() => {
                self.take_and_send(cause, &mut until, &mut report).await;
            }
            Some(cause) => {
                self.intake.take_all(cause, &mut report).await;
                self.send_queue(&mut until, &mut report).await;
            }
            None => {
                self.send_queue(&mut until, &mut report).await;
            }
        }
        self.intake.settle().await;
        if until.deadline.is_none() {
            let superseded = self.intake.queue.remove_superseded();
            report.undelivered_items += superseded + self.intake.queue.items();
            self.update_status(|status| status.dropped_items.superseded += superseded);
        }
        report.spooled_items = self.intake.spooled_items();
        report
    }

    /// Without a spool: sends what is queued, then what there is, a batch at a time. A peer that does not take the one is
    /// not asked to take the other.
    async fn take_and_send(&mut self, cause: Cause, until: &mut Until<'_>, report: &mut ExportReport) {
        self.intake.begin(cause);
        let mut is_taken = self.send_queue(until, report).await;
        let mut has_more = true;
        while has_more {
            has_more = self.intake.take(report).await;
            if is_taken {
                is_taken = self.send_queue(until, report).await;
            }
        }
    }

    /// Sends requests until the queue is empty, or until the peer takes none. Whether it takes them.
    async fn send_queue(&mut self, until: &mut Until<'_>, report: &mut ExportReport) -> bool {
        let mut splits_left = SPLITS_MAX;
        loop {
            let Some(body) = self.intake.front() else {
                if self.intake.refill(report).await {
                    continue;
                }
                return true;
            };
            match self.send(&body, until, report).await {
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
    }

    /// Sends one request. What is due meanwhile goes into the spool, so that the recorders' rings do not run over while a
    /// peer is away; without a spool it waits there.
    async fn send(
        &mut self,
        body: &Bytes,
        Until { deadline, stop, wakes }: &mut Until<'_>,
        report: &mut ExportReport,
    ) -> Result<Accepted, ExportError> {
        let Self { intake, delivery, config, operations, .. } = self;
        let began = Instant::now();
        let timeout = Instant::now() + config.timeout;
        let deadline = deadline.map_or(timeout, |deadline| deadline.min(timeout));
        let status = intake.status.clone();
        let on_retry = || status.update(|status| status.retries += 1);
        let mut sending = pin!(delivery.send(body, deadline, stop, &on_retry));
        intake.queue.set_sending(true);
        let outcome = loop {
            let wakes = wakes.as_mut().filter(|_| intake.is_spooling());
            let Some(wakes) = wakes else { break sending.await };
            match race(sending.as_mut(), pin!(wakes.next())).await {
                Either::Left(outcome) => break outcome,
                Either::Right(cause) => intake.take_all(cause, report).await,
            }
        };
        intake.queue.set_sending(false);
        operations.ended(began.elapsed(), outcome.as_ref().map(|_| ()));
        outcome
    }

    /// Cuts the oldest request in two, when it was refused for some of what is in it; says whether it did.
    fn split(&mut self, error: &ExportError) -> bool {
        if error.refusal() != Some(Refusal::Splittable) {
            return false;
        }
        let OtlpConfig { protocol, compression, .. } = self.config;
        let front = self.intake.front();
        let halves = front.and_then(|body| halves(&body, protocol, compression, self.signal));
        let Some(halves) = halves else { return false };
        self.intake.split_front(halves);
        self.update_status(|status| status.failed_requests += 1);
        true
    }

    fn delivered(&mut self, accepted: &Accepted, report: &mut ExportReport) {
        let items = self.intake.pop();
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
        let items = self.intake.queue.front().map_or(0, |request| request.items);
        let refused = if error.is_retryable() { 0 } else { self.intake.pop() };
        let now = self.clock.now();
        let message = error.describe();
        let failure = Failure {
            signal: self.signal,
            endpoint: &self.config.endpoint.to_string(),
            error: &message,
            is_lost: refused > 0,
            waiting: (self.intake.queue.items(), self.intake.spooled_items()),
        };
        self.health.failed(&failure, now);
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
        self.intake.update_status(change);
    }
}

/// Says in the status that the exporter runs, for as long as it does.
struct Running(ExportStatus);

impl Running {
    fn begin(status: ExportStatus) -> Self {
        status.update(|status| status.is_running = true);
        Self(status)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.update(|status| status.is_running = false);
    }
}

/// How long an export may go on, and what else comes meanwhile.
struct Until<'a> {
    /// The end of everything, at a shutdown.
    deadline: Option<Instant>,
    stop: Stop,
    /// Why more may be due while a request is sent; none at a shutdown.
    wakes: Option<&'a mut Wakes>,
}

#[cfg(test)]
mod tests;
