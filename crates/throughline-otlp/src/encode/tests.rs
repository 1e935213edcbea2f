//! What is encoded here, the official protobuf messages read back, and it is what the data said.

use std::sync::Arc;

use opentelemetry::StringValue;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, KeyValue as ProtoKeyValue, any_value};
use opentelemetry_proto::tonic::metrics::v1 as proto;
use proptest::prelude::*;
use prost::Message as _;
use throughline_core::attribute::{ArrayRef, ValueRef};
use throughline_core::{AttributeSet, InstrumentationScope, KeyValue, Resource, Timestamp, Value};
use throughline_metrics::data::{
    Buckets, Exemplar, ExponentialValue, HistogramValue, Histograms, MetricData, Number, Numbers, Point,
    Points, Series, SeriesId, StreamId, Temporality, Values,
};

use super::*;

/// The request that the data means, built of the official messages without any of our encoding.
fn expected(collection: &Collection) -> ExportMetricsServiceRequest {
    if point_count(collection) == 0 {
        return ExportMetricsServiceRequest::default();
    }
    let scopes = collection.scopes.iter().filter(|scope| scope_point_count(scope) > 0);
    let mut resource = proto::ResourceMetrics {
        scope_metrics: scopes.map(|scope| expected_scope(scope, collection.time)).collect(),
        ..Default::default()
    };
    resource.resource.get_or_insert_default().attributes =
        expected_attributes(collection.resource.attributes());
    ExportMetricsServiceRequest { resource_metrics: vec![resource] }
}

fn expected_scope(scope: &ScopeMetrics, time: Timestamp) -> proto::ScopeMetrics {
    let metrics = scope.metrics.iter().filter(|metric| !metric.data.is_empty());
    let mut expected = proto::ScopeMetrics {
        metrics: metrics.map(|metric| expected_metric(metric, time.as_nanos())).collect(),
        schema_url: scope.scope.schema_url().unwrap_or_default().to_owned(),
        ..Default::default()
    };
    let message = expected.scope.get_or_insert_default();
    message.name = scope.scope.name().to_owned();
    message.version = scope.scope.version().unwrap_or_default().to_owned();
    let pairs = scope.scope.attributes();
    message.attributes =
        pairs.map(|pair| key_value(pair.key.as_str(), ValueRef::from(&pair.value))).collect();
    expected
}

fn expected_metric(metric: &Metric, time: u64) -> proto::Metric {
    let data = match &metric.data {
        MetricData::Gauge { points } => proto::metric::Data::Gauge(proto::Gauge {
            data_points: points.iter().map(|point| number_point(&point, time)).collect(),
        }),
        MetricData::Sum { monotonic, temporality, points } => proto::metric::Data::Sum(proto::Sum {
            data_points: points.iter().map(|point| number_point(&point, time)).collect(),
            aggregation_temporality: expected_temporality(*temporality),
            is_monotonic: *monotonic,
        }),
        MetricData::Histogram { temporality, points } => proto::metric::Data::Histogram(proto::Histogram {
            data_points: points
                .iter()
                .map(|point| histogram_point(&point, points.values().bounds(), time))
                .collect(),
            aggregation_temporality: expected_temporality(*temporality),
        }),
        MetricData::ExponentialHistogram { temporality, points } => {
            proto::metric::Data::ExponentialHistogram(proto::ExponentialHistogram {
                data_points: points.iter().map(|point| exponential_point(&point, time)).collect(),
                aggregation_temporality: expected_temporality(*temporality),
            })
        }
    };
    proto::Metric {
        name: metric.name.to_string(),
        description: metric.description.to_string(),
        unit: metric.unit.to_string(),
        metadata: Vec::new(),
        data: Some(data),
    }
}

fn expected_temporality(temporality: Temporality) -> i32 {
    let expected = match temporality {
        Temporality::Cumulative => proto::AggregationTemporality::Cumulative,
        Temporality::Delta => proto::AggregationTemporality::Delta,
    };
    expected.into()
}

