//! A span or a log record as it waits: already text, with what decides about its place.

use throughline_core::Timestamp;
use throughline_trace::data::SpanRef;
use throughline_trace::{SpanId, TraceId};

/// A span.
#[derive(Debug)]
pub(in crate::console) struct SpanEntry {
    pub(in crate::console) trace_id: TraceId,
    pub(in crate::console) span_id: SpanId,
    pub(in crate::console) parent_span_id: SpanId,
    pub(in crate::console) start: Timestamp,
    /// What stands before the branch of the tree.
    pub(in crate::console) margin: String,
    /// What stands behind it.
    pub(in crate::console) text: String,
    /// Its events, a line each.
    pub(in crate::console) events: Vec<String>,
}

impl SpanEntry {
    /// A span that is one line of text.
    pub(in crate::console) fn line(span: &SpanRef<'_>, text: String) -> Self {
        Self {
            trace_id: span.trace_id,
            span_id: span.span_id,
            parent_span_id: span.parent_span_id,
            start: span.start,
            margin: String::new(),
            text,
            events: Vec::new(),
        }
    }

    /// How much memory its text takes, about.
    pub(super) fn bytes(&self) -> usize {
        let events: usize = self.events.iter().map(String::len).sum();
        size_of::<Self>() + self.margin.len() + self.text.len() + events
    }
}

/// A log record.
#[derive(Debug)]
pub(in crate::console) struct LogEntry {
    pub(in crate::console) observed: Timestamp,
    pub(in crate::console) line: String,
}
