//! The configuration as a part of an application's own file.

use std::time::Duration;

use proptest::prelude::*;
use serde::Deserialize;
use serde_json::{Value, json};
use throughline::{
    BatchConfiguration, Description, ExportConfig, KeyValue, LogConfig, MetricsConfig, SamplingStrategy,
    TelemetryConfig, TraceConfig, trace,
};

fn value(description: &Description, name: &str) -> String {
    let setting = description.settings().iter().find(|setting| setting.name == name);
    setting.unwrap_or_else(|| panic!("no {name} in {description}")).value.clone()
}

/// As read, without the environment of the test.
fn explained(config: TelemetryConfig) -> Description {
    let description = config.without_environment_variables().explain();
    assert!(description.error().is_none(), "{:?}", description.error());
    description
}

#[derive(Deserialize)]
struct Application<T> {
    monitoring: Monitoring<T>,
}

#[derive(Deserialize)]
struct Monitoring<T> {
    enabled: bool,
    opentelemetry: T,
}

/// As the configuration file of an inference server has it.
#[test]
fn a_section_of_an_applications_file() {
    let application: Application<TelemetryConfig> = toml::from_str(
        r#"
        [monitoring]
        enabled = true

        [monitoring.opentelemetry]
        otlp_endpoint = "http://localhost:4317"
        export_interval_seconds = 30
        enable_trace_export = true
        service_name = "bitnet-inference-server"
        "#,
    )
    .expect("it is read");
    assert!(application.monitoring.enabled);
    let description = explained(application.monitoring.opentelemetry);
    assert_eq!(value(&description, "service.name"), "bitnet-inference-server");
    assert_eq!(value(&description, "metrics.otlp.endpoint"), "http://localhost:4317/v1/metrics");
    assert_eq!(value(&description, "metrics.export_interval"), "30s");
    assert_eq!(value(&description, "traces.exporter"), "otlp");
}

#[test]
fn traces_can_be_left_out_of_it() {
    let text = "otlp_endpoint = \"http://c:4318\"\nenable_trace_export = false\n";
    let description =
        explained(toml::from_str::<TelemetryConfig>(&format!("service_name = \"s\"\n{text}")).expect("read"));
    assert_eq!(value(&description, "traces.exporter"), "none");
    assert_eq!(value(&description, "logs.exporter"), "otlp");
}

/// As the `MetricsConfig` of a proxy has it: whether, with what, where, how often.
#[test]
fn the_keys_of_a_metrics_section() {
    let read = |exporter: &str, interval: Value| -> Description {
        let section = json!({
            "enabled": true,
            "service_name": "shadowcat",
            "exporter": exporter,
            "prometheus_bind": "0.0.0.0:9090",
            "otlp_endpoint": "http://collector:4318",
            "collection_interval": interval,
        });
        explained(serde_json::from_value(section).expect("it is read"))
    };
    let prometheus = read("Prometheus", json!({ "secs": 10, "nanos": 0 }));
    assert_eq!(value(&prometheus, "metrics.exporter"), "prometheus");
    assert_eq!(value(&prometheus, "prometheus.port"), "9090");
    assert_eq!(value(&prometheus, "traces.exporter"), "none");
    let otlp = read("Otlp", json!("10s"));
    assert_eq!(value(&otlp, "metrics.exporter"), "otlp");
    assert_eq!(value(&otlp, "metrics.export_interval"), "10s");
    assert_eq!(value(&read("None", json!(10_000)), "metrics.exporter"), "none");
}

#[test]
fn what_cannot_be_read_says_what_would_be_right() {
    for (document, expected) in [
        (json!({ "sevice_name": "x" }), "`service_name`"),
        (json!({ "metrics": { "otlp": { "endpont": "x" } } }), "`endpoint`"),
        (json!({ "metrics": { "export_interval": "soon" } }), "15s"),
        (json!({ "metrics": { "export_interval": 0 } }), "15s"),
        (json!({ "metrics": { "export_interval": -1 } }), "15s"),
        (json!({ "metrics": { "export_interval": true } }), "milliseconds"),
        (json!({ "metrics": { "temporality": "sometimes" } }), "`delta`"),
        (json!({ "otlp": { "protocol": "smoke" } }), "`http/json`"),
        (json!({ "otlp": { "endpoint": "http://a", "url": "http://b" } }), "write one of them"),
        (json!({ "otlp": { "client_key": "/k" } }), "write both"),
        (json!({ "otlp": { "headers": ["x"] } }), "map"),
        (json!({ "otlp_endpoint": "a", "otlp": { "endpoint": "b" } }), "write one of them"),
        (json!({ "exporter": "jaeger" }), "`otlp`"),
        (json!({ "resource_detectors": ["hots"] }), "host"),
        (json!({ "resource_attributes": { "a": {} } }), "a list of one of them"),
        (json!({ "prometheus": { "address": "nowhere" } }), "address"),
        (json!({ "prometheus": { "translation_strategy": "x" } }), "NoTranslation"),
        (json!({ "traces": { "sampling": { "trace_id_ratio": { "ratio": 2 } } } }), "0 to 1"),
        (json!({ "traces": { "sampling": "sometimes" } }), "`always_on`"),
        (json!({ "traces": { "limits": { "spans": 1 } } }), "`events`"),
        (json!({ "logs": { "console": "xml" } }), "`json`"),
    ] {
        let error = serde_json::from_value::<TelemetryConfig>(document.clone());
        let error = error.map(drop).expect_err("it is wrong").to_string();
        assert!(error.contains(expected), "{document}: {error}");
    }
}