fn number_point(point: &Point<'_, Number>, time: u64) -> proto::NumberDataPoint {
    use proto::number_data_point::Value::{AsDouble, AsInt};
    proto::NumberDataPoint {
        attributes: expected_attributes(point.attributes),
        start_time_unix_nano: point.start.as_nanos(),
        time_unix_nano: time,
        exemplars: point.exemplars.iter().map(expected_exemplar).collect(),
        flags: 0,
        value: Some(match point.value {
            Number::U64(v) if v > i64::MAX as u64 => AsDouble(v as f64),
            Number::U64(v) => AsInt(v as i64),
            Number::I64(v) => AsInt(v),
            Number::F64(v) => AsDouble(v),
        }),
    }
}

fn histogram_point(
    point: &Point<'_, HistogramValue<'_>>,
    bounds: &[f64],
    time: u64,
) -> proto::HistogramDataPoint {
    proto::HistogramDataPoint {
        attributes: expected_attributes(point.attributes),
        start_time_unix_nano: point.start.as_nanos(),
        time_unix_nano: time,
        count: point.value.count,
        sum: Some(point.value.sum),
        bucket_counts: point.value.buckets.to_vec(),
        explicit_bounds: bounds.to_vec(),
        exemplars: point.exemplars.iter().map(expected_exemplar).collect(),
        flags: 0,
        min: point.value.min,
        max: point.value.max,
    }
}

fn exponential_point(
    point: &Point<'_, &ExponentialValue>,
    time: u64,
) -> proto::ExponentialHistogramDataPoint {
    use proto::exponential_histogram_data_point::Buckets as ProtoBuckets;
    let buckets = |buckets: &Buckets| {
        (!buckets.counts.is_empty())
            .then(|| ProtoBuckets { offset: buckets.offset, bucket_counts: buckets.counts.clone() })
    };
    proto::ExponentialHistogramDataPoint {
        attributes: expected_attributes(point.attributes),
        start_time_unix_nano: point.start.as_nanos(),
        time_unix_nano: time,
        count: point.value.count,
        sum: Some(point.value.sum),
        scale: point.value.scale,
        zero_count: point.value.zero_count,
        positive: buckets(&point.value.positive),
        negative: buckets(&point.value.negative),
        flags: 0,
        exemplars: point.exemplars.iter().map(expected_exemplar).collect(),
        min: point.value.min,
        max: point.value.max,
        zero_threshold: 0.0,
    }
}

fn expected_exemplar(exemplar: &Exemplar) -> proto::Exemplar {
    use proto::exemplar::Value::{AsDouble, AsInt};
    let in_trace = exemplar.trace_id != [0; 16] && exemplar.span_id != [0; 8];
    proto::Exemplar {
        filtered_attributes: expected_attributes(&exemplar.attributes),
        time_unix_nano: exemplar.time.as_nanos(),
        span_id: if in_trace { exemplar.span_id.to_vec() } else { Vec::new() },
        trace_id: if in_trace { exemplar.trace_id.to_vec() } else { Vec::new() },
        value: Some(match exemplar.value {
            Number::U64(v) if v > i64::MAX as u64 => AsDouble(v as f64),
            Number::U64(v) => AsInt(v as i64),
            Number::I64(v) => AsInt(v),
            Number::F64(v) => AsDouble(v),
        }),
    }
}

fn expected_attributes(attributes: &AttributeSet) -> Vec<ProtoKeyValue> {
    attributes.iter().map(|(key, value)| key_value(key, value)).collect()
}

fn key_value(key: &str, value: ValueRef<'_>) -> ProtoKeyValue {
    ProtoKeyValue { key: key.to_owned(), value: Some(official_value(value)), ..Default::default() }
}

fn official_value(value: ValueRef<'_>) -> AnyValue {
    let value = match value {
        ValueRef::Str(v) => any_value::Value::StringValue(v.to_owned()),
        ValueRef::Bool(v) => any_value::Value::BoolValue(v),
        ValueRef::I64(v) => any_value::Value::IntValue(v),
        ValueRef::F64(v) => any_value::Value::DoubleValue(v),
        ValueRef::Array(v) => any_value::Value::ArrayValue(ArrayValue { values: elements(v) }),
    };
    AnyValue { value: Some(value) }
}

fn elements(array: ArrayRef<'_>) -> Vec<AnyValue> {
    let mut values = Vec::new();
    array.for_each(|element| values.push(official_value(element)));
    values
}

