//! OTLP/JSON: the same request as `metrics.rs` writes, for receivers and people that read text.
//!
//! Called by `exporter/mod.rs` when the protocol is `http/json`, and by the command line to show what would be sent.
//! The protobuf JSON mapping with OTLP's
//! [deviations](https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding): `lowerCamelCase` keys, 64-bit
//! integers as strings, enums as integers, trace and span ids in hexadecimal, and `"NaN"`, `"Infinity"`, `"-Infinity"`.
//! Nothing is cached: whoever minds the cost sends protobuf.

use std::fmt::Display;
use std::io::Write as _;
use std::ops::Range;

use throughline_core::attribute::ValueRef;
use throughline_core::{AttributeSet, Timestamp};
use throughline_metrics::data::{
    Buckets, Collection, Exemplar, ExponentialValue, HistogramValue, Metric, MetricData, Number, Point,
    Points, ScopeMetrics, Temporality, Values,
};

use super::metrics::{OtlpNumber, has_trace, temporality_code};
use super::{metrics_in, point_count, scopes_in};

/// Encodes collections as OTLP/JSON, compact. Carries the same as [`ProtobufEncoder`](crate::ProtobufEncoder).
///
/// ```
/// use throughline_metrics::data::Collection;
/// use throughline_otlp::JsonEncoder;
///
/// assert_eq!(JsonEncoder::default().encode(&Collection::default()), b"{}");
/// ```
#[derive(Debug, Default)]
pub struct JsonEncoder {
    json: Json,
}

impl JsonEncoder {
    /// Encodes a whole collection as one `ExportMetricsServiceRequest`; `{}` when it has no points.
    pub fn encode(&mut self, collection: &Collection) -> &[u8] {
        self.encode_part(collection, 0..point_count(collection))
    }

    /// Encodes a run of the collection's points, counted in order.
    pub(super) fn encode_part(&mut self, collection: &Collection, points: Range<usize>) -> &[u8] {
        self.json.out.clear();
        self.json.object(|json| {
            if !points.is_empty() {
                json.key("resourceMetrics");
                json.array(|json| resource_metrics(json, collection, points));
            }
        });
        &self.json.out
    }
}

fn resource_metrics(json: &mut Json, collection: &Collection, points: Range<usize>) {
    json.object(|json| {
        json.key("resource");
        json.object(|json| attributes(json, "attributes", collection.resource.attributes()));
        json.key("scopeMetrics");
        json.array(|json| {
            for (scope, points) in scopes_in(collection, points) {
                json.object(|json| scope_metrics(json, scope, points, collection.time));
            }
        });
    });
}

fn scope_metrics(json: &mut Json, scope: &ScopeMetrics, points: Range<usize>, time: Timestamp) {
    json.key("scope");
    json.object(|json| {
        json.text("name", scope.scope.name());
        json.text("version", scope.scope.version().unwrap_or_default());
        let pairs = scope.scope.attributes();
        key_values(json, "attributes", pairs.map(|pair| (pair.key.as_str(), ValueRef::from(&pair.value))));
    });
    json.key("metrics");
    json.array(|json| {
        for (metric, points) in metrics_in(scope, points) {
            json.object(|json| write_metric(json, metric, points, time));
        }
    });
    json.text("schemaUrl", scope.scope.schema_url().unwrap_or_default());
}

fn write_metric(json: &mut Json, metric: &Metric, part: Range<usize>, time: Timestamp) {
    json.text("name", &metric.name);
    json.text("description", &metric.description);
    json.text("unit", &metric.unit);
    match &metric.data {
        MetricData::Gauge { points } => data(json, "gauge", |json| {
            data_points(json, points, part, |json, point| number_point(json, point, time));
        }),
        MetricData::Sum { monotonic, temporality, points } => data(json, "sum", |json| {
            data_points(json, points, part, |json, point| number_point(json, point, time));
            write_temporality(json, *temporality);
            json.plain("isMonotonic", monotonic);
        }),
        MetricData::Histogram { temporality, points } => data(json, "histogram", |json| {
            data_points(json, points, part, |json, point| {
                histogram_point(json, point, points.values().bounds(), time);
            });
            write_temporality(json, *temporality);
        }),
        MetricData::ExponentialHistogram { temporality, points } => {
            data(json, "exponentialHistogram", |json| {
                data_points(json, points, part, |json, point| {
                    exponential_point(json, point, time);
                });
                write_temporality(json, *temporality);
            });
        }
    }
}

