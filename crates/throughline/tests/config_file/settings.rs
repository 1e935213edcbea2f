//! Each key that is a setting becomes it, with its place; what settings do is proved elsewhere.

use crate::support::{explained, setting};

const FILE: &str = r#"file_format: "1.0"
log_level: debug3
attribute_limits: {attribute_value_length_limit: 100, attribute_count_limit: 50}
resource:
  attributes: [{name: service.name, value: shop}, {name: n, value: 1, type: int}]
  attributes_list: "team=a%20b"
  detection/development: {detectors: [{host: }, {process: }]}
propagator: {composite: [{b3: }, {baggage: }], composite_list: "b3,xray"}
tracer_provider:
  processors:
    - batch:
        schedule_delay: 1000
        export_timeout: 0
        max_queue_size: 100
        max_export_batch_size: 10
        exporter:
          otlp_http:
            endpoint: http://localhost:4318/v1/traces
            headers: [{name: key, value: "a b"}]
            headers_list: "key=other,tenant=x"
            compression: gzip
            timeout: 3000
            encoding: json
  limits:
    attribute_value_length_limit: 200
    event_count_limit: 1
    link_count_limit: 2
    event_attribute_count_limit: 3
    link_attribute_count_limit: 4
  sampler:
    parent_based:
      root: {trace_id_ratio_based: {ratio: 0.25}}
      remote_parent_sampled: {always_off: }
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
        cardinality_limits: {default: 77}
    - periodic:
        interval: 15000
        timeout: 2000
        exporter:
          otlp_http:
            endpoint: http://localhost:4318/v1/metrics
            temporality_preference: low_memory
            default_histogram_aggregation: base2_exponential_bucket_histogram
    - periodic: {exporter: {console: }}
  exemplar_filter: always_off
logger_provider:
  processors:
    - simple: {exporter: {console: }}
  limits: {attribute_count_limit: 5}
"#;

/// Setting, value, place.
const EXPECTED: &[(&str, &str, &str)] = &[
    ("service.name", "shop", "5:15"),
    ("resource.attributes", "team=a%20b,service.name=shop,n=1", "5:15"),
    ("resource.detectors", "host,process,os", "7:38"),
    ("propagators", "b3,baggage,xray", "8:25"),
    ("logs.filter", "debug", "2:12"),
    ("traces.exporter", "otlp", "11:5"),
    ("traces.batch.scheduled_delay", "1s", "12:25"),
    ("traces.batch.max_export_timeout", "1day", "13:25"),
    ("traces.batch.max_queue_size", "100", "14:25"),
    ("traces.batch.max_export_batch_size", "10", "15:32"),
    ("traces.otlp.endpoint", "http://localhost:4318/v1/traces", "18:23"),
    ("traces.otlp.headers", "key=…,tenant=…", "19:22"),
    ("traces.otlp.compression", "gzip", "21:26"),
    ("traces.otlp.timeout", "3s", "22:22"),
    ("traces.otlp.protocol", "http/json", "23:23"),
    ("traces.limits.value_bytes", "200", "25:35"),
    ("traces.limits.attributes", "50", "3:78"),
    ("traces.limits.events", "1", "26:24"),
    ("traces.limits.links", "2", "27:23"),
    ("traces.limits.event_attributes", "3", "28:34"),
    ("traces.limits.link_attributes", "4", "29:33"),
    ("metrics.exporter", "prometheus,otlp,console", "36:5"),
    ("prometheus.host", "127.0.0.1", "39:19"),
    ("prometheus.port", "0", "40:19"),
    ("prometheus.scope_labels", "false", "41:33"),
    ("prometheus.target_info", "false", "42:46"),
    ("prometheus.translation_strategy", "UnderscoreEscapingWithoutSuffixes", "43:35"),
    ("metrics.cardinality_limit", "77", "44:39"),
    ("metrics.export_interval", "15s", "46:19"),
    ("metrics.export_timeout", "2s", "47:18"),
    ("metrics.otlp.endpoint", "http://localhost:4318/v1/metrics", "50:23"),
    ("metrics.temporality", "lowmemory", "51:37"),
    ("metrics.histogram_aggregation", "base2_exponential_bucket_histogram", "52:44"),
    ("metrics.exemplar_filter", "always_off", "54:20"),
    ("logs.exporter", "console", "57:5"),
    ("logs.limits.attributes", "5", "58:35"),
    ("logs.limits.value_bytes", "100", "3:50"),
];

#[test]
fn each_key_becomes_its_setting() {
    let description = explained(FILE, &[]);
    if let Some(error) = description.error() {
        // Without `otlp-http`, that is all that is wrong.
        assert!(error.to_string().contains("otlp-http"), "{error}");
    }
    let is_decided = |name: &str| description.settings().iter().any(|setting| setting.name == name);
    for (name, value, place) in EXPECTED {
        let needs_otlp = name.contains("otlp") || name.contains(".batch.") || name.contains("temporality");
        if is_decided(name) || !needs_otlp && *name != "metrics.export_timeout" {
            assert_eq!(setting(&description, name), ((*value).to_owned(), (*place).to_owned()), "{name}");
        }
    }
    let sampler = setting(&description, "traces.sampler");
    assert!(sampler.0.starts_with("ParentBased{TraceIdRatioBased{0.25}"), "{sampler:?}");
}

#[test]
fn what_has_no_effect_is_a_warning_with_its_place() {
    let text = "file_format: \"1.0\"
tracer_provider:
  processors:
    - batch: {exporter: {otlp_http: {}}}
    - batch: {exporter: {otlp_grpc: {}}}
    - batch: {exporter: {otlp_file/development: {output_stream: stdout}}}
  tracer_configurator/development: {default_config: {enabled: false}}
  sampler: {jaeger_remote/development: {endpoint: x, initial_sampler: {always_on: }}}
meter_provider:
  readers: [{periodic: {exporter: {console: {temporality_preference: delta}}, producers: [{opencensus: }]}}]
  views: [{selector: {meter_version: \"1\"}, stream: {aggregation: {explicit_bucket_histogram: {record_min_max: false}}}}]
instrumentation/development: {rust: {anything: {goes: here}}}
";
    let description = explained(text, &[]);
    let warnings = description.warnings().join("\n");
    for (place, key) in [
        ("5:37", "otlp_grpc"),
        ("6:26", "otlp_file/development"),
        ("7:3", "tracer_configurator/development"),
        ("8:13", "jaeger_remote/development"),
        ("10:46", "temporality_preference"),
        ("10:79", "producers"),
        ("11:23", "meter_version"),
        ("11:95", "record_min_max"),
        ("12:1", "instrumentation/development"),
    ] {
        let found =
            warnings.lines().any(|line| line.contains(&format!("yaml:{place}: ")) && line.contains(key));
        assert!(found, "{place} {key} in\n{warnings}");
    }
}

#[test]
fn a_file_switches_telemetry_off() {
    let description = explained("file_format: \"1.0\"\ndisabled: true\n", &[]);
    assert_eq!(setting(&description, "disabled"), ("true".into(), "2:11".into()));
    let none = "file_format: \"1.0\"\nmeter_provider: {readers: []}\ntracer_provider: {processors: []}\n";
    let description = explained(none, &[("OTEL_EXPORTER_OTLP_ENDPOINT", "")]);
    for name in ["metrics.exporter", "traces.exporter"] {
        assert_eq!(setting(&description, name).0, "none", "{name}");
    }
}
