//! Stop 7 in the life of an increment: from the plain data of `throughline-metrics/src/data.rs` (stop 6) to the bytes
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
    Buckets, Collection, Exemplar, ExponentialValue, HistogramValue, Metric, MetricData, Number, Point,
    ScopeMetrics, SeriesId, StreamId, Temporality,
};

use super::cache::EncodedCache;
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
    caches: Caches,
}

/// What was encoded in earlier exports. One cache for each kind of point, because the attributes' field number differs.
#[derive(Debug, Default)]
struct Caches {
    headers: EncodedCache<StreamId>,
    numbers: EncodedCache<SeriesId>,
    histograms: EncodedCache<SeriesId>,
    exponentials: EncodedCache<SeriesId>,
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
        let Self { writer, caches } = self;
        writer.clear();
        if !points.is_empty() {
            writer.long_message(1, |writer| {
                common::resource(writer, 1, &collection.resource);
                for (scope, points) in scopes_in(collection, points) {
                    writer.long_message(2, |writer| {
                        scope_metrics(writer, scope, points, collection.time, caches);
                    });
                }
            });
        }
        self.writer.as_bytes()
    }

    /// Says that the next part is one of another collection.
    pub(super) fn end_collection(&mut self) {
        let Caches { headers, numbers, histograms, exponentials } = &mut self.caches;
        headers.end_round();
        numbers.end_round();
        histograms.end_round();
        exponentials.end_round();
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
    caches: &mut Caches,
) {
    common::scope(writer, 1, &scope.scope);
    for (metric, points) in metrics_in(scope, points) {
        writer.long_message(2, |writer| write_metric(writer, metric, points, time, caches));
    }
    common::string(writer, 3, scope.scope.schema_url().unwrap_or_default());
}

fn write_metric(
    writer: &mut Writer,
    metric: &Metric,
    part: Range<usize>,
    time: Timestamp,
    caches: &mut Caches,
) {
    let Caches { headers, numbers, histograms, exponentials } = caches;
    writer.raw(headers.bytes(metric.id, |writer| header(writer, metric)));
    match &metric.data {
        MetricData::Gauge { points } => writer.long_message(5, |writer| {
            number_points(writer, &points[part], time, numbers);
        }),
        MetricData::Sum { monotonic, temporality, points } => writer.long_message(7, |writer| {
            number_points(writer, &points[part], time, numbers);
            writer.uint(2, temporality_code(*temporality));
            writer.uint(3, u64::from(*monotonic));
        }),
        MetricData::Histogram { temporality, bounds, points } => writer.long_message(9, |writer| {
            for point in &points[part] {
                histogram_point(writer, point, bounds, time, histograms);
            }
            writer.uint(2, temporality_code(*temporality));
        }),
        MetricData::ExponentialHistogram { temporality, points } => writer.long_message(10, |writer| {
            for point in &points[part] {
                writer.message(1, |writer| exponential_point(writer, point, time, exponentials));
            }
            writer.uint(2, temporality_code(*temporality));
        }),
    }
}

fn header(writer: &mut Writer, metric: &Metric) {
    common::string(writer, 1, &metric.name);
    common::string(writer, 2, &metric.description);
    common::string(writer, 3, &metric.unit);
}

fn number_points(
    writer: &mut Writer,
    points: &[Point<Number>],
    time: Timestamp,
    cache: &mut EncodedCache<SeriesId>,
) {
    for point in points {
        let attributes = encoded_attributes(point, 7, cache);
        let length = SERIES_BYTES + attributes.len() + FIXED64_BYTES;
        write_point(writer, point, length, |writer| {
            series(writer, point, attributes, time);
            number(writer, point.value, 4, 6);
            exemplars(writer, &point.exemplars, 5);
        });
    }
}

