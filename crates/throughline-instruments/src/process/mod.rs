//! The process: processor time, memory, threads, file descriptors, as its operating system tells.
//!
//! [`observe`] makes observable instruments under the names of OpenTelemetry's
//! [semantic conventions](https://opentelemetry.io/docs/specs/semconv/system/process-metrics/). Whoever collects asks
//! them, and they read `/proc/self` then (`proc.rs`). Elsewhere than on Linux nothing is reported, which is said once.
//!
//! ```
//! use throughline_instruments::process;
//! use throughline_metrics::MeterProvider;
//! use throughline_metrics::testing::Snapshot;
//!
//! let provider = MeterProvider::default();
//! process::observe(&provider.meter("shop"));
//! # if cfg!(target_os = "linux") {
//! assert!(Snapshot::of(&provider).sum("process.thread.count", &()) >= 1.0);
//! # }
//! ```

mod proc;

use throughline_core::{Attributes, InstrumentKind, MetricDef, NumberKind};
use throughline_macros::{AttributeValue, Attributes};
use throughline_metrics::{Meter, Observer};

use crate::Kit;
use proc::{Stat, Status};

/// What this kit records.
pub const KIT: Kit = Kit::new("process", "Process", &[&DEFINITIONS]);

/// Reports on this process in the meter's provider, for as long as that lives.
///
/// A collection reads a handful of small files of `/proc/self`, which takes some tens of microseconds and no lock. What
/// cannot be read is absent, and said in one warning for the process.
pub fn observe(meter: &Meter) {
    proc::warn_unless_readable();
    times(meter);
    counts(meter);
    events(meter);
}

/// The physical memory in use, in bytes; `None` where it cannot be read. Reads a file.
pub fn memory_usage() -> Option<u64> {
    Status::read()?.memory
}

/// Processor time and uptime.
fn times(meter: &Meter) {
    f64_counter(meter, &CPU_TIME, |observer| {
        let Some(Stat { user, system, .. }) = Stat::read() else { return };
        for (mode, time) in [(CpuMode::User, user), (CpuMode::System, system)] {
            observer.observe(time, &Cpu { mode });
        }
    });
    let _uptime = meter
        .f64_observable_gauge(UPTIME.name)
        .with_unit(UPTIME.unit)
        .with_description(UPTIME.description)
        .with_callback(|observer| report(observer, Stat::read().and_then(|stat| stat.uptime())))
        .build();
}

/// What there is at the moment.
fn counts(meter: &Meter) {
    up_down(meter, &MEMORY_USAGE, || Status::read()?.memory);
    up_down(meter, &MEMORY_VIRTUAL, || Status::read()?.virtual_memory);
    up_down(meter, &THREADS, || Status::read()?.threads);
    up_down(meter, &FILE_DESCRIPTORS, proc::file_descriptors);
}

/// What has happened so far.
fn events(meter: &Meter) {
    u64_counter(meter, &CONTEXT_SWITCHES, |observer| {
        let Some(Status { voluntary, involuntary, .. }) = Status::read() else { return };
        for (kind, count) in [(SwitchType::Voluntary, voluntary), (SwitchType::Involuntary, involuntary)] {
            if let Some(count) = count {
                observer.observe(count, &Switch { kind });
            }
        }
    });
    u64_counter(meter, &PAGE_FAULTS, |observer| {
        let Some(Stat { minor_faults, major_faults, .. }) = Stat::read() else { return };
        for (kind, count) in [(FaultType::Minor, minor_faults), (FaultType::Major, major_faults)] {
            observer.observe(count, &Fault { kind });
        }
    });
}

fn up_down(meter: &Meter, def: &MetricDef, read: fn() -> Option<u64>) {
    let read = move || i64::try_from(read()?).ok();
    let _gauge = meter
        .i64_observable_up_down_counter(def.name)
        .with_unit(def.unit)
        .with_description(def.description)
        .with_callback(move |observer| report(observer, read()))
        .build();
}

