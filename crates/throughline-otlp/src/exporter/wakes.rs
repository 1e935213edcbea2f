//! When there is something to export: at every interval, and when the source has a full batch.

use std::pin::pin;
use std::sync::Arc;

use tokio::sync::Notify;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

use super::Cause;
use super::source::SharedSource;
use crate::config::OtlpConfig;
use crate::race::{Either, race};

/// The timer, and the source's own word.
#[derive(Debug)]
pub(super) struct Wakes {
    ticks: Interval,
    batch_full: Arc<Notify>,
}

impl Wakes {
    /// The first tick comes after one interval.
    pub(super) fn new(config: &OtlpConfig, source: &SharedSource) -> Self {
        let mut ticks = interval_at(Instant::now() + config.interval, config.interval);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let batch_full = Arc::new(Notify::new());
        let wake = Arc::clone(&batch_full);
        source.lock().on_batch(Box::new(move || wake.notify_one()));
        Self { ticks, batch_full }
    }

    /// Waits for the next. A full batch does not put off the next tick: a thread that fills one after the other must not
    /// keep back what others have. Nothing is lost when it is dropped before.
    pub(super) async fn next(&mut self) -> Cause {
        match race(pin!(self.ticks.tick()), pin!(self.batch_full.notified())).await {
            Either::Left(_) => Cause::Due,
            Either::Right(()) => Cause::BatchFull,
        }
    }
}
