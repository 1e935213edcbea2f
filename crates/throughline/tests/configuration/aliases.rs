//! The variables of five applications, as tables: their deployments keep working.

use throughline::{Alias, Description};

use super::with;

/// BitNet's server: switches, an endpoint, an interval in seconds.
fn bitnet() -> Vec<Alias> {
    vec![
        Alias::new("BITNET_MONITORING_ENABLED", "OTEL_SDK_DISABLED").with_values(NEGATED),
        Alias::new("BITNET_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"),
        Alias::new("BITNET_METRICS_INTERVAL", "OTEL_METRIC_EXPORT_INTERVAL").in_seconds(),
        Alias::new("BITNET_METRICS_PORT", "OTEL_EXPORTER_PROMETHEUS_PORT"),
        Alias::new("BITNET_LOG_LEVEL", "RUST_LOG"),
    ]
}

/// Botticelli: one variable for the exporter of everything.
fn botticelli() -> Vec<Alias> {
    let signal = |variable: &'static str| {
        Alias::new("OTEL_EXPORTER", variable).with_values([("otlp", "otlp"), ("stdout", "none")])
    };
    vec![
        signal("OTEL_METRICS_EXPORTER"),
        signal("OTEL_TRACES_EXPORTER"),
        signal("OTEL_LOGS_EXPORTER"),
        Alias::new("OTEL_METRICS_ENDPOINT", "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT"),
        Alias::new("BOTTICELLI_METRICS_PORT", "OTEL_EXPORTER_PROMETHEUS_PORT"),
    ]
}

/// The stream processor: an endpoint, from its tests.
fn optimizer() -> Vec<Alias> {
    vec![Alias::new("OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")]
}

/// Monarch: a back end, and attributes that are not in the specification.
fn monarch() -> Vec<Alias> {
    vec![
        Alias::new("HYPERACTOR_OTEL_BACKEND", "OTEL_METRICS_EXPORTER")
            .with_values([("prometheus", "otlp"), ("none", "none")]),
        Alias::new("ENABLE_OTEL_TRACING", "OTEL_TRACES_EXPORTER")
            .with_values([("true", "otlp"), ("false", "none")]),
        Alias::new("OTEL_SERVICE_INSTANCE_ID", "OTEL_RESOURCE_ATTRIBUTES")
            .with_translation(|id| Ok(format!("service.instance.id={id}"))),
        Alias::new("MONARCH_FILE_LOG", "RUST_LOG"),
    ]
}

/// Shadowcat: `SHADOWCAT_<SECTION>_<KEY>`.
fn shadowcat() -> Vec<Alias> {
    vec![
        Alias::new("SHADOWCAT_TELEMETRY_ENABLED", "OTEL_SDK_DISABLED").with_values(NEGATED),
        Alias::new("SHADOWCAT_TELEMETRY_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"),
        Alias::new("SHADOWCAT_TELEMETRY_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"),
        Alias::new("SHADOWCAT_TELEMETRY_SERVICE_NAME", "OTEL_SERVICE_NAME"),
        Alias::new("SHADOWCAT_TELEMETRY_SAMPLING_RATE", "OTEL_TRACES_SAMPLER")
            .with_translation(|_rate| Ok("parentbased_traceidratio".to_owned())),
        Alias::new("SHADOWCAT_TELEMETRY_SAMPLING_RATE", "OTEL_TRACES_SAMPLER_ARG"),
        Alias::new("SHADOWCAT_METRICS_BIND", "OTEL_EXPORTER_PROMETHEUS_HOST")
            .with_translation(|bind| part(bind, 0)),
        Alias::new("SHADOWCAT_METRICS_BIND", "OTEL_EXPORTER_PROMETHEUS_PORT")
            .with_translation(|bind| part(bind, 1)),
        Alias::new("SHADOWCAT_METRICS_CARDINALITY_LIMIT", "THROUGHLINE_METRICS_CARDINALITY_LIMIT"),
        Alias::new("SHADOWCAT_LOGGING_FORMAT", "THROUGHLINE_LOG_FORMAT")
            .with_values([("json", "json"), ("pretty", "text")]),
    ]
}

const NEGATED: [(&str, &str); 2] = [("true", "false"), ("false", "true")];

/// The host of an address, or its port.
fn part(bind: &str, place: usize) -> Result<String, String> {
    let (host, port) = bind.rsplit_once(':').ok_or("is no address; write one as 127.0.0.1:9090")?;
    Ok([host, port][place].to_owned())
}

