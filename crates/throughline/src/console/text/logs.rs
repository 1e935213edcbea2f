//! A log record as a line, as the log console writes it.

use std::fmt::Write as _;

use throughline_trace::SpanId;
use throughline_trace::data::LogRef;

use super::Colour;
use super::values::{Indented, Pair, Plain, is_place, time};

/// The record: time, severity, trace and span, scope, message, attributes.
pub(in crate::console) fn log(log: &LogRef<'_>, colours: bool) -> String {
    let (name, colour) = severity(log.severity_number);
    let name = if log.severity_text.is_empty() { name } else { log.severity_text };
    let (begin, end) = colour.around(colours);
    let mut line =
        format!("{} {begin}{:>5}{end} ", time(log.time.unwrap_or(log.observed)), Plain(name).to_string());
    let mut add = |text: std::fmt::Arguments<'_>| {
        let _infallible = line.write_fmt(text);
    };
    if log.span_id != SpanId::INVALID {
        add(format_args!("{}/{} ", log.trace_id, log.span_id));
    }
    // What comes from `tracing` says where from in an attribute: its scope is the same for all.
    let target = log.attributes.value("target").map(|target| target.to_string());
    add(format_args!("{}:", Plain(target.as_deref().unwrap_or_else(|| log.scope.scope.name()))));
    if !log.event_name.is_empty() {
        add(format_args!(" {}", Plain(log.event_name)));
    }
    if let Some(body) = log.body {
        add(format_args!(" {}", Indented(&body.to_string())));
    }
    let told = |key: &str| key != "target" && !is_place(key);
    for (key, value) in log.attributes.iter().filter(|(key, _)| told(key)) {
        add(format_args!(" {}", Pair(key, value)));
    }
    line
}

/// The name and the colour of OpenTelemetry's severity numbers.
fn severity(number: u8) -> (&'static str, Colour) {
    match number {
        1..=4 => ("TRACE", Colour::Magenta),
        5..=8 => ("DEBUG", Colour::Blue),
        9..=12 => ("INFO", Colour::Green),
        13..=16 => ("WARN", Colour::Yellow),
        17..=20 => ("ERROR", Colour::Red),
        21..=24 => ("FATAL", Colour::Red),
        _ => ("-", Colour::Dim),
    }
}