fn data(json: &mut Json, kind: &str, write: impl FnOnce(&mut Json)) {
    json.key(kind);
    json.object(write);
}

fn data_points<C: Values>(
    json: &mut Json,
    points: &Points<C>,
    part: Range<usize>,
    write: impl Fn(&mut Json, &Point<'_, C::Value<'_>>),
) {
    json.key("dataPoints");
    json.array(|json| {
        for point in part.map(|at| points.at(at)) {
            json.object(|json| write(json, &point));
        }
    });
}

fn write_temporality(json: &mut Json, temporality: Temporality) {
    json.plain("aggregationTemporality", temporality_code(temporality));
}

fn number_point(json: &mut Json, point: &Point<'_, Number>, time: Timestamp) {
    series(json, point, time);
    number(json, point.value);
    exemplars(json, point.exemplars);
}

fn histogram_point(json: &mut Json, point: &Point<'_, HistogramValue<'_>>, bounds: &[f64], time: Timestamp) {
    let HistogramValue { count, sum, min, max, buckets } = &point.value;
    series(json, point, time);
    json.quoted("count", count);
    json.double("sum", *sum);
    bucket_counts(json, buckets);
    json.key("explicitBounds");
    json.array(|json| bounds.iter().for_each(|bound| json.double_value(*bound)));
    exemplars(json, point.exemplars);
    optional_double(json, "min", *min);
    optional_double(json, "max", *max);
}

fn exponential_point(json: &mut Json, point: &Point<'_, &ExponentialValue>, time: Timestamp) {
    let ExponentialValue { count, sum, min, max, scale, zero_count, positive, negative } = point.value;
    series(json, point, time);
    json.quoted("count", count);
    json.double("sum", *sum);
    json.plain("scale", scale);
    json.quoted("zeroCount", zero_count);
    exponential_buckets(json, "positive", positive);
    exponential_buckets(json, "negative", negative);
    exemplars(json, point.exemplars);
    optional_double(json, "min", *min);
    optional_double(json, "max", *max);
}

fn series<V>(json: &mut Json, point: &Point<'_, V>, time: Timestamp) {
    attributes(json, "attributes", point.attributes);
    json.quoted("startTimeUnixNano", point.start.as_nanos());
    json.quoted("timeUnixNano", time.as_nanos());
}

fn number(json: &mut Json, number: Number) {
    match OtlpNumber::from(number) {
        OtlpNumber::Double(v) => json.double("asDouble", v),
        OtlpNumber::Int(v) => json.quoted("asInt", v),
    }
}

fn exponential_buckets(json: &mut Json, key: &str, buckets: &Buckets) {
    if !buckets.counts.is_empty() {
        json.key(key);
        json.object(|json| {
            json.plain("offset", buckets.offset);
            bucket_counts(json, &buckets.counts);
        });
    }
}

fn bucket_counts(json: &mut Json, counts: &[u64]) {
    json.key("bucketCounts");
    json.array(|json| counts.iter().for_each(|count| json.quoted_value(count)));
}

fn exemplars(json: &mut Json, exemplars: &[Exemplar]) {
    if !exemplars.is_empty() {
        json.key("exemplars");
        json.array(|json| {
            for exemplar in exemplars {
                write_exemplar(json, exemplar);
            }
        });
    }
}