#[test]
fn what_was_set_is_written_and_nothing_else() {
    let nothing = serde_json::to_value(TelemetryConfig::new("shop")).expect("it is written");
    assert_eq!(nothing, json!({ "service_name": "shop" }));

    let push = ExportConfig::new()
        .with_endpoint("http://c:4318")
        .with_header("a", "b")
        .with_timeout(Duration::from_millis(1500));
    let root = Box::new(SamplingStrategy::TraceIdRatio { ratio: 0.25 });
    let config = TelemetryConfig::new("shop")
        .with_resource_attribute(KeyValue::new("replicas", 3))
        .with_prometheus_address(([127, 0, 0, 1], 9464).into())
        .with_export(push)
        .with_metrics(MetricsConfig::new().with_export_interval(Duration::from_secs(90)))
        .with_traces(TraceConfig::new().with_sampling(SamplingStrategy::ParentBased { root }))
        .with_logs(LogConfig::new().with_batch(BatchConfiguration::new().with_max_queue_size(7)));
    let written = serde_json::to_value(&config).expect("it is written");
    let expected = json!({
        "service_name": "shop",
        "resource_attributes": { "replicas": 3 },
        "prometheus": { "address": "127.0.0.1:9464" },
        "otlp": { "endpoint": "http://c:4318", "headers": { "a": "b" }, "timeout": "1s 500ms" },
        "metrics": { "export_interval": "1m 30s" },
        "traces": { "sampling": { "parent_based": { "root": { "trace_id_ratio": { "ratio": 0.25 } } } } },
        "logs": { "batch": { "max_queue_size": 7 } },
    });
    assert_eq!(written, expected);

    let own = TraceConfig::new().with_sampling(trace::sampler::Sampler::custom(Own));
    let error = serde_json::to_value(own).expect_err("code cannot be written").to_string();
    assert!(error.contains("is code, and cannot be written"), "{error}");
}

#[derive(Debug)]
struct Own;

