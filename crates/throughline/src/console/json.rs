//! Telemetry as JSON lines: one object for each point, span and log record, in the names of OTLP/JSON.
//!
//! A span is OTLP's `Span`, a log record its `LogRecord`, a point its `Metric` with that one point; beside them stand
//! `resource`, with the name of the service alone, and `scope`.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};
use throughline_core::attribute::{ArrayRef, ValueRef};
use throughline_core::{AttributeSet, InstrumentationScope, Timestamp};
use throughline_metrics::data::{
    Buckets, Collection, Exemplar, ExponentialValue, HistogramValue, Metric, MetricData, Number, Point,
    Temporality,
};
use throughline_trace::SpanId;
use throughline_trace::data::{AttributesRef, LogRef, SpanRef, StatusRef, kind_number};

/// The points of a collection, a line each.
pub(super) fn metrics(collection: &Collection) -> String {
    let service = collection.resource.service_name().unwrap_or_default();
    let mut lines = String::new();
    for (scope, metric) in collection.metrics() {
        for (kind, data) in points(metric, collection.time) {
            let mut object = json!({ "name": &*metric.name, kind: data });
            put_text(&mut object, "description", &metric.description);
            put_text(&mut object, "unit", &metric.unit);
            lines.push_str(&line(object, service, scope));
            lines.push('\n');
        }
    }
    lines
}

/// The name that OTLP has for this kind of metric, and what stands there with one point each.
fn points(metric: &Metric, time: Timestamp) -> Vec<(&'static str, Value)> {
    match &metric.data {
        MetricData::Gauge { points } => {
            points.iter().map(|point| ("gauge", json!({ "dataPoints": [sum(&point, time)] }))).collect()
        }
        MetricData::Sum { monotonic, temporality, points } => {
            let all = points.iter().map(|point| {
                let temporality = number_of(*temporality);
                let points = [sum(&point, time)];
                json!({ "dataPoints": points, "isMonotonic": monotonic, "aggregationTemporality": temporality })
            });
            all.map(|data| ("sum", data)).collect()
        }
        MetricData::Histogram { temporality, points } => {
            let bounds = points.values().bounds();
            let all = points.iter().map(|point| histogram(&point, bounds, time));
            all.map(|point| ("histogram", aggregated(&point, *temporality))).collect()
        }
        MetricData::ExponentialHistogram { temporality, points } => {
            let all = points.iter().map(|point| exponential(&point, time));
            all.map(|point| ("exponentialHistogram", aggregated(&point, *temporality))).collect()
        }
    }
}

fn aggregated(point: &Value, temporality: Temporality) -> Value {
    json!({ "dataPoints": [point], "aggregationTemporality": number_of(temporality) })
}

/// OTLP's number.
const fn number_of(temporality: Temporality) -> u8 {
    match temporality {
        Temporality::Delta => 1,
        Temporality::Cumulative => 2,
    }
}

/// What all points have.
fn point<V>(point: &Point<'_, V>, time: Timestamp) -> Value {
    let mut object = json!({ "startTimeUnixNano": nanos(point.start), "timeUnixNano": nanos(time) });
    put(&mut object, "attributes", set(point.attributes));
    put(&mut object, "exemplars", point.exemplars.iter().map(exemplar).collect());
    object
}

fn sum(of: &Point<'_, Number>, time: Timestamp) -> Value {
    let mut object = point(of, time);
    put_number(&mut object, of.value);
    object
}

fn exemplar(of: &Exemplar) -> Value {
    let mut object = json!({
        "timeUnixNano": nanos(of.time),
        "traceId": hex(&of.trace_id),
        "spanId": hex(&of.span_id),
    });
    put_number(&mut object, of.value);
    put(&mut object, "filteredAttributes", set(&of.attributes));
    object
}

