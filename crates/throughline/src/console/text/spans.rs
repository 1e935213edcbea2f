//! Spans as trees: a trace, and below it its spans, children indented under their parents.
//!
//! A tree has the spans that ended since the last batch. A child whose parent is still open stands at the left.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;

use throughline_core::Timestamp;
use throughline_trace::data::{SpanRef, StatusRef};
use throughline_trace::{SpanId, SpanKind, TraceId};

use super::Colour;
use super::values::{Pair, Plain, is_place, seconds, time_of_day};
use crate::console::records::SpanEntry;

/// Children of children are indented up to here; deeper ones stand below each other.
const DEPTH_MAX: usize = 24;

/// The span as it waits: its place in the tree is known when its trace is written.
pub(in crate::console) fn span(span: &SpanRef<'_>, colours: bool) -> SpanEntry {
    let (dim, plain) = Colour::Dim.around(colours);
    let took = seconds((span.end.as_nanos() - span.start.as_nanos()) as f64 / 1e9);
    let margin = format!("  {} {dim}{}{plain} {took:>7}  ", time_of_day(span.start), span.span_id);
    let mut text = name(span, colours);
    let told = |key: &str| key != "target" && !is_place(key);
    for (key, value) in span.attributes.iter().filter(|(key, _)| told(key)) {
        let _infallible = write!(text, " {}", Pair(key, value));
    }
    let events = span.events.iter().map(|event| {
        let mut line = format!("· {} {}", time_of_day(event.time), Plain(event.name));
        for (key, value) in event.attributes.iter() {
            let _infallible = write!(line, " {}", Pair(key, value));
        }
        line
    });
    SpanEntry { margin, events: events.collect(), ..SpanEntry::line(span, text) }
}

/// Name, kind and status.
fn name(span: &SpanRef<'_>, colours: bool) -> String {
    let (bold, plain) = Colour::Bold.around(colours);
    let mut text = format!("{bold}{}{plain}", Plain(span.name));
    match span.kind {
        SpanKind::Internal => {}
        SpanKind::Server => text.push_str(" (server)"),
        SpanKind::Client => text.push_str(" (client)"),
        SpanKind::Producer => text.push_str(" (producer)"),
        SpanKind::Consumer => text.push_str(" (consumer)"),
    }
    if let StatusRef::Error(description) = span.status {
        let (red, plain) = Colour::Red.around(colours);
        let between = if description.is_empty() { "" } else { ": " };
        let _infallible = write!(text, " {red}ERROR{between}{}{plain}", Plain(description));
    }
    text
}

/// Appends the trees of these spans, the trace that began first at first.
pub(in crate::console) fn traces(text: &mut String, mut spans: Vec<SpanEntry>, colours: bool) {
    spans.sort_by_key(|span| span.start);
    let mut traces: BTreeMap<(Timestamp, [u8; 16]), Vec<SpanEntry>> = BTreeMap::new();
    let mut began: HashMap<TraceId, Timestamp> = HashMap::new();
    for span in spans {
        let start = *began.entry(span.trace_id).or_insert(span.start);
        traces.entry((start, span.trace_id.to_bytes())).or_default().push(span);
    }
    for ((_, trace_id), spans) in traces {
        let (dim, plain) = Colour::Dim.around(colours);
        let _infallible = writeln!(text, "{dim}trace{plain} {}", TraceId::from_bytes(trace_id));
        tree(text, &spans);
    }
}

/// The spans of one trace, in order of their start.
fn tree(text: &mut String, spans: &[SpanEntry]) {
    let places: HashMap<SpanId, usize> =
        spans.iter().enumerate().map(|(at, span)| (span.span_id, at)).collect();
    let mut children: HashMap<usize, Vec<usize>> = HashMap::new();
    let mut open = Vec::new();
    for (at, span) in spans.iter().enumerate() {
        match places.get(&span.parent_span_id).filter(|parent| **parent != at) {
            Some(parent) => children.entry(*parent).or_default().push(at),
            None => open.push((at, 0)),
        }
    }
    open.reverse();
    while let Some((at, depth)) = open.pop() {
        line(text, &spans[at], depth);
        // Each span is shown once, also when ids are the same by mistake.
        let below = children.remove(&at).unwrap_or_default();
        open.extend(below.into_iter().rev().map(|child| (child, depth + 1)));
    }
}

fn line(text: &mut String, span: &SpanEntry, depth: usize) {
    let depth = depth.min(DEPTH_MAX);
    let branch = if depth == 0 { "" } else { "└ " };
    let indent = 2 * depth.saturating_sub(1);
    let _infallible = writeln!(text, "{}{:indent$}{branch}{}", span.margin, "", span.text);
    let indent = EVENT_INDENT + 2 * depth;
    for event in &span.events {
        let _infallible = writeln!(text, "{:indent$}{event}", "");
    }
}

/// The width of a span's margin: indentation, time of day, id, duration.
const EVENT_INDENT: usize = 2 + 15 + 1 + 16 + 1 + 7 + 2;