/// Bytes rather than messages are compared, because NaN is not equal to itself.
#[track_caller]
fn check_protobuf(encoder: &mut ProtobufEncoder, collection: &Collection) {
    let decoded = ExportMetricsServiceRequest::decode(encoder.encode(collection)).expect("valid protobuf");
    let expected = expected(collection);
    assert_eq!(format!("{decoded:?}"), format!("{expected:?}"));
    assert_eq!(decoded.encode_to_vec(), expected.encode_to_vec());
}

#[track_caller]
fn check_json(collection: &Collection) {
    let mut encoder = JsonEncoder::default();
    let json = encoder.encode(collection);
    let decoded: ExportMetricsServiceRequest = serde_json::from_slice(json)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(json)));
    assert_eq!(decoded, expected(collection), "{}", String::from_utf8_lossy(json));
}

fn any_float() -> impl Strategy<Value = f64> {
    let special = [
        f64::NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
        0.0,
        -0.0,
        f64::MAX,
        f64::MIN,
        f64::MIN_POSITIVE,
        5e-324,
    ];
    prop_oneof![any::<f64>(), prop::sample::select(special.to_vec())]
}

fn any_number(float: BoxedStrategy<f64>) -> impl Strategy<Value = Number> {
    prop_oneof![
        any::<u64>().prop_map(Number::U64),
        any::<i64>().prop_map(Number::I64),
        float.prop_map(Number::F64),
        Just(Number::U64(i64::MAX as u64)),
        Just(Number::U64(i64::MAX as u64 + 1)),
        Just(Number::U64(0)),
    ]
}

fn any_value(float: BoxedStrategy<f64>) -> impl Strategy<Value = Value> {
    let floats = prop::collection::vec(float.clone(), 0..4);
    let texts = prop::collection::vec(any::<String>(), 0..4);
    prop_oneof![
        any::<String>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        float.prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        prop::collection::vec(any::<i64>(), 0..4).prop_map(|v| Value::Array(v.into())),
        prop::collection::vec(any::<bool>(), 0..4).prop_map(|v| Value::Array(v.into())),
        floats.prop_map(|v| Value::Array(v.into())),
        texts.prop_map(|v| Value::Array(v.into_iter().map(StringValue::from).collect::<Vec<_>>().into())),
    ]
}

fn any_pairs(float: &BoxedStrategy<f64>) -> impl Strategy<Value = Vec<KeyValue>> + use<> {
    let pair = (any::<String>(), any_value(float.clone())).prop_map(|(key, value)| KeyValue::new(key, value));
    prop::collection::vec(pair, 0..4)
}

fn any_attributes(float: &BoxedStrategy<f64>) -> impl Strategy<Value = AttributeSet> + use<> {
    any_pairs(float).prop_map(|pairs| AttributeSet::new(pairs.as_slice()))
}

fn any_exemplar(float: &BoxedStrategy<f64>) -> impl Strategy<Value = Exemplar> + use<> {
    let ids = prop_oneof![any::<([u8; 16], [u8; 8])>(), Just(([0; 16], [0; 8]))];
    (any_number(float.clone()), any::<u64>(), ids, any_attributes(float)).prop_map(
        |(value, time, (trace_id, span_id), attributes)| Exemplar {
            value,
            time: Timestamp::from_nanos(time),
            trace_id,
            span_id,
            attributes,
        },
    )
}

/// The most points of a metric.
const POINTS_MAX: usize = 5;

fn any_points<C: Values + std::fmt::Debug, S: Strategy<Value = C>>(
    float: &BoxedStrategy<f64>,
    values: S,
) -> impl Strategy<Value = Points<C>> + use<C, S> {
    let exemplars = prop::collection::vec(any_exemplar(float), 0..3);
    let around = prop::collection::vec((any_attributes(float), any::<u64>(), exemplars), POINTS_MAX);
    (values, around).prop_map(|(values, around)| {
        let around = &around[..values.count()];
        let series = (0..).zip(around).map(|(id, (attributes, start, _))| Series {
            id: SeriesId(id),
            attributes: attributes.clone(),
            start: Timestamp::from_nanos(*start),
        });
        let points = Points::new(series.collect(), values);
        let exemplars = around.iter().map(|(_, _, exemplars)| exemplars.clone());
        exemplars.enumerate().fold(points, |points, (at, exemplars)| points.with_exemplars(at, exemplars))
    })
}

