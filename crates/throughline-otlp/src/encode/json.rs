//! OTLP/JSON: the same request as `metrics.rs` writes, for receivers and people that read text.
//!
//! Called by `exporter/mod.rs` when the protocol is `http/json`, and by the command line to show what would be sent.
//! The protobuf JSON mapping with OTLP's
//! [deviations](https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding): `lowerCamelCase` keys, 64-bit
//! integers as strings, enums as integers, trace and span ids in hexadecimal, and `"NaN"`, `"Infinity"`, `"-Infinity"`.
//! Nothing is cached: whoever minds the cost sends protobuf.

use std::ops::Range;

use throughline_core::Timestamp;
use throughline_metrics::data::{
    Buckets, Collection, Exemplar, ExponentialValue, HistogramValue, Metric, MetricData, Number, Point,
    Points, ScopeMetrics, Temporality, Values,
};

use super::json_text::{self, Json, attributes};
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
        self.json.clear();
        self.json.object(|json| {
            if !points.is_empty() {
                json.key("resourceMetrics");
                json.array(|json| resource_metrics(json, collection, points));
            }
        });
        self.json.as_bytes()
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
    json.object(|json| json_text::scope(json, &scope.scope));
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
