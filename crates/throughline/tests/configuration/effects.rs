//! Each variable by what it does: at the receiver, at the scrape endpoint, in what is rendered.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use serde_json::{Value, json};
use throughline::opentelemetry::Context;
use throughline::opentelemetry::baggage::BaggageExt as _;
use throughline::opentelemetry::trace::{TraceFlags, TraceState};
use throughline::trace::{LogRecord, SpanContext};
use throughline::{KeyValue, TelemetryProviders, init_telemetry};

use super::receiver::{Port, Receiver, Request};
use super::{Variables, any_port, bare, started, with};

/// Telemetry that pushes JSON to the receiver, and to nobody else.
fn pushing(receiver: &Receiver, variables: Variables<'_>) -> TelemetryProviders {
    let mut all =
        vec![("OTEL_EXPORTER_OTLP_ENDPOINT", &*receiver.url), ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json")];
    all.extend_from_slice(variables);
    init_telemetry(bare(&all)).unwrap_or_else(|error| panic!("{variables:?}: {error}"))
}

fn spans(telemetry: &TelemetryProviders, count: usize) {
    let tracer = telemetry.tracer_provider().tracer("it");
    for _ in 0..count {
        drop(tracer.span("work").start());
    }
}

fn log_records(telemetry: &TelemetryProviders, count: usize) {
    let logger = telemetry.logger_provider().logger("it");
    for _ in 0..count {
        logger.record(&LogRecord::default(), &[KeyValue::new("a", 1), KeyValue::new("b", "äöü")]);
    }
}

fn count(telemetry: &TelemetryProviders) {
    telemetry.meter("it").u64_counter("orders").build().add(1, &[]);
}

fn one_of_each(telemetry: &TelemetryProviders) {
    count(telemetry);
    spans(telemetry, 1);
    log_records(telemetry, 1);
}

/// What is pushed by the end, to this path.
fn pushed(receiver: &Receiver, telemetry: TelemetryProviders, path: &str) -> Vec<Request> {
    telemetry.shutdown_blocking();
    receiver.received().into_iter().filter(|request| request.path.ends_with(path)).collect()
}

fn length(value: &Value) -> usize {
    value.as_array().map_or(0, Vec::len)
}

#[test]
fn endpoints_of_all_signals_and_of_one() {
    for (variable, path) in [
        ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "/v1/metrics"),
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "/v1/traces"),
        ("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", "/v1/logs"),
    ] {
        let (all, one) = (Receiver::start(), Receiver::start());
        let own = format!("{}/own/path", one.url);
        let telemetry = pushing(&all, &[(variable, &own)]);
        one_of_each(&telemetry);
        assert!(telemetry.shutdown_blocking().is_complete());
        let at_all: Vec<_> = all.received().into_iter().map(|request| request.path).collect();
        assert!(at_all.len() == 2 && !at_all.contains(&path.to_owned()), "{variable}: {at_all:?}");
        let at_one: Vec<_> = one.received().into_iter().map(|request| request.path).collect();
        assert_eq!(at_one, ["/own/path"], "{variable}");
    }
}

