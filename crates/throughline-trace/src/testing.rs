//! Reading back what was recorded, in a test.
//!
//! Give the code under test a provider of its own, and ask for the spans of its reader.
//!
//! ```
//! use throughline_trace::{TracerProvider, testing};
//!
//! let provider = TracerProvider::default();
//! let mut reader = provider.reader().expect("this is the first one");
//! provider.tracer("shop").span("checkout").with_attribute("items", 3).start().end();
//!
//! let spans = testing::spans(&mut reader);
//! assert_eq!(spans[0].name, "checkout");
//! assert_eq!(spans[0].attributes, [("items".to_owned(), "3".to_owned())]);
//! ```

use opentelemetry::{SpanId, TraceFlags, TraceId, trace::SpanKind};
use throughline_core::Timestamp;

use crate::data::{AttributesRef, EventRef, LinkRef, LogRef, SpanRef, StatusRef};
use crate::reader::{LogReader, SpanReader};

/// Keys and values, as text.
pub type Attributes = Vec<(String, String)>;

/// A finished span, copied out of its record; see [`SpanRef`].
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, clippy::exhaustive_structs, reason = "fields as in `SpanRef`")]
pub struct FinishedSpan {
    pub trace_id: TraceId,
    pub span_id: SpanId,
    pub parent_span_id: SpanId,
    pub parent_is_remote: bool,
    pub trace_state: String,
    pub flags: TraceFlags,
    pub name: String,
    pub kind: SpanKind,
    pub start: Timestamp,
    pub end: Timestamp,
    /// `None` when it is unset; else whether it went well, and the description.
    pub status: Option<(bool, String)>,
    pub scope: String,
    pub attributes: Attributes,
    pub dropped_attributes: u32,
    pub events: Vec<FinishedEvent>,
    pub dropped_events: u32,
    pub links: Vec<FinishedLink>,
    pub dropped_links: u32,
}

/// An event of a [`FinishedSpan`].
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, clippy::exhaustive_structs, reason = "fields as in `EventRef`")]
pub struct FinishedEvent {
    pub time: Timestamp,
    pub name: String,
    pub attributes: Attributes,
    pub dropped_attributes: u32,
}

/// A link of a [`FinishedSpan`].
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, clippy::exhaustive_structs, reason = "fields as in `LinkRef`")]
pub struct FinishedLink {
    pub trace_id: TraceId,
    pub span_id: SpanId,
    pub trace_state: String,
    pub flags: TraceFlags,
    pub is_remote: bool,
    pub attributes: Attributes,
    pub dropped_attributes: u32,
}

/// A log record, copied out; see [`LogRef`].
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, clippy::exhaustive_structs, reason = "fields as in `LogRef`")]
pub struct RecordedLog {
    pub time: Option<Timestamp>,
    pub observed: Timestamp,
    pub severity_number: u8,
    pub severity_text: String,
    pub body: Option<String>,
    pub trace_id: TraceId,
    pub span_id: SpanId,
    pub flags: TraceFlags,
    pub event_name: String,
    pub scope: String,
    pub attributes: Attributes,
    pub dropped_attributes: u32,
}

/// Takes all finished spans out.
pub fn spans(reader: &mut SpanReader) -> Vec<FinishedSpan> {
    let mut spans = Vec::new();
    reader.drain(usize::MAX, |span| spans.push(FinishedSpan::from(&span)));
    spans
}

/// Takes all log records out.
pub fn logs(reader: &mut LogReader) -> Vec<RecordedLog> {
    let mut logs = Vec::new();
    reader.drain(usize::MAX, |log| logs.push(RecordedLog::from(&log)));
    logs
}

impl From<&SpanRef<'_>> for FinishedSpan {
    fn from(span: &SpanRef<'_>) -> Self {
        Self {
            trace_id: span.trace_id,
            span_id: span.span_id,
            parent_span_id: span.parent_span_id,
            parent_is_remote: span.parent_is_remote,
            trace_state: span.trace_state.to_owned(),
            flags: span.flags,
            name: span.name.to_owned(),
            kind: span.kind.clone(),
            start: span.start,
            end: span.end,
            status: match span.status {
                StatusRef::Unset => None,
                StatusRef::Ok => Some((true, String::new())),
                StatusRef::Error(description) => Some((false, description.to_owned())),
            },
            scope: span.scope.scope.name().to_owned(),
            attributes: attributes(span.attributes),
            dropped_attributes: span.dropped_attributes,
            events: span.events.iter().map(|event| FinishedEvent::from(&event)).collect(),
            dropped_events: span.dropped_events,
            links: span.links.iter().map(|link| FinishedLink::from(&link)).collect(),
            dropped_links: span.dropped_links,
        }
    }
}

impl From<&EventRef<'_>> for FinishedEvent {
    fn from(event: &EventRef<'_>) -> Self {
        Self {
            time: event.time,
            name: event.name.to_owned(),
            attributes: attributes(event.attributes),
            dropped_attributes: event.dropped_attributes,
        }
    }
}

impl From<&LinkRef<'_>> for FinishedLink {
    fn from(link: &LinkRef<'_>) -> Self {
        Self {
            trace_id: link.trace_id,
            span_id: link.span_id,
            trace_state: link.trace_state.to_owned(),
            flags: link.flags,
            is_remote: link.is_remote,
            attributes: attributes(link.attributes),
            dropped_attributes: link.dropped_attributes,
        }
    }
}

impl From<&LogRef<'_>> for RecordedLog {
    fn from(log: &LogRef<'_>) -> Self {
        Self {
            time: log.time,
            observed: log.observed,
            severity_number: log.severity_number,
            severity_text: log.severity_text.to_owned(),
            body: log.body.map(|body| body.to_string()),
            trace_id: log.trace_id,
            span_id: log.span_id,
            flags: log.flags,
            event_name: log.event_name.to_owned(),
            scope: log.scope.scope.name().to_owned(),
            attributes: attributes(log.attributes),
            dropped_attributes: log.dropped_attributes,
        }
    }
}

fn attributes(attributes: AttributesRef<'_>) -> Attributes {
    attributes.iter().map(|(key, value)| (key.to_owned(), value.to_string())).collect()
}
