//! Spans and log records on their way to the console.
//!
//! Whoever takes them out of their rings, an exporter that pushes or the console itself, shows each to a tap, which puts it
//! among what is [waiting](Waiting). The console exporter takes it from there.

mod entry;
mod waiting;

pub(super) use entry::SpanEntry;
pub(super) use waiting::Waiting;

use throughline_trace::{LogReader, SpanReader};

use super::Plan;
use super::output::Batch;
use crate::records::Records;

/// What is to be shown of the records that others take out.
#[derive(Debug, Default)]
pub(crate) struct Taps {
    spans: Option<Waiting>,
    logs: Option<Waiting>,
}

impl Taps {
    pub(crate) fn of(plan: &Plan) -> Self {
        let (spans, logs) = plan.waiting();
        Self { spans, logs }
    }

    /// This reader, whose spans are shown as well if they are to be.
    pub(crate) fn spans(&self, reader: SpanReader) -> SpanReader {
        match self.spans.clone() {
            Some(waiting) => reader.with_tap(move |span| waiting.span(span)),
            None => reader,
        }
    }

    /// This reader, whose log records are shown as well if they are to be.
    pub(crate) fn logs(&self, reader: LogReader) -> LogReader {
        match self.logs.clone() {
            Some(waiting) => reader.with_tap(move |log| waiting.log(log)),
            None => reader,
        }
    }
}

/// How many records are shown at once, and from how many on without delay.
const BATCH: usize = 2048;

/// The records that are to be shown: those of readers that nobody else has are taken out here.
#[derive(Debug)]
pub(super) struct Recorded {
    waiting: Waiting,
    spans: Option<SpanReader>,
    logs: Option<LogReader>,
}

impl Recorded {
    /// Takes the readers that are left, of the signals that are shown.
    pub(super) fn new(
        records: &Records,
        (spans, logs): (bool, bool),
        waiting: Waiting,
        wake: impl Fn() + Clone + Send + Sync + 'static,
    ) -> Self {
        let spans = if spans { records.span_reader() } else { None };
        let logs = if logs { records.log_reader() } else { None };
        if let Some(reader) = &spans {
            reader.on_batch(BATCH, wake.clone());
        }
        if let Some(reader) = &logs {
            reader.on_batch(BATCH, wake);
        }
        Self { waiting, spans, logs }
    }

    /// How many batches there are now, one at least.
    pub(super) fn batches(&mut self) -> usize {
        let spans = self.spans.as_mut().map_or(0, SpanReader::pending);
        let logs = self.logs.as_mut().map_or(0, LogReader::pending);
        spans.max(logs).div_ceil(BATCH).max(1)
    }

    /// The next batch. Taking a record out shows it to its tap.
    pub(super) fn take(&mut self) -> Batch {
        if let Some(reader) = &mut self.spans {
            reader.drain(BATCH, |_seen_by_the_tap| {});
        }
        if let Some(reader) = &mut self.logs {
            reader.drain(BATCH, |_seen_by_the_tap| {});
        }
        self.waiting.take()
    }
}
