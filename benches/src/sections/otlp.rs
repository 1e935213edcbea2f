//! Collecting and encoding an OTLP request of metrics; recording and encoding one of spans.

use super::scrape::{Subject, compare, in_words};
use super::{Section, run_cases};
use crate::candidates::{limit, otel, otlp_spans, throughline};
use crate::harness::{Case, Effort, LIMIT, OURS, Random, Row};

pub const SECTION: Section = Section {
    name: "otlp",
    title: "OTLP, collect and encode: ns per point",
    notes: &[
        "The limit writes time and values over an encoded request and copies nothing. throughline collects and encodes \
         into a buffer it keeps, which is part of its live bytes. The SDK's row is what its exporter does: collect, \
         convert to protobuf types, encode to a new vector.",
        "The rows of spans are the whole cost of a root span, recorded, taken out in batches of 512 and encoded, on one \
         thread. Their limit records and does not encode.",
        "No network, no compression.",
    ],
    run,
};

pub const COUNTERS: &[Subject] = &[
    (LIMIT, limit::otlp::export_counters),
    (OURS, |count| throughline::export(&throughline::counters(count))),
    ("opentelemetry_sdk + proto", otel::export_counters),
];

pub const HISTOGRAMS: &[Subject] = &[
    (LIMIT, limit::otlp::export_histograms),
    (OURS, |count| throughline::export(&throughline::histograms(count))),
    ("opentelemetry_sdk + proto", otel::export_histograms),
];

const SIZES: &[usize] = &[1_000, 10_000, 100_000, 1_000_000];
const QUICK_SIZES: &[usize] = &[1_000, 10_000];

fn run(effort: Effort, random: &mut Random) -> Vec<Row> {
    let mut all = Vec::new();
    for &count in if effort.quick { QUICK_SIZES } else { SIZES } {
        let name = format!("{} counters with 3 attributes", in_words(count));
        all.extend(compare(SECTION.name, &name, count, COUNTERS, effort, random));
    }
    let count = if effort.quick { 1_000 } else { 10_000 };
    let name = format!("{} histograms with 14 bounds and 3 attributes", in_words(count));
    all.extend(compare(SECTION.name, &name, count, HISTOGRAMS, effort, random));
    all.extend(run_cases(SPANS, effort, random));
    all
}

pub const SPANS: &[fn() -> Case] = &[|| {
    let candidates = vec![limit::span::sampled(), otlp_spans::ours(), otlp_spans::sdk()];
    Case::new(SECTION.name, "a root span with 3 attributes, to bytes", candidates)
}];