/// Setting, value, source.
fn check(description: &Description, expected: &[(&str, &str, &str)]) {
    assert!(description.error().is_none(), "{:?}", description.error());
    for (name, value, source) in expected {
        let setting = description.settings().iter().find(|setting| setting.name == *name);
        let setting = setting.unwrap_or_else(|| panic!("no {name} in {description}"));
        assert_eq!(
            (setting.value.as_str(), setting.source.to_string().as_str()),
            (*value, *source),
            "{name}"
        );
    }
}

#[test]
fn variables_of_five_applications_are_read() {
    let bitnet = with(&[
        ("BITNET_MONITORING_ENABLED", "true"),
        ("BITNET_OTLP_ENDPOINT", "http://localhost:4318"),
        ("BITNET_METRICS_INTERVAL", "30"),
        ("BITNET_LOG_LEVEL", "debug"),
    ])
    .with_aliases(bitnet());
    check(
        &bitnet.explain(),
        &[
            ("metrics.otlp.endpoint", "http://localhost:4318/v1/metrics", "BITNET_OTLP_ENDPOINT"),
            ("metrics.export_interval", "30s", "BITNET_METRICS_INTERVAL"),
            ("logs.filter", "debug", "BITNET_LOG_LEVEL"),
        ],
    );
    let off = with(&[("BITNET_MONITORING_ENABLED", "false")]).with_aliases(self::bitnet());
    assert_eq!(off.explain().to_string(), "telemetry is disabled (BITNET_MONITORING_ENABLED)");

    let variables = [
        ("OTEL_EXPORTER", "otlp"),
        ("OTEL_METRICS_ENDPOINT", "http://localhost:9090/api/v1/otlp/v1/metrics"),
    ];
    check(
        &with(&variables).with_aliases(botticelli()).explain(),
        &[
            ("traces.exporter", "otlp", "OTEL_EXPORTER"),
            (
                "metrics.otlp.endpoint",
                "http://localhost:9090/api/v1/otlp/v1/metrics",
                "OTEL_METRICS_ENDPOINT",
            ),
        ],
    );
    let unknown = with(&[("OTEL_EXPORTER", "otel")]).with_aliases(botticelli()).explain();
    let error = unknown.error().expect("an exporter that nobody knows").to_string();
    assert!(error.contains("OTEL_EXPORTER = `otel`: is not known; write otlp or stdout"), "{error}");

    check(
        &with(&[("OTLP_ENDPOINT", "http://c:4318")]).with_aliases(optimizer()).explain(),
        &[("logs.otlp.endpoint", "http://c:4318/v1/logs", "OTLP_ENDPOINT")],
    );
}

#[test]
fn one_variable_can_stand_for_several() {
    let monarch = with(&[
        ("HYPERACTOR_OTEL_BACKEND", "prometheus"),
        ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "http://localhost:9090/api/v1/otlp/v1/metrics"),
        ("OTEL_METRIC_EXPORT_INTERVAL", "1s"),
        ("OTEL_SERVICE_INSTANCE_ID", "host-7"),
    ])
    .with_aliases(monarch());
    check(
        &monarch.explain(),
        &[
            ("metrics.exporter", "otlp", "HYPERACTOR_OTEL_BACKEND"),
            ("metrics.export_interval", "1s", "OTEL_METRIC_EXPORT_INTERVAL"),
            ("resource.attributes", "service.instance.id=host-7", "OTEL_SERVICE_INSTANCE_ID"),
        ],
    );
    let shadowcat = with(&[
        ("SHADOWCAT_TELEMETRY_ENDPOINT", "http://c:4318"),
        ("SHADOWCAT_TELEMETRY_SAMPLING_RATE", "0.1"),
        ("SHADOWCAT_METRICS_BIND", "127.0.0.1:9090"),
        ("SHADOWCAT_LOGGING_FORMAT", "pretty"),
    ])
    .with_aliases(shadowcat());
    check(
        &shadowcat.explain(),
        &[
            ("traces.sampler", "ParentBased{TraceIdRatioBased{0.1}}", "SHADOWCAT_TELEMETRY_SAMPLING_RATE"),
            ("prometheus.port", "9090", "SHADOWCAT_METRICS_BIND"),
            ("logs.console", "text", "SHADOWCAT_LOGGING_FORMAT"),
        ],
    );
}

#[test]
fn the_variable_itself_wins_over_its_aliases() {
    let variables = [("OTEL_SERVICE_NAME", "standard"), ("SHADOWCAT_TELEMETRY_SERVICE_NAME", "own")];
    let description = with(&variables).with_aliases(shadowcat()).explain();
    check(&description, &[("service.name", "standard", "OTEL_SERVICE_NAME")]);
    assert!(description.to_string().contains("not own of SHADOWCAT_TELEMETRY_SERVICE_NAME"), "{description}");
}