#[test]
fn protocols_headers_and_compression_of_each_signal() {
    for (path, protocol, headers, compression) in [
        (
            "metrics",
            "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL",
            "OTEL_EXPORTER_OTLP_METRICS_HEADERS",
            "OTEL_EXPORTER_OTLP_METRICS_COMPRESSION",
        ),
        (
            "traces",
            "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL",
            "OTEL_EXPORTER_OTLP_TRACES_HEADERS",
            "OTEL_EXPORTER_OTLP_TRACES_COMPRESSION",
        ),
        (
            "logs",
            "OTEL_EXPORTER_OTLP_LOGS_PROTOCOL",
            "OTEL_EXPORTER_OTLP_LOGS_HEADERS",
            "OTEL_EXPORTER_OTLP_LOGS_COMPRESSION",
        ),
    ] {
        let receiver = Receiver::start();
        let telemetry = pushing(
            &receiver,
            &[
                ("OTEL_EXPORTER_OTLP_HEADERS", "x-of=all"),
                ("OTEL_EXPORTER_OTLP_COMPRESSION", "none"),
                (protocol, "http/protobuf"),
                (headers, "x-of=one,x-and=a%20b"),
                (compression, "gzip"),
            ],
        );
        one_of_each(&telemetry);
        assert!(telemetry.shutdown_blocking().is_complete());
        for request in receiver.received() {
            let header = |name: &str| request.headers.get(name).map(String::as_str);
            let is_own = request.path.ends_with(path);
            let types = if is_own { "application/x-protobuf" } else { "application/json" };
            assert_eq!(header("content-type"), Some(types), "{}", request.path);
            assert_eq!(header("x-of"), Some(if is_own { "one" } else { "all" }));
            assert_eq!(header("x-and"), is_own.then_some("a b"));
            assert_eq!(header("content-encoding"), is_own.then_some("gzip"));
        }
    }
}

#[test]
fn grpc_speaks_http_2_with_and_without_tls() {
    for (signal, insecure, plain) in [
        ("METRICS", "OTEL_EXPORTER_OTLP_METRICS_INSECURE", true),
        ("TRACES", "OTEL_EXPORTER_OTLP_TRACES_INSECURE", true),
        ("LOGS", "OTEL_EXPORTER_OTLP_LOGS_INSECURE", true),
        ("METRICS", "OTEL_EXPORTER_OTLP_INSECURE", true),
        ("METRICS", "OTEL_EXPORTER_OTLP_INSECURE", false),
    ] {
        let port = Port::listen();
        let exporter = format!("OTEL_{signal}_EXPORTER");
        let variables = [
            ("OTEL_METRICS_EXPORTER", "none"),
            ("OTEL_TRACES_EXPORTER", "none"),
            ("OTEL_LOGS_EXPORTER", "none"),
        ];
        let mut variables: Vec<_> = variables.into_iter().filter(|(name, _)| *name != exporter).collect();
        let shown = plain.to_string();
        variables.extend([
            ("OTEL_EXPORTER_OTLP_ENDPOINT", &*port.address),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
            (insecure, &shown),
        ]);
        let telemetry = init_telemetry(bare(&variables)).expect("telemetry starts");
        one_of_each(&telemetry);
        telemetry.shutdown_within(Duration::from_secs(1));
        let greeting = port.greeting();
        // A TLS record of a handshake begins with 22.
        let is_right = if plain { greeting.starts_with(b"PRI * HTTP/2.0") } else { greeting[0] == 22 };
        assert!(is_right, "{insecure}={plain}: {}", greeting.escape_ascii());
    }
}

#[test]
fn a_token_goes_along() {
    let file = std::env::temp_dir().join(format!("throughline-token-{}", std::process::id()));
    std::fs::write(&file, "hunter2\n").expect("a file");
    let path = file.to_str().expect("UTF-8");
    for (variable, bearers) in [
        ("THROUGHLINE_OTLP_BEARER_TOKEN_FILE", 3),
        ("THROUGHLINE_OTLP_METRICS_BEARER_TOKEN_FILE", 1),
        ("THROUGHLINE_OTLP_TRACES_BEARER_TOKEN_FILE", 1),
        ("THROUGHLINE_OTLP_LOGS_BEARER_TOKEN_FILE", 1),
    ] {
        let receiver = Receiver::start();
        let telemetry = pushing(&receiver, &[(variable, path)]);
        one_of_each(&telemetry);
        assert!(!telemetry.describe().to_string().contains("hunter2"));
        telemetry.shutdown_blocking();
        let requests = receiver.received();
        let with_token = requests.iter().filter(|request| {
            request.headers.get("authorization").is_some_and(|token| token == "Bearer hunter2")
        });
        assert_eq!(with_token.count(), bearers, "{variable}");
    }
    std::fs::remove_file(file).expect("it was there");
}