impl trace::sampler::ShouldSample for Own {
    fn sample(&self, _: &trace::sampler::SamplingInput<'_>) -> trace::sampler::Sampling {
        trace::sampler::Sampling::of(true)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// Whatever is written is read as the same, in two formats.
    #[test]
    fn documents_survive_a_round_trip(document in any_document()) {
        let config: TelemetryConfig = serde_json::from_value(document.clone()).expect("it is read");
        let written = serde_json::to_value(&config).expect("it is written");
        prop_assert_eq!(&written, &document);
        let text = toml::to_string(&config).expect("it is written");
        let again: TelemetryConfig = toml::from_str(&text).expect("it is read");
        prop_assert_eq!(serde_json::to_value(&again).expect("it is written"), document);
    }

    #[test]
    fn no_document_panics(text in "[a-z_{}\":,0-9\\[\\] ]{0,200}") {
        let _refused = serde_json::from_str::<TelemetryConfig>(&text);
        let _refused = toml::from_str::<TelemetryConfig>(&text);
    }
}

/// An object with some of these members.
fn some_of(members: Vec<(&'static str, BoxedStrategy<Value>)>) -> BoxedStrategy<Value> {
    let members: Vec<_> = members
        .into_iter()
        .map(|(name, value)| {
            prop::option::of(value).prop_map(move |value| value.map(|value| (name.to_owned(), value)))
        })
        .collect();
    members.prop_map(|members| Value::Object(members.into_iter().flatten().collect())).boxed()
}

/// The same, absent when it is empty.
fn part(members: Vec<(&'static str, BoxedStrategy<Value>)>) -> BoxedStrategy<Value> {
    some_of(members)
        .prop_filter("an empty part is absent", |part| !part.as_object().expect("an object").is_empty())
        .boxed()
}

fn time() -> BoxedStrategy<Value> {
    (1_u64..100_000_000)
        .prop_map(|millis| humantime::format_duration(Duration::from_millis(millis)).to_string().into())
        .boxed()
}

fn one(values: &'static [&'static str]) -> BoxedStrategy<Value> {
    prop::sample::select(values).prop_map(Value::from).boxed()
}

fn text() -> BoxedStrategy<Value> {
    "[a-z/:.]{1,20}".prop_map(Value::from).boxed()
}

fn number() -> BoxedStrategy<Value> {
    (1_u32..100_000).prop_map(Value::from).boxed()
}

fn export() -> BoxedStrategy<Value> {
    part(vec![
        ("endpoint", text()),
        ("protocol", one(&["http/protobuf", "http/json", "grpc"])),
        ("compression", one(&["none", "gzip", "zstd"])),
        ("timeout", time()),
        ("insecure", Just(json!(true)).boxed()),
        ("certificate", text()),
        ("bearer_token_file", text()),
        (
            "headers",
            prop::collection::btree_map("[a-z-]{1,9}", "[ -~]{0,9}", 1..3).prop_map(|map| json!(map)).boxed(),
        ),
        ("exporters", Just(json!(["otlp", "console"])).boxed()),
    ])
}

fn batch() -> BoxedStrategy<Value> {
    part(vec![
        ("max_queue_size", number()),
        ("max_export_batch_size", number()),
        ("scheduled_delay", time()),
        ("max_export_timeout", time()),
    ])
}

fn sampling() -> BoxedStrategy<Value> {
    let leaf = prop_oneof![
        one(&["always_on", "always_off"]),
        prop::sample::select(&[0.0, 0.25, 0.5, 1.0][..])
            .prop_map(|ratio| json!({ "trace_id_ratio": { "ratio": ratio } })),
        (1_u32..1000).prop_map(|rate| json!({ "rate_limited": { "traces_per_second": f64::from(rate) } })),
    ];
    let parent = leaf.clone().prop_map(|root| json!({ "parent_based": { "root": root } }));
    prop_oneof![leaf, parent].boxed()
}

/// What all exporters share, and the console's.
fn around_exporters() -> Vec<(&'static str, BoxedStrategy<Value>)> {
    vec![
        ("queue", part(vec![("max_bytes", number()), ("full", one(&["drop_oldest", "drop_newest"]))])),
        ("spool", part(vec![("directory", text()), ("max_bytes", number()), ("max_age", time())])),
        ("self_telemetry", Just(json!(false)).boxed()),
        (
            "console",
            part(vec![
                ("metrics", Just(json!(true)).boxed()),
                ("stream", one(&["stdout", "stderr"])),
                ("format", one(&["text", "json"])),
            ]),
        ),
    ]
}

fn any_document() -> BoxedStrategy<Value> {
    let attribute = prop_oneof![
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        "[ -~]{0,9}".prop_map(Value::from),
        prop::collection::vec(any::<i32>(), 1..3).prop_map(Value::from),
    ];
    let limits = || {
        json!({
            "attributes": 1, "value_bytes": 2, "events": 3, "links": 4, "event_attributes": 5, "link_attributes": 6
        })
    };
    let mut keys = around_exporters();
    keys.extend([
        ("enabled", Just(json!(false)).boxed()),
        ("service_name", text()),
        ("fixed_service_name", text()),
        ("environment_first", Just(json!(true)).boxed()),
        ("globals", Just(json!(false)).boxed()),
        ("config_file", text()),
        ("resource_detectors", Just(json!(["os", "host"])).boxed()),
        (
            "resource_attributes",
            prop::collection::btree_map("[a-z.]{1,9}", attribute, 1..3).prop_map(|map| json!(map)).boxed(),
        ),
        (
            "prometheus",
            part(vec![
                ("address", Just(json!("127.0.0.1:9464")).boxed()),
                ("scope_labels", Just(json!(false)).boxed()),
                ("tls", Just(json!({ "certificate": "a.pem", "key": "b.pem" })).boxed()),
                ("bearer_token_file", text()),
            ]),
        ),
        ("otlp", export()),
        (
            "metrics",
            part(vec![
                ("otlp", export()),
                ("export_interval", time()),
                ("temporality", one(&["cumulative", "delta", "lowmemory"])),
                ("cardinality_limit", number()),
                ("idle_expiry", time()),
            ]),
        ),
        (
            "traces",
            part(vec![
                ("otlp", export()),
                ("batch", batch()),
                ("sampling", sampling()),
                ("limits", Just(limits()).boxed()),
                ("keep_errors", Just(json!({ "bytes_max": 1024, "age_max": "1m" })).boxed()),
                ("baggage_attributes", Just(json!(["tenant"])).boxed()),
            ]),
        ),
        (
            "logs",
            part(vec![
                ("otlp", export()),
                ("batch", batch()),
                ("filter", text()),
                ("console", one(&["text", "json", "none"])),
                ("limits", Just(json!({ "attributes": 1, "value_bytes": 2 })).boxed()),
            ]),
        ),
    ]);
    some_of(keys)
}