fn any_numbers(float: &BoxedStrategy<f64>) -> impl Strategy<Value = Numbers> + use<> {
    let largest = i64::MAX as u64;
    let integers = prop_oneof![any::<u64>(), Just(largest), Just(largest + 1), Just(0)];
    prop_oneof![
        prop::collection::vec(integers, 0..POINTS_MAX).prop_map(Numbers::U64),
        prop::collection::vec(any::<i64>(), 0..POINTS_MAX).prop_map(Numbers::I64),
        prop::collection::vec(float.clone(), 0..POINTS_MAX).prop_map(Numbers::F64),
    ]
}

fn any_histograms(float: &BoxedStrategy<f64>) -> impl Strategy<Value = Histograms> + use<> {
    let optional = || prop::option::of(float.clone());
    let value = (any::<u64>(), float.clone(), optional(), optional(), any::<[u64; 40]>());
    let bounds = prop::collection::vec(float.clone(), 0..40);
    (bounds, prop::collection::vec(value, 0..POINTS_MAX)).prop_map(|(bounds, values)| {
        let mut histograms = Histograms::new(bounds);
        for (count, sum, min, max, buckets) in values {
            let buckets = &buckets[..=histograms.bounds().len()];
            let [min, max] = [min, max].map(|extreme| extreme.filter(|extreme| !extreme.is_nan()));
            histograms.push(HistogramValue { count, sum, min, max, buckets });
        }
        histograms
    })
}

fn any_exponential(float: &BoxedStrategy<f64>) -> impl Strategy<Value = ExponentialValue> + use<> {
    let buckets = || {
        let counts = prop::collection::vec(any::<u64>(), 0..40);
        (any::<i32>(), counts).prop_map(|(offset, counts)| Buckets { offset, counts })
    };
    let optional = || prop::option::of(float.clone());
    (any::<[u64; 2]>(), float.clone(), optional(), optional(), any::<i32>(), buckets(), buckets()).prop_map(
        |([count, zero_count], sum, min, max, scale, positive, negative)| ExponentialValue {
            count,
            sum,
            min,
            max,
            scale,
            zero_count,
            positive,
            negative,
        },
    )
}

fn any_data(float: &BoxedStrategy<f64>) -> impl Strategy<Value = MetricData> + use<> {
    let temporality = || prop_oneof![Just(Temporality::Cumulative), Just(Temporality::Delta)];
    let numbers = || any_points(float, any_numbers(float));
    let exponentials = prop::collection::vec(any_exponential(float), 0..POINTS_MAX);
    prop_oneof![
        numbers().prop_map(|points| MetricData::Gauge { points }),
        (any::<bool>(), temporality(), numbers()).prop_map(|(monotonic, temporality, points)| {
            MetricData::Sum { monotonic, temporality, points }
        }),
        (temporality(), any_points(float, any_histograms(float)))
            .prop_map(|(temporality, points)| MetricData::Histogram { temporality, points }),
        (temporality(), any_points(float, exponentials))
            .prop_map(|(temporality, points)| MetricData::ExponentialHistogram { temporality, points }),
    ]
}

fn any_metric(float: &BoxedStrategy<f64>) -> impl Strategy<Value = Metric> + use<> {
    (any::<[String; 3]>(), any_data(float)).prop_map(|([name, description, unit], data)| Metric {
        id: StreamId(0),
        name: name.into(),
        verbatim: false,
        description: description.into(),
        unit: unit.into(),
        data,
    })
}

fn any_scope(float: &BoxedStrategy<f64>) -> impl Strategy<Value = ScopeMetrics> + use<> {
    let texts = any::<(String, Option<String>, Option<String>)>();
    let metrics = prop::collection::vec(any_metric(float), 0..4);
    (texts, any_pairs(float), metrics).prop_map(|((name, version, schema_url), pairs, metrics)| {
        let mut scope = InstrumentationScope::builder(name).with_attributes(pairs);
        if let Some(version) = version {
            scope = scope.with_version(version);
        }
        if let Some(schema_url) = schema_url {
            scope = scope.with_schema_url(schema_url);
        }
        ScopeMetrics { scope: scope.build(), metrics }
    })
}

