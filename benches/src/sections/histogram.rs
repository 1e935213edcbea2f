//! Recording a duration in a histogram.

use super::{Section, run_cases};
use crate::candidates::{
    foundations, limit, measured, metrics, otel, prometheus, prometheus_client, throughline,
};
use crate::harness::{Case, Effort};
use crate::workload::{closed, durations, literals, with_durations};

pub const SECTION: Section = Section {
    name: "histogram",
    title: "Histograms, one thread: ns per measurement",
    notes: &[
        "14 explicit bounds. Only throughline and the OpenTelemetry SDK keep minimum and maximum too.",
        "metrics only queues what is recorded; moving it into buckets is included, once a sample.",
        "Exponential: the limit has a fixed scale of 4 and a fixed range, so no bucket is ever moved; throughline and \
         the SDK have 160 buckets that fit themselves to the values; prometheus-client and foundations-metrics have a \
         growth factor of 1.1 (their documentation's).",
        "3 strings: `&'static str` for everybody; the limit compares bytes.",
    ],
    run: |effort: Effort, random| run_cases(CASES, effort, random),
};

pub const CASES: &[fn() -> Case] = &[explicit, exponential, typed, strings];

fn explicit() -> Case {
    let inputs = durations();
    Case::new(
        SECTION.name,
        "14 explicit bounds, bound or cached",
        vec![
            limit::slab::histogram(&inputs),
            throughline::histogram_bound(&inputs),
            prometheus_client::histogram(&inputs),
            prometheus::histogram(&inputs),
            measured::histogram(&inputs),
            foundations::histogram(&inputs),
            otel::histogram_bound(&inputs),
            otel::histogram_unbound(&inputs),
            metrics::histogram(&inputs),
        ],
    )
}

fn exponential() -> Case {
    let inputs = durations();
    Case::new(
        SECTION.name,
        "exponential or native, bound or cached",
        vec![
            limit::slab::exponential(&inputs),
            throughline::exponential_bound(&inputs),
            otel::exponential_bound(&inputs),
            otel::exponential(&inputs),
            prometheus_client::native(&inputs),
            foundations::native(&inputs),
        ],
    )
}

fn typed() -> Case {
    let inputs = with_durations(&closed());
    Case::new(
        SECTION.name,
        "14 explicit bounds, 3 closed sets, 100 combinations",
        vec![
            limit::slab::histogram_typed(&inputs),
            throughline::histogram_typed(&inputs),
            measured::histogram_typed(&inputs),
            foundations::histogram_typed(&inputs),
            prometheus_client::histogram_typed(&inputs),
        ],
    )
}

fn strings() -> Case {
    let inputs = with_durations(&literals(100));
    Case::new(
        SECTION.name,
        "14 explicit bounds, 3 strings, 100 combinations",
        vec![
            limit::strings::histogram_bytes(&inputs),
            throughline::histogram_text(&inputs),
            prometheus::histogram_literals(&inputs),
            measured::histogram_literals(&inputs),
            prometheus_client::histogram_literals(&inputs),
            foundations::histogram_literals(&inputs),
            otel::histogram_literals(&inputs),
            metrics::histogram_literals(&inputs),
        ],
    )
}
