//! Every setting there is, each once.
//!
//! The parts of start-up name them by their constants; [`catalogue`] lists them for the documentation and for
//! `throughline config explain`.

use super::definition::{Definition, Secrecy};

/// Every setting, in the order of the documentation.
pub fn catalogue() -> Vec<&'static Definition> {
    let of_signals = [(METRICS, &METRICS_OTLP), (TRACES, &TRACES_OTLP), (LOGS, &LOGS_OTLP)];
    let of_signals = of_signals.into_iter().flat_map(|(own, otlp)| own.iter().copied().chain(otlp.all()));
    GENERAL
        .iter()
        .chain(PROMETHEUS)
        .chain(SCRAPE_SECRETS)
        .chain(CONSOLE)
        .chain(BUFFER)
        .copied()
        .chain(of_signals)
        .collect()
}

/// Defines settings, and a list of them.
macro_rules! settings {
    ($list:ident; $($constant:ident: $name:literal, [$($variable:literal),*], $default:literal, $about:literal;)*) => {
        settings! { $list, Public; $($constant: $name, [$($variable),*], $default, $about;)* }
    };
    ($list:ident, $secrecy:ident; $($constant:ident: $name:literal, [$($variable:literal),*], $default:literal, $about:literal;)*) => {
        $(pub(crate) static $constant: Definition = Definition {
            name: $name,
            variables: &[$($variable),*],
            default: $default,
            about: $about,
            secrecy: Secrecy::$secrecy,
        };)*
        static $list: &[&Definition] = &[$(&$constant),*];
    };
}

settings! {
    GENERAL;
    DISABLED: "disabled", ["OTEL_SDK_DISABLED"], "false",
        "Switches all telemetry off: instruments do nothing, nothing is opened or started";
    CONFIG_FILE: "config.file", ["OTEL_CONFIG_FILE", "OTEL_EXPERIMENTAL_CONFIG_FILE"], "",
        "A configuration file in YAML, weaker than the environment (needs the cargo feature `config-file`)";
    SERVICE_NAME: "service.name", ["OTEL_SERVICE_NAME"], "",
        "The service's name; also `service.name` in `OTEL_RESOURCE_ATTRIBUTES`, else the one given to `TelemetryConfig::new`";
    RESOURCE_ATTRIBUTES: "resource.attributes", ["OTEL_RESOURCE_ATTRIBUTES"], "",
        "What the telemetry comes from: `key=value` pairs with commas between them, values percent-encoded";
    RESOURCE_DETECTORS: "resource.detectors", ["OTEL_EXPERIMENTAL_RESOURCE_DETECTORS"], "all",
        "Who finds out about process and machine: a list of detectors, `all` or `none`";
    SELF_TELEMETRY: "self_telemetry", ["THROUGHLINE_SELF_TELEMETRY"], "",
        "Whether metrics say how telemetry itself fares, as `otel.sdk.*` and `throughline.*`; unless set, when something is pushed";
    PROPAGATORS: "propagators", ["OTEL_PROPAGATORS"], "tracecontext,baggage",
        "How contexts travel between processes: tracecontext, baggage, b3, b3multi, jaeger, or none";
}

settings! {
    METRICS;
    METRICS_EXPORTER: "metrics.exporter", ["OTEL_METRICS_EXPORTER"], "",
        "Where metrics go: a list of otlp, prometheus and console, or none; unless set, prometheus, and otlp when an endpoint is";
    METRICS_INTERVAL: "metrics.export_interval", ["OTEL_METRIC_EXPORT_INTERVAL"], "1m",
        "How often metrics are pushed";
    METRICS_EXPORT_TIMEOUT: "metrics.export_timeout", ["OTEL_METRIC_EXPORT_TIMEOUT"], "30s",
        "How long one push of metrics may take; the shorter of this and `metrics.otlp.timeout` holds";
    METRICS_TEMPORALITY: "metrics.temporality", ["OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE"], "cumulative",
        "What is pushed: cumulative, delta or lowmemory; what is scraped is always cumulative";
    METRICS_HISTOGRAMS: "metrics.histogram_aggregation", ["OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION"], "explicit_bucket_histogram",
        "What histograms become whose instrument or view says nothing: explicit_bucket_histogram or base2_exponential_bucket_histogram";
    METRICS_EXEMPLARS: "metrics.exemplar_filter", ["OTEL_METRICS_EXEMPLAR_FILTER"], "trace_based",
        "Which measurements can become exemplars: trace_based, always_on or always_off";
    METRICS_LIMIT: "metrics.cardinality_limit", ["THROUGHLINE_METRICS_CARDINALITY_LIMIT"], "2000",
        "How many series an instrument may have";
    METRICS_EXPIRY: "metrics.idle_expiry", ["THROUGHLINE_METRICS_IDLE_EXPIRY"], "",
        "How long a series stays that nobody records on; for ever unless set";
}

