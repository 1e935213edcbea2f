//! Events on their way through a processor.
//!
//! Each event that is received ends in one of two counters: it was processed, well or not, or it was dropped. What is
//! missing in their sum is under way.

use std::time::Instant;

use throughline_macros::{AttributeValue, Attributes, MetricSet};
use throughline_metrics::{Counter, Gauge, Histogram};

use crate::clock::now;
use crate::end::End;

/// The instruments of events.
#[derive(Clone, Debug, MetricSet)]
#[metric(crate = throughline_metrics)]
#[non_exhaustive]
pub struct EventMetrics {
    /// Events that were received, before anything was done with them.
    #[metric(name = "processor.events.received", unit = "{event}")]
    pub received: Counter<u64, ()>,
    /// Events that were processed, well or with an error.
    #[metric(name = "processor.events.processed", unit = "{event}")]
    pub processed: Counter<u64, ByEvent<'static>>,
    /// Events that were not wanted, by the reason.
    #[metric(name = "processor.events.dropped", unit = "{event}")]
    pub dropped: Counter<u64, ByDrop<'static>>,
    /// How long an event took to process.
    #[metric(name = "processor.processing.duration", unit = "s")]
    pub duration: Histogram<f64, ByEvent<'static>>,
    /// How old the last event was when it was processed.
    #[metric(name = "processor.pipeline.lag", unit = "s")]
    pub lag: Gauge<f64, ()>,
    /// How often a source had to wait because the processor was behind.
    #[metric(name = "processor.backpressure.events", unit = "{event}")]
    pub backpressure: Counter<u64, ()>,
}

/// What an event is counted by.
#[derive(Clone, Copy, Debug, Default, Attributes)]
#[attribute(crate = throughline_core)]
#[expect(clippy::exhaustive_structs, reason = "a set of attributes, written out where it is recorded")]
pub struct ByEvent<'a> {
    /// What kind of event, once that is known. Of few kinds: each is a series.
    #[attribute(key = "event.type")]
    pub event_type: Option<&'a str>,
    /// What went wrong, in one word; absent when nothing did.
    #[attribute(key = "error.type")]
    pub error_type: Option<&'a str>,
}

/// What an event that was dropped is counted by.
#[derive(Clone, Copy, Debug, Attributes)]
#[attribute(crate = throughline_core)]
#[expect(clippy::exhaustive_structs, reason = "a set of attributes, written out where it is recorded")]
pub struct ByDrop<'a> {
    /// What kind of event, where that is known.
    #[attribute(key = "event.type")]
    pub event_type: Option<&'a str>,
    /// Why.
    #[attribute(key = "error.type")]
    pub reason: DropReason,
}

/// Why an event was dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, AttributeValue)]
#[attribute(crate = throughline_core)]
#[non_exhaustive]
pub enum DropReason {
    /// All of its windows were triggered already.
    Late,
    /// It came before.
    Duplicate,
    /// It cannot be read.
    Invalid,
    /// There was no room for it.
    Overflow,
}

impl EventMetrics {
    /// Counts an event as received, and says how it ends when the guard is told, or dropped.
    pub fn start(&self) -> Processing<'_> {
        self.received.add(1, &());
        Processing { metrics: self, started: now(), event_type: None, end: End::Unsaid, dropped: None }
    }
}

/// An event that is being processed. Dropped without a word, it is counted with the error `cancelled`, or `panic`.
///
/// Costs two readings of a clock and, for series that exist, neither locks nor allocates.
#[derive(Debug)]
#[must_use = "an event is counted as processed as soon as this is dropped"]
pub struct Processing<'a> {
    metrics: &'a EventMetrics,
    started: Instant,
    event_type: Option<&'a str>,
    end: End<'a>,
    dropped: Option<DropReason>,
}

impl<'a> Processing<'a> {
    /// Says what kind of event it is, once that is known.
    pub fn with_type(mut self, event_type: &'a str) -> Self {
        self.event_type = Some(event_type);
        self
    }

    /// It went well.
    pub fn succeed(mut self) {
        self.end = End::Well;
    }

    /// It failed; `error_type` is one word of few.
    pub fn fail(mut self, error_type: &'a str) {
        self.end = End::Failed(error_type);
    }

    /// It is not wanted. Its duration is not recorded.
    pub fn discard(mut self, reason: DropReason) {
        self.dropped = Some(reason);
    }
}

impl Drop for Processing<'_> {
    fn drop(&mut self) {
        let Self { metrics, started, event_type, end, dropped } = *self;
        if let Some(reason) = dropped {
            return metrics.dropped.add(1, &ByDrop { event_type, reason });
        }
        let event = ByEvent { event_type, error_type: end.error_type() };
        metrics.duration.record(started.elapsed().as_secs_f64(), &event);
        metrics.processed.add(1, &event);
    }
}