fn histogram_point(
    writer: &mut Writer,
    point: &Point<HistogramValue>,
    bounds: &[f64],
    time: Timestamp,
    cache: &mut EncodedCache<SeriesId>,
) {
    let HistogramValue { count, sum, min, max, buckets } = &point.value;
    let attributes = encoded_attributes(point, 9, cache);
    let doubles = 2 + usize::from(min.is_some()) + usize::from(max.is_some());
    let packed = packed_bytes(buckets.len()) + packed_bytes(bounds.len());
    let length = SERIES_BYTES + attributes.len() + doubles * FIXED64_BYTES + packed;
    write_point(writer, point, length, |writer| {
        series(writer, point, attributes, time);
        writer.fixed64(4, *count);
        writer.double(5, *sum);
        packed_fixed64(writer, 6, buckets.iter().copied());
        packed_fixed64(writer, 7, bounds.iter().map(|bound| bound.to_bits()));
        exemplars(writer, &point.exemplars, 8);
        optional_double(writer, 11, *min);
        optional_double(writer, 12, *max);
    });
}

fn exponential_point(
    writer: &mut Writer,
    point: &Point<ExponentialValue>,
    time: Timestamp,
    cache: &mut EncodedCache<SeriesId>,
) {
    let ExponentialValue { count, sum, min, max, scale, zero_count, positive, negative } = &point.value;
    series(writer, point, encoded_attributes(point, 1, cache), time);
    writer.fixed64(4, *count);
    writer.double(5, *sum);
    writer.sint(6, i64::from(*scale));
    writer.fixed64(7, *zero_count);
    exponential_buckets(writer, 8, positive);
    exponential_buckets(writer, 9, negative);
    exemplars(writer, &point.exemplars, 11);
    optional_double(writer, 12, *min);
    optional_double(writer, 13, *max);
}

/// One point of the list. `length` is what it comes to without exemplars, so that its end need not be waited for.
#[inline]
fn write_point<V>(writer: &mut Writer, point: &Point<V>, length: usize, write: impl FnOnce(&mut Writer)) {
    if point.exemplars.is_empty() {
        writer.sized_message(1, length, write);
    } else {
        writer.message(1, write);
    }
}

/// A field of eight bytes, with its number.
const FIXED64_BYTES: usize = 1 + 8;

/// What [`series`] writes beside the attributes.
const SERIES_BYTES: usize = 2 * FIXED64_BYTES;

/// What [`packed_fixed64`] writes for so many values.
fn packed_bytes(values: usize) -> usize {
    match 8 * values {
        0 => 0,
        bytes => 1 + varint_len(bytes as u64) + bytes,
    }
}

/// The attributes of a series, each as field `field`, encoded when it is seen for the first time.
fn encoded_attributes<'a, V>(
    point: &Point<V>,
    field: u32,
    cache: &'a mut EncodedCache<SeriesId>,
) -> &'a [u8] {
    cache.bytes(point.series, |writer| {
        common::attributes(writer, field, &point.attributes);
    })
}

/// The fields that every kind of point has: attributes, start and time.
fn series<V>(writer: &mut Writer, point: &Point<V>, attributes: &[u8], time: Timestamp) {
    writer.raw(attributes);
    writer.fixed64(2, point.start.as_nanos());
    writer.fixed64(3, time.as_nanos());
}

fn number(writer: &mut Writer, number: Number, double_field: u32, int_field: u32) {
    match OtlpNumber::from(number) {
        OtlpNumber::Double(v) => writer.double(double_field, v),
        OtlpNumber::Int(v) => writer.fixed64(int_field, u64::from_le_bytes(v.to_le_bytes())),
    }
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

fn packed_fixed64(writer: &mut Writer, field: u32, values: impl ExactSizeIterator<Item = u64>) {
    if values.len() > 0 {
        writer.sized_message(field, 8 * values.len(), |writer| {
            values.for_each(|value| writer.raw_fixed64(value));
        });
    }
}

fn optional_double(writer: &mut Writer, field: u32, value: Option<f64>) {
    if let Some(value) = value {
        writer.double(field, value);
    }
}
