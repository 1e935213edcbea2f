//! Metrics, from recording to the wire: what the official protobuf types read back is what was recorded.

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue as Pair, any_value};
use opentelemetry_proto::tonic::metrics::v1::{Metric, NumberDataPoint, metric, number_data_point};
use proptest::prelude::*;
use prost::Message as _;
use throughline_core::{KeyValue, Value};
use throughline_metrics::{Meter, MeterProvider, TemporalityPreference};
use throughline_otlp::ProtobufEncoder;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Counter,
    UpDown,
    Gauge,
    Histogram,
}

/// One measurement: of which instrument, with which attributes, which value.
#[derive(Clone, Debug)]
struct Measurement {
    kind: Kind,
    instrument: u8,
    attributes: Vec<(String, Value)>,
    value: u32,
}

impl Measurement {
    fn name(&self) -> String {
        format!("{:?}.{}", self.kind, self.instrument)
    }

    fn record(&self, meter: &Meter) {
        let attributes: Vec<_> =
            self.attributes.iter().map(|(key, value)| KeyValue::new(key.clone(), value.clone())).collect();
        let (name, value) = (self.name(), self.value);
        match self.kind {
            Kind::Counter => meter.u64_counter(name).build().add(value.into(), &attributes),
            Kind::UpDown => meter.i64_up_down_counter(name).build().add(-i64::from(value), &attributes),
            Kind::Gauge => meter.f64_gauge(name).build().set(value.into(), &attributes),
            Kind::Histogram => meter.f64_histogram(name).build().record(value.into(), &attributes),
        }
    }

    /// Which series it belongs to: order does not matter, the last of equal keys counts.
    fn series(&self) -> (String, String) {
        let last: BTreeMap<_, _> = self.attributes.iter().map(|(key, value)| (key, shown(value))).collect();
        (self.name(), format!("{last:?}"))
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => format!("string {}", text.as_str()),
        Value::I64(number) => format!("int {number}"),
        Value::F64(number) => format!("double {number}"),
        Value::Bool(truth) => format!("bool {truth}"),
        other => format!("array {other}"),
    }
}

fn read_value(value: Option<&AnyValue>) -> String {
    match value.and_then(|value| value.value.as_ref()).expect("every attribute has a value") {
        any_value::Value::StringValue(text) => format!("string {text}"),
        any_value::Value::IntValue(number) => format!("int {number}"),
        any_value::Value::DoubleValue(number) => format!("double {number}"),
        any_value::Value::BoolValue(truth) => format!("bool {truth}"),
        any_value::Value::ArrayValue(array) => {
            let items = array.values.iter().map(|value| read_value(Some(value)).replace("int ", ""));
            format!("array [{}]", items.collect::<Vec<_>>().join(","))
        }
        other => format!("unexpected {other:?}"),
    }
}

fn read_attributes(pairs: &[Pair]) -> String {
    let pairs: BTreeMap<_, _> =
        pairs.iter().map(|pair| (&pair.key, read_value(pair.value.as_ref()))).collect();
    format!("{pairs:?}")
}

/// Sums, or last values, and how many measurements a histogram has.
type Totals = BTreeMap<(String, String), (f64, u64)>;

fn recorded(measurements: &[Measurement]) -> Totals {
    let mut totals = Totals::new();
    for measurement in measurements {
        let (sum, count) = totals.entry(measurement.series()).or_default();
        let value = f64::from(measurement.value);
        match measurement.kind {
            Kind::Counter => *sum += value,
            Kind::UpDown => *sum -= value,
            Kind::Gauge => *sum = value,
            Kind::Histogram => {
                *sum += value;
                *count += 1;
            }
        }
    }
    totals
}

fn read(bytes: &[u8]) -> Totals {
    let request = ExportMetricsServiceRequest::decode(bytes).expect("the official types read it");
    let scopes = request.resource_metrics.iter().flat_map(|resource| &resource.scope_metrics);
    scopes.flat_map(|scope| &scope.metrics).flat_map(read_metric).collect()
}

fn read_metric(metric: &Metric) -> Vec<((String, String), (f64, u64))> {
    let points = match metric.data.as_ref().expect("every metric has data") {
        metric::Data::Sum(sum) => read_numbers(&sum.data_points),
        metric::Data::Gauge(gauge) => read_numbers(&gauge.data_points),
        metric::Data::Histogram(histogram) => {
            let points = histogram.data_points.iter().map(|point| {
                assert_eq!(point.count, point.bucket_counts.iter().sum::<u64>(), "{point:?}");
                (read_attributes(&point.attributes), (point.sum.unwrap_or(f64::NAN), point.count))
            });
            points.collect()
        }
        other => panic!("nobody recorded {other:?}"),
    };
    points.into_iter().map(|(attributes, value)| ((metric.name.clone(), attributes), value)).collect()
}

fn read_numbers(points: &[NumberDataPoint]) -> Vec<(String, (f64, u64))> {
    let value = |point: &NumberDataPoint| match point.value {
        Some(number_data_point::Value::AsInt(number)) => number as f64,
        Some(number_data_point::Value::AsDouble(number)) => number,
        None => f64::NAN,
    };
    points.iter().map(|point| (read_attributes(&point.attributes), (value(point), 0))).collect()
}

fn any_attributes() -> impl Strategy<Value = Vec<(String, Value)>> {
    let value = prop_oneof![
        any::<String>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-1e6..1e6_f64).prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        prop::collection::vec(any::<i64>(), 0..3).prop_map(|items| Value::Array(items.into())),
    ];
    prop::collection::vec((prop_oneof!["[a-c]", any::<String>()], value), 0..4)
}

fn any_measurement() -> impl Strategy<Value = Measurement> {
    let kind = prop::sample::select(vec![Kind::Counter, Kind::UpDown, Kind::Gauge, Kind::Histogram]);
    // Few attribute sets, so that series get more than one measurement.
    let attributes =
        prop_oneof![Just(Vec::new()), Just(vec![("k".to_owned(), Value::from("v"))]), any_attributes()];
    let measurement = (kind, 0..3_u8, attributes, any::<u32>());
    measurement.prop_map(|(kind, instrument, attributes, value)| Measurement {
        kind,
        instrument,
        attributes,
        value,
    })
}

proptest! {
    #[test]
    fn what_is_sent_is_what_was_recorded(measurements in prop::collection::vec(any_measurement(), 0..40)) {
        let provider = MeterProvider::default();
        let meter = provider.meter("it");
        for measurement in &measurements {
            measurement.record(&meter);
        }
        let mut reader = provider.reader(TemporalityPreference::Cumulative);
        let mut encoder = ProtobufEncoder::default();
        // The second time from the exporter's caches.
        for _ in 0..2 {
            prop_assert_eq!(read(encoder.encode(reader.collect())), recorded(&measurements));
        }
    }
}
