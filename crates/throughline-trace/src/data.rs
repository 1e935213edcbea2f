//! What an exporter sees of a finished span or log record: plain data, borrowed from the record and decoded in place.
//!
//! Made by [`SpanReader`](crate::SpanReader) and [`LogReader`](crate::LogReader); read by the exporters' crates. Nothing
//! in here allocates.

use std::fmt;

use opentelemetry::trace::SpanKind;
use opentelemetry::{InstrumentationScope, SpanId, TraceFlags, TraceId};
use throughline_core::Timestamp;
use throughline_core::attribute::{Attributes, ValueRef, Visitor};

use crate::record::{EVENT_HEADER, Entries, Entry, LINK_HEADER, LogHeader, SpanHeader, bits, tag, value};

/// An instrumentation scope, with its number: the same scope has the same number for the life of its provider, so that
/// an exporter can group by it and keep what it encoded.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "plain data for exporters")]
pub struct Scope {
    /// Its number: small, counted up from zero.
    pub number: u32,
    /// Name, version, schema URL and attributes.
    pub scope: InstrumentationScope,
}

/// A finished span.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "plain data for exporters")]
pub struct SpanRef<'a> {
    /// The trace.
    pub trace_id: TraceId,
    /// The span.
    pub span_id: SpanId,
    /// The parent, or [`SpanId::INVALID`] when this is the root of its trace.
    pub parent_span_id: SpanId,
    /// Whether the parent is in another process.
    pub parent_is_remote: bool,
    /// W3C trace state as in its header; empty when there is none.
    pub trace_state: &'a str,
    /// W3C trace flags. A span that was kept because its trace failed is not flagged as sampled.
    pub flags: TraceFlags,
    /// The name it had in the end.
    pub name: &'a str,
    /// Its kind.
    pub kind: SpanKind,
    /// When it started.
    pub start: Timestamp,
    /// When it ended: never before it started.
    pub end: Timestamp,
    /// How it went.
    pub status: StatusRef<'a>,
    /// Whose instrumentation made it.
    pub scope: &'a Scope,
    /// Its attributes, each key once.
    pub attributes: AttributesRef<'a>,
    /// Attributes over the limit.
    pub dropped_attributes: u32,
    /// Its events, in the order they were added.
    pub events: EventsRef<'a>,
    /// Events over the limit.
    pub dropped_events: u32,
    /// Its links, in the order they were added.
    pub links: LinksRef<'a>,
    /// Links over the limit.
    pub dropped_links: u32,
}

/// The status of a span; OpenTelemetry's, with its text borrowed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "the specification's three")]
pub enum StatusRef<'a> {
    /// Nobody said.
    #[default]
    Unset,
    /// Somebody said it went well.
    Ok,
    /// It failed; the text may be empty.
    Error(&'a str),
}

impl<'a> SpanRef<'a> {
    /// Decodes a record; `None` when it is not a span's.
    pub(crate) fn decode(record: &'a [u8], scope: impl FnOnce(u32) -> &'a Scope) -> Option<Self> {
        let (header, entries) = SpanHeader::read(record)?;
        let texts = Texts::of(Entries(entries));
        Some(Self {
            trace_id: TraceId::from_bytes(header.trace_id),
            span_id: SpanId::from_bytes(header.span_id),
            parent_span_id: SpanId::from_bytes(header.parent_span_id),
            parent_is_remote: header.bits & bits::REMOTE_PARENT != 0,
            trace_state: texts.trace_state,
            flags: TraceFlags::new(header.flags),
            name: texts.name,
            kind: kind(header.kind),
            start: Timestamp::from_nanos(header.start),
            end: Timestamp::from_nanos(header.end),
            status: status(header.status, texts.status),
            scope: scope(header.scope),
            attributes: AttributesRef { entries: Entries(entries), len: header.attributes },
            dropped_attributes: header.dropped_attributes,
            events: EventsRef { entries: Entries(entries), len: header.events },
            dropped_events: header.dropped_events,
            links: LinksRef { entries: Entries(entries), len: header.links },
            dropped_links: header.dropped_links,
        })
    }
}

/// The texts of a record of which the last one counts.
#[derive(Default)]
struct Texts<'a> {
    name: &'a str,
    status: &'a str,
    trace_state: &'a str,
    severity: &'a str,
    body: Option<ValueRef<'a>>,
}

