//! A shop that records a trace and two log records, and what any reader of OTLP/JSON should find of them.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use opentelemetry::{InstrumentationScope, KeyValue, Value};
use serde_json::json;
use throughline_core::attribute::ValueRef;
use throughline_core::clock::ManualClock;
use throughline_core::{Resource, SystemClock, Timestamp};
use throughline_otlp::{
    BatchConfiguration, Command, Compression, Endpoint, ExportReport, OtlpConfig, Protocol, RecordExporter,
    Signal, StatusSnapshot,
};
use throughline_trace::{
    LogReader, LogRecord, LoggerProvider, SpanContext, SpanKind, SpanReader, Status, TraceFlags, TraceState,
    TracerProvider,
};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

/// How requests are written.
pub(crate) const ENCODINGS: [(Protocol, Compression); 4] = [
    (Protocol::HttpProtobuf, Compression::None),
    (Protocol::HttpProtobuf, Compression::Gzip),
    (Protocol::HttpJson, Compression::None),
    (Protocol::HttpJson, Compression::Gzip),
];

/// A time of today's range, so that no store finds it too old.
fn now() -> Timestamp {
    use throughline_core::Clock as _;
    Timestamp::from_nanos(SystemClock.now().as_nanos() / 1_000_000 * 1_000_000)
}

pub(crate) fn resource() -> Resource {
    Resource::new([KeyValue::new("service.name", "shop"), KeyValue::new("process.pid", 42)])
}

/// What was recorded.
pub(crate) struct Shop {
    pub(crate) trace_id: String,
    /// Of the spans `GET /cart`, `SELECT` and `publish`.
    pub(crate) span_ids: [String; 3],
    start: u64,
}

/// The caller, in another process.
fn caller() -> SpanContext {
    let state: TraceState = "vendor=x".parse().expect("a good state");
    SpanContext::new(
        0x5b8e_fff7_9803_8103_d269_b633_813f_c60c_u128.into(),
        0xEF.into(),
        TraceFlags::SAMPLED,
        true,
        state,
    )
}

impl Shop {
    /// Records it, to be read here.
    pub(crate) fn record() -> (Self, SpanReader, LogReader) {
        let start = now();
        let clock = Arc::new(ManualClock::at(start));
        let provider = TracerProvider::builder().with_clock(Arc::clone(&clock) as Arc<_>).build();
        let loggers = LoggerProvider::builder().with_clock(Arc::clone(&clock) as Arc<_>).build();
        let (spans, logs) = (provider.reader().expect("a reader"), loggers.reader().expect("a reader"));
        let scope = InstrumentationScope::builder("shop.cart").with_version("1.2");
        let scope = scope.with_schema_url("https://opentelemetry.io/schemas/1.37.0").build();
        let cart = provider.tracer_with_scope(scope);
        let queue = provider.tracer("shop.queue");

        let mut request = cart.span("GET /cart").with_kind(SpanKind::Server).with_no_parent().start();
        request.set_attributes(
            &[
                KeyValue::new("http.route", "/cart/{id}"),
                KeyValue::new("http.response.status_code", 500),
                KeyValue::new("cart.is_full", true),
                KeyValue::new("cart.weight", 0.5),
                KeyValue::new("cart.items", Value::Array(vec![1_i64, 2].into())),
            ][..],
        );
        let context = request.span_context().clone();
        let mut select = cart.span("SELECT").with_kind(SpanKind::Client).with_parent_span(&context).start();
        select.add_link(&caller(), &[KeyValue::new("reason", "retry")][..]);
        let under = select.span_context().clone();
        let mut publish =
            queue.span("publish").with_kind(SpanKind::Producer).with_parent_span(&under).start();
        clock.advance(Duration::from_millis(3));
        log(loggers, &under);
        publish.end();
        select.end();
        request.add_event("out of stock", &[KeyValue::new("product", "té\"a\n")][..]);
        request.set_status(Status::error("no stock"));
        request.end();
        let id = |span: &throughline_trace::Span| span.span_context().span_id().to_string();
        let shop = Self {
            trace_id: context.trace_id().to_string(),
            span_ids: [id(&request), id(&select), id(&publish)],
            start: start.as_nanos(),
        };
        (shop, spans, logs)
    }

    fn end(&self) -> String {
        (self.start + 3_000_000).to_string()
    }

