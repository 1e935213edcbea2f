//! The environment variables that settings come from.
//!
//! What must hold for any values: nothing panics; a problem names a variable that is set; what is told is bounded; deciding
//! twice decides the same.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use throughline::{Description, Error, Source, TelemetryConfig, catalogue};

use crate::Target;

/// The one.
pub(crate) const TARGETS: &[Target] = &[Target {
    name: "variables",
    run: variables,
    seeds: &[
        b"OTEL_EXPORTER_OTLP_ENDPOINT=http://user:secret@host:4317/base?token=secret\xfeOTEL_EXPORTER_OTLP_HEADERS=a=secret,b=%20",
        b"OTEL_METRICS_EXPORTER=otlp, prometheus\xfeOTEL_METRIC_EXPORT_INTERVAL=1m 30s\xfeOTEL_EXPORTER_PROMETHEUS_PORT=0",
        b"OTEL_TRACES_EXPORTER=none\xfeOTEL_TRACES_SAMPLER=parentbased_traceidratio\xfeOTEL_TRACES_SAMPLER_ARG=0.25",
        b"OTEL_LOGS_EXPORTER=otlp\xfeRUST_LOG=info,shop::cart=debug\xfeOTEL_BLRP_SCHEDULE_DELAY=5000\xfeOTEL_RESOURCE_ATTRIBUTES=a=b,c=%41",
        b"OTEL_PROPAGATORS=b3,tracecontext\xfeOTEL_SDK_DISABLED=TRUE\xfeOTEL_EXPORTER_OTLP_PROTOCOL=grpc",
    ],
    words: &[
        b"\xfe", b"=", b",", b"%", b"://", b"@", b"?", b":", b"-1", b"0", b"18446744073709551616", b"1e9", b"5s", b"none", b"otlp",
        b"console", b"grpc", b"http/json", b"true", b"OTEL_BSP_MAX_QUEUE_SIZE=", b"OTEL_EXPORTER_OTLP_TIMEOUT=", b"unix:/",
        b"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=", b"OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE=delta",
    ],
}];

/// Stands between variables; it is in no UTF-8 text.
const BETWEEN: u8 = 0xfe;

/// How much is told of all variables together: of each, once for each signal, and one warning.
const LINES_MAX: usize = 400;

/// Names and values of variables.
pub fn variables(data: &[u8]) -> u64 {
    let variables: HashMap<String, String> = data.split(|byte| *byte == BETWEEN).filter_map(pair).collect();
    let description = explained(&variables);
    let shown = format!("{description} {}", description.to_json());
    assert_eq!(
        shown,
        {
            let again = explained(&variables);
            format!("{again} {}", again.to_json())
        },
        "told twice"
    );
    if let Some(Error::Configuration(problems)) = description.error() {
        assert!(problems.len() + description.warnings().len() < LINES_MAX);
        for problem in problems {
            let Source::Environment(name) = problem.source() else { panic!("whose is this? {problem}") };
            assert!(variables.contains_key(&**name), "{problem}");
        }
    }
    signature(&description)
}

fn pair(member: &[u8]) -> Option<(String, String)> {
    let text = String::from_utf8_lossy(member);
    let (name, value) = text.split_once('=')?;
    let is_known = catalogue().iter().any(|setting| setting.variables().contains(&name));
    is_known.then(|| (name.to_owned(), value.to_owned()))
}

fn explained(variables: &HashMap<String, String>) -> Description {
    let variables = variables.clone();
    TelemetryConfig::new("fuzz")
        .with_environment_variables(move |name| variables.get(name).cloned())
        .with_resource_detectors([])
        .explain()
}

/// Which settings the variables change, and which of them cannot be used.
fn signature(description: &Description) -> u64 {
    let mut hasher = DefaultHasher::new();
    for setting in description.settings() {
        (setting.name, setting.source == Source::Default).hash(&mut hasher);
    }
    if let Some(Error::Configuration(problems)) = description.error() {
        for problem in problems {
            problem.setting().hash(&mut hasher);
        }
    }
    description.warnings().len().hash(&mut hasher);
    hasher.finish()
}