/// The error of a push to a port that takes connections and never answers.
fn timeout(variables: Variables<'_>) -> String {
    let port = TcpListener::bind(any_port()).expect("a port");
    let url = format!("http://{}", port.local_addr().expect("its address"));
    let mut all = vec![("OTEL_EXPORTER_OTLP_ENDPOINT", &*url)];
    all.extend_from_slice(variables);
    let telemetry = init_telemetry(bare(&all).with_self_telemetry(false)).expect("telemetry starts");
    one_of_each(&telemetry);
    let report = telemetry.shutdown_within(Duration::from_secs(60));
    assert!(!report.timed_out, "{variables:?}: {report}");
    assert_eq!(report.points.undelivered + report.spans.undelivered + report.log_records.undelivered, 1);
    report.last_error.expect("nobody answered")
}

/// All timeouts are a minute but one: what gives up within the test has kept to that one.
#[test]
fn timeouts_end_a_push() {
    let none =
        [("OTEL_METRICS_EXPORTER", "none"), ("OTEL_TRACES_EXPORTER", "none"), ("OTEL_LOGS_EXPORTER", "none")];
    for (exporter, generic, own) in [
        ("OTEL_METRICS_EXPORTER", "60000", "OTEL_EXPORTER_OTLP_METRICS_TIMEOUT"),
        ("OTEL_METRICS_EXPORTER", "60000", "OTEL_METRIC_EXPORT_TIMEOUT"),
        ("OTEL_TRACES_EXPORTER", "60000", "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT"),
        ("OTEL_TRACES_EXPORTER", "60000", "OTEL_BSP_EXPORT_TIMEOUT"),
        ("OTEL_LOGS_EXPORTER", "60000", "OTEL_EXPORTER_OTLP_LOGS_TIMEOUT"),
        ("OTEL_LOGS_EXPORTER", "60000", "OTEL_BLRP_EXPORT_TIMEOUT"),
        ("OTEL_LOGS_EXPORTER", "50", "OTEL_EXPORTER_OTLP_TIMEOUT"),
    ] {
        let mut variables: Vec<_> = none.into_iter().filter(|(name, _)| *name != exporter).collect();
        variables.extend([("OTEL_EXPORTER_OTLP_TIMEOUT", generic), ("OTEL_METRIC_EXPORT_TIMEOUT", "60000")]);
        variables.extend([("OTEL_BSP_EXPORT_TIMEOUT", "60000"), ("OTEL_BLRP_EXPORT_TIMEOUT", "60000")]);
        variables.push((own, "50"));
        let error = timeout(&variables);
        assert!(!error.is_empty(), "{own}");
    }
}

#[test]
fn exporters_are_chosen_by_lists() {
    for (exporter, path) in [
        ("OTEL_METRICS_EXPORTER", "metrics"),
        ("OTEL_TRACES_EXPORTER", "traces"),
        ("OTEL_LOGS_EXPORTER", "logs"),
    ] {
        let receiver = Receiver::start();
        let telemetry = pushing(&receiver, &[(exporter, "none")]);
        one_of_each(&telemetry);
        telemetry.shutdown_blocking();
        let paths: Vec<_> = receiver.received().into_iter().map(|request| request.path).collect();
        assert!(
            paths.len() == 2 && !paths.iter().any(|other| other.ends_with(path)),
            "{exporter}: {paths:?}"
        );
    }
    let port = [("OTEL_EXPORTER_PROMETHEUS_PORT", "0")];
    let scraped = |list: &[(&str, &str)]| {
        let variables: Vec<_> = port.iter().chain(list).copied().collect();
        init_telemetry(with(&variables)).expect("telemetry starts").prometheus_address().is_some()
    };
    assert!(scraped(&[]) && scraped(&[("OTEL_METRICS_EXPORTER", " otlp , prometheus")]));
    assert!(!scraped(&[("OTEL_METRICS_EXPORTER", "none")]) && !scraped(&[("OTEL_METRICS_EXPORTER", "otlp")]));
}