impl<'a> Texts<'a> {
    fn of(entries: Entries<'a>) -> Self {
        let mut texts = Self::default();
        for Entry { tag, value: bytes, .. } in entries.iter() {
            match tag {
                tag::NAME => texts.name = crate::record::text(bytes),
                tag::STATUS => texts.status = crate::record::text(bytes),
                tag::TRACE_STATE => texts.trace_state = crate::record::text(bytes),
                tag::SEVERITY_TEXT => texts.severity = crate::record::text(bytes),
                tag::BODY => {
                    texts.body = Entries(bytes).iter().next().map(|body| value(body.tag, body.value));
                }
                _ => {}
            }
        }
        texts
    }
}

/// The number that a kind of span has in OTLP, and in records.
#[inline]
pub const fn kind_number(kind: &SpanKind) -> u8 {
    match kind {
        SpanKind::Internal => 1,
        SpanKind::Server => 2,
        SpanKind::Client => 3,
        SpanKind::Producer => 4,
        SpanKind::Consumer => 5,
    }
}

fn kind(number: u8) -> SpanKind {
    match number {
        2 => SpanKind::Server,
        3 => SpanKind::Client,
        4 => SpanKind::Producer,
        5 => SpanKind::Consumer,
        _ => SpanKind::Internal,
    }
}

/// Status codes by OTLP's numbers, which records hold.
pub(crate) mod status_number {
    pub(crate) const OK: u8 = 1;
    pub(crate) const ERROR: u8 = 2;
}

fn status(number: u8, description: &str) -> StatusRef<'_> {
    match number {
        status_number::OK => StatusRef::Ok,
        status_number::ERROR => StatusRef::Error(description),
        _ => StatusRef::Unset,
    }
}

/// A value whose string, if it is one, is not checked to be UTF-8 once more.
#[derive(Clone, Copy, Debug, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "plain data for exporters")]
pub enum BytesRef<'a> {
    /// A string.
    Str(&'a [u8]),
    /// Any other value.
    Other(ValueRef<'a>),
}

/// The attributes of a span, an event, a link or a log record, in the order they were set.
#[derive(Clone, Copy, Default)]
pub struct AttributesRef<'a> {
    entries: Entries<'a>,
    len: u32,
}

impl<'a> AttributesRef<'a> {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.len as usize
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Keys and values.
    pub fn iter(&self) -> impl Iterator<Item = (&'a str, ValueRef<'a>)> + use<'a> {
        let attributes = self.entries.iter().filter(|entry| tag::is_attribute(entry.tag));
        attributes.map(|entry| (crate::record::text(entry.key), value(entry.tag, entry.value)))
    }

    /// Keys and values as the bytes they were recorded as, for encoders that copy them. Keys and strings are UTF-8; they
    /// are not checked once more, which is what [`iter`](Self::iter) spends most of its time with.
    #[inline]
    pub fn iter_bytes(&self) -> impl Iterator<Item = (&'a [u8], BytesRef<'a>)> + use<'a> {
        let attributes = self.entries.iter().filter(|entry| tag::is_attribute(entry.tag));
        attributes.map(|entry| match entry.tag {
            tag::STR => (entry.key, BytesRef::Str(entry.value)),
            other => (entry.key, BytesRef::Other(value(other, entry.value))),
        })
    }

    /// The value of `key`.
    pub fn value(&self, key: &str) -> Option<ValueRef<'a>> {
        let wanted = |entry: &Entry<'_>| tag::is_attribute(entry.tag) && entry.key == key.as_bytes();
        self.entries.iter().find(wanted).map(|entry| value(entry.tag, entry.value))
    }
}

impl fmt::Debug for AttributesRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

/// So that they can be kept as an [`AttributeSet`](throughline_core::AttributeSet).
impl Attributes for AttributesRef<'_> {
    type Shape = [opentelemetry::KeyValue];

    fn visit<V: Visitor>(&self, visitor: &mut V) {
        self.iter().for_each(|(key, value)| visitor.attribute(key, value));
    }
}

/// An event of a span.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "plain data for exporters")]
pub struct EventRef<'a> {
    /// When it happened.
    pub time: Timestamp,
    /// What happened.
    pub name: &'a str,
    /// Its attributes.
    pub attributes: AttributesRef<'a>,
    /// Attributes over the limit.
    pub dropped_attributes: u32,
}

/// The events of a span, in the order they were added.
#[derive(Clone, Copy, Default)]
pub struct EventsRef<'a> {
    entries: Entries<'a>,
    len: u32,
}

impl<'a> EventsRef<'a> {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.len as usize
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The events.
    pub fn iter(&self) -> impl Iterator<Item = EventRef<'a>> + use<'a> {
        self.entries.iter().filter(|entry| entry.tag == tag::EVENT).filter_map(event)
    }
}

impl fmt::Debug for EventsRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

