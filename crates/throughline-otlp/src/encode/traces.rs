//! One span on the wire.
//!
//! `requests.rs` asks for it, straight from the record in the ring, and puts the frame of a request around it. Field
//! numbers are those of `opentelemetry/proto/trace/v1/trace.proto`. Empty texts and lists, and counts of zero, are left
//! out.

use throughline_core::protobuf::Writer;
use throughline_trace::data::{AttributesRef, EventRef, LinkRef, Scope, SpanRef, StatusRef, kind_number};
use throughline_trace::{SpanId, TraceFlags};

use super::common;
use super::json_text::{Json, key_values};
use super::requests::{Names, Record};

impl Record for SpanRef<'_> {
    const NAMES: Names = Names { resources: "resourceSpans", scopes: "scopeSpans", records: "spans" };

    #[inline]
    fn scope(&self) -> &Scope {
        self.scope
    }

    #[inline]
    fn write_protobuf(&self, writer: &mut Writer) {
        // Most spans need two bytes for their length.
        writer.padded_message::<2>(2, |writer| span(writer, self));
    }

    fn write_json(&self, json: &mut Json) {
        span_json(json, self);
    }
}

/// The bits of `flags` that say whether the parent, or the span that a link leads to, is in another process; below them
/// stand the W3C trace flags.
const KNOWS_IS_REMOTE: u32 = 0x100;
const IS_REMOTE: u32 = 0x200;

fn flags(flags: TraceFlags, is_remote: bool) -> u32 {
    u32::from(flags.to_u8()) | KNOWS_IS_REMOTE | if is_remote { IS_REMOTE } else { 0 }
}

/// `Status`: its code and its message; `None` when it is unset.
fn status_fields(status: StatusRef<'_>) -> Option<(u64, &str)> {
    match status {
        StatusRef::Unset => None,
        StatusRef::Ok => Some((1, "")),
        StatusRef::Error(message) => Some((2, message)),
    }
}

#[inline]
fn span(writer: &mut Writer, span: &SpanRef<'_>) {
    writer.raw(&fixed_fields(span));
    if span.parent_span_id != SpanId::INVALID {
        writer.bytes(4, &span.parent_span_id.to_bytes());
    }
    common::string(writer, 3, span.trace_state);
    common::string(writer, 5, span.name);
    common::recorded_attributes(writer, 9, span.attributes);
    common::count(writer, 10, span.dropped_attributes);
    if !span.events.is_empty() {
        span.events.iter().for_each(|event| writer.message(11, |writer| write_event(writer, &event)));
    }
    common::count(writer, 12, span.dropped_events);
    if !span.links.is_empty() {
        span.links.iter().for_each(|link| writer.message(13, |writer| write_link(writer, &link)));
    }
    common::count(writer, 14, span.dropped_links);
    if let Some((code, message)) = status_fields(span.status) {
        writer.message(15, |writer| {
            common::string(writer, 2, message);
            writer.uint(3, code);
        });
    }
}

/// The fields that every span has and that have the same length in each, as one piece: `trace_id`, `span_id`,
/// `start_time_unix_nano`, `end_time_unix_nano`, `kind` and `flags`.
#[inline]
fn fixed_fields(span: &SpanRef<'_>) -> [u8; 54] {
    let mut fields = [0; 54];
    let (ids, others) = fields.split_at_mut(28);
    ids[..2].copy_from_slice(&[1 << 3 | 2, 16]);
    ids[2..18].copy_from_slice(&span.trace_id.to_bytes());
    ids[18..20].copy_from_slice(&[2 << 3 | 2, 8]);
    ids[20..].copy_from_slice(&span.span_id.to_bytes());
    others[0] = 7 << 3 | 1;
    others[1..9].copy_from_slice(&span.start.as_nanos().to_le_bytes());
    others[9] = 8 << 3 | 1;
    others[10..18].copy_from_slice(&span.end.as_nanos().to_le_bytes());
    // The number of `flags` needs two bytes: its key is 16 << 3 | 5.
    others[18..22].copy_from_slice(&[6 << 3, kind_number(&span.kind), 0x85, 0x01]);
    others[22..].copy_from_slice(&flags(span.flags, span.parent_is_remote).to_le_bytes());
    fields
}

fn write_event(writer: &mut Writer, event: &EventRef<'_>) {
    writer.fixed64(1, event.time.as_nanos());
    common::string(writer, 2, event.name);
    common::recorded_attributes(writer, 3, event.attributes);
    common::count(writer, 4, event.dropped_attributes);
}

fn write_link(writer: &mut Writer, link: &LinkRef<'_>) {
    writer.bytes(1, &link.trace_id.to_bytes());
    writer.bytes(2, &link.span_id.to_bytes());
    common::string(writer, 3, link.trace_state);
    common::recorded_attributes(writer, 4, link.attributes);
    common::count(writer, 5, link.dropped_attributes);
    writer.fixed32(6, flags(link.flags, link.is_remote));
}

fn span_json(json: &mut Json, span: &SpanRef<'_>) {
    json.quoted("traceId", span.trace_id);
    json.quoted("spanId", span.span_id);
    json.text("traceState", span.trace_state);
    if span.parent_span_id != SpanId::INVALID {
        json.quoted("parentSpanId", span.parent_span_id);
    }
    json.plain("flags", flags(span.flags, span.parent_is_remote));
    json.text("name", span.name);
    json.plain("kind", kind_number(&span.kind));
    json.quoted("startTimeUnixNano", span.start.as_nanos());
    json.quoted("endTimeUnixNano", span.end.as_nanos());
    attributes_json(json, span.attributes, span.dropped_attributes);
    list_json(json, "events", span.events.len(), |json| {
        span.events.iter().for_each(|event| json.object(|json| event_json(json, &event)));
    });
    json.count("droppedEventsCount", span.dropped_events);
    list_json(json, "links", span.links.len(), |json| {
        span.links.iter().for_each(|link| json.object(|json| link_json(json, &link)));
    });
    json.count("droppedLinksCount", span.dropped_links);
    if let Some((code, message)) = status_fields(span.status) {
        json.key("status");
        json.object(|json| {
            json.text("message", message);
            json.plain("code", code);
        });
    }
}

fn event_json(json: &mut Json, event: &EventRef<'_>) {
    json.quoted("timeUnixNano", event.time.as_nanos());
    json.text("name", event.name);
    attributes_json(json, event.attributes, event.dropped_attributes);
}

fn link_json(json: &mut Json, link: &LinkRef<'_>) {
    json.quoted("traceId", link.trace_id);
    json.quoted("spanId", link.span_id);
    json.text("traceState", link.trace_state);
    attributes_json(json, link.attributes, link.dropped_attributes);
    json.plain("flags", flags(link.flags, link.is_remote));
}

/// Attributes and how many were dropped.
pub(super) fn attributes_json(json: &mut Json, attributes: AttributesRef<'_>, dropped: u32) {
    if !attributes.is_empty() {
        key_values(json, "attributes", attributes.iter());
    }
    json.count("droppedAttributesCount", dropped);
}

fn list_json(json: &mut Json, key: &str, len: usize, write: impl FnOnce(&mut Json)) {
    if len > 0 {
        json.key(key);
        json.array(write);
    }
}