fn any_collection(float: &BoxedStrategy<f64>) -> impl Strategy<Value = Collection> + use<> {
    let scopes = prop::collection::vec(any_scope(float), 0..3);
    (any_pairs(float), any::<u64>(), scopes).prop_map(|(resource, time, scopes)| {
        let mut collection = Collection {
            resource: Arc::new(Resource::new(resource)),
            time: Timestamp::from_nanos(time),
            scopes,
        };
        number_streams(&mut collection);
        collection
    })
}

/// Gives every stream an id of its own, as the engine does.
fn number_streams(collection: &mut Collection) {
    let metrics = collection.scopes.iter_mut().flat_map(|scope| &mut scope.metrics);
    metrics.zip(0..).for_each(|(metric, id)| metric.id = StreamId(id));
}

fn finite_float() -> BoxedStrategy<f64> {
    any_float().prop_filter("JSON judges read only finite floats", |v| v.is_finite()).boxed()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn protobuf_is_what_the_data_says(collection in any_collection(&any_float().boxed())) {
        let mut encoder = ProtobufEncoder::default();
        check_protobuf(&mut encoder, &collection);
        check_protobuf(&mut encoder, &collection);
    }

    #[test]
    fn json_carries_the_same_as_protobuf(collection in any_collection(&finite_float())) {
        check_json(&collection);
    }

    #[test]
    fn requests_that_are_cut_carry_every_point_once(
        collection in any_collection(&finite_float()),
        limit in 0_usize..4000,
        protocol in prop_oneof![Just(Protocol::HttpProtobuf), Just(Protocol::HttpJson)],
    ) {
        let mut points = Vec::new();
        let mut encoder = Encoder::new(protocol);
        encoder.encode(&collection, limit, &mut |bytes, count| {
            assert!(bytes.len() <= limit || count == 1);
            let request: ExportMetricsServiceRequest = match protocol {
                Protocol::HttpProtobuf => ExportMetricsServiceRequest::decode(bytes).expect("valid protobuf"),
                _ => serde_json::from_slice(bytes).expect("valid JSON"),
            };
            let before = points.len();
            points.extend(single_points(&request));
            assert_eq!(points.len() - before, count);
        });
        prop_assert_eq!(points, single_points(&expected(&collection)));
    }
}

/// Each point with all that stands around it.
fn single_points(request: &ExportMetricsServiceRequest) -> Vec<String> {
    let mut points = Vec::new();
    for resource in &request.resource_metrics {
        for scope in &resource.scope_metrics {
            for metric in &scope.metrics {
                let around =
                    (&resource.resource, &scope.scope, &scope.schema_url, &metric.name, &metric.unit);
                let mut add = |point: String| points.push(format!("{around:?} {point}"));
                match metric.data.as_ref().expect("data") {
                    proto::metric::Data::Gauge(v) => v.data_points.iter().for_each(|p| add(format!("{p:?}"))),
                    proto::metric::Data::Sum(v) => v.data_points.iter().for_each(|p| {
                        add(format!("{p:?} {} {}", v.is_monotonic, v.aggregation_temporality));
                    }),
                    proto::metric::Data::Histogram(v) => v.data_points.iter().for_each(|p| {
                        add(format!("{p:?} {}", v.aggregation_temporality));
                    }),
                    proto::metric::Data::ExponentialHistogram(v) => v.data_points.iter().for_each(|p| {
                        add(format!("{p:?} {}", v.aggregation_temporality));
                    }),
                    proto::metric::Data::Summary(_) => panic!("never encoded"),
                }
            }
        }
    }
    points
}