    /// The spans in OTLP/JSON, in the order of their names.
    pub(crate) fn expected_spans(&self) -> Vec<serde_json::Value> {
        let [request, select, publish] = &self.span_ids;
        let (start, end) = (self.start.to_string(), self.end());
        let span = |id: &str, parent: &str, name: &str, kind: u8| {
            json!({
                "traceId": self.trace_id, "spanId": id, "parentSpanId": parent, "name": name, "kind": kind,
                "flags": 0x103, "startTimeUnixNano": start, "endTimeUnixNano": end, "status": {},
            })
        };
        let mut root = span(request, "", "GET /cart", 2);
        root["attributes"] = json!([
            {"key": "http.route", "value": {"stringValue": "/cart/{id}"}},
            {"key": "http.response.status_code", "value": {"intValue": "500"}},
            {"key": "cart.is_full", "value": {"boolValue": true}},
            {"key": "cart.weight", "value": {"doubleValue": 0.5}},
            {"key": "cart.items", "value": {"arrayValue": {"values": [{"intValue": "1"}, {"intValue": "2"}]}}},
        ]);
        let product = json!([{"key": "product", "value": {"stringValue": "té\"a\n"}}]);
        root["events"] = json!([{"timeUnixNano": end, "name": "out of stock", "attributes": product}]);
        root["status"] = json!({"message": "no stock", "code": 2});
        let mut query = span(select, request, "SELECT", 3);
        query["links"] = json!([{
            "traceId": "5b8efff798038103d269b633813fc60c", "spanId": "00000000000000ef", "traceState": "vendor=x",
            "attributes": [{"key": "reason", "value": {"stringValue": "retry"}}], "flags": 0x301,
        }]);
        vec![root, query, span(publish, select, "publish", 4)]
    }

    /// The log records in OTLP/JSON, in the order they were recorded.
    pub(crate) fn expected_logs(&self) -> Vec<serde_json::Value> {
        let end = self.end();
        vec![
            json!({
                "timeUnixNano": "1544712660000000000", "observedTimeUnixNano": end, "severityNumber": 13,
                "severityText": "WARN", "body": {"stringValue": "stock is low"},
                "attributes": [{"key": "left", "value": {"intValue": "-1"}}],
                "traceId": self.trace_id, "spanId": self.span_ids[1], "flags": 3,
            }),
            json!({
                "observedTimeUnixNano": end, "eventName": "shop.closed",
                "body": {"arrayValue": {"values": [{"stringValue": "a"}, {"stringValue": "b"}]}},
            }),
        ]
    }
}

fn log(loggers: LoggerProvider, span: &SpanContext) {
    let logger = loggers.logger("shop.cart");
    let low = LogRecord {
        time: Some(Timestamp::from_nanos(1_544_712_660_000_000_000)),
        severity_number: 13,
        severity_text: "WARN",
        body: Some(ValueRef::Str("stock is low")),
        span: Some(span),
        ..LogRecord::default()
    };
    logger.record(&low, &[KeyValue::new("left", -1)][..]);
    let names: Vec<opentelemetry::StringValue> = vec!["a".into(), "b".into()];
    let names = Value::Array(names.into());
    let closed =
        LogRecord { body: Some(ValueRef::from(&names)), event_name: "shop.closed", ..LogRecord::default() };
    logger.record(&closed, &());
}

/// The configuration of an exporter to the receiver at this base URL.
pub(crate) fn config(
    url: &str,
    signal: Signal,
    (protocol, compression): (Protocol, Compression),
) -> OtlpConfig {
    let endpoint = Endpoint::base(url, signal).expect("a good URL");
    OtlpConfig::new(endpoint).with_protocol(protocol).with_compression(compression)
}

pub(crate) fn span_exporter(reader: SpanReader, config: OtlpConfig) -> RecordExporter {
    let batch = BatchConfiguration::spans();
    let exporter = RecordExporter::spans(reader, &resource(), config, &batch, Arc::new(SystemClock), 7);
    exporter.expect("a good configuration")
}

pub(crate) fn log_exporter(reader: LogReader, config: OtlpConfig) -> RecordExporter {
    let batch = BatchConfiguration::logs();
    let exporter = RecordExporter::logs(reader, &resource(), config, &batch, Arc::new(SystemClock), 7);
    exporter.expect("a good configuration")
}

/// Runs the exporter while `record` runs, and shuts it down.
pub(crate) fn export(exporter: RecordExporter, record: impl FnOnce()) -> (ExportReport, StatusSnapshot) {
    let status = exporter.status();
    let (commands, inbox) = mpsc::channel(1);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let running = thread::spawn(move || runtime.block_on(exporter.run(inbox)));
    record();
    let (reply, report) = oneshot::channel();
    let deadline = Instant::now() + Duration::from_secs(20);
    commands.blocking_send(Command::Shutdown { deadline, reply }).expect("the exporter runs");
    let report = report.blocking_recv().expect("a report");
    running.join().expect("the exporter does not panic");
    (report, status.snapshot())
}
