//! The same series written from one, two and eight threads.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use super::Section;
use super::scrape::{Scrape, in_words};
use crate::candidates::{
    foundations, limit, measured, metrics, otel, prometheus, prometheus_client, throughline,
};
use crate::harness::{Case, Effort, Random, Row, measure_parallel, print, processor_time, scaling};
use crate::workload::{borrowed, closed, durations};

pub const SECTION: Section = Section {
    name: "threads",
    title: "The same series from several threads: ns of elapsed time per operation",
    notes: &[
        "A sample counts only when the threads' processor time shows that they ran at once; a row without such a sample \
         has no number. Half of one thread's figure is perfect scaling to two processors. Eight threads on two processors can gain \
         nothing more, and a scheduler that ends their turns unevenly shows as a loss.",
        "What is not even is as in the sections `counter` and `histogram`.",
        "Beside scrapes, the time is that which the recording threads had on a processor, so that the turns of the thread \
         that scrapes do not count, but what it does to caches does.",
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
    let rows = beside_scrapes(effort);
    print(&rows);
    all.extend(rows);
    all
}

/// What those who record notice of scrapes: two threads record, each in a series of its own, while a third scrapes
/// without a pause, or does not.
fn beside_scrapes(effort: Effort) -> Vec<Row> {
    const RECORDERS: usize = 2;
    const OPERATIONS: u64 = 20_000_000;
    let count = if effort.quick { 10_000 } else { 100_000 };
    let (record, scrape) = throughline::recorders_and_scrape(count, RECORDERS);
    let round = |scrapes| beside(&record, scrapes, &scrape, OPERATIONS);
    let rounds = if effort.quick { 3 } else { 10 };
    let [mut alone, mut beside] = [f64::INFINITY; 2];
    for _ in 0..rounds {
        alone = alone.min(round(false));
        beside = beside.min(round(true));
    }
    let name = format!("counter, bound, {RECORDERS} threads, beside scrapes of {} series", in_words(count));
    let rows = [("throughline (no scrapes)", alone), ("throughline", beside)];
    Row::counted(SECTION.name, &name, "ns on a processor", &rows)
}

/// Nanoseconds of processor time that an operation takes.
fn beside(record: &[Box<dyn Fn(u64) + Send + Sync>], scrapes: bool, scrape: &Scrape, operations: u64) -> f64 {
    let stop = AtomicBool::new(!scrapes);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                scrape();
            }
        });
        let timed = |record: &dyn Fn(u64)| {
            let before = processor_time();
            record(operations);
            processor_time().saturating_sub(before)
        };
        let recorders: Vec<_> = record.iter().map(|record| scope.spawn(move || timed(&**record))).collect();
        let times = recorders.into_iter().map(|recorder| recorder.join().expect("recording does not panic"));
        let total: Duration = times.sum();
        stop.store(true, Ordering::Relaxed);
        total.as_secs_f64() * 1e9 / (operations * record.len() as u64) as f64
    })
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
