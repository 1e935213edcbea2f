//! Adding one to a counter.

use super::{Section, run_cases};
use crate::candidates::{
    foundations, limit, measured, metrics, otel, prometheus, prometheus_client, throughline,
};
use crate::harness::{Case, Effort};
use crate::workload::{borrowed, closed, literals};

pub const SECTION: Section = Section {
    name: "counter",
    title: "Counters, one thread: ns per addition",
    notes: &[
        "Without attributes: libraries with handles use a bound or cached one. foundations-metrics, prometheus, \
         prometheus-client and measured do one `fetch_add`; foundations' ThreadLocal, throughline and the limit write a \
         cell of the thread's own.",
        "measured is 0.0.25: its next version, 0.1, needs a newer Rust than this benchmark is built with.",
        "Closed sets: prometheus, metrics and the OpenTelemetry SDK have no such door.",
        "Strings: prometheus identifies a series by a 64-bit hash alone; the others, the limits among them, compare in \
         full. The limit for literals compares addresses, which only a library that knows them to be literals may do, as \
         throughline's typed door does; the others compare bytes. throughline's `[KeyValue]` rows and \
         the OpenTelemetry SDK's include building the array.",
        "Borrowed strings: metrics, prometheus-client, foundations-metrics and the OpenTelemetry SDK can only look up \
         owned strings, so three allocations a call are theirs.",
    ],
    run: |effort: Effort, random| run_cases(CASES, effort, random),
};

pub const CASES: &[fn() -> Case] = &[
    no_attributes,
    typed,
    || with_literals(100),
    || with_literals(1000),
    || with_borrowed(100),
    || with_borrowed(1000),
    || through_opentelemetry(100),
    || through_opentelemetry(1000),
];

fn no_attributes() -> Case {
    Case::new(
        SECTION.name,
        "no attributes, bound or cached",
        vec![
            limit::slab::counter(),
            limit::slab::counter_fetch_add(),
            throughline::counter_bound(),
            throughline::counter_no_attributes(),
            throughline::counter_otel_bound(),
            otel::counter_bound(),
            otel::counter(),
            prometheus::counter(),
            prometheus_client::counter(),
            foundations::counter(),
            foundations::counter_local(),
            measured::counter(),
            metrics::counter(),
            metrics::counter_macro(),
        ],
    )
}

fn typed() -> Case {
    let inputs = closed();
    Case::new(
        SECTION.name,
        "3 closed sets (enums), 100 combinations",
        vec![
            limit::slab::counter_typed(&inputs),
            throughline::counter_typed(&inputs),
            foundations::counter_typed(&inputs),
            foundations::counter_typed_local(&inputs),
            measured::counter_typed(&inputs),
            prometheus_client::counter_typed(&inputs),
        ],
    )
}

fn with_literals(combinations: usize) -> Case {
    let inputs = literals(combinations);
    Case::new(
        SECTION.name,
        format!("3 &'static str, {combinations} combinations"),
        vec![
            limit::strings::counter_literals(&inputs),
            throughline::counter_literals(&inputs),
            throughline::counter_key_values(&inputs),
            prometheus::counter_strings(&inputs),
            prometheus_client::counter_literals(&inputs),
            foundations::counter_literals(&inputs),
            measured::counter_strings(&inputs),
            otel::counter_literals(&inputs),
            metrics::counter_literals(&inputs),
        ],
    )
}

fn with_borrowed(combinations: usize) -> Case {
    let inputs = borrowed(combinations);
    Case::new(
        SECTION.name,
        format!("3 borrowed strings, {combinations} combinations"),
        vec![
            limit::strings::counter_bytes(&inputs),
            throughline::counter_text(&inputs),
            prometheus::counter_strings(&inputs),
            prometheus_client::counter_borrowed(&inputs),
            foundations::counter_borrowed(&inputs),
            measured::counter_strings(&inputs),
            otel::counter_borrowed(&inputs),
            metrics::counter_borrowed(&inputs),
        ],
    )
}

fn through_opentelemetry(combinations: usize) -> Case {
    let inputs = literals(combinations);
    Case::new(
        SECTION.name,
        format!("opentelemetry::Counter::add(&[KeyValue; 3]), {combinations} combinations"),
        vec![
            limit::strings::counter_bytes(&inputs),
            throughline::counter_otel(&inputs),
            otel::counter_literals(&inputs),
        ],
    )
}
