//! Every key of the format, what its value must be, and what it does here.
//!
//! OpenTelemetry's configuration format 1.x, written down once: `check.rs` looks for keys and types in it, `apply.rs` and
//! `read/` for the settings that keys set, and the table in `docs/configuration-file.md` is made of it.
//!
//! The names of settings that belong to a signal stand here without it: `otlp.endpoint` below `tracer_provider` is
//! `traces.otlp.endpoint`.

/// One key.
#[derive(Debug)]
pub(super) struct Key {
    pub(super) name: &'static str,
    pub(super) shape: Shape,
    pub(super) effect: Effect,
}

/// What a value must be. Null is allowed everywhere, and is as good as leaving the key out.
#[derive(Clone, Copy, Debug)]
pub(super) enum Shape {
    /// A map of these keys.
    Map(&'static [Key]),
    /// A map of exactly one of these keys.
    One(&'static [Key]),
    List(&'static Self),
    Text,
    Bool,
    /// An integer, this or more.
    Int(i64),
    /// An integer in a range.
    Within(i64, i64),
    /// Milliseconds, of which 0 means no limit.
    Timeout,
    /// A number from 0 to 1.
    Share,
    Number,
    /// One of these words; beside them, what they are in the setting.
    Choice(&'static [(&'static str, &'static str)]),
    /// Whatever.
    Any,
}

/// What a key does.
#[derive(Clone, Copy, Debug)]
pub(super) enum Effect {
    /// Groups others.
    Part,
    /// It is a setting.
    Sets(&'static str),
    /// As said, which only the documentation reads.
    #[cfg_attr(not(test), expect(dead_code, reason = "for the documentation"))]
    Does(&'static str),
    /// Nothing, for this reason.
    Ignored(&'static str),
}

use Effect::{Does, Ignored, Part, Sets};
use Shape::{Any, Bool, Choice, Int, List, Map, Number, One, Share, Text, Timeout, Within};

const fn key(name: &'static str, shape: Shape, effect: Effect) -> Key {
    Key { name, shape, effect }
}

/// Keys that are chosen and have nothing to say.
const NOTHING: Shape = Map(&[]);

/// The file.
pub(super) const ROOT: Shape = Map(ROOT_KEYS);

const ROOT_KEYS: &[Key] = &[
    key("file_format", Text, Does("`1.0` and other versions `1.x` are read, older ones refused")),
    key("disabled", Bool, Sets("disabled")),
    key("log_level", Choice(LEVELS), Sets("logs.filter")),
    key("attribute_limits", Map(ATTRIBUTE_LIMITS), Part),
    key("resource", Map(RESOURCE), Part),
    key("propagator", Map(PROPAGATOR), Part),
    key("tracer_provider", Map(TRACER_PROVIDER), Part),
    key("meter_provider", Map(METER_PROVIDER), Part),
    key("logger_provider", Map(LOGGER_PROVIDER), Part),
    key("instrumentation/development", Any, Ignored("no instrumentation is configured here")),
    key("distribution", Map(DISTRIBUTION), Part),
];

/// The toolkit's own.
const DISTRIBUTION: &[Key] = &[key(
    "throughline",
    Any,
    Does(
        "sets any [setting](configuration.md) by its name, such as `console.stream: stderr`; these win over the rest of the file",
    ),
)];

const LEVELS: &[(&str, &str)] = &[
    ("trace", "trace"),
    ("trace2", "trace"),
    ("trace3", "trace"),
    ("trace4", "trace"),
    ("debug", "debug"),
    ("debug2", "debug"),
    ("debug3", "debug"),
    ("debug4", "debug"),
    ("info", "info"),
    ("info2", "info"),
    ("info3", "info"),
    ("info4", "info"),
    ("warn", "warn"),
    ("warn2", "warn"),
    ("warn3", "warn"),
    ("warn4", "warn"),
    ("error", "error"),
    ("error2", "error"),
    ("error3", "error"),
    ("error4", "error"),
    ("fatal", "error"),
    ("fatal2", "error"),
    ("fatal3", "error"),
    ("fatal4", "error"),
];

const ATTRIBUTE_LIMITS: &[Key] = &[
    key(
        "attribute_value_length_limit",
        Int(0),
        Does(
            "sets `traces.limits.value_bytes` and `logs.limits.value_bytes`, unless the provider's own limits do",
        ),
    ),
    key(
        "attribute_count_limit",
        Int(0),
        Does(
            "sets `traces.limits.attributes` and `logs.limits.attributes`, unless the provider's own limits do",
        ),
    ),
];

const RESOURCE: &[Key] = &[
    key(
        "attributes",
        List(&Map(ATTRIBUTE)),
        Does("are attributes of the resource, with their types; `service.name` sets `service.name`"),
    ),
    key(
        "attributes_list",
        Text,
        Does("adds attributes as `OTEL_RESOURCE_ATTRIBUTES` has them; those of `attributes` win"),
    ),
    key("detection/development", Map(DETECTION), Part),
    key("schema_url", Text, Ignored("resources have no schema URL here")),
    key("detectors", Any, Ignored("it was renamed: write `detection/development`")),
];

const ATTRIBUTE: &[Key] = &[
    key("name", Text, Does("is the attribute's key")),
    key("value", Any, Does("is its value, a scalar or a list of one type")),
    key("type", Choice(TYPES), Does("is the type of the value; text unless set")),
];

const TYPES: &[(&str, &str)] = &[
    ("string", "string"),
    ("bool", "bool"),
    ("int", "int"),
    ("double", "double"),
    ("string_array", "string_array"),
    ("bool_array", "bool_array"),
    ("int_array", "int_array"),
    ("double_array", "double_array"),
];

const DETECTION: &[Key] = &[
    key(
        "attributes",
        Map(INCLUDE_EXCLUDE),
        Does("chooses among what detectors find, by keys with `*` and `?`"),
    ),
    key("detectors", List(&One(DETECTORS)), Sets("resource.detectors")),
];

const INCLUDE_EXCLUDE: &[Key] = &[
    key("included", List(&Text), Does("keeps these alone")),
    key("excluded", List(&Text), Does("drops these")),
];

const DETECTORS: &[Key] = &[
    key("container", NOTHING, Does("is the detector `container`")),
    key("host", NOTHING, Does("are the detectors `host` and `os`")),
    key("process", NOTHING, Does("is the detector `process`")),
    key("service", NOTHING, Does("is the detector `service`")),
];

const PROPAGATOR: &[Key] = &[
    key("composite", List(&One(PROPAGATORS)), Sets("propagators")),
    key("composite_list", Text, Does("adds propagators as `OTEL_PROPAGATORS` names them")),
];

const PROPAGATORS: &[Key] = &[
    key("tracecontext", NOTHING, Does("is W3C trace context")),
    key("baggage", NOTHING, Does("is W3C baggage")),
    key("b3", NOTHING, Does("is B3 in one header")),
    key("b3multi", NOTHING, Does("is B3 in several headers")),
    key("jaeger", NOTHING, Does("is Jaeger's header")),
    key("xray", NOTHING, Does("is the header of AWS X-Ray")),
    key("ottrace", NOTHING, Ignored("the format of OpenTracing is not known here")),
];

const TRACER_PROVIDER: &[Key] = &[
    key("processors", List(&One(SPAN_PROCESSORS)), Sets("exporter")),
    key("limits", Map(SPAN_LIMITS), Part),
    key("sampler", One(&SAMPLERS), Sets("sampler")),
    key("id_generator", One(&[key("random", NOTHING, Does("is how ids are made"))]), Part),
    key("tracer_configurator/development", Any, Ignored("tracers cannot be switched off one by one")),
];

const SPAN_PROCESSORS: &[Key] = &[
    key("batch", Map(BATCH), Part),
    key(
        "simple",
        Map(SIMPLE),
        Does("is `batch` with its defaults: nothing is exported on the thread that records"),
    ),
];

const BATCH: &[Key] = &[
    key("schedule_delay", Int(0), Sets("batch.scheduled_delay")),
    key("export_timeout", Timeout, Sets("batch.max_export_timeout")),
    key("max_queue_size", Int(1), Sets("batch.max_queue_size")),
    key("max_export_batch_size", Int(1), Sets("batch.max_export_batch_size")),
    key("exporter", One(EXPORTERS), Part),
];

const SIMPLE: &[Key] = &[key("exporter", One(EXPORTERS), Part)];

const EXPORTERS: &[Key] = &[
    key(
        "otlp_http",
        Map(OTLP_HTTP),
        Does("pushes over OTLP/HTTP; of several exporters that push, the first counts"),
    ),
    key("otlp_grpc", Map(OTLP_GRPC), Does("pushes over OTLP/gRPC")),
    key("console", NOTHING, Does("shows on the console")),
    key(
        "otlp_file/development",
        Any,
        Ignored("there is no file exporter: `console` with `console.format: json` is near"),
    ),
];

const OTLP_HTTP: &[Key] = &[
    ENDPOINT,
    key("tls", Map(TLS), Part),
    HEADERS,
    HEADERS_LIST,
    COMPRESSION,
    TIMEOUT,
    key("encoding", Choice(&[("protobuf", "http/protobuf"), ("json", "http/json")]), Sets("otlp.protocol")),
];

const OTLP_GRPC: &[Key] =
    &[ENDPOINT, key("tls", Map(GRPC_TLS), Part), HEADERS, HEADERS_LIST, COMPRESSION, TIMEOUT];

const ENDPOINT: Key = key("endpoint", Text, Sets("otlp.endpoint"));
const HEADERS: Key = key("headers", List(&Map(HEADER)), Sets("otlp.headers"));
const HEADERS_LIST: Key = key(
    "headers_list",
    Text,
    Does("adds headers as `OTEL_EXPORTER_OTLP_HEADERS` has them; those of `headers` win"),
);
const COMPRESSION: Key = key("compression", Text, Sets("otlp.compression"));
const TIMEOUT: Key = key("timeout", Timeout, Sets("otlp.timeout"));

const HEADER: &[Key] =
    &[key("name", Text, Does("is the header's name")), key("value", Text, Does("is its value, never shown"))];

const TLS: &[Key] = &[CA_FILE, KEY_FILE, CERT_FILE];
const GRPC_TLS: &[Key] = &[CA_FILE, KEY_FILE, CERT_FILE, key("insecure", Bool, Sets("otlp.insecure"))];
const CA_FILE: Key = key("ca_file", Text, Sets("otlp.certificate"));
const KEY_FILE: Key = key("key_file", Text, Sets("otlp.client_key"));
const CERT_FILE: Key = key("cert_file", Text, Sets("otlp.client_certificate"));

const SPAN_LIMITS: &[Key] = &[
    VALUE_LENGTH_LIMIT,
    COUNT_LIMIT,
    key("event_count_limit", Int(0), Sets("limits.events")),
    key("link_count_limit", Int(0), Sets("limits.links")),
    key("event_attribute_count_limit", Int(0), Sets("limits.event_attributes")),
    key("link_attribute_count_limit", Int(0), Sets("limits.link_attributes")),
];

const LOG_LIMITS: &[Key] = &[VALUE_LENGTH_LIMIT, COUNT_LIMIT];
const VALUE_LENGTH_LIMIT: Key = key("attribute_value_length_limit", Int(0), Sets("limits.value_bytes"));
const COUNT_LIMIT: Key = key("attribute_count_limit", Int(0), Sets("limits.attributes"));

/// Statics, because they are in each other.
static SAMPLERS: [Key; 7] = [
    key("always_on", NOTHING, Does("records every span")),
    key("always_off", NOTHING, Does("records none")),
    key("trace_id_ratio_based", Map(RATIO), Does("records a share of all traces")),
    key("parent_based", Map(&PARENT_BASED), Does("records what the parent's process records")),
    key(
        "probability/development",
        Map(RATIO),
        Does("records a share of all traces, as `trace_id_ratio_based`"),
    ),
    key(
        "composite/development",
        Any,
        Ignored("composite samplers are not known here: `parent_based: always_on` is used"),
    ),
    key(
        "jaeger_remote/development",
        Any,
        Ignored("there is no remote sampler: `parent_based: always_on` is used"),
    ),
];

const RATIO: &[Key] = &[key("ratio", Share, Does("is the share, from 0 to 1; all unless set"))];

static PARENT_BASED: [Key; 5] = [
    key("root", One(&SAMPLERS), Does("decides about spans without a parent")),
    key(
        "remote_parent_sampled",
        One(&SAMPLERS),
        Does("decides where a parent in another process is sampled"),
    ),
    key("remote_parent_not_sampled", One(&SAMPLERS), Does("… and where it is not")),
    key("local_parent_sampled", One(&SAMPLERS), Does("decides where a parent in this process is sampled")),
    key("local_parent_not_sampled", One(&SAMPLERS), Does("… and where it is not")),
];

const METER_PROVIDER: &[Key] = &[
    key("readers", List(&One(READERS)), Sets("exporter")),
    key("views", List(&Map(VIEW)), Does("are views, before those of code")),
    key(
        "exemplar_filter",
        Choice(&[("always_on", "always_on"), ("always_off", "always_off"), ("trace_based", "trace_based")]),
        Sets("exemplar_filter"),
    ),
    key(
        "meter_configurator/development",
        Any,
        Ignored("meters cannot be switched off one by one: a view with `drop` does it for instruments"),
    ),
    key("view_matching_mode/development", Any, Ignored("each view that matches makes a stream")),
];

const READERS: &[Key] = &[key("periodic", Map(PERIODIC), Part), key("pull", Map(PULL), Part)];

const PERIODIC: &[Key] = &[
    key("interval", Int(0), Sets("export_interval")),
    key("timeout", Timeout, Sets("export_timeout")),
    key("exporter", One(METRIC_EXPORTERS), Part),
    key("producers", Any, Ignored("there are no producers beside the instruments")),
    key("cardinality_limits", Map(CARDINALITY_LIMITS), Part),
    key("max_export_batch_size/development", Int(1), Ignored("requests are cut by their size in bytes")),
];

const METRIC_EXPORTERS: &[Key] = &[
    key(
        "otlp_http",
        Map(OTLP_HTTP_METRICS),
        Does("pushes over OTLP/HTTP; of several exporters that push, the first counts"),
    ),
    key("otlp_grpc", Map(OTLP_GRPC_METRICS), Does("pushes over OTLP/gRPC")),
    key("console", Map(CONSOLE_METRICS), Does("shows on the console")),
    key(
        "otlp_file/development",
        Any,
        Ignored("there is no file exporter: `console` with `console.format: json` is near"),
    ),
];

const OTLP_HTTP_METRICS: &[Key] = &[
    ENDPOINT,
    key("tls", Map(TLS), Part),
    HEADERS,
    HEADERS_LIST,
    COMPRESSION,
    TIMEOUT,
    key("encoding", Choice(&[("protobuf", "http/protobuf"), ("json", "http/json")]), Sets("otlp.protocol")),
    TEMPORALITY,
    HISTOGRAMS,
];

const OTLP_GRPC_METRICS: &[Key] = &[
    ENDPOINT,
    key("tls", Map(GRPC_TLS), Part),
    HEADERS,
    HEADERS_LIST,
    COMPRESSION,
    TIMEOUT,
    TEMPORALITY,
    HISTOGRAMS,
];

const TEMPORALITY: Key = key(
    "temporality_preference",
    Choice(&[("cumulative", "cumulative"), ("delta", "delta"), ("low_memory", "lowmemory")]),
    Sets("temporality"),
);
const HISTOGRAMS: Key =
    key("default_histogram_aggregation", Choice(HISTOGRAM_AGGREGATIONS), Sets("histogram_aggregation"));
const HISTOGRAM_AGGREGATIONS: &[(&str, &str)] = &[
    ("explicit_bucket_histogram", "explicit_bucket_histogram"),
    ("base2_exponential_bucket_histogram", "base2_exponential_bucket_histogram"),
];

const CONSOLE_METRICS: &[Key] = &[
    key(
        "temporality_preference",
        Choice(&[("cumulative", ""), ("delta", ""), ("low_memory", "")]),
        Ignored("the console shows metrics since the start"),
    ),
    key(
        "default_histogram_aggregation",
        Choice(HISTOGRAM_AGGREGATIONS),
        Ignored("histograms are the same for all exporters: a view chooses"),
    ),
];

const CARDINALITY_LIMITS: &[Key] = &[
    key("default", Int(1), Sets("cardinality_limit")),
    key("counter", Int(1), OF_KIND),
    key("gauge", Int(1), OF_KIND),
    key("histogram", Int(1), OF_KIND),
    key("observable_counter", Int(1), OF_KIND),
    key("observable_gauge", Int(1), OF_KIND),
    key("observable_up_down_counter", Int(1), OF_KIND),
    key("up_down_counter", Int(1), OF_KIND),
];

const OF_KIND: Effect = Ignored(
    "`default` holds for instruments of every kind: `aggregation_cardinality_limit` of a view chooses",
);

const PULL: &[Key] = &[
    key(
        "exporter",
        One(&[key("prometheus/development", Map(PROMETHEUS), Does("serves metrics to Prometheus"))]),
        Part,
    ),
    key("producers", Any, Ignored("there are no producers beside the instruments")),
    key("cardinality_limits", Map(CARDINALITY_LIMITS), Part),
];

const PROMETHEUS: &[Key] = &[
    key("host", Text, Sets("prometheus.host")),
    key("port", Within(0, 65_535), Sets("prometheus.port")),
    key("scope_info_enabled", Bool, Sets("prometheus.scope_labels")),
    key("target_info_enabled/development", Bool, Sets("prometheus.target_info")),
    key(
        "resource_constant_labels",
        Any,
        Ignored("attributes of the resource are labels of `target_info`, and of nothing else"),
    ),
    key("translation_strategy", Choice(STRATEGIES), Sets("prometheus.translation_strategy")),
    key("without_scope_info", Bool, Ignored("it was renamed: write `scope_info_enabled: false`")),
    key("without_type_suffix", Bool, Ignored("it was replaced: write `translation_strategy`")),
    key("without_units", Bool, Ignored("it was replaced: write `translation_strategy`")),
    key(
        "without_target_info",
        Bool,
        Ignored("it was renamed: write `target_info_enabled/development: false`"),
    ),
    key(
        "with_resource_constant_labels",
        Any,
        Ignored("it was renamed, and attributes of the resource are labels of `target_info` alone"),
    ),
];

const STRATEGIES: &[(&str, &str)] = &[
    ("underscore_escaping_with_suffixes", "UnderscoreEscapingWithSuffixes"),
    ("underscore_escaping_without_suffixes/development", "UnderscoreEscapingWithoutSuffixes"),
    ("no_utf8_escaping_with_suffixes/development", "NoUTF8EscapingWithSuffixes"),
    ("no_translation/development", "NoTranslation"),
];

const VIEW: &[Key] = &[key("selector", Map(SELECTOR), Part), key("stream", Map(STREAM), Part)];

const SELECTOR: &[Key] = &[
    key("instrument_name", Text, Does("chooses by name, with `*` and `?`")),
    key("instrument_type", Choice(KINDS), Does("chooses by kind")),
    key("unit", Text, Does("chooses by unit")),
    key("meter_name", Text, Does("chooses by the name of the scope")),
    key("meter_version", Text, Ignored("views do not look at versions: they choose scopes by name")),
    key("meter_schema_url", Text, Ignored("views do not look at schema URLs: they choose scopes by name")),
];

const KINDS: &[(&str, &str)] = &[
    ("counter", ""),
    ("gauge", ""),
    ("histogram", ""),
    ("observable_counter", ""),
    ("observable_gauge", ""),
    ("observable_up_down_counter", ""),
    ("up_down_counter", ""),
];

const STREAM: &[Key] = &[
    key("name", Text, Does("is the stream's name")),
    key("description", Text, Does("is its description")),
    key("aggregation", One(AGGREGATIONS), Part),
    key("aggregation_cardinality_limit", Int(1), Does("is its limit of series")),
    key("attribute_keys", Map(INCLUDE_EXCLUDE), Does("chooses attributes by their keys")),
];

const AGGREGATIONS: &[Key] = &[
    key("default", NOTHING, Does("leaves the aggregation to the instrument")),
    key("drop", NOTHING, Does("makes no stream")),
    key("explicit_bucket_histogram", Map(EXPLICIT), Does("is a histogram with bounds")),
    key("base2_exponential_bucket_histogram", Map(EXPONENTIAL), Does("is an exponential histogram")),
    key("last_value", NOTHING, Does("keeps the last value")),
    key("sum", NOTHING, Does("adds up")),
];

const EXPLICIT: &[Key] = &[
    key("boundaries", List(&Number), Does("are its bounds; the specification's unless set")),
    key("record_min_max", Bool, MIN_MAX),
];

const EXPONENTIAL: &[Key] = &[
    key("max_scale", Within(-10, 20), Does("is its finest scale; 8 at most")),
    key("max_size", Int(2), Does("is how many buckets it has on either side of zero; 512 at most")),
    key("record_min_max", Bool, MIN_MAX),
];

const MIN_MAX: Effect = Ignored("minimum and maximum cost nothing and are always recorded");

const LOGGER_PROVIDER: &[Key] = &[
    key("processors", List(&One(LOG_PROCESSORS)), Sets("exporter")),
    key("limits", Map(LOG_LIMITS), Part),
    key(
        "logger_configurator/development",
        Any,
        Ignored("loggers cannot be switched off one by one: `logs.filter` chooses by target"),
    ),
];

const LOG_PROCESSORS: &[Key] = &[
    key("batch", Map(BATCH), Part),
    key(
        "simple",
        Map(SIMPLE),
        Does("is `batch` with its defaults: nothing is exported on the thread that records"),
    ),
    key(
        "event_to_span_event_bridge/development",
        Any,
        Ignored("log records with the name of an event are no events of spans"),
    ),
];

impl Shape {
    /// The keys below, if there are any.
    pub(super) const fn keys(self) -> &'static [Key] {
        match self {
            Map(keys) | One(keys) => keys,
            List(shape) => shape.keys(),
            _ => &[],
        }
    }
}

/// The signal of a setting that is named below this key of the file.
pub(super) fn signal(root_key: &str) -> &'static str {
    match root_key {
        "tracer_provider" => "traces.",
        "meter_provider" => "metrics.",
        "logger_provider" => "logs.",
        _ => "",
    }
}
