//! The configuration file.
//!
//! What must hold for any text: nothing panics; what is wrong is told with a place, in a bounded number of lines of bounded
//! length; what is told twice is the same.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use throughline::{Description, TelemetryConfig};

use crate::Target;

/// The one.
pub(crate) const TARGETS: &[Target] = &[Target {
    name: "config_file",
    run: config_file,
    seeds: &[
        b"file_format: \"1.0\"\nresource: {attributes: [{name: a, value: [1, 2], type: int_array}], attributes_list: 'b=c'}\n",
        b"file_format: \"1.0\"\ntracer_provider:\n  sampler: {parent_based: {root: {trace_id_ratio_based: {ratio: 0.5}}}}\n  limits: {event_count_limit: 1}\n",
        b"file_format: \"1.0\"\nmeter_provider:\n  readers: [{periodic: {interval: 5, exporter: {console: }}}]\n  views:\n    - selector: {instrument_name: a}\n      stream: {aggregation: {explicit_bucket_histogram: {boundaries: [1, 2]}}, attribute_keys: {included: [b]}}\n",
        b"file_format: \"1.0\"\nlog_level: ${SET:-warn}\npropagator: {composite: [{b3: }], composite_list: $$}\ndistribution: {throughline: {logs.console: json}}\n",
        b"a: &x [1, {b: *x}]\n---\n? |\n  c\n: >-\n  d\n",
    ],
    words: &[
        b": ", b"\n", b"\n  ", b"- ", b"[", b"]", b"{", b"}", b"&x ", b"*x", b"${", b"${SET}", b":-", b"$$", b"}", b"|", b">", b"'",
        b"\"", b"#", b"? ", b"!!str ", b"---", b"~", b"1.0", b"file_format: \"1.0\"", b"tracer_provider", b"meter_provider",
        b"processors", b"readers", b"batch", b"exporter", b"console", b"otlp_http", b"sampler", b"parent_based", b"root", b"0x", b".inf",
    ],
}];

/// How much is told of one file: a hundred findings, and what settings make of the rest.
const LINES_MAX: usize = 400;

/// Text in the declarative format.
pub fn config_file(data: &[u8]) -> u64 {
    let text = String::from_utf8_lossy(data);
    let description = explained(&text);
    let error = description.error().map(ToString::to_string);
    assert_eq!(error, explained(&text).error().map(ToString::to_string), "told twice");
    let told: Vec<&str> = error
        .iter()
        .flat_map(|error| error.lines())
        .chain(description.warnings().iter().map(String::as_str))
        .collect();
    assert!(told.len() < LINES_MAX, "{} lines are told", told.len());
    signature(&description)
}

fn explained(text: &str) -> Description {
    let lookup = |variable: &str| (variable == "SET").then(|| "debug".to_owned());
    TelemetryConfig::new("fuzz")
        .with_environment_variables(lookup)
        .with_resource_detectors([])
        .with_file_contents(text)
        .explain()
}

/// Which settings the file changes, and how the messages begin.
fn signature(description: &Description) -> u64 {
    let mut hasher = DefaultHasher::new();
    for setting in description.settings() {
        (setting.name, matches!(setting.source, throughline::Source::File { .. })).hash(&mut hasher);
    }
    if let Some(error) = description.error() {
        let kinds = error.to_string();
        kinds
            .lines()
            .take(4)
            .map(|line| line.rsplit(';').next().map(str::len))
            .for_each(|kind| kind.hash(&mut hasher));
    }
    description.warnings().len().hash(&mut hasher);
    hasher.finish()
}
