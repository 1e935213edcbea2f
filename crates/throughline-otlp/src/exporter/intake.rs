//! What was taken from a source and is not delivered yet, in memory and on disk, and the account of it.
//!
//! `mod.rs` sends what is here, oldest first. Every item that comes in is counted, and so is every one that leaves for
//! another reason than delivery.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use bytes::Bytes;
use throughline_core::Clock;

use super::queue::{Queue, Request};
use super::source::{Encoded, SharedSource};
use super::spool::{Outcome, Spool};
use super::{Cause, ExportReport, health};
use crate::compression::compress;
use crate::config::{Compression, OtlpConfig};
use crate::endpoint::Signal;
use crate::split::Half;
use crate::status::{ExportStatus, SpoolState, StatusSnapshot};

/// Requests of one signal.
#[derive(Debug)]
pub(super) struct Intake {
    signal: Signal,
    pub(super) source: SharedSource,
    compression: Compression,
    pub(super) queue: Queue,
    spool: Option<Spool>,
    pub(super) status: ExportStatus,
}

/// So much is taken before it is written to the spool: a write costs a sync of the disk, whatever its size.
const STORE_BYTES: usize = 1 << 20;

impl Intake {
    pub(super) fn new(
        signal: Signal,
        source: SharedSource,
        config: &OtlpConfig,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let intake = Self {
            signal,
            source,
            compression: config.compression,
            queue: Queue::new(config.queue_bytes_max, config.queue_full),
            spool: Spool::new(signal, config, clock),
            status: ExportStatus::default(),
        };
        intake.update_status(|_| {});
        intake
    }

    /// Whether what is taken goes to disk at once, however long the peer is away.
    pub(super) fn is_spooling(&self) -> bool {
        self.spool.as_ref().is_some_and(Spool::is_open)
    }

    /// Opens the spool, when there is one and it is time; says whether an earlier exporter left something in it.
    pub(super) async fn open_spool(&mut self) -> bool {
        let Some(spool) = &mut self.spool else { return false };
        let mut outcome = spool.open(&mut self.queue).await;
        let stored = spool.store(&mut self.queue).await;
        outcome.dropped += stored.dropped;
        self.count(&outcome, &mut ExportReport::default());
        outcome.recovered > 0
    }

    /// Says that an export begins, and why.
    pub(super) fn begin(&self, cause: Cause) {
        self.source.lock().begin(cause);
    }

    /// Takes everything that is there, into the spool.
    pub(super) async fn take_all(&mut self, cause: Cause, report: &mut ExportReport) {
        self.begin(cause);
        while self.take(report).await {}
    }

    /// Appends the next requests to the queue, and drops what there is no room for. Whether there are more.
    pub(super) async fn take(&mut self, report: &mut ExportReport) -> bool {
        let Self { source, queue, compression, .. } = self;
        let before = queue.items();
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            source.lock().take(&mut |Encoded { body, items, must_arrive }| {
                let body = compress(*compression, body);
                queue.push(Request { body, items, must_arrive, spooled: None, is_part: false });
            })
        }));
        let taken = queue.items() - before;
        self.update_status(|status| {
            status.collected_items += taken;
            status.collect_panics += u64::from(outcome.is_err());
        });
        if outcome.is_err() {
            health::log_panic();
        }
        let has_more = outcome.unwrap_or(false);
        self.keep(has_more, report).await;
        has_more
    }

    /// Writes what is in memory to the spool, or keeps to the limits of memory.
    async fn keep(&mut self, has_more: bool, report: &mut ExportReport) {
        if self.is_spooling() && has_more && self.queue.bytes() < STORE_BYTES {
            return;
        }
        if let Some(spool) = &mut self.spool {
            let outcome = spool.store(&mut self.queue).await;
            self.count(&outcome, report);
        }
        let dropped = self.queue.remove_excess();
        report.undelivered_items += dropped;
        self.update_status(|status| status.dropped_items.queue_full += dropped);
        if dropped > 0 && self.status.snapshot().dropped_items.queue_full == dropped {
            health::log_queue_full(dropped, self.signal);
        }
    }

    /// The oldest request's body.
    pub(super) fn front(&self) -> Option<Bytes> {
        self.queue.front().map(|request| request.body.clone())
    }

    /// Loads more from the spool, when nothing is left in memory; says whether there was more.
    pub(super) async fn refill(&mut self, report: &mut ExportReport) -> bool {
        let Some(spool) = &mut self.spool else { return false };
        let (has_more, outcome) = spool.refill(&mut self.queue).await;
        self.count(&outcome, report);
        has_more
    }

    /// Removes the oldest request, because its end is known: how many items it had.
    pub(super) fn pop(&mut self) -> u64 {
        let Some(request) = self.queue.pop() else { return 0 };
        // Of a request that was cut, all parts have one number.
        let is_last = self.queue.front().is_none_or(|next| next.spooled != request.spooled);
        if let (Some(number), Some(spool), true) = (request.spooled, &mut self.spool, is_last) {
            spool.done(number);
        }
        request.items
    }

    /// Puts two requests in the place of the oldest.
    pub(super) fn split_front(&mut self, halves: [Half; 2]) {
        self.queue.split_front(halves);
    }

    /// Removes from disk what was delivered.
    pub(super) async fn settle(&mut self) {
        if let Some(spool) = &mut self.spool {
            spool.settle().await;
        }
    }

    /// Leaves what is not delivered to the spool; what cannot be left there is lost, and how much that is.
    pub(super) async fn finish(&mut self, report: &mut ExportReport) -> u64 {
        if let Some(spool) = &mut self.spool {
            // Of a request that was cut, only what is left is to be sent again.
            if spool.is_open() {
                self.queue.release_parts().into_iter().for_each(|number| spool.done(number));
            }
            let outcome = spool.store(&mut self.queue).await;
            spool.close().await;
            self.count(&outcome, report);
        }
        let lost = self.queue.clear();
        self.update_status(|status| status.dropped_items.shutdown += lost);
        lost
    }

    /// Items that are on disk.
    pub(super) fn spooled_items(&self) -> u64 {
        self.queue.spooled_items() + self.spool.as_ref().map_or(0, Spool::unloaded_items)
    }

    fn count(&self, Outcome { dropped, recovered }: &Outcome, report: &mut ExportReport) {
        report.undelivered_items += dropped.total();
        self.update_status(|status| {
            status.dropped_items += *dropped;
            status.recovered_items += recovered;
        });
        if dropped.spool_full > 0 && self.status.snapshot().dropped_items.spool_full == dropped.spool_full {
            health::log_spool_full(dropped.spool_full, self.signal);
        }
    }

    /// Changes the numbers, and says what waits now.
    pub(super) fn update_status(&self, change: impl FnOnce(&mut StatusSnapshot)) {
        let spool = self.spool.as_ref();
        self.status.update(|status| {
            change(status);
            status.queued_items = self.queue.items();
            status.queued_bytes = self.queue.bytes() as u64;
            status.spooled_items = self.spooled_items();
            status.spooled_bytes = spool.map_or(0, Spool::bytes);
            status.spool_failures = spool.map_or(0, |spool| spool.failures);
            status.spool_problem = spool.and_then(Spool::problem).map(str::to_owned);
            status.spool = match spool {
                None => SpoolState::Off,
                Some(spool) if spool.is_open() => SpoolState::Working,
                Some(_) => SpoolState::Unavailable,
            };
        });
    }
}
