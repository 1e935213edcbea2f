//! What programs read: the official messages, which know JSON, are the judge.

use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{Metric, number_data_point};
use opentelemetry_proto::tonic::trace::v1::Span;
use throughline::ConsoleOutput;

use crate::support::{everything, record, started};

/// The lines that have this member, read as OTLP's message.
fn read<T: serde::de::DeserializeOwned>(lines: &[String], member: &str) -> Vec<T> {
    let of_kind = lines.iter().filter(|line| {
        let object: serde_json::Value = serde_json::from_str(line).expect("each line is JSON");
        assert_eq!(object["resource"]["attributes"][0]["value"]["stringValue"], "shop");
        assert_eq!(object["scope"]["name"], "it");
        object.get(member).is_some()
    });
    of_kind
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error} in {line}")))
        .collect()
}

fn lines() -> Vec<String> {
    let (telemetry, written) = started(everything().with_output(ConsoleOutput::Json), &[]);
    record(&telemetry);
    assert!(telemetry.shutdown_blocking().is_complete());
    written.lines()
}

#[test]
fn spans_are_otlp_spans() {
    let spans: Vec<Span> = read(&lines(), "endTimeUnixNano");
    let [root, child] = &spans[..] else { panic!("two spans: {spans:?}") };
    assert_eq!((root.name.as_str(), root.kind, root.attributes[0].key.as_str()), ("GET /cart", 2, "user"));
    assert_eq!((child.name.as_str(), child.kind), ("SELECT", 3));
    assert_eq!((&child.trace_id, &child.parent_span_id), (&root.trace_id, &root.span_id));
    assert_eq!((child.events[0].name.as_str(), child.events[0].attributes.len()), ("retry", 1));
    let status = child.status.as_ref().expect("it failed");
    assert_eq!((status.code, status.message.as_str()), (2, "timed out"));
    assert!(root.start_time_unix_nano <= child.start_time_unix_nano);
}

#[test]
fn log_records_are_otlp_log_records() {
    let lines = lines();
    let spans: Vec<Span> = read(&lines, "endTimeUnixNano");
    let logs: Vec<LogRecord> = read(&lines, "observedTimeUnixNano");
    let [log] = &logs[..] else { panic!("one record: {logs:?}") };
    assert_eq!((log.severity_number, log.severity_text.as_str()), (9, "INFO"));
    assert_eq!((&log.trace_id, &log.span_id), (&spans[0].trace_id, &spans[0].span_id));
    assert!(log.body.is_some() && log.attributes[0].key == "items");
}

#[test]
fn points_are_otlp_metrics_of_one_point() {
    let lines = lines();
    let orders: Vec<Metric> = read(&lines, "sum");
    let Some(Data::Sum(sum)) = &orders[0].data else { panic!("a sum: {orders:?}") };
    assert_eq!((orders[0].name.as_str(), orders[0].unit.as_str()), ("orders", "{order}"));
    assert!(sum.is_monotonic && sum.aggregation_temporality == 2);
    assert_eq!(sum.data_points[0].value, Some(number_data_point::Value::AsInt(2)));
    let depth: Vec<Metric> = read(&lines, "gauge");
    let Some(Data::Gauge(gauge)) = &depth[0].data else { panic!("a gauge: {depth:?}") };
    assert_eq!(gauge.data_points[0].value, Some(number_data_point::Value::AsInt(-7)));
    let durations: Vec<Metric> = read(&lines, "histogram");
    let Some(Data::Histogram(histogram)) = &durations[0].data else { panic!("a histogram: {durations:?}") };
    let point = &histogram.data_points[0];
    assert_eq!((point.count, point.max, point.bucket_counts.iter().sum::<u64>()), (100, Some(0.1), 100));
}