fn put_number(object: &mut Value, value: Number) {
    let (name, value) = match value {
        Number::U64(value) => ("asInt", value.to_string().into()),
        Number::I64(value) => ("asInt", value.to_string().into()),
        Number::F64(value) => ("asDouble", double(value)),
    };
    put(object, name, value);
}

fn histogram(of: &Point<'_, HistogramValue<'_>>, bounds: &[f64], time: Timestamp) -> Value {
    let HistogramValue { count, sum, min, max, buckets } = of.value;
    let mut object = point(of, time);
    put(&mut object, "count", count.to_string().into());
    put(&mut object, "sum", double(sum));
    put(&mut object, "min", min.map(double).unwrap_or_default());
    put(&mut object, "max", max.map(double).unwrap_or_default());
    put(&mut object, "explicitBounds", bounds.iter().copied().map(double).collect());
    put(&mut object, "bucketCounts", buckets.iter().map(ToString::to_string).collect());
    object
}

fn exponential(of: &Point<'_, &ExponentialValue>, time: Timestamp) -> Value {
    let ExponentialValue { count, sum, min, max, scale, zero_count, positive, negative } = of.value;
    let mut object = point(of, time);
    put(&mut object, "count", count.to_string().into());
    put(&mut object, "sum", double(*sum));
    put(&mut object, "min", min.map(double).unwrap_or_default());
    put(&mut object, "max", max.map(double).unwrap_or_default());
    put(&mut object, "scale", (*scale).into());
    put(&mut object, "zeroCount", zero_count.to_string().into());
    put(&mut object, "positive", buckets(positive));
    put(&mut object, "negative", buckets(negative));
    object
}

fn buckets(of: &Buckets) -> Value {
    let counts: Vec<_> = of.counts.iter().map(ToString::to_string).collect();
    if counts.is_empty() { Value::Null } else { json!({ "offset": of.offset, "bucketCounts": counts }) }
}

/// A span.
pub(super) fn span(span: &SpanRef<'_>, service: &str) -> String {
    let mut object = json!({
        "traceId": span.trace_id.to_string(),
        "spanId": span.span_id.to_string(),
        "name": span.name,
        "kind": kind_number(&span.kind),
        "startTimeUnixNano": nanos(span.start),
        "endTimeUnixNano": nanos(span.end),
        "flags": span.flags.to_u8(),
    });
    if span.parent_span_id != SpanId::INVALID {
        put(&mut object, "parentSpanId", span.parent_span_id.to_string().into());
    }
    put_text(&mut object, "traceState", span.trace_state);
    put(&mut object, "attributes", attributes(&span.attributes));
    put_count(&mut object, "droppedAttributesCount", span.dropped_attributes);
    put(&mut object, "events", events(span));
    put_count(&mut object, "droppedEventsCount", span.dropped_events);
    put(&mut object, "links", links(span));
    put_count(&mut object, "droppedLinksCount", span.dropped_links);
    match span.status {
        StatusRef::Unset => {}
        StatusRef::Ok => put(&mut object, "status", json!({ "code": 1 })),
        StatusRef::Error(message) => put(&mut object, "status", json!({ "code": 2, "message": message })),
    }
    line(object, service, &span.scope.scope)
}

fn events(span: &SpanRef<'_>) -> Value {
    let events = span.events.iter().map(|event| {
        let mut object = json!({ "timeUnixNano": nanos(event.time), "name": event.name });
        put(&mut object, "attributes", attributes(&event.attributes));
        put_count(&mut object, "droppedAttributesCount", event.dropped_attributes);
        object
    });
    events.collect()
}

fn links(span: &SpanRef<'_>) -> Value {
    let links = span.links.iter().map(|link| {
        let mut object = json!({
            "traceId": link.trace_id.to_string(),
            "spanId": link.span_id.to_string(),
            "flags": link.flags.to_u8(),
        });
        put_text(&mut object, "traceState", link.trace_state);
        put(&mut object, "attributes", attributes(&link.attributes));
        put_count(&mut object, "droppedAttributesCount", link.dropped_attributes);
        object
    });
    links.collect()
}