fn event(Entry { key, value, .. }: Entry<'_>) -> Option<EventRef<'_>> {
    let (fixed, entries) = value.split_first_chunk::<EVENT_HEADER>()?;
    let (time, mut counts) = fixed.split_first_chunk()?;
    let dropped_attributes = crate::record::word(&mut counts)?;
    let len = crate::record::word(&mut counts)?;
    let attributes = AttributesRef { entries: Entries(entries), len };
    Some(EventRef {
        time: Timestamp::from_nanos(u64::from_le_bytes(*time)),
        name: crate::record::text(key),
        attributes,
        dropped_attributes,
    })
}

/// A link of a span to another one.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "plain data for exporters")]
pub struct LinkRef<'a> {
    /// The other's trace.
    pub trace_id: TraceId,
    /// The other span.
    pub span_id: SpanId,
    /// The other's W3C trace state as in its header; empty when there is none.
    pub trace_state: &'a str,
    /// The other's W3C trace flags.
    pub flags: TraceFlags,
    /// Whether the other is in another process.
    pub is_remote: bool,
    /// What is said about the link.
    pub attributes: AttributesRef<'a>,
    /// Attributes over the limit.
    pub dropped_attributes: u32,
}

/// The links of a span, in the order they were added.
#[derive(Clone, Copy, Default)]
pub struct LinksRef<'a> {
    entries: Entries<'a>,
    len: u32,
}

impl<'a> LinksRef<'a> {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.len as usize
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The links.
    pub fn iter(&self) -> impl Iterator<Item = LinkRef<'a>> + use<'a> {
        self.entries.iter().filter(|entry| entry.tag == tag::LINK).filter_map(link)
    }
}

impl fmt::Debug for LinksRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// The bit of a link's flags that says that the other span is in another process; below it stand the W3C flags.
pub(crate) const LINK_IS_REMOTE: u32 = 1 << 8;

fn link(Entry { key, value, .. }: Entry<'_>) -> Option<LinkRef<'_>> {
    let (fixed, entries) = value.split_first_chunk::<LINK_HEADER>()?;
    let (trace_id, rest) = fixed.split_first_chunk()?;
    let (span_id, mut rest) = rest.split_first_chunk()?;
    let flags = crate::record::word(&mut rest)?;
    let dropped_attributes = crate::record::word(&mut rest)?;
    let len = crate::record::word(&mut rest)?;
    Some(LinkRef {
        trace_id: TraceId::from_bytes(*trace_id),
        span_id: SpanId::from_bytes(*span_id),
        trace_state: crate::record::text(key),
        flags: TraceFlags::new(flags as u8),
        is_remote: flags & LINK_IS_REMOTE != 0,
        attributes: AttributesRef { entries: Entries(entries), len },
        dropped_attributes,
    })
}

/// A log record.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "plain data for exporters")]
pub struct LogRef<'a> {
    /// When it happened, if the source knew.
    pub time: Option<Timestamp>,
    /// When it was recorded.
    pub observed: Timestamp,
    /// OpenTelemetry's severity number, 1 to 24; 0 when it is not known.
    pub severity_number: u8,
    /// The severity in the words of the source; may be empty.
    pub severity_text: &'a str,
    /// The message.
    pub body: Option<ValueRef<'a>>,
    /// The trace it was recorded in, or [`TraceId::INVALID`].
    pub trace_id: TraceId,
    /// The span it was recorded in, or [`SpanId::INVALID`].
    pub span_id: SpanId,
    /// That span's W3C trace flags.
    pub flags: TraceFlags,
    /// What kind of event this is; empty for an ordinary log record.
    pub event_name: &'a str,
    /// Whose instrumentation recorded it.
    pub scope: &'a Scope,
    /// Its attributes, each key once.
    pub attributes: AttributesRef<'a>,
    /// Attributes over the limit.
    pub dropped_attributes: u32,
}

impl<'a> LogRef<'a> {
    /// Decodes a record; `None` when it is not a log record's.
    pub(crate) fn decode(record: &'a [u8], scope: impl FnOnce(u32) -> &'a Scope) -> Option<Self> {
        let (header, entries) = LogHeader::read(record)?;
        let texts = Texts::of(Entries(entries));
        Some(Self {
            time: (header.time != 0).then(|| Timestamp::from_nanos(header.time)),
            observed: Timestamp::from_nanos(header.observed),
            severity_number: header.severity,
            severity_text: texts.severity,
            body: texts.body,
            trace_id: TraceId::from_bytes(header.trace_id),
            span_id: SpanId::from_bytes(header.span_id),
            flags: TraceFlags::new(header.flags),
            event_name: texts.name,
            scope: scope(header.scope),
            attributes: AttributesRef { entries: Entries(entries), len: header.attributes },
            dropped_attributes: header.dropped_attributes,
        })
    }
}