#[test]
fn metrics_are_pushed_at_intervals_in_the_temporality_asked_for() {
    let receiver = Receiver::start();
    let telemetry = pushing(
        &receiver,
        &[
            ("OTEL_METRIC_EXPORT_INTERVAL", "20"),
            ("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "delta"),
            (
                "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION",
                "base2_exponential_bucket_histogram",
            ),
            ("OTEL_METRICS_EXEMPLAR_FILTER", "always_on"),
        ],
    );
    count(&telemetry);
    // Long before the default interval is over.
    assert_eq!(receiver.next().all("aggregationTemporality")[0], json!(1));
    telemetry.meter("it").f64_histogram("latency").with_unit("s").build().record(0.2, &[]);
    telemetry.meter("it").f64_histogram("size").with_bounds(vec![1.0]).build().record(0.2, &[]);
    let requests = pushed(&receiver, telemetry, "metrics");
    let all = |key: &str| requests.iter().flat_map(|request| request.all(key)).collect::<Vec<_>>();
    assert!(!all("exponentialHistogram").is_empty(), "what says nothing of bounds is exponential");
    assert!(!all("explicitBounds").is_empty(), "what has bounds keeps them");
    assert!(all("exemplars").iter().any(|exemplars| length(exemplars) > 0));
}

#[test]
fn series_are_limited_and_expire() {
    let telemetry = started(&[("THROUGHLINE_METRICS_CARDINALITY_LIMIT", "2")]);
    let counter = telemetry.meter("it").u64_counter("orders").build();
    (0..9).for_each(|n| counter.add(1, &[KeyValue::new("n", n)]));
    assert!(telemetry.render().contains(r#"otel_metric_overflow="true""#));

    let clock = std::sync::Arc::new(throughline::core::clock::ManualClock::default());
    let config = with(&[("THROUGHLINE_METRICS_IDLE_EXPIRY", "1h")]).with_clock(clock.clone());
    let telemetry = init_telemetry(config.with_prometheus_address(any_port())).expect("telemetry starts");
    telemetry.meter("it").u64_counter("orders").build().add(1, &[KeyValue::new("n", 1)]);
    assert!(telemetry.render().contains("orders_total{"));
    for _ in 0..3 {
        clock.advance(Duration::from_secs(2 * 3600));
        telemetry.render();
    }
    assert!(!telemetry.render().contains("orders_total{"));
}

#[test]
fn the_scrape_endpoint_is_where_and_how_the_variables_say() {
    let port = TcpListener::bind(any_port()).expect("a port").local_addr().expect("its address").port();
    let config = with(&[
        ("OTEL_EXPORTER_PROMETHEUS_HOST", "127.0.0.1"),
        ("OTEL_EXPORTER_PROMETHEUS_PORT", &port.to_string()),
        ("THROUGHLINE_PROMETHEUS_TRANSLATION_STRATEGY", "UnderscoreEscapingWithoutSuffixes"),
        ("THROUGHLINE_PROMETHEUS_SCOPE_LABELS", "false"),
        ("THROUGHLINE_PROMETHEUS_TARGET_INFO", "false"),
    ]);
    let telemetry = init_telemetry(config).expect("telemetry starts");
    count(&telemetry);
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("the endpoint is there");
    write!(stream, "GET /metrics HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").expect("it reads");
    let mut page = String::new();
    stream.read_to_string(&mut page).expect("it answers");
    assert!(page.contains("\norders 1") && !page.contains("target_info"), "{page}");
}

#[test]
fn the_resource_is_what_the_variables_say() {
    let telemetry = started(&[
        ("OTEL_SERVICE_NAME", "from env"),
        ("OTEL_RESOURCE_ATTRIBUTES", "team=a%20b"),
        ("OTEL_EXPERIMENTAL_RESOURCE_DETECTORS", "none"),
    ]);
    let page = telemetry.render();
    assert!(page.contains(r#"service_name="from env""#) && page.contains(r#"team="a b""#), "{page}");
    assert!(!page.contains("telemetry_sdk_name"), "{page}");
}

#[test]
fn disabled_is_disabled() {
    let telemetry = init_telemetry(with(&[("OTEL_SDK_DISABLED", "TRUE")])).expect("telemetry starts");
    assert!(telemetry.prometheus_address().is_none());
    assert!(telemetry.describe().to_string().contains("OTEL_SDK_DISABLED"));
    let telemetry = init_telemetry(with(&[("OTEL_SDK_DISABLED", "yes")]).with_prometheus_address(any_port()))
        .expect("telemetry starts");
    assert!(telemetry.prometheus_address().is_some() && telemetry.describe().warnings().len() == 1);
}

#[test]
fn spans_are_sampled_batched_and_limited() {
    for (sampler, argument, expected) in [
        ("always_on", "", 1),
        ("always_off", "", 0),
        ("traceidratio", "0", 0),
        ("parentbased_traceidratio", "1", 1),
        ("parentbased_always_off", "", 0),
    ] {
        let receiver = Receiver::start();
        let telemetry =
            pushing(&receiver, &[("OTEL_TRACES_SAMPLER", sampler), ("OTEL_TRACES_SAMPLER_ARG", argument)]);
        spans(&telemetry, 1);
        assert_eq!(pushed(&receiver, telemetry, "traces").len(), expected, "{sampler} {argument}");
    }

    let receiver = Receiver::start();
    let variables = [("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "2"), ("OTEL_BSP_SCHEDULE_DELAY", "3600000")];
    let telemetry = pushing(&receiver, &variables);
    spans(&telemetry, 5);
    let batches: Vec<_> = pushed(&receiver, telemetry, "traces")
        .iter()
        .map(|request| length(&request.all("spans")[0]))
        .collect();
    assert_eq!(batches, [2, 2, 1]);

    let receiver = Receiver::start();
    let telemetry = pushing(&receiver, &[("OTEL_BSP_SCHEDULE_DELAY", "1")]);
    spans(&telemetry, 1);
    assert_eq!(receiver.next().path, "/v1/traces", "nobody flushed");
}

#[test]
fn log_records_are_batched() {
    let receiver = Receiver::start();
    let variables = [("OTEL_BLRP_MAX_EXPORT_BATCH_SIZE", "2"), ("OTEL_BLRP_SCHEDULE_DELAY", "3600000")];
    let telemetry = pushing(&receiver, &variables);
    log_records(&telemetry, 5);
    let requests = pushed(&receiver, telemetry, "logs");
    let batches: Vec<_> = requests.iter().map(|request| length(&request.all("logRecords")[0])).collect();
    assert_eq!(batches, [2, 2, 1]);
}

#[test]
fn queues_hold_as_much_as_the_variables_say() {
    for (queue, batch, signal) in [
        ("OTEL_BSP_MAX_QUEUE_SIZE", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "traces"),
        ("OTEL_BLRP_MAX_QUEUE_SIZE", "OTEL_BLRP_MAX_EXPORT_BATCH_SIZE", "logs"),
    ] {
        let variables = [
            // Nobody listens there.
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "50"),
            (queue, "3"),
            (batch, "1"),
        ];
        let telemetry = init_telemetry(bare(&variables)).expect("telemetry starts");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        for _ in 0..2 {
            spans(&telemetry, 5);
            log_records(&telemetry, 5);
            runtime.block_on(telemetry.flush());
        }
        let status = telemetry.status();
        let status = &status["otlp"][signal];
        assert_eq!(status["queued"], json!(3), "{status}");
        assert_eq!(status["dropped"]["queue_full"], json!(7), "{status}");
        telemetry.shutdown_within(Duration::from_millis(200));
    }
}

/// The only span or log record there is, with these variables.
fn limited(variables: Variables<'_>, key: &str) -> Value {
    let receiver = Receiver::start();
    let telemetry = pushing(&receiver, variables);
    let mut span = telemetry.tracer_provider().tracer("it").span("work").start();
    span.set_attribute("a", "äöü");
    span.set_attribute("b", 1);
    let attributes = [KeyValue::new("a", 1), KeyValue::new("b", 2)];
    let other = SpanContext::new(1_u128.into(), 1_u64.into(), TraceFlags::SAMPLED, true, TraceState::NONE);
    for _ in 0..2 {
        span.add_event("event", &attributes);
        span.add_link(&other, &attributes);
    }
    span.end();
    log_records(&telemetry, 1);
    telemetry.shutdown_blocking();
    let found = receiver.received().iter().flat_map(|request| request.all(key)).collect::<Vec<_>>();
    found[0][0].clone()
}

#[test]
fn what_a_span_carries_is_limited() {
    let span = |variable: &str, value: &str| limited(&[(variable, value)], "spans");
    for variable in ["OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "OTEL_ATTRIBUTE_COUNT_LIMIT"] {
        let span = span(variable, "1");
        assert_eq!(
            (length(&span["attributes"]), &span["droppedAttributesCount"]),
            (1, &json!(1)),
            "{variable}"
        );
    }
    for variable in ["OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT"] {
        assert_eq!(span(variable, "2")["attributes"][0]["value"]["stringValue"], json!("ä"), "{variable}");
    }
    assert_eq!(length(&span("OTEL_SPAN_EVENT_COUNT_LIMIT", "1")["events"]), 1);
    assert_eq!(length(&span("OTEL_SPAN_LINK_COUNT_LIMIT", "1")["links"]), 1);
    assert_eq!(length(&span("OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT", "1")["events"][0]["attributes"]), 1);
    assert_eq!(length(&span("OTEL_LINK_ATTRIBUTE_COUNT_LIMIT", "1")["links"][0]["attributes"]), 1);
}

#[test]
fn spans_carry_the_baggage_that_is_named() {
    let receiver = Receiver::start();
    let telemetry = pushing(&receiver, &[("THROUGHLINE_TRACES_BAGGAGE_ATTRIBUTES", "tenant, tier")]);
    let items = [KeyValue::new("tenant", "acme"), KeyValue::new("secret", "x")];
    let context = Context::new().with_baggage(items);
    drop(telemetry.tracer_provider().tracer("it").span("work").with_parent(&context).start());
    telemetry.shutdown_blocking();
    let found = receiver.received().iter().flat_map(|request| request.all("attributes")).collect::<Vec<_>>();
    let tenant = json!([{ "key": "tenant", "value": { "stringValue": "acme" } }]);
    assert!(found.contains(&tenant), "{found:?}");
}

#[test]
fn what_a_log_record_carries_is_limited() {
    let record = |variable: &str, value: &str| limited(&[(variable, value)], "logRecords");
    for variable in ["OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT", "OTEL_ATTRIBUTE_COUNT_LIMIT"] {
        assert_eq!(length(&record(variable, "1")["attributes"]), 1, "{variable}");
    }
    for variable in ["OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT", "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT"] {
        let record = record(variable, "2");
        assert_eq!(record["attributes"][1]["value"]["stringValue"], json!("ä"), "{variable}");
    }
}

#[test]
fn levels_decide_which_log_records_are_kept() {
    use tracing_subscriber::layer::SubscriberExt as _;
    for (variables, expected) in [
        (&[("OTEL_LOG_LEVEL", "warn")][..], 1),
        (&[("OTEL_LOG_LEVEL", "debug")], 3),
        (&[("OTEL_LOG_LEVEL", "debug"), ("RUST_LOG", "error,configuration=info")], 2),
        (&[], 2),
    ] {
        let receiver = Receiver::start();
        let telemetry = pushing(&receiver, variables);
        let subscriber = tracing_subscriber::registry().with(telemetry.layer());
        tracing::subscriber::with_default(subscriber, || {
            tracing::warn!("one");
            tracing::info!("two");
            tracing::debug!("three");
        });
        let records: usize = pushed(&receiver, telemetry, "logs")
            .iter()
            .map(|request| request.all("logRecords").iter().map(length).sum::<usize>())
            .sum();
        assert_eq!(records, expected, "{variables:?}");
    }
}