fn counter(series: impl IntoIterator<Item = u64>) -> Collection {
    let ids: Vec<u64> = series.into_iter().collect();
    let series = ids.iter().map(|id| Series {
        id: SeriesId(*id),
        attributes: AttributeSet::new(&[KeyValue::new("series", *id as i64)][..]),
        start: Timestamp::from_nanos(1),
    });
    let points = Points::new(series.collect(), Numbers::U64(ids.clone()));
    let metric = Metric {
        id: StreamId(1),
        name: "requests".into(),
        verbatim: false,
        description: "".into(),
        unit: "{request}".into(),
        data: MetricData::Sum { monotonic: true, temporality: Temporality::Cumulative, points },
    };
    Collection {
        time: Timestamp::from_nanos(2),
        scopes: vec![ScopeMetrics {
            scope: InstrumentationScope::builder("test").build(),
            metrics: vec![metric],
        }],
        ..Collection::default()
    }
}

#[test]
fn series_may_come_and_go_between_exports() {
    let mut encoder = ProtobufEncoder::default();
    for series in
        [(0..200).collect::<Vec<_>>(), vec![3], (0..200).rev().collect(), vec![], (100..500).collect()]
    {
        check_protobuf(&mut encoder, &counter(series));
    }
}

#[test]
fn delta_points_of_some_series_have_the_attributes_of_these() {
    let provider = throughline_metrics::MeterProvider::default();
    let meter = provider.meter("shop");
    let (orders, latency) = (meter.u64_counter("orders").build(), meter.f64_histogram("latency").build());
    let mut reader = provider.reader(throughline_metrics::TemporalityPreference::Delta);
    let mut encoder = ProtobufEncoder::default();
    for recorded in [vec![0, 1, 2], vec![1], vec![3, 0], vec![], vec![2, 3, 4]] {
        for series in recorded {
            orders.add(1, &[KeyValue::new("series", series)]);
            latency.record(0.5, &[KeyValue::new("series", series)]);
        }
        check_protobuf(&mut encoder, reader.collect());
    }
}

#[test]
fn json_writes_what_has_no_number_as_text() {
    let special = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.0, 1.0, 1e300];
    let attributes = AttributeSet::new(&[KeyValue::new("k", Value::Array(special.to_vec().into()))][..]);
    let mut collection = counter([7]);
    let mut values = Histograms::new([f64::INFINITY]);
    values.push(HistogramValue {
        count: u64::MAX,
        sum: f64::NAN,
        min: Some(f64::NEG_INFINITY),
        max: None,
        buckets: &[0, 9_007_199_254_740_993],
    });
    let series = Series { id: SeriesId(1), attributes, start: Timestamp::from_nanos(u64::MAX) };
    let exemplar = Exemplar {
        value: Number::U64(u64::MAX),
        time: Timestamp::from_nanos(3),
        trace_id: *b"\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\xff",
        span_id: *b"\0\0\0\0\0\0\0\xab",
        attributes: AttributeSet::empty(),
    };
    let points = Points::new(vec![series], values).with_exemplars(0, vec![exemplar]);
    collection.scopes[0].metrics[0].data = MetricData::Histogram { temporality: Temporality::Delta, points };
    let json = String::from_utf8(JsonEncoder::default().encode(&collection).to_vec()).expect("UTF-8");
    let expected = concat!(
        r#"{"resourceMetrics":[{"resource":{"attributes":[]},"scopeMetrics":[{"scope":{"name":"test","#,
        r#""attributes":[]},"metrics":[{"name":"requests","unit":"{request}","histogram":{"dataPoints":[{"#,
        r#""attributes":[{"key":"k","value":{"arrayValue":{"values":[{"doubleValue":"NaN"},"#,
        r#"{"doubleValue":"Infinity"},{"doubleValue":"-Infinity"},{"doubleValue":-0.0},"#,
        r#"{"doubleValue":1.0},{"doubleValue":1e+300}]}}}],"#,
        r#""startTimeUnixNano":"18446744073709551615","timeUnixNano":"2","count":"18446744073709551615","#,
        r#""sum":"NaN","bucketCounts":["0","9007199254740993"],"explicitBounds":["Infinity"],"#,
        r#""exemplars":[{"timeUnixNano":"3","asDouble":1.8446744073709552e+19,"spanId":"00000000000000ab","#,
        r#""traceId":"0102030405060708090a0b0c0d0e0fff","filteredAttributes":[]}],"min":"-Infinity"}],"#,
        r#""aggregationTemporality":1}}]}]}]}"#,
    );
    assert_eq!(json, expected);
}
