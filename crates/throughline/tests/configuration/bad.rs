//! Bad configuration: each case names where the value stands, what it is, and what would be right; nothing panics.

use proptest::prelude::*;
use throughline::{Alias, Error, LogConfig, TelemetryConfig, catalogue, init_telemetry};

use super::{Variables, bare, with};

/// Makes everything be decided.
const ALL: &[(&str, &str)] = &[
    ("OTEL_METRICS_EXPORTER", "otlp,prometheus"),
    ("OTEL_TRACES_EXPORTER", "otlp"),
    ("OTEL_LOGS_EXPORTER", "otlp"),
];

/// Variable, value, and what the message says would be right.
const CASES: &[(&str, &str, &str)] = &[
    ("OTEL_METRICS_EXPORTER", "promethus", "otlp, prometheus, console, none"),
    ("OTEL_METRICS_EXPORTER", "none,otlp", "write `none` alone"),
    ("OTEL_METRICS_EXPORTER", "otlp;prometheus", "otlp, prometheus, console, none"),
    ("OTEL_TRACES_EXPORTER", "jaeger", "otlp, console, none"),
    ("OTEL_TRACES_EXPORTER", "prometheus", "otlp, console, none"),
    ("OTEL_LOGS_EXPORTER", "stdout", "otlp, console, none"),
    ("OTEL_EXPORTER_OTLP_ENDPOINT", "localhost:4318", "http://"),
    ("OTEL_EXPORTER_OTLP_ENDPOINT", "ftp://localhost:4318", "`https://`"),
    ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://local host:4318", "http://"),
    ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:99999", "http://"),
    ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "http://", "host"),
    ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "/v1/traces", "http://"),
    ("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", "4318", "http://"),
    ("OTEL_EXPORTER_OTLP_PROTOCOL", "smoke", "http/protobuf, http/json or grpc"),
    ("OTEL_EXPORTER_OTLP_METRICS_PROTOCOL", "http", "http/protobuf, http/json or grpc"),
    ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "GRPC", "http/protobuf, http/json or grpc"),
    ("OTEL_EXPORTER_OTLP_LOGS_PROTOCOL", "protobuf", "http/protobuf, http/json or grpc"),
    ("OTEL_EXPORTER_OTLP_COMPRESSION", "zip", "gzip, zstd or none"),
    ("OTEL_EXPORTER_OTLP_METRICS_COMPRESSION", "true", "gzip, zstd or none"),
    ("OTEL_EXPORTER_OTLP_TIMEOUT", "soon", "`15s`"),
    ("OTEL_EXPORTER_OTLP_TIMEOUT", "0", "milliseconds"),
    ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "-1", "`15s`"),
    ("OTEL_EXPORTER_OTLP_LOGS_TIMEOUT", "10 parsecs", "`15s`"),
    ("OTEL_EXPORTER_OTLP_HEADERS", "novalue", "has no `=`"),
    ("OTEL_EXPORTER_OTLP_METRICS_HEADERS", "=value", "has no key"),
    ("OTEL_EXPORTER_OTLP_LOGS_HEADERS", "a=%ff", "UTF-8"),
    ("OTEL_EXPORTER_OTLP_CLIENT_KEY", "/key", "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE"),
    ("OTEL_EXPORTER_OTLP_METRICS_CLIENT_CERTIFICATE", "/pem", "OTEL_EXPORTER_OTLP_CLIENT_KEY"),
    ("OTEL_METRIC_EXPORT_INTERVAL", "1.5", "`15s`"),
    ("OTEL_METRIC_EXPORT_INTERVAL", "99999999999999999999999", "`15s`"),
    ("OTEL_METRIC_EXPORT_TIMEOUT", "never", "`15s`"),
    ("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "sometimes", "cumulative, delta or lowmemory"),
    (
        "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION",
        "exponential",
        "base2_exponential_bucket_histogram",
    ),
    ("OTEL_METRICS_EXEMPLAR_FILTER", "sometimes", "trace_based, always_on or always_off"),
    ("OTEL_EXPORTER_PROMETHEUS_HOST", "nowhere.example", "127.0.0.1"),
    ("OTEL_EXPORTER_PROMETHEUS_PORT", "http", "0 to 65535"),
    ("OTEL_EXPORTER_PROMETHEUS_PORT", "65536", "0 to 65535"),
    ("THROUGHLINE_PROMETHEUS_TRANSLATION_STRATEGY", "Verbatim", "NoTranslation"),
    ("THROUGHLINE_METRICS_CARDINALITY_LIMIT", "0", "above zero"),
    ("THROUGHLINE_METRICS_IDLE_EXPIRY", "0s", "15s"),
    ("THROUGHLINE_SELF_TELEMETRY", "perhaps", "true or false"),
    ("THROUGHLINE_QUEUE_MAX_BYTES", "16 MiB", "above zero"),
    ("THROUGHLINE_QUEUE_FULL", "block", "drop_oldest or drop_newest"),
    ("OTEL_RESOURCE_ATTRIBUTES", "novalue", "has no `=`"),
    ("OTEL_EXPERIMENTAL_RESOURCE_DETECTORS", "hots", "host"),
    ("OTEL_PROPAGATORS", "tracecontext,pigeon", "tracecontext"),
    ("OTEL_TRACES_SAMPLER", "sometimes", "parentbased_traceidratio"),
    ("OTEL_TRACES_SAMPLER", "jaeger_remote", "parentbased_traceidratio"),
    ("OTEL_BSP_MAX_QUEUE_SIZE", "-5", "above zero"),
    ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "many", "above zero"),
    ("OTEL_BSP_SCHEDULE_DELAY", "fast", "`15s`"),
    ("OTEL_BSP_EXPORT_TIMEOUT", "1e3", "`15s`"),
    ("OTEL_BLRP_MAX_QUEUE_SIZE", "0", "above zero"),
    ("OTEL_BLRP_MAX_EXPORT_BATCH_SIZE", "2048.0", "above zero"),
    ("OTEL_BLRP_SCHEDULE_DELAY", "", ""),
    ("OTEL_BLRP_EXPORT_TIMEOUT", "x", "`15s`"),
    ("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "-1", "0 or more"),
    ("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "unlimited", "0 or more"),
    ("OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT", "5000000000", "0 or more"),
    ("RUST_LOG", "shop=loud", "`info,shop::cart=debug`"),
    ("OTEL_LOG_LEVEL", "[span{a=1}]=info", "write a level"),
    ("THROUGHLINE_LOG_FORMAT", "xml", "text, json or none"),
    ("HTTP_PROXY", "socks5://me:hunter2@proxy:1080", "write `http://host:port`"),
];

fn error_of(variables: Variables<'_>) -> String {
    let error = init_telemetry(with(variables));
    error.map(drop).expect_err("a bad setting").to_string()
}

#[test]
fn each_case_names_source_value_and_fix() {
    for (variable, value, fix) in CASES.iter().filter(|(_, value, _)| !value.is_empty()) {
        let mut variables: Vec<_> = ALL.iter().filter(|(name, _)| name != variable).copied().collect();
        variables.push((variable, value));
        let text = error_of(&variables);
        let shown = format!("{variable} = `");
        assert!(text.contains(&shown) && text.contains(fix), "{variable}={value}: {text}");
        let is_secret = variable.ends_with("HEADERS") || value.contains("hunter2");
        assert!(is_secret || text.contains(value), "{variable}={value}: {text}");
        assert!(!text.contains("hunter2"), "{text}");
    }
}

#[test]
fn all_problems_are_reported_at_once() {
    let mut variables: Vec<(&str, &str)> = Vec::new();
    for (variable, value, _) in CASES {
        if !value.is_empty() && !variables.iter().any(|(name, _)| name == variable) {
            variables.push((variable, value));
        }
    }
    // What a list of exporters asks for has to be asked for, and a variable that nobody needs is not read.
    let hiding = [
        "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT",
        "OTEL_EXPORTER_OTLP_LOGS_PROTOCOL",
        "OTEL_EXPORTER_OTLP_METRICS_CLIENT_CERTIFICATE",
        "RUST_LOG",
    ];
    variables.retain(|(name, _)| !name.ends_with("_EXPORTER") && !hiding.contains(name));
    variables.extend_from_slice(ALL);
    let text = error_of(&variables);
    for (variable, ..) in variables.iter().filter(|(name, _)| !name.ends_with("_EXPORTER")) {
        assert!(text.contains(&format!("{variable} = `")), "no {variable} in {text}");
    }
}

#[test]
fn code_and_aliases_are_checked_too() {
    let aliased = |alias: Alias, value: &'static str| {
        with(&[("MINE", value), ("OTEL_TRACES_EXPORTER", "otlp")]).with_aliases([alias])
    };
    for (config, parts) in [
        (
            with(&[]).with_otlp_endpoint("localhost:4318"),
            &["metrics.otlp.endpoint", "`with_otlp_endpoint` in code", "http://"][..],
        ),
        (
            TelemetryConfig::new("").without_environment_variables(),
            &["service.name", "`TelemetryConfig::new` in code", "`shop`"],
        ),
        (
            with(&[]).with_logs(LogConfig::new().with_filter("shop=loud")),
            &["logs.filter", "`with_filter` in code", "write a level"],
        ),
        (aliased(Alias::new("MINE", "OTEL_BSP_SCHEDULE_DELAY"), "x"), &["MINE = `x`", "`15s`"]),
        (
            aliased(Alias::new("MINE", "OTEL_LOGS_EXPORTER").with_values([("stdout", "none")]), "file"),
            &["MINE = `file`", "write stdout"],
        ),
        (
            aliased(Alias::new("MINE", "OTEL_SERVCE_NAME"), "x"),
            &["MINE for OTEL_SERVCE_NAME", "did you mean OTEL_SERVICE_NAME?"],
        ),
    ] {
        let text = init_telemetry(config).map(drop).expect_err("a bad setting").to_string();
        for part in parts {
            assert!(text.contains(part), "no `{part}` in {text}");
        }
    }
}

