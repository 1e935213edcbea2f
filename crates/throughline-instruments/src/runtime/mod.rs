//! The tokio runtime: its workers, its tasks, and what waits for them.
//!
//! [`observe`] makes observable instruments of what tokio counts anyway, in the part of its metrics that is stable. No
//! conventions name these; the names here begin with `tokio.runtime`.
//!
//! ```
//! use throughline_instruments::runtime;
//! use throughline_metrics::MeterProvider;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let provider = MeterProvider::default();
//! runtime::observe(&provider.meter("shop"), &tokio::runtime::Handle::current());
//! # }
//! ```

use std::sync::Arc;

use throughline_core::{Attributes, InstrumentKind, MetricDef, NumberKind};
use throughline_macros::Attributes;
use throughline_metrics::{Meter, Observer};
use tokio::runtime::{Handle, RuntimeMetrics};

use crate::Kit;

/// What this kit records.
pub const KIT: Kit = Kit::new("runtime", "Tokio runtime", &[&DEFINITIONS]);

/// Reports on the runtime in the meter's provider, for as long as that lives.
///
/// A collection reads some atomics of the runtime, two for each worker. A runtime that has ended goes on to be reported
/// as it was last.
pub fn observe(meter: &Meter, runtime: &Handle) {
    observe_as(meter, runtime, None);
}

/// As [`observe`], for one of several runtimes: series carry the attribute `tokio.runtime.name`.
pub fn observe_named(meter: &Meter, runtime: &Handle, name: &'static str) {
    observe_as(meter, runtime, Some(name));
}

fn observe_as(meter: &Meter, runtime: &Handle, name: Option<&'static str>) {
    let runtime = Arc::new(runtime.metrics());
    up_down(meter, &runtime, name, &WORKERS, RuntimeMetrics::num_workers);
    up_down(meter, &runtime, name, &TASKS, RuntimeMetrics::num_alive_tasks);
    up_down(meter, &runtime, name, &GLOBAL_QUEUE, RuntimeMetrics::global_queue_depth);
    let busy = Arc::clone(&runtime);
    let _counter = meter
        .f64_observable_counter(BUSY.name)
        .with_unit(BUSY.unit)
        .with_description(BUSY.description)
        .with_callback(move |observer| {
            each_worker(&busy, name, observer, |worker| {
                busy.worker_total_busy_duration(worker).as_secs_f64()
            });
        })
        .build();
    let _counter = meter
        .u64_observable_counter(PARKS.name)
        .with_unit(PARKS.unit)
        .with_description(PARKS.description)
        .with_callback(move |observer| {
            each_worker(&runtime, name, observer, |worker| runtime.worker_park_count(worker));
        })
        .build();
}

fn up_down(
    meter: &Meter,
    runtime: &Arc<RuntimeMetrics>,
    name: Option<&'static str>,
    def: &MetricDef,
    read: fn(&RuntimeMetrics) -> usize,
) {
    let runtime = Arc::clone(runtime);
    let _counter = meter
        .i64_observable_up_down_counter(def.name)
        .with_unit(def.unit)
        .with_description(def.description)
        .with_callback(move |observer| observer.observe(read(&runtime) as i64, &OfRuntime { name }))
        .build();
}

fn each_worker<N: throughline_metrics::Number>(
    runtime: &RuntimeMetrics,
    name: Option<&'static str>,
    observer: &Observer<'_, N>,
    read: impl Fn(usize) -> N,
) {
    for worker in 0..runtime.num_workers() {
        observer.observe(read(worker), &OfWorker { name, worker: worker as i64 });
    }
}

/// Names are literals of the program, so there are as many as it has runtimes.
#[derive(Attributes)]
#[attribute(crate = throughline_core)]
struct OfRuntime {
    #[attribute(key = "tokio.runtime.name")]
    name: Option<&'static str>,
}

/// There are as many workers as processors, unless somebody asked for more.
#[derive(Attributes)]
#[attribute(crate = throughline_core)]
struct OfWorker {
    #[attribute(key = "tokio.runtime.name")]
    name: Option<&'static str>,
    #[attribute(key = "tokio.runtime.worker")]
    worker: i64,
}

const WORKERS: MetricDef =
    amount("tokio.runtime.workers", "{worker}", "Threads that run the tasks of the runtime.");
const TASKS: MetricDef =
    amount("tokio.runtime.tasks.alive", "{task}", "Tasks that were spawned and have not ended.");
const GLOBAL_QUEUE: MetricDef = amount(
    "tokio.runtime.global_queue.depth",
    "{task}",
    "Tasks that are ready and wait in the queue that all workers share.",
);
const BUSY: MetricDef =
    MetricDef::new("tokio.runtime.worker.busy_time", InstrumentKind::ObservableCounter, NumberKind::F64)
        .with_unit("s")
        .with_description("Time that a worker spent on tasks and drivers, rather than parked.")
        .with_attributes(OfWorker::DEFINITIONS);
const PARKS: MetricDef =
    MetricDef::new("tokio.runtime.worker.parks", InstrumentKind::ObservableCounter, NumberKind::U64)
        .with_unit("{park}")
        .with_description("How often a worker had nothing to do and parked.")
        .with_attributes(OfWorker::DEFINITIONS);

const DEFINITIONS: [MetricDef; 5] = [WORKERS, TASKS, GLOBAL_QUEUE, BUSY, PARKS];

const fn amount(name: &'static str, unit: &'static str, description: &'static str) -> MetricDef {
    MetricDef::new(name, InstrumentKind::ObservableUpDownCounter, NumberKind::I64)
        .with_unit(unit)
        .with_description(description)
        .with_attributes(OfRuntime::DEFINITIONS)
}

#[cfg(test)]
mod tests {
    use throughline_metrics::MeterProvider;
    use throughline_metrics::testing::Snapshot;

    use super::*;

    fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().expect("a runtime")
    }

    #[test]
    fn everything_declared_is_reported() {
        let provider = MeterProvider::default();
        let runtime = runtime();
        observe(&provider.meter("it"), runtime.handle());
        let snapshot = Snapshot::of(&provider);
        let declared: Vec<_> = KIT.definitions().map(|def| def.name).collect();
        assert_eq!(snapshot.names(), declared);
        assert_eq!(snapshot.sum("tokio.runtime.workers", &()).to_bits(), 2.0_f64.to_bits());
    }

    #[test]
    fn tasks_that_wait_are_alive() {
        let provider = MeterProvider::default();
        let runtime = runtime();
        observe_named(&provider.meter("it"), runtime.handle(), "io");
        let alive =
            || Snapshot::of(&provider).sum("tokio.runtime.tasks.alive", &OfRuntime { name: Some("io") });
        let task = runtime.spawn(std::future::pending::<()>());
        assert_eq!(alive().to_bits(), 1.0_f64.to_bits());
        task.abort();
        let _aborted = runtime.block_on(task);
        // The task is counted until its worker has let go of it, a moment after whoever waits for it is told.
        while alive() > 0.0 {
            std::thread::yield_now();
        }
    }

    #[test]
    fn a_runtime_that_has_ended_is_still_reported() {
        let provider = MeterProvider::default();
        let runtime = runtime();
        observe(&provider.meter("it"), runtime.handle());
        drop(runtime);
        let parks = &OfWorker { name: None, worker: 1 };
        let snapshot = Snapshot::of(&provider);
        assert!(snapshot.sum("tokio.runtime.worker.busy_time", parks) >= 0.0);
    }
}