settings! {
    PROMETHEUS;
    PROMETHEUS_HOST: "prometheus.host", ["OTEL_EXPORTER_PROMETHEUS_HOST"], "localhost",
        "The address that the scrape endpoint listens on";
    PROMETHEUS_PORT: "prometheus.port", ["OTEL_EXPORTER_PROMETHEUS_PORT"], "9464",
        "… and its port; 0 takes any free one";
    PROMETHEUS_STRATEGY: "prometheus.translation_strategy", ["THROUGHLINE_PROMETHEUS_TRANSLATION_STRATEGY"], "UnderscoreEscapingWithSuffixes",
        "How names become Prometheus names";
    PROMETHEUS_SCOPES: "prometheus.scope_labels", ["THROUGHLINE_PROMETHEUS_SCOPE_LABELS"], "true",
        "Whether series carry the labels `otel_scope_*`";
    PROMETHEUS_TARGET_INFO: "prometheus.target_info", ["THROUGHLINE_PROMETHEUS_TARGET_INFO"], "true",
        "Whether there is a metric `target_info` with the attributes of the resource";
    PROMETHEUS_CERTIFICATE: "prometheus.tls.certificate", ["THROUGHLINE_PROMETHEUS_CERTIFICATE"], "",
        "The certificate that the scrape endpoint shows, with its chain, a file in PEM; needs its key. Plain text unless set (cargo feature `tls`)";
    PROMETHEUS_KEY: "prometheus.tls.key", ["THROUGHLINE_PROMETHEUS_KEY"], "",
        "The key of that certificate, a file in PEM";
    PROMETHEUS_USERNAME: "prometheus.basic.username", ["THROUGHLINE_PROMETHEUS_USERNAME"], "",
        "The name that whoever scrapes has to give; needs a password. Everybody may scrape unless this or a token is set";
    PROMETHEUS_PASSWORD_FILE: "prometheus.basic.password_file", ["THROUGHLINE_PROMETHEUS_PASSWORD_FILE"], "",
        "A file with the password, read again when it changes";
    PROMETHEUS_TOKEN_FILE: "prometheus.bearer_token_file", ["THROUGHLINE_PROMETHEUS_BEARER_TOKEN_FILE"], "",
        "A file with a token that whoever scrapes has to give, as `authorization: Bearer …`; read again when it changes";
}

settings! {
    SCRAPE_SECRETS, Secret;
    PROMETHEUS_PASSWORD: "prometheus.basic.password", ["THROUGHLINE_PROMETHEUS_PASSWORD"], "",
        "The password itself, which wins over the file";
    PROMETHEUS_TOKEN: "prometheus.bearer_token", ["THROUGHLINE_PROMETHEUS_BEARER_TOKEN"], "",
        "The token itself, which wins over the file";
}

settings! {
    CONSOLE;
    CONSOLE_STREAM: "console.stream", ["THROUGHLINE_CONSOLE_STREAM"], "stdout",
        "Where the console exporter writes: stdout or stderr";
    CONSOLE_FORMAT: "console.format", ["THROUGHLINE_CONSOLE_FORMAT"], "text",
        "What it writes: text for people, or json, an object a line in the names of OTLP/JSON";
}

settings! {
    BUFFER;
    QUEUE_BYTES: "queue.max_bytes", ["THROUGHLINE_QUEUE_MAX_BYTES"], "16777216",
        "How many bytes of what cannot be pushed yet wait in memory, for each signal";
    QUEUE_FULL: "queue.full", ["THROUGHLINE_QUEUE_FULL"], "drop_oldest",
        "What is dropped, and counted, when queue or spool are full: drop_oldest or drop_newest";
    SPOOL_DIRECTORY: "spool.directory", ["THROUGHLINE_SPOOL_DIRECTORY"], "",
        "Where everything that is to be pushed is kept on disk until it was taken; nowhere unless set (needs the cargo feature `spool`)";
    SPOOL_BYTES: "spool.max_bytes", ["THROUGHLINE_SPOOL_MAX_BYTES"], "268435456",
        "How many bytes of disk the spool takes, for each signal";
    SPOOL_AGE: "spool.max_age", ["THROUGHLINE_SPOOL_MAX_AGE"], "1day",
        "How long something stays in the spool";
}

