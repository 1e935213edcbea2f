//! The same series written from one, two and eight threads.

use super::Section;
use crate::candidates::{
    foundations, limit, measured, metrics, otel, prometheus, prometheus_client, throughline,
};
use crate::harness::{Case, Effort, Random, Row, measure_parallel, print, scaling};
use crate::workload::{borrowed, closed, durations};

pub const SECTION: Section = Section {
    name: "threads",
    title: "The same series from several threads: ns of elapsed time per operation",
    notes: &[
        "A sample counts only when the threads' processor time shows that they ran at once; a row without such a sample \
         has no number. Half of one thread's figure is perfect scaling to two processors. Eight threads on two processors can gain \
         nothing more, and a scheduler that ends their turns unevenly shows as a loss.",
        "What is not even is as in the sections `counter` and `histogram`.",
    ],
    run,
};

const THREADS: &[usize] = &[1, 2, 8];

pub const CASES: &[fn() -> Case] = &[counter, typed, strings, histogram];

fn run(effort: Effort, random: &mut Random) -> Vec<Row> {
    let mut all = Vec::new();
    for make in CASES {
        let by_threads = measure_parallel(&make(), THREADS, patient(effort), random);
        for rows in &by_threads {
            print(rows);
        }
        scaling(THREADS, &by_threads);
        all.extend(by_threads.into_iter().flatten());
    }
    all
}

/// More rounds, because many samples do not count.
fn patient(effort: Effort) -> Effort {
    Effort { rounds_max: effort.rounds_max * 4, case: effort.case * 2, ..effort }
}

fn counter() -> Case {
    Case::new(
        SECTION.name,
        "counter, bound or cached",
        vec![
            limit::slab::counter(),
            limit::slab::counter_fetch_add(),
            throughline::counter_bound(),
            foundations::counter_local(),
            foundations::counter(),
            prometheus::counter(),
            prometheus_client::counter(),
            measured::counter(),
            metrics::counter(),
            otel::counter_bound(),
            otel::counter(),
        ],
    )
}

fn typed() -> Case {
    let inputs = closed();
    Case::new(
        SECTION.name,
        "counter, 3 closed sets, 100 combinations",
        vec![
            limit::slab::counter_typed(&inputs),
            throughline::counter_typed(&inputs),
            foundations::counter_typed_local(&inputs),
            foundations::counter_typed(&inputs),
            measured::counter_typed(&inputs),
            prometheus_client::counter_typed(&inputs),
        ],
    )
}

fn strings() -> Case {
    let inputs = borrowed(100);
    Case::new(
        SECTION.name,
        "counter, 3 borrowed strings, 100 combinations",
        vec![
            limit::strings::counter_bytes(&inputs),
            limit::strings::counter_locked(&inputs),
            throughline::counter_text(&inputs),
            prometheus::counter_strings(&inputs),
            measured::counter_strings(&inputs),
            foundations::counter_borrowed(&inputs),
            prometheus_client::counter_borrowed(&inputs),
            otel::counter_borrowed(&inputs),
            metrics::counter_borrowed(&inputs),
        ],
    )
}

fn histogram() -> Case {
    let inputs = durations();
    Case::new(
        SECTION.name,
        "histogram, bound or cached",
        vec![
            limit::slab::histogram(&inputs),
            throughline::histogram_bound(&inputs),
            prometheus_client::histogram(&inputs),
            prometheus::histogram(&inputs),
            foundations::histogram(&inputs),
            measured::histogram(&inputs),
            otel::histogram_bound(&inputs),
        ],
    )
}
