//! What the Collector received, by its own numbers and by the file it writes.

use serde_json::{Value, json};
use throughline_otlp::Signal;
use throughline_rig::{Collector, CollectorConfig, DEADLINE, Rig, eventually};
use throughline_trace::{LogRecord, LoggerProvider, TracerProvider};

use crate::shop::{ENCODINGS, Shop, config, export, log_exporter, span_exporter};

/// In each encoding the Collector refuses nothing, and writes what was recorded.
pub(crate) fn has_what_was_recorded(rig: &Rig) {
    for encoding in ENCODINGS {
        let collector = rig.collector(CollectorConfig::default());
        let url = collector.otlp_http_url();
        let (shop, spans, logs) = Shop::record();
        let (report, status) = export(span_exporter(spans, config(&url, Signal::Traces, encoding)), || ());
        assert_eq!((report.undelivered_items, report.last_error), (0, None), "{encoding:?}");
        assert_eq!(status.exported_items, 3, "{encoding:?}");
        let (report, _) = export(log_exporter(logs, config(&url, Signal::Logs, encoding)), || ());
        assert_eq!((report.delivered_items, report.undelivered_items), (2, 0), "{encoding:?}");

        let spans = eventually(DEADLINE, "spans", || exactly(3, collector.received_spans()));
        assert_eq!(in_order(spans, "name"), in_order(shop.expected_spans(), "name"), "{encoding:?}");
        let logs = eventually(DEADLINE, "log records", || exactly(2, collector.received_logs()));
        assert_eq!(in_order(logs, "eventName"), in_order(shop.expected_logs(), "eventName"), "{encoding:?}");
        assert_surroundings(&collector);
        assert_accepted(&collector, 3, 2);
    }
}

/// Batches of several threads, while the exporters run: all of it arrives, once.
pub(crate) fn loses_none_of_many(rig: &Rig) {
    const THREADS: usize = 4;
    const EACH: usize = 2500;
    let collector = rig.collector(CollectorConfig::default());
    let url = collector.otlp_http_url();
    let (tracers, loggers) = (TracerProvider::default(), LoggerProvider::default());
    let (spans, logs) = (tracers.reader().expect("a reader"), loggers.reader().expect("a reader"));
    let record = || {
        let (tracer, logger) = (tracers.tracer("it"), loggers.logger("it"));
        for _ in 0..EACH {
            let span = tracer.span("work").start();
            logger.record(&LogRecord { span: Some(span.span_context()), ..LogRecord::default() }, &());
        }
    };
    let spans = span_exporter(spans, config(&url, Signal::Traces, ENCODINGS[0]));
    let logs = log_exporter(logs, config(&url, Signal::Logs, ENCODINGS[3]));
    let mut of_logs = None;
    let of_spans = export(spans, || {
        of_logs = Some(export(logs, || {
            std::thread::scope(|scope| (0..THREADS).for_each(|_| drop(scope.spawn(record))));
        }));
    });
    let total = (THREADS * EACH) as u64;
    for ((report, status), dropped) in
        [(of_spans, tracers.drops()), (of_logs.expect("a report"), loggers.drops())]
    {
        assert_eq!(dropped, []);
        assert_eq!((report.undelivered_items, report.last_error), (0, None));
        assert_eq!((status.collected_items, status.exported_items), (total, total));
    }
    let ids = |records: Vec<Value>| {
        let mut ids: Vec<_> = records.iter().map(|record| record["spanId"].to_string()).collect();
        ids.sort_unstable();
        ids.dedup();
        ids
    };
    let count = THREADS * EACH;
    let spans = eventually(DEADLINE, "all spans", || exactly(count, collector.received_spans()));
    let logs = eventually(DEADLINE, "all log records", || exactly(count, collector.received_logs()));
    assert_eq!(ids(spans.clone()).len(), count);
    assert_eq!(ids(spans), ids(logs));
    assert_accepted(&collector, count, count);
}

fn exactly(count: usize, records: Vec<Value>) -> Option<Vec<Value>> {
    assert!(records.len() <= count, "{} records, of {count}", records.len());
    (records.len() == count).then_some(records)
}

/// Without what may be left out, in the order of this field.
fn in_order(records: Vec<Value>, field: &str) -> Vec<Value> {
    let mut records: Vec<_> = records.into_iter().map(without_empty).collect();
    records.sort_by_key(|record| record[field].to_string());
    records
}

/// Writers differ in which empty fields they leave out.
fn without_empty(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let fields = fields.into_iter().map(|(key, value)| (key, without_empty(value)));
            Value::Object(fields.filter(|(_, value)| !is_empty(value)).collect())
        }
        Value::Array(items) => items.into_iter().map(without_empty).collect(),
        other => other,
    }
}

fn is_empty(value: &Value) -> bool {
    [json!(null), json!(""), json!({}), json!([]), json!(0)].contains(value)
}

/// The resource, and the scopes with their version and schema.
fn assert_surroundings(collector: &Collector) {
    let attributes = json!([
        {"key": "process.pid", "value": {"intValue": "42"}},
        {"key": "service.name", "value": {"stringValue": "shop"}},
    ]);
    let mut scopes = Vec::new();
    for request in collector.received() {
        for resource in request["resourceSpans"].as_array().into_iter().flatten() {
            assert_eq!(resource["resource"]["attributes"], attributes, "{resource}");
            scopes.extend(resource["scopeSpans"].as_array().into_iter().flatten().cloned());
        }
    }
    let mut scopes: Vec<_> = scopes
        .iter()
        .map(|scope| json!([scope["scope"]["name"], scope["scope"]["version"], scope["schemaUrl"]]))
        .collect();
    scopes.sort_by_key(Value::to_string);
    let schema = "https://opentelemetry.io/schemas/1.37.0";
    assert_eq!(scopes, [json!(["shop.cart", "1.2", schema]), json!(["shop.queue", null, null])]);
}

fn assert_accepted(collector: &Collector, spans: usize, logs: usize) {
    for (accepted, refused, count) in [
        ("otelcol_receiver_accepted_spans", "otelcol_receiver_refused_spans", spans),
        ("otelcol_receiver_accepted_log_records", "otelcol_receiver_refused_log_records", logs),
    ] {
        let numbers = [collector.own_metric(accepted), collector.own_metric(refused)];
        assert_eq!(numbers, [count as f64, 0.0], "{accepted}");
    }
}
