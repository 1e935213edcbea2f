//! Collects, encodes and delivers, on a timer and on request: from stop 6 in the life of an increment to stop 8.
//!
//! The façade spawns [`MetricExporter::run`] on the toolkit's exporter thread and talks to it with [`Command`]s. Each
//! export collects (`throughline-metrics/src/reader.rs`), encodes (`encode/metrics.rs`, stop 7), appends the requests
//! to the queue (`queue.rs`), and sends the queue oldest first (`retry.rs`, then `transport/http.rs`, stop 8).
//!
//! What fails: cumulative points are superseded by the next collection; delta points stay queued until they are
//! delivered or the queue's limit drops the oldest; what the peer refuses for good is dropped, after a request with
//! good and bad metrics was cut until they are apart (`split.rs`). Each is counted (`status.rs`). A panic in a callback of the application ends one collection, not the exporter.

mod command;
mod health;
mod queue;

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;

use throughline_core::Clock;
use throughline_metrics::Reader;
use throughline_metrics::data::{Collection, MetricData, Temporality};
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

pub use self::command::{Command, ExportReport};
use self::command::{Inbox, reply_all};
use self::health::Health;
use self::queue::{Queue, Request};
use crate::compression::compress;
use crate::config::{BuildError, OtlpConfig};
use crate::encode::Encoder;
use crate::error::{ExportError, Refusal};
use crate::race::{Either, race};
use crate::retry::{Delivery, Random, Stop};
use crate::split::{halves, points_of_metric};
use crate::status::{ExportStatus, LastError, StatusSnapshot};
use crate::transport::connect::{Connect, TcpConnector};
use crate::transport::{Accepted, Transport};

/// Where collections come from: the engine, or the script of a test.
trait Collect: Send + fmt::Debug {
    fn collect(&mut self) -> &Collection;
}

impl Collect for Reader {
    fn collect(&mut self) -> &Collection {
        Self::collect(self)
    }
}

/// How often requests are cut in two during one export: enough to find several bad metrics among a thousand, and a limit
/// to what a peer that refuses everything is bothered with.
const SPLITS_MAX: u32 = 32;

/// Exports the metrics of one reader to one endpoint.
///
/// ```
/// use std::sync::Arc;
/// use std::time::Duration;
///
/// use throughline_core::SystemClock;
/// use throughline_metrics::Reader;
/// use throughline_otlp::{Command, Endpoint, MetricExporter, OtlpConfig, Signal};
/// use tokio::sync::{mpsc, oneshot};
/// use tokio::time::Instant;
///
/// fn export(reader: Reader) -> Result<(), Box<dyn std::error::Error>> {
///     let config = OtlpConfig::new(Endpoint::base("http://localhost:4318", Signal::Metrics)?);
///     let exporter = MetricExporter::new(reader, config, Arc::new(SystemClock), 7)?;
///     let status = exporter.status();
///     let (commands, inbox) = mpsc::channel(8);
///     let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
///     let thread = std::thread::spawn(move || runtime.block_on(exporter.run(inbox)));
///
///     let (reply, report) = oneshot::channel();
///     let deadline = Instant::now() + Duration::from_secs(5);
///     commands.blocking_send(Command::Shutdown { deadline, reply })?;
///     println!("{:?} {:?}", report.blocking_recv()?, status.snapshot());
///     thread.join().expect("the exporter does not panic");
///     Ok(())
/// }
/// ```
#[derive(Debug)]
pub struct MetricExporter {
    reader: Box<dyn Collect>,
    encoder: Encoder,
    queue: Queue,
    delivery: Delivery,
    status: ExportStatus,
    health: Health,
    config: OtlpConfig,
    clock: Arc<dyn Clock>,
}

impl MetricExporter {
    /// An exporter that does nothing until it is [run](Self::run). `seed` decides the jitter of retries: it should
    /// differ between processes.
    ///
    /// # Errors
    /// A configuration that cannot work, such as a header that HTTP does not allow.
    pub fn new(
        reader: Reader,
        config: OtlpConfig,
        clock: Arc<dyn Clock>,
        seed: u64,
    ) -> Result<Self, BuildError> {
        Self::with_parts(Box::new(reader), config, clock, seed, Box::new(TcpConnector))
    }

    fn with_parts(
        reader: Box<dyn Collect>,
        config: OtlpConfig,
        clock: Arc<dyn Clock>,
        seed: u64,
        connector: Box<dyn Connect>,
    ) -> Result<Self, BuildError> {
        for (setting, duration) in [("export interval", config.interval), ("timeout", config.timeout)] {
            if duration.is_zero() {
                return Err(BuildError::Zero { setting });
            }
        }
        let transport = Transport::new(&config, connector, Arc::clone(&clock))?;
        Ok(Self {
            reader,
            encoder: Encoder::new(config.protocol),
            queue: Queue::new(config.queue_bytes_max),
            delivery: Delivery::new(transport, config.retry.clone(), Random::new(seed)),
            status: ExportStatus::default(),
            health: Health::default(),
            config,
            clock,
        })
    }

    /// Shows what this exporter has done, also while it runs and after it ended.
    pub fn status(&self) -> ExportStatus {
        self.status.clone()
    }