/// A log record.
pub(super) fn log(log: &LogRef<'_>, service: &str) -> String {
    let mut object = json!({ "observedTimeUnixNano": nanos(log.observed), "flags": log.flags.to_u8() });
    put(&mut object, "timeUnixNano", log.time.map(|time| nanos(time).into()).unwrap_or_default());
    put_count(&mut object, "severityNumber", log.severity_number.into());
    put_text(&mut object, "severityText", log.severity_text);
    put(&mut object, "body", log.body.as_ref().map(any).unwrap_or_default());
    put_text(&mut object, "eventName", log.event_name);
    put(&mut object, "attributes", attributes(&log.attributes));
    put_count(&mut object, "droppedAttributesCount", log.dropped_attributes);
    if log.span_id != SpanId::INVALID {
        put(&mut object, "traceId", log.trace_id.to_string().into());
        put(&mut object, "spanId", log.span_id.to_string().into());
    }
    line(object, service, &log.scope.scope)
}

fn line(mut object: Value, service: &str, scope: &InstrumentationScope) -> String {
    let name = [pair("service.name", &ValueRef::Str(service))];
    put(&mut object, "resource", json!({ "attributes": name }));
    let mut of_scope = json!({ "name": scope.name() });
    put_text(&mut of_scope, "version", scope.version().unwrap_or_default());
    put(
        &mut of_scope,
        "attributes",
        scope.attributes().map(|a| pair(a.key.as_str(), &(&a.value).into())).collect(),
    );
    put(&mut object, "scope", of_scope);
    object.to_string()
}

/// Adds a member, unless it is null or empty.
fn put(object: &mut Value, name: &str, value: Value) {
    let is_empty = value.is_null() || value.as_array().is_some_and(Vec::is_empty);
    if let (Value::Object(members), false) = (object, is_empty) {
        members.insert(name.to_owned(), value);
    }
}

fn put_text(object: &mut Value, name: &str, text: &str) {
    if !text.is_empty() {
        put(object, name, text.into());
    }
}

fn put_count(object: &mut Value, name: &str, count: u32) {
    if count > 0 {
        put(object, name, count.into());
    }
}

/// JSON's 64-bit integers are strings in OTLP.
fn nanos(time: Timestamp) -> String {
    time.as_nanos().to_string()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut hex, byte| {
        let _infallible = write!(hex, "{byte:02x}");
        hex
    })
}

/// What JSON has no number for is a string, as protobuf's JSON has it.
fn double(value: f64) -> Value {
    match value {
        value if value.is_nan() => "NaN".into(),
        f64::INFINITY => "Infinity".into(),
        f64::NEG_INFINITY => "-Infinity".into(),
        value => value.into(),
    }
}

fn attributes(attributes: &AttributesRef<'_>) -> Value {
    attributes.iter().map(|(key, value)| pair(key, &value)).collect()
}

fn set(attributes: &AttributeSet) -> Value {
    attributes.iter().map(|(key, value)| pair(key, &value)).collect()
}

fn pair(key: &str, value: &ValueRef<'_>) -> Value {
    json!({ "key": key, "value": any(value) })
}

/// OTLP's `AnyValue`.
fn any(value: &ValueRef<'_>) -> Value {
    let (name, value): (_, Value) = match value {
        ValueRef::Str(text) => ("stringValue", (*text).into()),
        ValueRef::Bool(value) => ("boolValue", (*value).into()),
        ValueRef::I64(value) => ("intValue", value.to_string().into()),
        ValueRef::F64(value) => ("doubleValue", double(*value)),
        ValueRef::Array(array) => ("arrayValue", json!({ "values": elements(array) })),
    };
    Map::from_iter([(name.to_owned(), value)]).into()
}

fn elements(array: &ArrayRef<'_>) -> Vec<Value> {
    let mut values = Vec::new();
    array.for_each(|element| values.push(any(&element)));
    values
}
