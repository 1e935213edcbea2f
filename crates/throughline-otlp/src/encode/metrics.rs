//! Stop 7 in the life of an increment: from the plain data of `throughline-metrics/src/data/mod.rs` (stop 6) to the bytes
//! of an OTLP `ExportMetricsServiceRequest`, which `transport/` (stop 8) sends.
//!
//! Called by `exporter/mod.rs` after each collection. Written straight into one buffer that is used again; what does
//! not change between exports (attributes, names, units, descriptions) is encoded once and then copied. So a repeated
//! export costs a few copies for each point and allocates nothing. It does not know where the bytes go.
//!
//! Field numbers are those of `opentelemetry/proto/metrics/v1/metrics.proto`. Empty strings and lists are left out.

use std::ops::Range;

use throughline_core::Timestamp;
use throughline_core::protobuf::{Writer, varint_len};
use throughline_metrics::data::{
    Buckets, Collection, Exemplar, ExponentialValue, HistogramValue, Histograms, Metric, MetricData, Number,
    Numbers, Points, ScopeMetrics, Temporality, Values as _,
};

use super::cache::{EncodedCache, EncodedSeries, EncodedStream, Shape, without_start};
use super::{common, metrics_in, point_count, scopes_in};

/// Encodes collections as OTLP protobuf.
///
/// The first time a series is seen its attributes are encoded and kept, at the cost of some bytes more than they take;
/// from then on an export allocates nothing. Integers above `i64::MAX` become floats, because OTLP has only signed
/// ones. Metrics and scopes without points are left out.
///
/// ```
/// use throughline_metrics::data::Collection;
/// use throughline_otlp::ProtobufEncoder;
///
/// let mut encoder = ProtobufEncoder::default();
/// assert!(encoder.encode(&Collection::default()).is_empty());
/// ```
#[derive(Debug, Default)]
pub struct ProtobufEncoder {
    writer: Writer,
    /// What was encoded in earlier exports.
    cache: EncodedCache,
}

impl ProtobufEncoder {
    /// Encodes a whole collection as one `ExportMetricsServiceRequest`; no bytes when it has no points.
    pub fn encode(&mut self, collection: &Collection) -> &[u8] {
        self.encode_part(collection, 0..point_count(collection));
        self.end_collection();
        self.writer.as_bytes()
    }

    /// Encodes a run of the collection's points, counted in order.
    pub(super) fn encode_part(&mut self, collection: &Collection, points: Range<usize>) -> &[u8] {
        let Self { writer, cache } = self;
        writer.clear();
        if !points.is_empty() {
            writer.long_message(1, |writer| {
                common::resource(writer, 1, &collection.resource);
                for (scope, points) in scopes_in(collection, points) {
                    writer.long_message(2, |writer| {
                        scope_metrics(writer, scope, points, collection.time, cache);
                    });
                }
            });
        }
        self.writer.as_bytes()
    }

    /// Says that the next part is one of another collection.
    pub(super) fn end_collection(&mut self) {
        self.cache.end_round();
    }
}

/// A number as OTLP has it: signed integers and floats.
///
/// A `u64` above `i64::MAX` has no integer form there and must not wrap to a negative one, so it becomes a float, off
/// by at most one part in 2^53.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum OtlpNumber {
    Int(i64),
    Double(f64),
}

impl From<Number> for OtlpNumber {
    fn from(number: Number) -> Self {
        match number {
            Number::U64(v) => i64::try_from(v).map_or(Self::Double(v as f64), Self::Int),
            Number::I64(v) => Self::Int(v),
            Number::F64(v) => Self::Double(v),
        }
    }
}

/// `AggregationTemporality`.
pub(super) const fn temporality_code(temporality: Temporality) -> u64 {
    match temporality {
        Temporality::Delta => 1,
        Temporality::Cumulative => 2,
    }
}