    /// Exports at every interval and on [`Command::Flush`], until [`Command::Shutdown`] or until the channel is closed.
    ///
    /// Needs a tokio runtime with time and I/O; a current-thread runtime of its own is best, because collecting runs
    /// the application's callbacks. A flush that arrives during an export is served by the next one.
    pub async fn run(mut self, commands: mpsc::Receiver<Command>) {
        let mut inbox = Inbox::new(commands, self.config.timeout);
        let mut ticks = interval_at(Instant::now() + self.config.interval, self.config.interval);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            inbox.wait(&mut ticks).await;
            if let Some(shutdown) = inbox.shutdown.take() {
                let report = self.finish(shutdown.deadline).await;
                inbox.close(&report);
                return reply_all(shutdown.reply, &report);
            }
            let waiting = std::mem::take(&mut inbox.flushes);
            let report = self.export_listening(&mut inbox).await;
            reply_all(waiting, &report);
        }
    }

    /// Exports, filing commands meanwhile; a shutdown makes the export hurry.
    async fn export_listening(&mut self, inbox: &mut Inbox) -> ExportReport {
        let (stopper, mut stop) = Stop::new();
        let mut export = pin!(self.export(None, &mut stop));
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
        let mut report = self.export(Some(deadline), &mut stop).await;
        let lost = self.queue.clear();
        report.undelivered_points += lost;
        self.update_status(|status| status.dropped_points.shutdown += lost);
        report
    }

    /// Collects and sends; with a `deadline`, what fails stays in the queue to be counted by the caller.
    async fn export(&mut self, deadline: Option<Instant>, stop: &mut Stop) -> ExportReport {
        let undelivered_points = self.collect();
        let mut report = ExportReport { undelivered_points, ..ExportReport::default() };
        self.send_queue(deadline, stop, &mut report).await;
        if deadline.is_none() {
            let superseded = self.queue.remove_superseded();
            report.undelivered_points += superseded + self.queue.points();
            self.update_status(|status| status.dropped_points.superseded += superseded);
        }
        report
    }

    /// Reads the engine and appends the encoded requests to the queue; returns how many points it had no room for.
    fn collect(&mut self) -> u64 {
        let Self { reader, encoder, queue, config, .. } = self;
        let before = queue.points();
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            let collection = reader.collect();
            let must_arrive = has_delta(collection);
            encoder.encode(collection, config.request_bytes_max, &mut |bytes, points| {
                let body = compress(config.compression, bytes);
                queue.push(Request { body, points: points as u64, must_arrive });
            });
        }));
        let collected = queue.points() - before;
        let dropped = queue.remove_excess();
        self.update_status(|status| {
            status.collected_points += collected;
            status.collect_panics += u64::from(outcome.is_err());
            status.dropped_points.queue_full += dropped;
        });
        if outcome.is_err() {
            health::log_panic();
        }
        if dropped > 0 && self.status.snapshot().dropped_points.queue_full == dropped {
            health::log_queue_full(dropped);
        }
        dropped
    }

    /// Sends requests until the queue is empty or the peer takes none.
    async fn send_queue(&mut self, deadline: Option<Instant>, stop: &mut Stop, report: &mut ExportReport) {
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
                        return;
                    }
                }
            }
        }
    }

    /// Cuts the oldest request in two, when it was refused for some of what is in it; says whether it did.
    fn split(&mut self, error: &ExportError) -> bool {
        if error.refusal() != Some(Refusal::Splittable) {
            return false;
        }
        let OtlpConfig { protocol, compression, .. } = self.config;
        let front = self.queue.front();
        let halves = front.and_then(|request| halves(&request.body, protocol, compression, points_of_metric));
        let Some(halves) = halves else { return false };
        self.queue.split_front(halves);
        self.update_status(|status| status.failed_requests += 1);
        true
    }

    fn delivered(&mut self, accepted: &Accepted, report: &mut ExportReport) {
        let points = self.queue.pop().map_or(0, |request| request.points);
        let rejected = accepted.rejected_items.min(points);
        report.delivered_points += points - rejected;
        report.undelivered_points += rejected;
        let now = self.clock.now();
        let endpoint = self.config.endpoint.to_string();
        let complaint = (rejected > 0)
            .then(|| format!("{endpoint} refused {rejected} of {points} points: {}", accepted.message));
        self.health.delivered(rejected, &accepted.message, &endpoint, now);
        report.last_error = complaint.clone().or_else(|| report.last_error.take());
        self.update_status(|status| {
            status.exported_points += points - rejected;
            status.rejected_points += rejected;
            status.last_success = Some(now);
            if let Some(complaint) = complaint {
                status.last_error = Some(LastError::new(complaint, now));
            }
        });
    }

    /// Counts a failure. What was refused for good leaves the queue; the rest stays.
    fn failed(&mut self, error: &ExportError, report: &mut ExportReport) {
        let points = self.queue.front().map_or(0, |request| request.points);
        let refused = if error.is_retryable() { 0 } else { points };
        if !error.is_retryable() {
            self.queue.pop();
        }
        let now = self.clock.now();
        let message = error.describe();
        self.health.failed(&message, now);
        report.undelivered_points += refused;
        report.last_error = Some(message.clone());
        self.update_status(|status| {
            status.failed_requests += 1;
            status.failed_points += points;
            status.dropped_points.refused += refused;
            status.last_error = Some(LastError::new(message, now));
        });
    }

    fn update_status(&self, change: impl FnOnce(&mut StatusSnapshot)) {
        self.status.update(|status| {
            change(status);
            status.queued_points = self.queue.points();
            status.queued_bytes = self.queue.bytes() as u64;
        });
    }
}

/// Whether it has points that no later collection repeats.
fn has_delta(collection: &Collection) -> bool {
    collection.metrics().any(|(_, metric)| match &metric.data {
        MetricData::Gauge { .. } => false,
        MetricData::Sum { temporality, .. }
        | MetricData::Histogram { temporality, .. }
        | MetricData::ExponentialHistogram { temporality, .. } => {
            *temporality == Temporality::Delta && !metric.data.is_empty()
        }
    })
}

#[cfg(test)]
mod tests;
