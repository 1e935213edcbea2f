//! What the file says that is no setting, proved by what comes out.

use throughline::core::attribute::ValueRef;
use throughline::trace::LogRecord;
use throughline::{KeyValue, TelemetryProviders};

use crate::support::started;

const SCRAPED: &str = "file_format: \"1.0\"
meter_provider:
  readers: [{pull: {exporter: {prometheus/development: {port: 0}}}}]
";

fn with_views(views: &str) -> TelemetryProviders {
    started(&format!("{SCRAPED}  views:\n{views}")).0
}

#[test]
fn attributes_of_the_resource_have_their_types() {
    let (telemetry, _) = started(
        "file_format: \"1.0\"
resource:
  attributes:
    - {name: text, value: 12}
    - {name: int, value: 12, type: int}
    - {name: double, value: 12, type: double}
    - {name: bool, value: true, type: bool}
    - {name: texts, value: [a, b], type: string_array}
    - {name: ints, value: [1, 2], type: int_array}
  attributes_list: \"int=13,listed=a%20b\"
  detection/development:
    detectors: [{process: }]
    attributes: {included: [process.*], excluded: [process.executable.*]}
",
    );
    let attributes = telemetry.meter_provider().resource().attributes().clone();
    let value = |key: &str| attributes.value(key);
    assert_eq!(value("text"), Some(ValueRef::Str("12")));
    assert_eq!(value("int"), Some(ValueRef::I64(12)), "the list loses");
    assert_eq!(value("double"), Some(ValueRef::F64(12.0)));
    assert_eq!(value("bool"), Some(ValueRef::Bool(true)));
    assert_eq!(value("texts").map(|value| value.to_string()).as_deref(), Some(r#"["a","b"]"#));
    assert_eq!(value("ints").map(|value| value.to_string()).as_deref(), Some("[1,2]"));
    assert_eq!(value("listed"), Some(ValueRef::Str("a b")));
    assert!(value("process.pid").is_some() && value("host.arch").is_none());
    assert!(value("process.executable.name").is_none(), "it is excluded");
}

#[test]
fn a_view_chooses_by_everything_it_can_and_changes_everything_it_can() {
    let telemetry = with_views(
        "    - selector: {instrument_name: \"http.*\", instrument_type: counter, unit: \"{request}\", meter_name: it}
      stream:
        description: Requests
        attribute_keys: {included: [route, secret], excluded: [secret]}
        aggregation_cardinality_limit: 2
    - selector: {instrument_name: old}
      stream: {name: new, aggregation: {explicit_bucket_histogram: {boundaries: [1, 2.5]}}}
    - selector: {instrument_name: dropped}
      stream: {aggregation: {drop: }}
    - selector: {instrument_name: last}
      stream: {aggregation: {last_value: }}
    - selector: {instrument_name: summed}
      stream: {aggregation: {sum: {}}, attribute_keys: {excluded: [secret]}}
    - selector: {instrument_name: fine}
      stream: {aggregation: {base2_exponential_bucket_histogram: {max_scale: 0, max_size: 4}}}
",
    );
    let meter = telemetry.meter("it");
    let secret = [KeyValue::new("route", "/"), KeyValue::new("secret", "x")];
    meter.u64_counter("http.requests").with_unit("{request}").build().add(1, &secret);
    meter.u64_counter("http.bytes").with_unit("By").build().add(1, &secret);
    meter.f64_histogram("old").build().record(2.0, &[]);
    meter.u64_counter("dropped").build().add(1, &[]);
    meter.i64_gauge("last").build().set(3, &[]);
    meter.u64_counter("summed").build().add(1, &secret);
    meter.f64_histogram("fine").build().record(2.0, &[]);
    let page = telemetry.render();
    let has = |part: &str| assert!(page.contains(part), "{part} in\n{page}");
    let has_not = |part: &str| assert!(!page.contains(part), "{part} in\n{page}");
    has("# HELP http_requests Requests");
    has(r#"http_requests_total{otel_scope_name="it",route="/"} 1"#);
    has(r#"http_bytes_total{otel_scope_name="it",route="/",secret="x"} 1"#);
    has(r#"new_bucket{otel_scope_name="it",le="2.5"} 1"#);
    has_not("old");
    has_not("dropped");
    has(r#"last{otel_scope_name="it"} 3"#);
    has(r#"summed_total{otel_scope_name="it",route="/"} 1"#);
    has("fine");
    let requests = meter.u64_counter("http.requests").with_unit("{request}").build();
    (0..10).for_each(|n| requests.add(1, &[KeyValue::new("route", n)]));
    assert!(telemetry.render().contains("otel_metric_overflow=\"true\""), "two series at most");
}

#[test]
fn the_endpoint_is_as_the_file_says() {
    let text = "file_format: \"1.0\"
meter_provider:
  readers:
    - pull:
        exporter:
          prometheus/development:
            host: 127.0.0.1
            port: 0
            scope_info_enabled: false
            target_info_enabled/development: false
            translation_strategy: underscore_escaping_without_suffixes/development
";
    let (telemetry, written) = started(text);
    assert!(telemetry.prometheus_address().is_some_and(|address| address.port() != 0));
    telemetry.meter("it").u64_counter("orders").with_unit("s").build().add(2, &[]);
    let page = telemetry.render();
    assert!(page.contains("\norders 2") && !page.contains("target_info"), "{page}");
    drop(telemetry);
    assert!(written.is_empty(), "no console was asked for");
}

#[test]
fn samplers_and_limits_hold() {
    let text = |sampler: &str| {
        format!(
            "file_format: \"1.0\"
tracer_provider:
  processors: [{{simple: {{exporter: {{console: }}}}}}]
  sampler: {{{sampler}}}
  limits: {{attribute_count_limit: 1, attribute_value_length_limit: 3, event_count_limit: 0}}
"
        )
    };
    let record = |telemetry: &TelemetryProviders| {
        let mut span = telemetry.tracer_provider().tracer("it").span("request").start();
        span.set_attribute("first", "longer");
        span.set_attribute("second", 2);
        span.add_event("event", &());
    };
    let (telemetry, written) = started(&text("always_on: "));
    record(&telemetry);
    assert!(telemetry.shutdown_blocking().is_complete());
    let span = written.line("request");
    assert_eq!(span["attributes"][0]["value"]["stringValue"], "lon");
    assert_eq!((&span["droppedAttributesCount"], &span["droppedEventsCount"]), (&1.into(), &1.into()));
    for never in ["always_off: ", "trace_id_ratio_based: {ratio: 0}", "parent_based: {root: {always_off: }}"]
    {
        let (telemetry, written) = started(&text(never));
        record(&telemetry);
        drop(telemetry);
        assert!(written.is_empty(), "{never}");
    }
}

#[test]
fn log_records_are_shown_within_their_limits() {
    let (telemetry, written) = started(
        "file_format: \"1.0\"
logger_provider:
  processors: [{simple: {exporter: {console: }}}]
  limits: {attribute_count_limit: 1, attribute_value_length_limit: 2}
",
    );
    let record = LogRecord { body: Some(ValueRef::Str("text")), ..LogRecord::default() };
    let logger = telemetry.logger_provider().logger("it");
    logger.record(&record, &[KeyValue::new("a", "long"), KeyValue::new("b", 2)]);
    drop(telemetry);
    let log = written.line("observedTimeUnixNano");
    assert_eq!((&log["body"]["stringValue"], &log["droppedAttributesCount"]), (&"te".into(), &1.into()));
}
