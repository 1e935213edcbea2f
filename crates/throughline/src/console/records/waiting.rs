//! Spans and log records that wait to be written, up to a limit.

use std::sync::{Arc, Mutex, PoisonError};

use throughline_trace::data::{LogRef, SpanRef};

use super::entry::{LogEntry, SpanEntry};
use crate::console::enabled::Style;
use crate::console::output::{Batch, Counts, Items};
use crate::console::{json, text};

/// How much may wait: some ten thousand records, or as much as a terminal takes in a few seconds.
const WAITING_BYTES_MAX: usize = 8 << 20;

/// What waits; all clones are the same.
#[derive(Clone, Debug)]
pub(in crate::console) struct Waiting {
    style: Style,
    service: Arc<str>,
    counts: Counts,
    entries: Arc<Mutex<Entries>>,
}

#[derive(Debug, Default)]
struct Entries {
    spans: Vec<SpanEntry>,
    logs: Vec<LogEntry>,
    bytes: usize,
}

impl Waiting {
    pub(in crate::console) fn new(style: Style, service: &str, counts: Counts) -> Self {
        Self { style, service: service.into(), counts, entries: Arc::default() }
    }

    /// Shows this span with the next batch.
    pub(super) fn span(&self, span: &SpanRef<'_>) {
        let entry = match self.style {
            Style::Text { colours } => text::span(span, colours),
            Style::Json => SpanEntry::line(span, json::span(span, &self.service)),
        };
        self.add(entry.bytes(), |entries| entries.spans.push(entry), Items { spans: 1, ..Items::default() });
    }

    /// Shows this log record with the next batch.
    pub(super) fn log(&self, log: &LogRef<'_>) {
        let line = match self.style {
            Style::Text { colours } => text::log(log, colours),
            Style::Json => json::log(log, &self.service),
        };
        let entry = LogEntry { observed: log.observed, line };
        let items = Items { log_records: 1, ..Items::default() };
        self.add(entry.line.len(), |entries| entries.logs.push(entry), items);
    }

    fn add(&self, bytes: usize, push: impl FnOnce(&mut Entries), items: Items) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if entries.bytes + bytes > WAITING_BYTES_MAX {
            drop(entries);
            self.counts.add_slow(items);
            return;
        }
        entries.bytes += bytes;
        push(&mut entries);
    }

    /// What waits, as text; nothing is left.
    pub(super) fn take(&self) -> Batch {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let Entries { mut spans, mut logs, .. } = std::mem::take(&mut *entries);
        drop(entries);
        let items = Items { spans: spans.len() as u64, log_records: logs.len() as u64, ..Items::default() };
        let mut text = String::new();
        // Each thread has its own order.
        logs.sort_by_key(|log| log.observed);
        for log in logs {
            text.push_str(&log.line);
            text.push('\n');
        }
        match self.style {
            Style::Text { colours } => text::traces(&mut text, spans, colours),
            Style::Json => {
                spans.sort_by_key(|span| span.start);
                for span in spans {
                    text.extend([span.text.as_str(), "\n"]);
                }
            }
        }
        Batch { text, items }
    }
}
