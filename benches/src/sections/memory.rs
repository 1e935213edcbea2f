//! Memory of series, and what recording from many threads adds to it.

use std::sync::{Barrier, OnceLock};
use std::thread;

use super::Section;
use crate::alloc::usage;
use crate::candidates::{foundations, measured, metrics, otel, prometheus, prometheus_client, throughline};
use crate::harness::{Effort, Random, Row, print};
use crate::workload::{Strings, series};

pub const SECTION: Section = Section {
    name: "memory",
    title: "Memory: live bytes per series after recording, before any export",
    notes: &[
        "Heap bytes asked of the allocator, without its own overhead. Handles are not kept.",
        "Each thread records every series. What lives as long as the threads is counted while they live: throughline's \
         slabs and caches, foundations' thread-local cells.",
        "throughline's slabs are asked for whole, and in memory only as far as they were written: 1000 histograms ask for \
         672 KiB, of which 144 bytes a series are written.",
    ],
    run,
};

/// Records one in the series of these strings.
pub type Record = Box<dyn Fn(&Strings<String>) + Send + Sync>;

/// How to make it with room for a number of series, where a library wants to know.
type Make = fn(usize) -> Record;

const COUNTERS: &[(&str, Make)] = &[
    ("throughline", throughline::record_counter),
    ("measured", measured::record_counter),
    ("prometheus", prometheus::record_counter),
    ("prometheus-client", prometheus_client::record_counter),
    ("foundations-metrics", foundations::record_counter),
    ("foundations-metrics (ThreadLocal)", foundations::record_counter_local),
    ("metrics", metrics::record_counter),
    ("opentelemetry_sdk", otel::record_counter),
];

const HISTOGRAMS: &[(&str, Make)] = &[
    ("throughline", throughline::record_histogram),
    ("measured", measured::record_histogram),
    ("prometheus", prometheus::record_histogram),
    ("prometheus-client", prometheus_client::record_histogram),
    ("foundations-metrics", foundations::record_histogram),
    ("metrics", metrics::record_histogram),
    ("opentelemetry_sdk", otel::record_histogram),
];

fn run(effort: Effort, _: &mut Random) -> Vec<Row> {
    let (many, few, threads) = if effort.quick { (10_000, 1_000, 8) } else { (100_000, 10_000, 64) };
    let tables = [
        table(&format!("{few} counters, 3 attributes, 1 thread"), few, 1, COUNTERS),
        table(&format!("{many} counters, 3 attributes, 1 thread"), many, 1, COUNTERS),
        table(&format!("{many} counters, 3 attributes, {threads} threads"), many, threads, COUNTERS),
        table(&format!("{few} histograms, 14 bounds, 3 attributes, 1 thread"), few, 1, HISTOGRAMS),
    ];
    for rows in &tables {
        print(rows);
    }
    tables.into_iter().flatten().collect()
}

fn table(name: &str, count: usize, threads: usize, subjects: &[(&str, Make)]) -> Vec<Row> {
    let counts: Vec<(&str, f64)> = subjects
        .iter()
        .map(|(subject, make)| (*subject, live_bytes(*make, count, threads) / count as f64))
        .collect();
    Row::counted(SECTION.name, name, "bytes/series", &counts)
}

/// What is live when every thread has recorded every series, before the threads end.
fn live_bytes(make: Make, count: usize, threads: usize) -> f64 {
    let record = OnceLock::<Record>::new();
    let [started, recorded, counted] = std::array::from_fn(|_| Barrier::new(threads + 1));
    let work = || {
        started.wait();
        let record = record.get().expect("made before the start");
        (0..count).for_each(|at| record(&series(at)));
        recorded.wait();
        counted.wait();
    };
    thread::scope(|scope| {
        let handles: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let ((), used) = usage(|| {
            record.get_or_init(|| make(count));
            started.wait();
            recorded.wait();
        });
        counted.wait();
        // Joined, so that what their thread-locals free is not taken from the next subject.
        for handle in handles {
            handle.join().expect("recording does not panic");
        }
        used.live as f64
    })
}
