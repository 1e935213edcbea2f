//! `throughline doctor` against real servers, each broken in its own way: the right hop, the right finding, and a fix that
//! mends it when it is applied as it is printed. The table is printed at the end, and left in `target/doctor.txt`.
#![expect(clippy::panic, reason = "cases fail by panicking")]
#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "real time is measured, and a table printed"
)]

mod applications;
mod behind;
#[path = "../support/command.rs"]
mod command;
mod documents;
mod examination;
mod fake;
mod grafana;
mod healthy;
mod pages;
mod panicking;
mod receivers;
mod settings;
mod table;
mod tls;

use std::process::ExitCode;

use throughline_rig::{Case, Need, run};

fn main() -> ExitCode {
    if std::env::var_os(panicking::VARIABLE).is_some() {
        panicking::main();
        return ExitCode::SUCCESS;
    }
    const ALL: &[Need] = &[Need::Collector, Need::Prometheus, Need::Jaeger];
    const PROMETHEUS: &[Need] = &[Need::Prometheus];
    const COLLECTOR: &[Need] = &[Need::Collector];
    let status = run(&[
        Case::new("a_healthy_stack_is_healthy_every_time", ALL, healthy::every_time),
        Case::new("all_protocols_are_spoken", ALL, healthy::all_protocols),
        Case::new("nothing_is_sent_when_reading_only", ALL, healthy::read_only),
        Case::new("runs_add_one_series", PROMETHEUS, healthy::one_series),
        Case::new("it_watches_until_all_is_well", COLLECTOR, healthy::watched),
        Case::new("settings", COLLECTOR, settings::settings),
        Case::new("ways", &[], settings::ways),
        Case::new("the_port_of_prometheus", PROMETHEUS, settings::port_of_prometheus),
        Case::new("protocols", COLLECTOR, settings::protocols),
        Case::new("tls", COLLECTOR, tls::tls),
        Case::new("pipelines", COLLECTOR, receivers::pipelines),
        Case::new("answers", &[], receivers::answers),
        Case::new("straight_into_prometheus", PROMETHEUS, receivers::prometheus),
        Case::new("samples_out_of_order", PROMETHEUS, receivers::out_of_order),
        Case::new("behind_the_collector", ALL, behind::behind),
        Case::new("on_the_way_into_stores", ALL, behind::stores),
        Case::new("what_cannot_be_judged", ALL, behind::unknown),
        Case::new("pages", PROMETHEUS, pages::pages),
        Case::new("what_an_application_sends_arrives", COLLECTOR, applications::forwarded),
        Case::new("what_an_application_sends_arrives_over_tls", COLLECTOR, applications::forwarded_over_tls),
        Case::new("healthy_applications", &[Need::Collector, Need::Python], applications::healthy),
        Case::new("broken_applications", &[Need::Collector, Need::Python], applications::faults),
        Case::new("refused_applications", &[Need::Collector, Need::Prometheus], applications::refused),
        Case::new("instruments_of_applications", &[], applications::declared),
        Case::new("output_of_applications", &[], applications::output),
        Case::new("dashboards", ALL, grafana::dashboards),
        Case::new("stacks_of_documents", ALL, documents::stacks),
        Case::new("apis_over_tls", ALL, tls::apis),
    ]);
    table::print();
    status
}