fn u64_counter(meter: &Meter, def: &MetricDef, observe: fn(&Observer<'_, u64>)) {
    let builder = meter.u64_observable_counter(def.name).with_unit(def.unit);
    let _counter = builder.with_description(def.description).with_callback(observe).build();
}

fn f64_counter(meter: &Meter, def: &MetricDef, observe: fn(&Observer<'_, f64>)) {
    let builder = meter.f64_observable_counter(def.name).with_unit(def.unit);
    let _counter = builder.with_description(def.description).with_callback(observe).build();
}

fn report<N: throughline_metrics::Number>(observer: &Observer<'_, N>, value: Option<N>) {
    if let Some(value) = value {
        observer.observe(value, &());
    }
}

#[derive(Attributes)]
#[attribute(crate = throughline_core)]
struct Cpu {
    #[attribute(key = "cpu.mode")]
    mode: CpuMode,
}

#[derive(Clone, Copy, AttributeValue)]
#[attribute(crate = throughline_core)]
enum CpuMode {
    User,
    System,
}

#[derive(Attributes)]
#[attribute(crate = throughline_core)]
struct Switch {
    #[attribute(key = "process.context_switch.type")]
    kind: SwitchType,
}

#[derive(Clone, Copy, AttributeValue)]
#[attribute(crate = throughline_core)]
enum SwitchType {
    Voluntary,
    Involuntary,
}

#[derive(Attributes)]
#[attribute(crate = throughline_core)]
struct Fault {
    #[attribute(key = "system.paging.fault.type")]
    kind: FaultType,
}

#[derive(Clone, Copy, AttributeValue)]
#[attribute(crate = throughline_core)]
enum FaultType {
    Minor,
    Major,
}

const CPU_TIME: MetricDef =
    MetricDef::new("process.cpu.time", InstrumentKind::ObservableCounter, NumberKind::F64)
        .with_unit("s")
        .with_description("Total CPU seconds broken down by different states.")
        .with_attributes(Cpu::DEFINITIONS);
const UPTIME: MetricDef = MetricDef::new("process.uptime", InstrumentKind::ObservableGauge, NumberKind::F64)
    .with_unit("s")
    .with_description("The time the process has been running.");
const MEMORY_USAGE: MetricDef = amount("process.memory.usage", "By", "The amount of physical memory in use.");
const MEMORY_VIRTUAL: MetricDef =
    amount("process.memory.virtual", "By", "The amount of committed virtual memory.");
const THREADS: MetricDef = amount("process.thread.count", "{thread}", "Process threads count.");
const FILE_DESCRIPTORS: MetricDef = amount(
    "process.unix.file_descriptor.count",
    "{file_descriptor}",
    "Number of unix file descriptors in use by the process.",
);
const CONTEXT_SWITCHES: MetricDef =
    MetricDef::new("process.context_switches", InstrumentKind::ObservableCounter, NumberKind::U64)
        .with_unit("{context_switch}")
        .with_description("Number of times the process has been context switched.")
        .with_attributes(Switch::DEFINITIONS);
const PAGE_FAULTS: MetricDef =
    MetricDef::new("process.paging.faults", InstrumentKind::ObservableCounter, NumberKind::U64)
        .with_unit("{fault}")
        .with_description("Number of page faults the process has made.")
        .with_attributes(Fault::DEFINITIONS);

const DEFINITIONS: [MetricDef; 8] = [
    CPU_TIME,
    UPTIME,
    MEMORY_USAGE,
    MEMORY_VIRTUAL,
    THREADS,
    FILE_DESCRIPTORS,
    CONTEXT_SWITCHES,
    PAGE_FAULTS,
];

const fn amount(name: &'static str, unit: &'static str, description: &'static str) -> MetricDef {
    MetricDef::new(name, InstrumentKind::ObservableUpDownCounter, NumberKind::I64)
        .with_unit(unit)
        .with_description(description)
}

#[cfg(test)]
mod tests;
