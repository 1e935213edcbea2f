//! Answering a scrape: time, allocations and memory per series.

use std::hint::black_box;

use super::Section;
use crate::alloc::{Usage, usage};
use crate::candidates::{
    foundations, limit, measured, metrics, otel, prometheus, prometheus_client, throughline,
};
use crate::harness::{Candidate, Case, Effort, LIMIT, OURS, Random, Row, measure, print};

pub const SECTION: Section = Section {
    name: "scrape",
    title: "Text exposition: ns per series",
    notes: &[
        "The OpenTelemetry exporters and throughline add `otel_scope_name` to every line (24 bytes). prometheus and \
         opentelemetry-prometheus sort their output, throughline does once, when series come; the limit has it in order of \
         creation.",
        "LIMIT, throughline and measured write into a buffer they keep, which is part of their live bytes then; the \
         others, and throughline (new body), make a new body each time; throughline (streamed) makes it in pieces of 64 \
         KiB, of which there is one at a time.",
        "foundations-metrics is asked for one family, not for its process-wide registry.",
        "Live bytes are everything the library keeps of the series after the first scrape; throughline's include what \
         its exporter keeps. Extra peak is what a repeated scrape needs at most beyond that.",
    ],
    run,
};

/// Answers one scrape and says how long the answer is.
pub type Scrape = Box<dyn Fn() -> usize + Send + Sync>;

/// A library's name, and how to make it ready to be scraped with a number of series.
pub type Subject = (&'static str, fn(usize) -> Scrape);

pub const COUNTERS: &[Subject] = &[
    (LIMIT, limit::text::scrape_counters),
    ("LIMIT (memcpy)", limit::text::copy_counters),
    (OURS, |count| throughline::scrape(&throughline::counters(count))),
    ("throughline (new body)", |count| throughline::scrape_new_body(&throughline::counters(count))),
    ("throughline (streamed)", |count| throughline::scrape_streamed(&throughline::counters(count))),
    ("measured", measured::scrape_counters),
    ("prometheus-client", prometheus_client::scrape_counters),
    ("opentelemetry-prometheus-text-exporter", otel::scrape_text_counters),
    ("foundations-metrics", foundations::scrape_counters),
    ("prometheus", prometheus::scrape_counters),
    ("metrics-exporter-prometheus", metrics::scrape_counters),
    ("opentelemetry-prometheus", otel::scrape_counters),
];

pub const HISTOGRAMS: &[Subject] = &[
    (LIMIT, limit::text::scrape_histograms),
    ("LIMIT (memcpy)", limit::text::copy_histograms),
    (OURS, |count| throughline::scrape(&throughline::histograms(count))),
    ("throughline (new body)", |count| throughline::scrape_new_body(&throughline::histograms(count))),
    ("throughline (streamed)", |count| throughline::scrape_streamed(&throughline::histograms(count))),
    ("measured", measured::scrape_histograms),
    ("prometheus-client", prometheus_client::scrape_histograms),
    ("opentelemetry-prometheus-text-exporter", otel::scrape_text_histograms),
    ("foundations-metrics", foundations::scrape_histograms),
    ("prometheus", prometheus::scrape_histograms),
    ("metrics-exporter-prometheus", metrics::scrape_histograms),
    ("opentelemetry-prometheus", otel::scrape_histograms),
];

const SIZES: &[usize] = &[1_000, 10_000, 100_000, 1_000_000];
const QUICK_SIZES: &[usize] = &[1_000, 10_000];

fn run(effort: Effort, random: &mut Random) -> Vec<Row> {
    let mut all = Vec::new();
    for &count in if effort.quick { QUICK_SIZES } else { SIZES } {
        let name = format!("{} counters with 3 labels", in_words(count));
        all.extend(compare(SECTION.name, &name, count, COUNTERS, effort, random));
    }
    let count = if effort.quick { 1_000 } else { 10_000 };
    let name = format!("{} histograms with 14 bounds and 3 labels", in_words(count));
    all.extend(compare(SECTION.name, &name, count, HISTOGRAMS, effort, random));
    all
}

pub fn in_words(count: usize) -> String {
    match count {
        1_000_000.. => format!("{}M", count / 1_000_000),
        1_000.. => format!("{}k", count / 1_000),
        _ => count.to_string(),
    }
}

/// Time, allocations and memory of each subject.
pub fn compare(
    section: &'static str,
    name: &str,
    count: usize,
    subjects: &[Subject],
    effort: Effort,
    random: &mut Random,
) -> Vec<Row> {
    let mut footprints = Vec::new();
    let mut candidates = Vec::new();
    for (subject, make) in subjects {
        let (scrape, kept) = usage(|| {
            let scrape = make(count);
            scrape();
            scrape
        });
        scrape();
        let (_, repeated) = usage(|| black_box(scrape()));
        footprints.push((*subject, kept, repeated));
        candidates.push(Candidate::new(*subject, move |times| {
            (0..times).for_each(|_| {
                black_box(scrape());
            });
        }));
    }
    let case = Case::new(section, name, candidates).per(count as u64);
    let mut tables = vec![measure(&case, effort, random)];
    tables.extend(footprint_rows(section, name, count, &footprints));
    for rows in &tables {
        print(rows);
    }
    tables.into_iter().flatten().collect()
}

fn footprint_rows(
    section: &str,
    name: &str,
    count: usize,
    footprints: &[(&'static str, Usage, Usage)],
) -> [Vec<Row>; 3] {
    let rows = |what: &str, unit: &str, pick: fn(&Usage, &Usage) -> f64| {
        let counts: Vec<(&str, f64)> = footprints
            .iter()
            .map(|(subject, kept, repeated)| (*subject, pick(kept, repeated) / count as f64))
            .collect();
        Row::counted(section, &format!("{name}, {what}"), unit, &counts)
    };
    [
        rows("allocations of a repeated pass", "allocations/series", |_, repeated| repeated.calls as f64),
        rows("live", "bytes/series", |kept, _| kept.live as f64),
        rows("extra peak of a repeated pass", "bytes/series", |_, repeated| repeated.peak as f64),
    ]
}
