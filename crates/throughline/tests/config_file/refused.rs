//! What is wrong with a file is told with its place, what would be right, and all of it at once.

use crate::support::{explained, problems, with};

/// A file, and what is said of it: where, and what.
const BAD: &[(&str, &str, &str)] = &[
    ("disabled: true", "1:1", "is missing; begin the file with `file_format: \"1.0\"`"),
    ("", "1:1", "is missing"),
    ("file_format: \"0.4\"\ntracer_provider: {}", "1:14", "is older than 1.0"),
    ("file_format: \"2.0\"", "1:14", "is no version that is known here"),
    ("file_format: latest", "1:14", "is no version that is known here"),
    ("file_format: \"1.0\"\ntracer_provdier: {}", "2:1", "did you mean `tracer_provider`?"),
    ("file_format: \"1.0\"\nexporters: {}", "2:1", "is no key of the file: it has file_format, disabled"),
    ("file_format: \"1.0\"\ndisabled: maybe", "2:11", "is text; `disabled` is true or false"),
    ("file_format: \"1.0\"\nlog_level: loud", "2:12", "is text; `log_level` is one of trace, trace2"),
    ("file_format: \"1.0\"\nresource: shop", "2:11", "is text; `resource` is a map"),
    (
        "file_format: \"1.0\"\nresource: {attributes: {a: b}}",
        "2:24",
        "is a map; `resource.attributes` is a list",
    ),
    ("file_format: \"1.0\"\nresource: {attributes: [{value: 1}]}", "2:25", "has no `name`"),
    ("file_format: \"1.0\"\nresource: {attributes: [{name: a}]}", "2:25", "has no `value`"),
    (
        "file_format: \"1.0\"\nresource: {attributes: [{name: a, value: x, type: int}]}",
        "2:42",
        "the attribute `a` is of type int",
    ),
    (
        "file_format: \"1.0\"\nresource: {attributes: [{name: a, value: [1, x], type: int_array}]}",
        "2:42",
        "is of type int_array",
    ),
    ("file_format: \"1.0\"\nresource: {attributes_list: team}", "2:29", "has no `=`"),
    (
        "file_format: \"1.0\"\npropagator: {composite: [tracecontext]}",
        "2:26",
        "`propagator.composite[0]` is a map",
    ),
    ("file_format: \"1.0\"\npropagator: {composite: [{b4: }]}", "2:27", "did you mean `b3`?"),
    ("file_format: \"1.0\"\npropagator: {composite_list: carrier-pigeon}", "2:30", "carrier-pigeon"),
    (
        "file_format: \"1.0\"\ntracer_provider: {sampler: {always_on: , always_off: }}",
        "2:28",
        "takes exactly one of always_on",
    ),
    (
        "file_format: \"1.0\"\ntracer_provider: {sampler: {trace_id_ratio_based: {ratio: 7}}}",
        "2:59",
        "is a number from 0 to 1",
    ),
    (
        "file_format: \"1.0\"\ntracer_provider:\n  processors:\n    - batch:\n        schedul_delay: 5",
        "5:9",
        "did you mean `schedule_delay`?",
    ),
    (
        "file_format: \"1.0\"\ntracer_provider:\n  processors:\n    - batch:\n        max_queue_size: -1",
        "5:25",
        "an integer, 1 or more",
    ),
    (
        "file_format: \"1.0\"\ntracer_provider: {processors: [{batch: {schedule_delay: 1}}]}",
        "2:40",
        "has no `exporter`",
    ),
    (
        "file_format: \"1.0\"\ntracer_provider: {processors: [{batch: {exporter: {otlp: {}}}}]}",
        "2:52",
        "is no key of `tracer_provider.processors[0].batch.exporter`: it has otlp_http",
    ),
    ("file_format: \"1.0\"\ntracer_provider: {processors: [~]}", "2:32", "is nothing"),
    (
        "file_format: \"1.0\"\ntracer_provider: {limits: {event_count_limit: many}}",
        "2:47",
        "an integer, 0 or more",
    ),
    (
        "file_format: \"1.0\"\nmeter_provider: {readers: [{pull: {exporter: {prometheus/development: {port: 70000}}}}]}",
        "2:78",
        "an integer from 0 to 65535",
    ),
    (
        "file_format: \"1.0\"\nmeter_provider: {readers: [{periodic: {interval: 0, exporter: {console: }}}]}",
        "2:50",
        "is no time at all",
    ),
    (
        "file_format: \"1.0\"\nmeter_provider: {exemplar_filter: sometimes}",
        "2:35",
        "one of always_on, always_off, trace_based",
    ),
    ("file_format: \"1.0\"\nmeter_provider: {views: [{stream: {name: a}}]}", "2:26", "a view needs both"),
    (
        "file_format: \"1.0\"\nmeter_provider: {views: [{selector: {instrument_name: a*}, stream: {name: b}}]}",
        "2:75",
        "would be the name of several streams",
    ),
    (
        "file_format: \"1.0\"\nmeter_provider: {views: [{selector: {}, stream: {aggregation: {explicit_bucket_histogram: {boundaries: [2, 1]}}}}]}",
        "2:104",
        "larger than the one before",
    ),
    (
        "file_format: \"1.0\"\nlogger_provider: {processors: [{batch: {exporter: {console: {colour: red}}}}]}",
        "2:62",
        "it has none",
    ),
    (
        "file_format: \"1.0\"\ndistribution: {throughline: {console.strem: stderr}}",
        "2:30",
        "did you mean `console.stream`?",
    ),
    (
        "file_format: \"1.0\"\ndistribution: {throughline: {logs.console: xml}}",
        "2:44",
        "write text, json or none",
    ),
    ("file_format: \"1.0\"\nlog_level: ${1}", "2:12", "is no reference to a variable"),
    ("file_format: \"1.0\"\ndisabled: true\ndisabled: false", "3:1", "is there twice, first in line 2"),
    ("file_format: \"1.0\"\n  disabled: [", "2:", "is no YAML"),
    ("file_format: \"1.0\"\n---\ndisabled: true", "3:1", "begins a second document"),
    ("- a\n- b", "1:1", "is missing"),
    ("file_format: \"1.0\"\na: &a [*a]", "2:8", "has no end yet"),
];