#[test]
fn a_value_without_an_end_is_not_repeated() {
    let long = "x".repeat(1 << 20);
    for variable in
        ["OTEL_SERVICE_NAME", "OTEL_PROPAGATORS", "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_RESOURCE_ATTRIBUTES"]
    {
        let text = error_of(&[(variable, &long)]);
        assert!(
            text.contains(variable) && text.contains("65536 at most") && text.len() < 1000,
            "{}",
            text.len()
        );
    }
    let text = error_of(&[("OTEL_PROPAGATORS", &long[..5000])]);
    assert!(text.len() < 6000, "{}", text.len());
}

#[test]
fn a_configuration_file_needs_the_build_to_know_it() {
    let error =
        init_telemetry(with(&[("OTEL_CONFIG_FILE", "/nowhere/otel.yaml")])).map(drop).expect_err("no file");
    let text = error.to_string();
    assert!(text.contains("OTEL_CONFIG_FILE") || text.contains("/nowhere/otel.yaml"), "{text}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever stands in the variables, deciding answers with settings or with problems that name a variable.
    #[test]
    fn any_values_are_decided_or_refused(
        values in prop::collection::vec((any::<prop::sample::Index>(), any_value()), 0..12),
    ) {
        let names: Vec<_> = catalogue().into_iter().flat_map(|setting| setting.variables().iter().copied()).collect();
        let variables: Vec<_> = values.iter().map(|(index, value)| (*index.get(&names), &**value)).collect();
        let description = bare(&variables).explain();
        let _shown = format!("{description} {}", description.to_json());
        if let Some(Error::Configuration(problems)) = description.error() {
            prop_assert!(!problems.is_empty());
            for problem in problems {
                prop_assert!(variables.iter().any(|(name, _)| problem.to_string().contains(name)), "{problem}");
            }
        }
    }
}

fn any_value() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[0-9a-z.,:;=%/@{}$-]{0,40}",
        prop::sample::select(CASES).prop_map(|(_, value, _)| value.to_owned()),
        any::<i64>().prop_map(|number| number.to_string()),
        prop::sample::select(
            &["none", "otlp", "true", "grpc", "delta", "always_on", "http://h:1", "5s", "128", "a=b"][..]
        )
        .prop_map(str::to_owned),
    ]
}

#[test]
fn times_can_be_written_as_people_write_them() {
    for (text, shown) in [("1500", "1s 500ms"), ("15s", "15s"), ("2m", "2m"), ("1h 30m", "1h 30m")] {
        let description =
            with(&[("OTEL_METRIC_EXPORT_INTERVAL", text), ("OTEL_METRICS_EXPORTER", "otlp")]).explain();
        let setting = description.settings().iter().find(|setting| setting.name == "metrics.export_interval");
        assert_eq!(setting.expect("it is decided").value, shown);
    }
}
