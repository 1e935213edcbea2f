//! The official examples: see `official/README.md` for where they come from.

use throughline::core::attribute::ValueRef;
use throughline::{Description, init_telemetry};

use crate::support::{explained, file, setting, with};

/// Every key there was when the format was about to be 1.0.
const KITCHEN_SINK: &str = include_str!("official/kitchen-sink-1.0-rc.2.yaml");

/// Substitution of variables.
const VARIABLES: &str = include_str!("official/variables-1.0.yaml");

/// The example without files that are not there.
fn kitchen_sink() -> Description {
    let is_file = |line: &&str| {
        !["ca_file", "key_file", "cert_file"].iter().any(|key| line.trim_start().starts_with(key))
    };
    let text: Vec<_> = KITCHEN_SINK.lines().filter(is_file).collect();
    explained(&text.join("\n"), &[])
}

#[test]
fn the_example_with_every_key_is_read() {
    let description = kitchen_sink();
    if let Some(error) = description.error() {
        assert!(error.to_string().contains("`otlp-http`"), "{error}");
    }
    for (name, value) in [
        ("service.name", "unknown_service"),
        ("traces.exporter", "otlp,console"),
        ("metrics.exporter", "prometheus,otlp,console"),
        ("logs.exporter", "otlp,console"),
        ("logs.filter", "info"),
        ("resource.detectors", "container,host,process,service,os"),
        ("propagators", "tracecontext,baggage,b3,b3multi,jaeger,xray"),
        ("traces.limits.value_bytes", "4096"),
        ("metrics.exemplar_filter", "trace_based"),
        ("prometheus.translation_strategy", "UnderscoreEscapingWithSuffixes"),
    ] {
        assert_eq!(setting(&description, name).0, value, "{name}");
    }
    let warnings = description.warnings().join("\n");
    for key in [
        "1.0-rc.2",
        "otlp_file/development",
        "otlp_grpc",
        "without_scope_info",
        "ottrace",
        "instrumentation/development",
    ] {
        assert!(warnings.contains(key), "{key} in\n{warnings}");
    }
}

#[test]
fn variables_become_what_the_official_examples_say() {
    // The example has a key of 1.0-rc.1, and one that was never there.
    let file = file(VARIABLES);
    let config = with(&[
        ("OTEL_SDK_DISABLED", "false"),
        ("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "4096"),
        ("STRING_VALUE", "value"),
        ("BOOL_VALUE", "true"),
        ("INT_VALUE", "1"),
        ("FLOAT_VALUE", "1.1"),
        ("HEX_VALUE", "0xbeef"),
        ("INVALID_MAP_VALUE", "value\nkey:value"),
        ("ENV_VAR_IN_KEY", "env_var_in_key"),
        ("DO_NOT_REPLACE_ME", "Never use this value"),
        ("REPLACE_ME", "${DO_NOT_REPLACE_ME}"),
        ("VALUE_WITH_ESCAPE", "value$$"),
    ]);
    let config = config.with_file(file.path()).without_prometheus_endpoint();
    let telemetry = init_telemetry(config).expect("telemetry starts");
    let attributes = telemetry.meter_provider().resource().attributes().clone();
    for (name, expected) in [
        ("string_value", ValueRef::Str("value")),
        ("bool_value", ValueRef::Bool(true)),
        ("int_value", ValueRef::I64(1)),
        ("float_value", ValueRef::F64(1.1)),
        ("hex_value", ValueRef::I64(48879)),
        ("quoted_string_value", ValueRef::Str("value")),
        ("quoted_bool_value", ValueRef::Str("true")),
        ("quoted_int_value", ValueRef::Str("1")),
        ("quoted_hex_value", ValueRef::Str("0xbeef")),
        ("alternative_env_syntax", ValueRef::Str("value")),
        ("invalid_map_value", ValueRef::Str("value\nkey:value")),
        ("multiple_references_inject", ValueRef::Str("foo value 1.1")),
        ("undefined_key_fallback", ValueRef::Str("fallback")),
        ("env_var_in_key", ValueRef::Str("value")),
        ("replace_me", ValueRef::Str("${DO_NOT_REPLACE_ME}")),
        ("undefined_defaults_to_var", ValueRef::Str("${STRING_VALUE}")),
        ("escaped_does_not_substitute", ValueRef::Str("${STRING_VALUE}")),
        ("escaped_does_not_substitute_fallback", ValueRef::Str("${STRING_VALUE:-fallback}")),
        ("escaped_and_substituted_fallback", ValueRef::Str("${STRING_VALUE:-value}")),
        ("escaped_and_substituted", ValueRef::Str("$value")),
        ("multiple_escaped_and_not_substituted", ValueRef::Str("$${STRING_VALUE}")),
        ("undefined_key_with_escape_sequence_in_fallback", ValueRef::Str("${UNDEFINED_KEY}")),
        ("value_with_escape", ValueRef::Str("value$$")),
        ("escape_sequence", ValueRef::Str("a $ b")),
        ("no_escape_sequence", ValueRef::Str("a $ b")),
        ("service.namespace", ValueRef::Str("my-namespace")),
    ] {
        assert_eq!(attributes.value(name), Some(expected), "{name}");
    }
    assert_eq!(attributes.value("undefined_key"), None);
}
