//! What people read.

use throughline::init_telemetry;

use crate::support::{everything, record, started, with};

/// The line that contains this.
fn line(text: &str, part: &str) -> String {
    let found = text.lines().find(|line| line.contains(part));
    found.unwrap_or_else(|| panic!("no {part} in:\n{text}")).to_owned()
}

#[test]
fn a_trace_is_a_tree_with_kinds_attributes_events_and_errors() {
    let (telemetry, written) = started(everything(), &[]);
    record(&telemetry);
    assert!(telemetry.shutdown_blocking().is_complete());
    let text = written.text();
    let root = line(&text, "GET /cart");
    assert!(root.ends_with("GET /cart (server) user=\"a b\""), "{root}");
    let child = line(&text, "SELECT");
    assert!(child.ends_with("└ SELECT (client) ERROR: timed out"), "{child}");
    assert!(line(&text, "· ").ends_with("retry attempt=2"), "{text}");
    let at = |part| text.find(part).expect("it is there");
    assert!(at("trace ") < at("GET /cart") && at("GET /cart") < at("SELECT"), "{text}");
}

#[test]
fn a_log_record_is_a_line_that_nothing_in_it_can_break_or_colour() {
    let (telemetry, written) = started(everything(), &[]);
    record(&telemetry);
    drop(telemetry);
    let text = written.text();
    let log = line(&text, "INFO");
    assert!(log.ends_with(r"it: cart \u{1b}[31mloaded"), "{log}");
    assert_eq!(line(&text, "second line"), "    second line items=3");
    assert!(!text.contains('\x1b'), "no colours where nobody sees them");
    let trace = line(&text, "trace ").replace("trace ", "");
    assert!(log.contains(&format!(" {trace}/")), "the log record names its trace: {log}");
}

#[test]
fn metrics_are_a_block_with_a_line_for_each_series() {
    let (telemetry, written) = started(everything(), &[]);
    record(&telemetry);
    drop(telemetry);
    let text = written.text();
    let block: Vec<_> =
        text.lines().skip_while(|line| !line.starts_with("metrics of shop at ")).skip(1).collect();
    assert_eq!(
        block,
        [
            "  it",
            "    orders [{order}] counter",
            "      paid=true  2",
            "    depth gauge",
            "      -7",
            "    duration [s] histogram",
            "      count 100  sum 5.05s  min 1ms  p50 50ms  p90 90ms  p99 99ms  max 100ms",
        ]
    );
}

#[test]
fn nothing_is_shown_that_was_not_asked_for() {
    let (telemetry, written) =
        started(throughline::ConsoleConfig::new(), &[("OTEL_METRICS_EXPORTER", "console")]);
    record(&telemetry);
    drop(telemetry);
    let text = written.text();
    assert!(text.starts_with("metrics of shop at ") && !text.contains("GET /cart"), "{text}");
}

#[test]
fn the_environment_asks_for_signals_stream_and_format() {
    let telemetry = init_telemetry(with(&[
        ("OTEL_TRACES_EXPORTER", "console"),
        ("OTEL_LOGS_EXPORTER", "console"),
        ("OTEL_METRICS_EXPORTER", "prometheus, console"),
        ("OTEL_METRIC_EXPORT_INTERVAL", "1500"),
        ("THROUGHLINE_CONSOLE_STREAM", "stderr"),
        ("THROUGHLINE_CONSOLE_FORMAT", "json"),
    ]))
    .expect("telemetry starts");
    let description = telemetry.describe().to_string();
    for expected in [
        "shown on stderr",
        "(OTEL_TRACES_EXPORTER)",
        "(OTEL_LOGS_EXPORTER)",
        "console of OTEL_METRICS_EXPORTER",
        "1s 500ms  (OTEL_METRIC_EXPORT_INTERVAL)",
        "stderr  (THROUGHLINE_CONSOLE_STREAM)",
        "json  (THROUGHLINE_CONSOLE_FORMAT)",
    ] {
        assert!(description.contains(expected), "{expected} in {description}");
    }
}

#[test]
fn a_log_record_is_not_shown_twice_unless_asked_for() {
    let log_console = |variables: &[(&'static str, &'static str)]| {
        let telemetry = init_telemetry(with(variables)).expect("telemetry starts");
        let settings = telemetry.describe().settings();
        settings.iter().find(|setting| setting.name == "logs.console").map(|setting| setting.value.clone())
    };
    assert_eq!(log_console(&[]).as_deref(), Some("text"));
    let console = ("OTEL_LOGS_EXPORTER", "console");
    assert_eq!(log_console(&[console]).as_deref(), Some("none"));
    assert_eq!(log_console(&[console, ("THROUGHLINE_LOG_FORMAT", "json")]).as_deref(), Some("json"));
}

#[test]
fn what_cannot_be_read_is_refused() {
    let error = init_telemetry(with(&[
        ("OTEL_METRICS_EXPORTER", "console"),
        ("THROUGHLINE_CONSOLE_STREAM", "printer"),
        ("THROUGHLINE_CONSOLE_FORMAT", "xml"),
        ("OTEL_METRIC_EXPORT_INTERVAL", "soon"),
    ]))
    .expect_err("none of these can be used")
    .to_string();
    for expected in [
        "`printer`: is no stream; write stdout or stderr",
        "`xml`: is no format; write text or json",
        "`soon`",
    ] {
        assert!(error.contains(expected), "{expected} in {error}");
    }
}