fn scope_metrics(
    writer: &mut Writer,
    scope: &ScopeMetrics,
    points: Range<usize>,
    time: Timestamp,
    cache: &mut EncodedCache,
) {
    common::scope(writer, 1, &scope.scope);
    for (metric, points) in metrics_in(scope, points) {
        writer.long_message(2, |writer| write_metric(writer, metric, points, time, cache.stream(metric)));
    }
    common::string(writer, 3, scope.scope.schema_url().unwrap_or_default());
}

fn write_metric(
    writer: &mut Writer,
    metric: &Metric,
    part: Range<usize>,
    time: Timestamp,
    encoded: &mut EncodedStream,
) {
    writer.raw(&encoded.header);
    match &metric.data {
        MetricData::Gauge { points } => writer.long_message(5, |writer| {
            number_points(writer, points, part, time, &mut encoded.series);
        }),
        MetricData::Sum { monotonic, temporality, points } => writer.long_message(7, |writer| {
            number_points(writer, points, part, time, &mut encoded.series);
            writer.uint(2, temporality_code(*temporality));
            writer.uint(3, u64::from(*monotonic));
        }),
        MetricData::Histogram { temporality, points } => writer.long_message(9, |writer| {
            histogram_points(writer, points, part, time, encoded);
            writer.uint(2, temporality_code(*temporality));
        }),
        MetricData::ExponentialHistogram { temporality, points } => writer.long_message(10, |writer| {
            encoded.series.follow(points, Shape::Attributes(1));
            for at in part {
                writer.message(1, |writer| exponential_point(writer, points, at, time, &encoded.series));
            }
            writer.uint(2, temporality_code(*temporality));
        }),
    }
}

/// What follows the attributes in every point: start, time, and as much again in numbers of eight bytes.
struct Fixed<const BYTES: usize>([u8; BYTES]);

impl<const BYTES: usize> Fixed<BYTES> {
    /// Fields with their values, in order. Numbers of fields are below 16, so that each key is one byte.
    #[inline]
    fn new(fields: &[(u8, u64)]) -> Self {
        let mut bytes = [0; BYTES];
        for (place, (field, value)) in bytes.chunks_exact_mut(FIXED64_BYTES).zip(fields) {
            place[0] = field << 3 | 1;
            place[1..].copy_from_slice(&value.to_le_bytes());
        }
        Self(bytes)
    }
}

/// A field of eight bytes, with its number.
const FIXED64_BYTES: usize = 1 + 8;

/// Start, time and value of a number.
const NUMBER_BYTES: usize = 3 * FIXED64_BYTES;

/// Start, time, count and sum of a histogram.
const HISTOGRAM_BYTES: usize = 4 * FIXED64_BYTES;

fn number_points(
    writer: &mut Writer,
    points: &Points<Numbers>,
    part: Range<usize>,
    time: Timestamp,
    encoded: &mut EncodedSeries,
) {
    encoded.follow(points, Shape::PointOf(7, NUMBER_BYTES));
    for at in part {
        let (field, value) = field_of(points.values().value(at), 4, 6);
        let start = points.start(at).as_nanos();
        let fixed = Fixed::<NUMBER_BYTES>::new(&[(2, start), (3, time.as_nanos()), (field, value)]).0;
        let point = encoded.at(points.row(at));
        if points.exemplars(at).is_empty() {
            writer.raw(point);
            writer.raw(&fixed);
        } else {
            writer.message(1, |writer| {
                writer.raw(without_start(point, NUMBER_BYTES));
                writer.raw(&fixed);
                exemplars(writer, points.exemplars(at), 5);
            });
        }
    }
}

