//! The protobuf exposition, read back by a decoder that is not ours.

use prost::Message;
use throughline_core::AttributeSet;
use throughline_metrics::data::{Buckets, ExponentialValue, Number};
use throughline_prometheus::Renderer;

use crate::sample::{PROTOBUF, bytes, counter, exponential, metric, only, point};

#[derive(Clone, PartialEq, Message)]
pub(crate) struct MetricFamily {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    #[prost(string, tag = "2")]
    pub(crate) help: String,
    #[prost(uint32, tag = "3")]
    pub(crate) kind: u32,
    #[prost(message, repeated, tag = "4")]
    pub(crate) metric: Vec<Metric>,
    #[prost(string, tag = "5")]
    pub(crate) unit: String,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Metric {
    #[prost(message, repeated, tag = "1")]
    pub(crate) label: Vec<LabelPair>,
    #[prost(message, optional, tag = "2")]
    pub(crate) gauge: Option<Gauge>,
    #[prost(message, optional, tag = "3")]
    pub(crate) counter: Option<Counter>,
    #[prost(message, optional, tag = "7")]
    pub(crate) histogram: Option<Histogram>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct LabelPair {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    value: String,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Gauge {
    #[prost(double, tag = "1")]
    value: f64,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Counter {
    #[prost(double, tag = "1")]
    value: f64,
    #[prost(message, optional, tag = "2")]
    exemplar: Option<Exemplar>,
    #[prost(message, optional, tag = "3")]
    start: Option<Timestamp>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Histogram {
    #[prost(uint64, tag = "1")]
    sample_count: u64,
    #[prost(double, tag = "2")]
    sample_sum: f64,
    #[prost(message, repeated, tag = "3")]
    bucket: Vec<Bucket>,
    #[prost(message, optional, tag = "15")]
    start: Option<Timestamp>,
    #[prost(sint32, tag = "5")]
    schema: i32,
    #[prost(double, tag = "6")]
    zero_threshold: f64,
    #[prost(uint64, tag = "7")]
    zero_count: u64,
    #[prost(message, repeated, tag = "9")]
    negative_span: Vec<Span>,
    #[prost(sint64, repeated, tag = "10")]
    negative_delta: Vec<i64>,
    #[prost(message, repeated, tag = "12")]
    positive_span: Vec<Span>,
    #[prost(sint64, repeated, tag = "13")]
    positive_delta: Vec<i64>,
    #[prost(message, repeated, tag = "16")]
    exemplars: Vec<Exemplar>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Bucket {
    #[prost(uint64, tag = "1")]
    cumulative_count: u64,
    #[prost(double, tag = "2")]
    upper_bound: f64,
    #[prost(message, optional, tag = "3")]
    exemplar: Option<Exemplar>,
}

#[derive(Clone, Copy, PartialEq, Message)]
pub(crate) struct Span {
    #[prost(sint32, tag = "1")]
    offset: i32,
    #[prost(uint32, tag = "2")]
    length: u32,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Exemplar {
    #[prost(message, repeated, tag = "1")]
    label: Vec<LabelPair>,
    #[prost(double, tag = "2")]
    value: f64,
    #[prost(message, optional, tag = "3")]
    timestamp: Option<Timestamp>,
}

#[derive(Clone, Copy, PartialEq, Message)]
pub(crate) struct Timestamp {
    #[prost(int64, tag = "1")]
    seconds: i64,
    #[prost(int32, tag = "2")]
    nanos: i32,
}

pub(crate) fn decode(mut bytes: &[u8]) -> Vec<MetricFamily> {
    let mut families = Vec::new();
    while !bytes.is_empty() {
        families.push(MetricFamily::decode_length_delimited(&mut bytes).expect("a family"));
    }
    families
}

fn histogram_of(value: ExponentialValue) -> Histogram {
    let collection = only(metric(1, "h", "", exponential(vec![point(1, AttributeSet::empty(), value)])));
    let mut families = decode(&bytes(&mut Renderer::default(), &collection, PROTOBUF));
    families.remove(0).metric.remove(0).histogram.expect("a histogram")
}

fn run(offset: i32, counts: &[u64]) -> Buckets {
    Buckets { offset, counts: counts.to_vec() }
}

/// The buckets of a native histogram: index and count, as Prometheus reads spans and differences.
fn buckets(spans: &[Span], deltas: &[i64]) -> Vec<(i32, i64)> {
    let (mut index, mut count, mut deltas) = (0, 0, deltas.iter());
    let mut read = Vec::new();
    for span in spans {
        index += span.offset;
        for _ in 0..span.length {
            count += deltas.next().expect("as many differences as the spans are long");
            read.push((index, count));
            index += 1;
        }
    }
    assert_eq!(deltas.next(), None);
    read
}

#[test]
fn an_exponential_histogram_is_native() {
    let counts = [5, 0, 0, 7, 0, 0, 0, 1];
    let native = histogram_of(ExponentialValue {
        sum: 1.5,
        scale: 3,
        zero_count: 4,
        positive: run(-2, &counts),
        ..Default::default()
    });
    assert_eq!((native.schema, native.zero_count, native.sample_count, native.sample_sum), (3, 4, 17, 1.5));
    assert!(native.bucket.is_empty() && native.negative_span.is_empty());
    let lengths: Vec<_> = native.positive_span.iter().map(|span| (span.offset, span.length)).collect();
    assert_eq!(lengths, [(-1, 4), (3, 1)], "a short gap is filled, a long one starts a span");
    let read = buckets(&native.positive_span, &native.positive_delta);
    assert_eq!(read, [(-1, 5), (0, 0), (1, 0), (2, 7), (6, 1)], "OpenTelemetry's index plus one");
}

#[test]
fn scales_that_native_histograms_cannot_have_are_still_shown() {
    let fine =
        histogram_of(ExponentialValue { scale: 10, positive: run(-3, &[1, 2, 4, 8]), ..Default::default() });
    assert_eq!(fine.schema, 8);
    assert_eq!(buckets(&fine.positive_span, &fine.positive_delta), [(0, 7), (1, 8)]);

    let coarse = histogram_of(ExponentialValue { scale: -5, positive: run(0, &[3]), ..Default::default() });
    assert!(coarse.positive_span.is_empty());
    let bounds: Vec<_> = coarse.bucket.iter().map(|b| (b.upper_bound, b.cumulative_count)).collect();
    assert_eq!(bounds, [(1.0, 0), (4_294_967_296.0, 3), (f64::INFINITY, 3)]);
}

#[test]
fn a_native_histogram_without_measurements_is_told_from_a_classic_one() {
    let empty = histogram_of(ExponentialValue::default());
    assert!(empty.zero_threshold > 0.0 && empty.bucket.is_empty());
}

#[test]
fn a_family_longer_than_a_length_byte_is_read_back() {
    let points = (0..500).map(|n| {
        let attributes = crate::sample::attributes(&[("n", &format!("{n:04}")), ("pad", &"x".repeat(200))]);
        point(n, attributes, Number::U64(n))
    });
    let collection = only(metric(1, "many", "", counter(points.collect())));
    let families = decode(&bytes(&mut Renderer::default(), &collection, PROTOBUF));
    assert_eq!(families.len(), 1);
    assert_eq!((&*families[0].name, families[0].kind, families[0].metric.len()), ("many_total", 0, 500));
    let values = families[0].metric.iter().map(|metric| metric.counter.as_ref().expect("a counter").value);
    assert!(values.eq((0_u32..500).map(f64::from)));
}
