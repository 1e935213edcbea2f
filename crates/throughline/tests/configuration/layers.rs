//! Which layer wins, and what is remembered of the others.

use throughline::{
    Alias, BatchConfiguration, Description, ExportConfig, MetricsConfig, Setting, Source, TelemetryConfig,
    TraceConfig,
};

use super::with;

fn setting<'a>(description: &'a Description, name: &str) -> &'a Setting {
    let setting = description.settings().iter().find(|setting| setting.name == name);
    setting.unwrap_or_else(|| panic!("no {name} in {description}"))
}

/// Value and source of what won, and then of what did not.
fn layers(description: &Description, name: &str) -> Vec<String> {
    let Setting { value, source, overrode, .. } = setting(description, name);
    let others = overrode.iter().map(|other| format!("{} ({})", other.value, other.source));
    std::iter::once(format!("{value} ({source})")).chain(others).collect()
}

const VARIABLES: &[(&str, &str)] = &[
    ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://user:hunter2@all:4318"),
    ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "http://one:4318/v1/metrics"),
    ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "authorization=hunter2"),
    ("OTEL_EXPORTER_OTLP_HEADERS", "x=hunter2"),
    ("OTEL_METRIC_EXPORT_INTERVAL", "5000"),
    ("MY_INTERVAL", "6"),
    ("OTEL_METRICS_EXPORTER", "prometheus,otlp"),
];

fn config() -> TelemetryConfig {
    let metrics = MetricsConfig::new().with_export_interval(std::time::Duration::from_secs(7));
    with(VARIABLES)
        .with_metrics(metrics)
        .with_otlp_endpoint("http://code:4318?token=hunter2")
        .with_aliases([Alias::new("MY_INTERVAL", "OTEL_METRIC_EXPORT_INTERVAL").in_seconds()])
}

#[test]
fn code_wins_over_the_environment_and_says_so() {
    let description = config().explain();
    assert_eq!(
        layers(&description, "metrics.export_interval"),
        ["7s (`with_export_interval` in code)", "5000 (OTEL_METRIC_EXPORT_INTERVAL)", "6000 (MY_INTERVAL)"]
    );
    let endpoints = layers(&description, "metrics.otlp.endpoint");
    assert!(endpoints[0].starts_with("http://code:4318"), "{endpoints:?}");
    assert_eq!(
        endpoints[1..],
        [
            "http://one:4318/v1/metrics (OTEL_EXPORTER_OTLP_METRICS_ENDPOINT)",
            "http://…@all:4318 (OTEL_EXPORTER_OTLP_ENDPOINT)"
        ]
    );
    assert_eq!(
        layers(&description, "traces.otlp.headers"),
        ["authorization=… (OTEL_EXPORTER_OTLP_TRACES_HEADERS)", "x=… (OTEL_EXPORTER_OTLP_HEADERS)"]
    );
    let shown = format!("{description} {} {description:?}", description.to_json());
    assert!(!shown.contains("hunter"), "{shown}");
    assert!(shown.contains("not 5000 of OTEL_METRIC_EXPORT_INTERVAL"), "{shown}");
}

#[test]
fn the_environment_wins_when_it_is_to() {
    let description = config().with_environment_first().explain();
    assert_eq!(
        layers(&description, "metrics.export_interval"),
        ["5s (OTEL_METRIC_EXPORT_INTERVAL)", "6000 (MY_INTERVAL)", "7s (`with_export_interval` in code)"]
    );
    assert_eq!(setting(&description, "metrics.otlp.endpoint").value, "http://one:4318/v1/metrics");
    let none = with(&[("OTEL_TRACES_EXPORTER", "none")]).with_otlp_endpoint("http://code:4318");
    assert_eq!(setting(&none.clone().explain(), "traces.exporter").value, "otlp");
    assert_eq!(setting(&none.with_environment_first().explain(), "traces.exporter").value, "none");
}

#[test]
fn a_signals_own_code_wins_over_that_of_all() {
    let own = ExportConfig::new().with_timeout(std::time::Duration::from_secs(3));
    let all =
        ExportConfig::new().with_endpoint("http://code:4318").with_timeout(std::time::Duration::from_secs(4));
    let batch = BatchConfiguration::new().with_max_queue_size(9).with_max_export_batch_size(8);
    let traces = TraceConfig::new().with_export(own).with_batch(batch);
    let description = with(&[]).with_export(all).with_traces(traces).explain();
    assert_eq!(setting(&description, "traces.otlp.timeout").value, "3s");
    assert_eq!(setting(&description, "logs.otlp.timeout").value, "4s");
    assert_eq!(
        setting(&description, "traces.batch.max_queue_size").source,
        Source::Code("with_max_queue_size")
    );
    assert_eq!(setting(&description, "logs.batch.max_queue_size").source, Source::Default);
}

#[test]
fn the_name_of_the_service_is_the_deployments_to_give() {
    let variables =
        [("OTEL_SERVICE_NAME", "deployed"), ("OTEL_RESOURCE_ATTRIBUTES", "service.name=attribute")];
    assert_eq!(
        layers(&with(&variables).explain(), "service.name"),
        [
            "deployed (OTEL_SERVICE_NAME)",
            "attribute (OTEL_RESOURCE_ATTRIBUTES)",
            "shop (`TelemetryConfig::new` in code)"
        ]
    );
    let fixed = with(&variables).with_service_name("fixed").explain();
    assert_eq!(layers(&fixed, "service.name")[0], "fixed (`with_service_name` in code)");
}

#[test]
fn otlp_without_an_endpoint_goes_to_this_machine() {
    for (protocol, endpoint) in
        [("http/protobuf", "http://localhost:4318/v1/traces"), ("grpc", "http://localhost:4317")]
    {
        let variables = [("OTEL_TRACES_EXPORTER", "otlp"), ("OTEL_EXPORTER_OTLP_PROTOCOL", protocol)];
        let description = with(&variables).explain();
        assert_eq!(setting(&description, "traces.otlp.endpoint").value, endpoint);
        assert!(description.warnings().is_empty(), "{:?}", description.warnings());
    }
}