settings! {
    TRACES;
    TRACES_EXPORTER: "traces.exporter", ["OTEL_TRACES_EXPORTER"], "",
        "Where spans go: a list of otlp and console, or none; unless set, otlp when an endpoint is";
    TRACES_SAMPLER: "traces.sampler", ["OTEL_TRACES_SAMPLER"], "parentbased_always_on",
        "Which spans are recorded: always_on, always_off, traceidratio, parentbased_always_on, parentbased_always_off or parentbased_traceidratio";
    TRACES_SAMPLER_ARGUMENT: "traces.sampler_argument", ["OTEL_TRACES_SAMPLER_ARG"], "",
        "The share of traces, from 0 to 1, for `traceidratio` and `parentbased_traceidratio`";
    TRACES_QUEUE: "traces.batch.max_queue_size", ["OTEL_BSP_MAX_QUEUE_SIZE"], "2048",
        "How many spans may wait for a push";
    TRACES_BATCH: "traces.batch.max_export_batch_size", ["OTEL_BSP_MAX_EXPORT_BATCH_SIZE"], "512",
        "How many spans go out in one request";
    TRACES_DELAY: "traces.batch.scheduled_delay", ["OTEL_BSP_SCHEDULE_DELAY"], "5s",
        "How long a span waits for others";
    TRACES_BATCH_TIMEOUT: "traces.batch.max_export_timeout", ["OTEL_BSP_EXPORT_TIMEOUT"], "30s",
        "How long one push of spans may take; the shorter of this and `traces.otlp.timeout` holds";
    TRACES_BAGGAGE: "traces.baggage_attributes", ["THROUGHLINE_TRACES_BAGGAGE_ATTRIBUTES"], "",
        "Which items of the baggage become attributes of spans: a list of keys; none unless set";
    SPAN_ATTRIBUTES: "traces.limits.attributes", ["OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "OTEL_ATTRIBUTE_COUNT_LIMIT"], "128",
        "How many attributes a span may have";
    SPAN_VALUE_BYTES: "traces.limits.value_bytes", ["OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT"], "",
        "Where text in attributes of spans is cut, in bytes; nowhere unless set";
    SPAN_EVENTS: "traces.limits.events", ["OTEL_SPAN_EVENT_COUNT_LIMIT"], "128",
        "How many events a span may have";
    SPAN_LINKS: "traces.limits.links", ["OTEL_SPAN_LINK_COUNT_LIMIT"], "128",
        "How many links a span may have";
    EVENT_ATTRIBUTES: "traces.limits.event_attributes", ["OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT"], "128",
        "How many attributes an event of a span may have";
    LINK_ATTRIBUTES: "traces.limits.link_attributes", ["OTEL_LINK_ATTRIBUTE_COUNT_LIMIT"], "128",
        "How many attributes a link of a span may have";
}

settings! {
    LOGS;
    LOGS_EXPORTER: "logs.exporter", ["OTEL_LOGS_EXPORTER"], "",
        "Where log records go: a list of otlp and console, or none; unless set, otlp when an endpoint is";
    LOGS_FILTER: "logs.filter", ["RUST_LOG", "OTEL_LOG_LEVEL"], "info",
        "Which log records are kept: a level, or a list such as `info,shop::cart=debug`";
    LOGS_CONSOLE: "logs.console", ["THROUGHLINE_LOG_FORMAT"], "text",
        "What goes to standard error: text, json or none";
    LOGS_QUEUE: "logs.batch.max_queue_size", ["OTEL_BLRP_MAX_QUEUE_SIZE"], "2048",
        "How many log records may wait for a push";
    LOGS_BATCH: "logs.batch.max_export_batch_size", ["OTEL_BLRP_MAX_EXPORT_BATCH_SIZE"], "512",
        "How many log records go out in one request";
    LOGS_DELAY: "logs.batch.scheduled_delay", ["OTEL_BLRP_SCHEDULE_DELAY"], "1s",
        "How long a log record waits for others";
    LOGS_BATCH_TIMEOUT: "logs.batch.max_export_timeout", ["OTEL_BLRP_EXPORT_TIMEOUT"], "30s",
        "How long one push of log records may take; the shorter of this and `logs.otlp.timeout` holds";
    LOG_ATTRIBUTES: "logs.limits.attributes", ["OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT", "OTEL_ATTRIBUTE_COUNT_LIMIT"], "128",
        "How many attributes a log record may have";
    LOG_VALUE_BYTES: "logs.limits.value_bytes", ["OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT", "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT"], "",
        "Where text in log records is cut, in bytes; nowhere unless set";
}

/// The settings of pushing one signal.
pub(crate) struct OtlpSettings {
    pub(crate) endpoint: Definition,
    pub(crate) protocol: Definition,
    pub(crate) headers: Definition,
    pub(crate) timeout: Definition,
    pub(crate) compression: Definition,
    pub(crate) insecure: Definition,
    pub(crate) certificate: Definition,
    pub(crate) client_certificate: Definition,
    pub(crate) client_key: Definition,
    pub(crate) bearer_token_file: Definition,
}

impl OtlpSettings {
    pub(crate) fn all(&self) -> [&Definition; 10] {
        let Self { endpoint, protocol, headers, timeout, compression, insecure, .. } = self;
        let Self { certificate, client_certificate, client_key, bearer_token_file, .. } = self;
        [
            endpoint,
            protocol,
            headers,
            timeout,
            compression,
            insecure,
            certificate,
            client_certificate,
            client_key,
            bearer_token_file,
        ]
    }
}

/// One setting of one signal: its own variable wins over that of all signals.
macro_rules! of_signal {
    ($signal:literal, $prefix:literal, $variable:literal: $name:literal, $suffix:literal, $default:literal, $secrecy:ident, $about:expr) => {
        Definition {
            name: concat!($signal, ".otlp.", $name),
            variables: &[concat!($prefix, $variable, "_", $suffix), concat!($prefix, $suffix)],
            default: $default,
            about: $about,
            secrecy: Secrecy::$secrecy,
        }
    };
}

macro_rules! otlp_settings {
    ($signal:literal, $variable:literal) => {
        OtlpSettings {
            endpoint: of_signal!($signal, "OTEL_EXPORTER_OTLP_", $variable: "endpoint", "ENDPOINT", "", Url,
                "Where to push to; the signal's own variable is the URL itself, that of all signals a base. Unset, `otlp` goes to `http://localhost:4318`, or 4317 for gRPC"),
            protocol: of_signal!($signal, "OTEL_EXPORTER_OTLP_", $variable: "protocol", "PROTOCOL", "http/protobuf", Public,
                "How OTLP is encoded: http/protobuf, http/json, or grpc (cargo feature `otlp-grpc`)"),
            headers: of_signal!($signal, "OTEL_EXPORTER_OTLP_", $variable: "headers", "HEADERS", "", Headers,
                "Headers of every push: `name=value` pairs with commas between them, percent-encoded"),
            timeout: of_signal!($signal, "OTEL_EXPORTER_OTLP_", $variable: "timeout", "TIMEOUT", "10s", Public,
                "How long one push may take, retries included"),
            compression: of_signal!($signal, "OTEL_EXPORTER_OTLP_", $variable: "compression", "COMPRESSION", "none", Public,
                "How bodies are compressed: none, gzip, or zstd (cargo feature `zstd`)"),
            insecure: of_signal!($signal, "OTEL_EXPORTER_OTLP_", $variable: "insecure", "INSECURE", "false", Public,
                "Whether a gRPC endpoint without a scheme is spoken to without TLS"),
            certificate: of_signal!($signal, "OTEL_EXPORTER_OTLP_", $variable: "certificate", "CERTIFICATE", "", Public,
                "A file of root certificates in PEM, instead of those that the system trusts (cargo feature `tls`)"),
            client_certificate: of_signal!($signal, "OTEL_EXPORTER_OTLP_", $variable: "client_certificate", "CLIENT_CERTIFICATE", "", Public,
                "The certificate shown to the receiver, a file in PEM; needs its key (cargo feature `tls`)"),
            client_key: of_signal!($signal, "OTEL_EXPORTER_OTLP_", $variable: "client_key", "CLIENT_KEY", "", Public,
                "The key of that certificate, a file in PEM"),
            bearer_token_file: of_signal!($signal, "THROUGHLINE_OTLP_", $variable: "bearer_token_file", "BEARER_TOKEN_FILE", "", Public,
                "A file with a token, sent as `authorization: Bearer …` and read again when it changes"),
        }
    };
}

pub(crate) static METRICS_OTLP: OtlpSettings = otlp_settings!("metrics", "METRICS");
pub(crate) static TRACES_OTLP: OtlpSettings = otlp_settings!("traces", "TRACES");
pub(crate) static LOGS_OTLP: OtlpSettings = otlp_settings!("logs", "LOGS");

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_setting_has_a_name_of_its_own_and_a_variable() {
        let mut names = HashSet::new();
        for definition in catalogue() {
            assert!(names.insert(definition.name()), "{definition} is there twice");
            assert!(!definition.variables().is_empty(), "{definition} has no variable");
        }
    }
}