fn histogram_points(
    writer: &mut Writer,
    points: &Points<Histograms>,
    part: Range<usize>,
    time: Timestamp,
    encoded: &mut EncodedStream,
) {
    encoded.learn_bounds(7, points.values());
    encoded.series.follow(points, Shape::Attributes(9));
    for at in part {
        let attributes = encoded.series.at(points.row(at));
        let value = points.values().value(at);
        let write = |writer: &mut Writer| {
            writer.raw(attributes);
            let (start, sum) = (points.start(at).as_nanos(), value.sum.to_bits());
            let fields = [(2, start), (3, time.as_nanos()), (4, value.count), (5, sum)];
            writer.raw(&Fixed::<HISTOGRAM_BYTES>::new(&fields).0);
            writer.packed_fixed64(6, value.buckets.iter().copied());
            writer.raw(&encoded.bounds);
            exemplars(writer, points.exemplars(at), 8);
            optional_double(writer, 11, value.min);
            optional_double(writer, 12, value.max);
        };
        if points.exemplars(at).is_empty() {
            let length = attributes.len() + histogram_bytes(&value) + encoded.bounds.len();
            writer.sized_message(1, length, write);
        } else {
            writer.message(1, write);
        }
    }
}

/// What a point comes to without attributes, bounds and exemplars.
fn histogram_bytes(value: &HistogramValue<'_>) -> usize {
    let extremes = usize::from(value.min.is_some()) + usize::from(value.max.is_some());
    let buckets = 8 * value.buckets.len();
    HISTOGRAM_BYTES + 1 + varint_len(buckets as u64) + buckets + extremes * FIXED64_BYTES
}

fn exponential_point(
    writer: &mut Writer,
    points: &Points<Vec<ExponentialValue>>,
    at: usize,
    time: Timestamp,
    encoded: &EncodedSeries,
) {
    let ExponentialValue { count, sum, min, max, scale, zero_count, positive, negative } =
        points.values().value(at);
    writer.raw(encoded.at(points.row(at)));
    writer.fixed64(2, points.start(at).as_nanos());
    writer.fixed64(3, time.as_nanos());
    writer.fixed64(4, *count);
    writer.double(5, *sum);
    writer.sint(6, i64::from(*scale));
    writer.fixed64(7, *zero_count);
    exponential_buckets(writer, 8, positive);
    exponential_buckets(writer, 9, negative);
    exemplars(writer, points.exemplars(at), 11);
    optional_double(writer, 12, *min);
    optional_double(writer, 13, *max);
}

/// The field of a number, by its type, and its eight bytes.
#[inline]
fn field_of(number: Number, double_field: u8, int_field: u8) -> (u8, u64) {
    match OtlpNumber::from(number) {
        OtlpNumber::Double(v) => (double_field, v.to_bits()),
        OtlpNumber::Int(v) => (int_field, v as u64),
    }
}

fn number(writer: &mut Writer, number: Number, double_field: u8, int_field: u8) {
    let (field, value) = field_of(number, double_field, int_field);
    writer.fixed64(field.into(), value);
}

fn exponential_buckets(writer: &mut Writer, field: u32, buckets: &Buckets) {
    if !buckets.counts.is_empty() {
        writer.message(field, |writer| {
            writer.sint(1, i64::from(buckets.offset));
            writer.message(2, |writer| {
                buckets.counts.iter().for_each(|count| writer.varint(*count));
            });
        });
    }
}

fn exemplars(writer: &mut Writer, exemplars: &[Exemplar], field: u32) {
    for exemplar in exemplars {
        let Exemplar { value, time, trace_id, span_id, attributes } = exemplar;
        writer.message(field, |writer| {
            writer.fixed64(2, time.as_nanos());
            number(writer, *value, 3, 6);
            if has_trace(exemplar) {
                writer.bytes(4, span_id);
                writer.bytes(5, trace_id);
            }
            common::attributes(writer, 7, attributes);
        });
    }
}

/// Whether it was recorded in a trace: ids of zeros are invalid in OTLP and stand for none.
pub(super) fn has_trace(exemplar: &Exemplar) -> bool {
    exemplar.trace_id != [0; 16] && exemplar.span_id != [0; 8]
}

fn optional_double(writer: &mut Writer, field: u32, value: Option<f64>) {
    if let Some(value) = value {
        writer.double(field, value);
    }
}