#[test]
fn each_mistake_is_told_with_its_place_and_what_would_be_right() {
    for (text, place, what) in BAD {
        let problems = problems(text);
        let found = problems.iter().any(|problem| problem.starts_with(place) && problem.contains(what));
        assert!(found, "{place} {what}\nof\n{text}\nin\n{problems:#?}");
        assert_eq!(problems.len(), 1, "nothing else is wrong with\n{text}\n{problems:#?}");
    }
}

#[test]
fn all_mistakes_are_told_at_once() {
    let text = "file_format: \"1.0\"\ndisabled: 3\nlog_level: 4\nresource: []\nprpagator: {}\n";
    let problems = problems(text);
    let lines: Vec<_> = problems.iter().filter_map(|problem| problem.split(':').next()).collect();
    assert_eq!(lines, ["2", "3", "4", "5"], "{problems:#?}");
}

#[test]
fn there_is_an_end_to_what_is_told() {
    let text = format!(
        "file_format: \"1.0\"\n{}",
        (0..1000).fold(String::new(), |text, n| text + &format!("k{n}: 1\n"))
    );
    assert_eq!(problems(&text).len(), 100);
}

#[test]
fn a_file_that_cannot_be_read_is_an_error_with_its_source() {
    let description = with(&[("OTEL_CONFIG_FILE", "/nowhere/otel.yaml")]).explain();
    let error = description.error().expect("it is not there").to_string();
    assert!(error.contains("OTEL_CONFIG_FILE = `/nowhere/otel.yaml`: cannot be read"), "{error}");
    let folder = tempfile::tempdir().expect("a folder");
    assert!(with(&[]).with_file(folder.path()).explain().error().is_some());
}

#[test]
fn secrets_are_not_told() {
    let description = explained(
        "file_format: \"1.0\"\ntracer_provider: {processors: [{batch: {exporter: {otlp_http: {headers: [{name: key, value: [s3cret]}]}}}}]}",
        &[],
    );
    let error = description.error().expect("a list is no value").to_string();
    assert!(!error.contains("s3cret"), "{error}");
}
