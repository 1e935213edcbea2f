//! Variables that nobody reads: misspelt ones, and those of the specification that do not apply here.
//!
//! Asked once at start-up, when it is known which variables there are. Values are not shown: they may be secret.

use super::Settings;
use super::alias::Alias;
use super::catalogue::catalogue;
use crate::config::Environment;
use crate::error::Source;

/// Names longer than this are nobody's misspelling.
const NAME_BYTES_MAX: usize = 128;

/// Further from a known name than this, a name is another name.
const DISTANCE_MAX: usize = 2;

/// Known, and without effect: what to do instead.
const UNSUPPORTED: &[(&str, &str)] = &[
    ("OTEL_BSP_MAX_CONCURRENT_EXPORTS", "spans go out in order, one request at a time"),
    ("OTEL_ENTITIES", "entities are not known here; write their attributes into OTEL_RESOURCE_ATTRIBUTES"),
    ("OTEL_EXPORTER_JAEGER_ENDPOINT", "Jaeger takes OTLP: set OTEL_EXPORTER_OTLP_ENDPOINT"),
    ("OTEL_EXPORTER_JAEGER_AGENT_HOST", "Jaeger takes OTLP: set OTEL_EXPORTER_OTLP_ENDPOINT"),
    ("OTEL_EXPORTER_OTLP_METRIC_INSECURE", "it was renamed: set OTEL_EXPORTER_OTLP_METRICS_INSECURE"),
    ("OTEL_EXPORTER_OTLP_SPAN_INSECURE", "it was renamed: set OTEL_EXPORTER_OTLP_TRACES_INSECURE"),
    ("OTEL_EXPORTER_ZIPKIN_ENDPOINT", "there is no Zipkin exporter: send OTLP to a Collector that has one"),
    ("OTEL_EXPORTER_ZIPKIN_PROTOCOL", "there is no Zipkin exporter: send OTLP to a Collector that has one"),
    ("OTEL_EXPORTER_ZIPKIN_TIMEOUT", "there is no Zipkin exporter: send OTLP to a Collector that has one"),
    ("OTEL_METRICS_ENDPOINT", "it is not in the specification: set OTEL_EXPORTER_OTLP_METRICS_ENDPOINT"),
    (
        "OTEL_SERVICE_INSTANCE_ID",
        "it is not in the specification: write `service.instance.id=…` into OTEL_RESOURCE_ATTRIBUTES",
    ),
    (
        "OTEL_SERVICE_NAMESPACE",
        "it is not in the specification: write `service.namespace=…` into OTEL_RESOURCE_ATTRIBUTES",
    ),
    (
        "OTEL_SERVICE_VERSION",
        "it is not in the specification: write `service.version=…` into OTEL_RESOURCE_ATTRIBUTES",
    ),
];

/// Known, and read by others: instrumentations, or nobody.
const FOREIGN: &[&str] = &["OTEL_SEMCONV_STABILITY_OPT_IN"];

/// Warns of what has no effect, and refuses aliases for what is no variable.
pub(super) fn check(environment: &Environment, aliases: &[Alias], settings: &mut Settings<'_>) {
    let known = known();
    for alias in aliases {
        if !known.contains(&alias.variable()) {
            let what =
                format!("stands for no variable of the catalogue{}", suggestion(alias.variable(), &known));
            settings.problem(Source::Code("with_aliases"), alias.to_string(), what);
        }
    }
    let mut names = environment.names();
    names.retain(|name| name.starts_with("OTEL_") || name.starts_with("THROUGHLINE_"));
    names.sort_unstable();
    for name in names {
        let is_alias = aliases.iter().any(|alias| alias.name() == name);
        if !is_alias && environment.value(&name).is_some() {
            settings.warnings.extend(warning(&name, &known));
        }
    }
}

fn known() -> Vec<&'static str> {
    let of_settings = catalogue().into_iter().flat_map(|definition| definition.variables().iter().copied());
    of_settings.chain(FOREIGN.iter().copied()).collect()
}

fn warning(name: &str, known: &[&str]) -> Option<String> {
    if known.contains(&name) {
        return None;
    }
    if let Some((_, instead)) = UNSUPPORTED.iter().find(|(unsupported, _)| *unsupported == name) {
        return Some(format!("{name} is set and has no effect: {instead}"));
    }
    let near = nearest(name, known)?;
    Some(format!("{name} is set and has no effect: did you mean {near}?"))
}

fn suggestion(name: &str, known: &[&str]) -> String {
    nearest(name, known).map_or_else(String::new, |near| format!("; did you mean {near}?"))
}

fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    if name.len() > NAME_BYTES_MAX {
        return None;
    }
    let distances = known.iter().map(|known| (distance(name.as_bytes(), known.as_bytes()), *known));
    distances.filter(|(distance, _)| *distance <= DISTANCE_MAX).min().map(|(_, known)| known)
}

/// How many letters have to be added, left out, exchanged with a neighbour or replaced.
fn distance(from: &[u8], to: &[u8]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=to.len()).collect();
    for (row, letter) in from.iter().enumerate() {
        let mut next = vec![row + 1];
        for (column, other) in to.iter().enumerate() {
            let replaced = last[column] + usize::from(letter != other);
            let mut least = replaced.min(last[column + 1] + 1).min(next[column] + 1);
            let is_swapped = row > 0 && column > 0 && *letter == to[column - 1] && from[row - 1] == *other;
            if is_swapped {
                least = least.min(before[column - 1] + 1);
            }
            next.push(least);
        }
        before = std::mem::replace(&mut last, next);
    }
    last[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn misspelt_names_are_recognised() {
        let known = known();
        for (name, near) in [
            ("OTEL_SERVCE_NAME", Some("OTEL_SERVICE_NAME")),
            ("OTEL_EXPORTER_OLTP_ENDPOINT", Some("OTEL_EXPORTER_OTLP_ENDPOINT")),
            ("OTEL_TRACES_SAMPLER_ARGS", Some("OTEL_TRACES_SAMPLER_ARG")),
            ("OTEL_METRICS_EXPORT_INTERVAL", Some("OTEL_METRIC_EXPORT_INTERVAL")),
            ("OTEL_PYTHON_LOG_CORRELATION", None),
        ] {
            assert_eq!(nearest(name, &known), near, "{name}");
        }
        assert_eq!(distance(b"abcd", b"abdc"), 1);
        assert_eq!(distance(b"", b"abc"), 3);
    }
}