fn write_exemplar(json: &mut Json, exemplar: &Exemplar) {
    json.object(|json| {
        json.quoted("timeUnixNano", exemplar.time.as_nanos());
        number(json, exemplar.value);
        if has_trace(exemplar) {
            json.quoted("spanId", format_args!("{:016x}", u64::from_be_bytes(exemplar.span_id)));
            json.quoted("traceId", format_args!("{:032x}", u128::from_be_bytes(exemplar.trace_id)));
        }
        attributes(json, "filteredAttributes", &exemplar.attributes);
    });
}

fn optional_double(json: &mut Json, key: &str, value: Option<f64>) {
    if let Some(value) = value {
        json.double(key, value);
    }
}

fn attributes(json: &mut Json, key: &str, attributes: &AttributeSet) {
    key_values(json, key, attributes.iter());
}

fn key_values<'a>(json: &mut Json, key: &str, pairs: impl Iterator<Item = (&'a str, ValueRef<'a>)>) {
    json.key(key);
    json.array(|json| {
        for (key, value) in pairs {
            json.object(|json| {
                json.key("key");
                json.string_value(key);
                json.key("value");
                any_value(json, value);
            });
        }
    });
}

fn any_value(json: &mut Json, value: ValueRef<'_>) {
    json.object(|json| match value {
        ValueRef::Str(v) => {
            json.key("stringValue");
            json.string_value(v);
        }
        ValueRef::Bool(v) => json.plain("boolValue", v),
        ValueRef::I64(v) => json.quoted("intValue", v),
        ValueRef::F64(v) => json.double("doubleValue", v),
        ValueRef::Array(v) => {
            json.key("arrayValue");
            json.object(|json| {
                json.key("values");
                json.array(|json| v.for_each(|element| any_value(json, element)));
            });
        }
    });
}

/// Appends JSON to a buffer. Commas come from the byte before: only a bracket, a brace or a colon needs none.
#[derive(Debug, Default)]
struct Json {
    out: Vec<u8>,
}

impl Json {
    fn object(&mut self, write: impl FnOnce(&mut Self)) {
        self.separate();
        self.out.push(b'{');
        write(self);
        self.out.push(b'}');
    }

    fn array(&mut self, write: impl FnOnce(&mut Self)) {
        self.separate();
        self.out.push(b'[');
        write(self);
        self.out.push(b']');
    }

    fn key(&mut self, key: &str) {
        self.string_value(key);
        self.out.push(b':');
    }

    /// A string, left out when it is empty.
    fn text(&mut self, key: &str, value: &str) {
        if !value.is_empty() {
            self.key(key);
            self.string_value(value);
        }
    }

    /// A number or boolean.
    fn plain(&mut self, key: &str, value: impl Display) {
        self.key(key);
        self.display(value);
    }

    /// A 64-bit integer or an id: text that needs no escaping.
    fn quoted(&mut self, key: &str, value: impl Display) {
        self.key(key);
        self.quoted_value(value);
    }

    fn double(&mut self, key: &str, value: f64) {
        self.key(key);
        self.double_value(value);
    }

    fn quoted_value(&mut self, value: impl Display) {
        self.separate();
        self.out.push(b'"');
        self.display(value);
        self.out.push(b'"');
    }

    fn double_value(&mut self, value: f64) {
        if value.is_nan() {
            self.quoted_value("NaN");
        } else if value.is_infinite() {
            self.quoted_value(if value > 0.0 { "Infinity" } else { "-Infinity" });
        } else {
            self.separate();
            serde_json::to_writer(&mut self.out, &value).expect("a Vec takes every write");
        }
    }

    fn string_value(&mut self, value: &str) {
        self.separate();
        serde_json::to_writer(&mut self.out, value).expect("a Vec takes every write");
    }

    fn display(&mut self, value: impl Display) {
        write!(self.out, "{value}").expect("a Vec takes every write");
    }

    fn separate(&mut self) {
        if !matches!(self.out.last(), None | Some(b'{' | b'[' | b':')) {
            self.out.push(b',');
        }
    }
}
