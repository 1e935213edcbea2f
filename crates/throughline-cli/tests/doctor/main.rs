//! `throughline doctor` against real servers, each broken in its own way: the right hop, the right finding, and a fix that
//! mends it when it is applied as it is printed. The table is printed at the end, and left in `target/doctor.txt`.
#![expect(clippy::panic, reason = "cases fail by panicking")]

#[path = "../support/command.rs"]
mod command;
mod examination;
mod fake;
mod faults;
mod healthy;
mod pages;
mod table;

use std::process::ExitCode;

use throughline_rig::{Case, Need, run};

fn main() -> ExitCode {
    const ALL: &[Need] = &[Need::Collector, Need::Prometheus, Need::Jaeger];
    const PROMETHEUS: &[Need] = &[Need::Prometheus];
    const COLLECTOR: &[Need] = &[Need::Collector];
    let status = run(&[
        Case::new("a_healthy_stack_is_healthy_every_time", ALL, healthy::every_time),
        Case::new("all_protocols_are_spoken", ALL, healthy::all_protocols),
        Case::new("nothing_is_sent_when_reading_only", ALL, healthy::read_only),
        Case::new("runs_add_one_series", PROMETHEUS, healthy::one_series),
        Case::new("settings", COLLECTOR, faults::settings),
        Case::new("ways", &[], faults::ways),
        Case::new("protocols", COLLECTOR, faults::protocols),
        Case::new("tls", COLLECTOR, faults::tls),
        Case::new("pipelines", COLLECTOR, faults::pipelines),
        Case::new("answers", &[], faults::answers),
        Case::new("straight_into_prometheus", PROMETHEUS, faults::prometheus),
        Case::new("behind_the_collector", ALL, faults::behind),
        Case::new("what_cannot_be_judged", ALL, faults::unknown),
        Case::new("pages", PROMETHEUS, pages::pages),
    ]);
    table::print();
    status
}
