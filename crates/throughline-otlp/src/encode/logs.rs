//! One log record on the wire.
//!
//! `requests.rs` asks for it, straight from the record in the ring, and puts the frame of a request around it. Field
//! numbers are those of `opentelemetry/proto/logs/v1/logs.proto`. Empty texts and lists, and what is not known, are left
//! out.

use throughline_core::protobuf::Writer;
use throughline_trace::data::{LogRef, Scope};
use throughline_trace::{SpanId, TraceId};

use super::common;
use super::json_text::{Json, any_value};
use super::requests::{Names, Record};
use super::traces::attributes_json;

impl Record for LogRef<'_> {
    const NAMES: Names = Names { resources: "resourceLogs", scopes: "scopeLogs", records: "logRecords" };

    #[inline]
    fn scope(&self) -> &Scope {
        self.scope
    }

    #[inline]
    fn write_protobuf(&self, writer: &mut Writer) {
        // Most log records need two bytes for their length.
        writer.padded_message::<2>(2, |writer| log_record(writer, self));
    }

    fn write_json(&self, json: &mut Json) {
        log_record_json(json, self);
    }
}

#[inline]
fn log_record(writer: &mut Writer, log: &LogRef<'_>) {
    if let Some(time) = log.time {
        writer.fixed64(1, time.as_nanos());
    }
    writer.fixed64(11, log.observed.as_nanos());
    common::count(writer, 2, log.severity_number.into());
    common::string(writer, 3, log.severity_text);
    if let Some(body) = log.body {
        writer.message(5, |writer| common::any_value(writer, body));
    }
    common::recorded_attributes(writer, 6, log.attributes);
    common::count(writer, 7, log.dropped_attributes);
    if log.flags.to_u8() != 0 {
        writer.fixed32(8, log.flags.to_u8().into());
    }
    if log.trace_id != TraceId::INVALID {
        writer.bytes(9, &log.trace_id.to_bytes());
    }
    if log.span_id != SpanId::INVALID {
        writer.bytes(10, &log.span_id.to_bytes());
    }
    common::string(writer, 12, log.event_name);
}

fn log_record_json(json: &mut Json, log: &LogRef<'_>) {
    if let Some(time) = log.time {
        json.quoted("timeUnixNano", time.as_nanos());
    }
    json.quoted("observedTimeUnixNano", log.observed.as_nanos());
    json.count("severityNumber", log.severity_number.into());
    json.text("severityText", log.severity_text);
    if let Some(body) = log.body {
        json.key("body");
        any_value(json, body);
    }
    attributes_json(json, log.attributes, log.dropped_attributes);
    json.count("flags", log.flags.to_u8().into());
    if log.trace_id != TraceId::INVALID {
        json.quoted("traceId", log.trace_id);
    }
    if log.span_id != SpanId::INVALID {
        json.quoted("spanId", log.span_id);
    }
    json.text("eventName", log.event_name);
}
