//! Bad days: backends that are down, slow, broken, wrong or full, and what becomes of telemetry meanwhile.
//!
//! In every case the caller's latency stays flat: recording never waits, and what it costs at the 99th percentile is at most
//! twice what it costs at the same moment in the same process without the fault (`probe.rs`). Memory stays within its bound. And the account closes: what
//! was recorded is delivered, or counted as dropped with its reason, to the last item. [`table`] shows all of it.
//!
//! Real servers where they can be made to misbehave, scripted backends where not; those run without servers, too.
#![expect(
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "cases fail by panicking, show a table, and live in real time"
)]

mod answers;
mod backend;
mod probe;
mod run;
mod servers;
mod shutdown;
mod soak;
mod spool;
mod subject;
mod table;

use std::process::ExitCode;

use throughline_rig::{Case, Need, run};

fn main() -> ExitCode {
    if let Some(ended) = subject::asked() {
        return ended;
    }
    let collector = &[Need::Collector];
    let ended = run(&[
        Case::new("down_at_start", collector, servers::down_at_start),
        Case::new("killed_and_restarted_under_load", collector, servers::killed_under_load),
        Case::new("hanging", &[], answers::hanging),
        Case::new("throttled_with_retry_after", &[], answers::throttled),
        Case::new("unavailable", &[], answers::unavailable),
        Case::new("partial_success", &[], answers::partial_success),
        Case::new("tls_expired", collector, servers::expired),
        Case::new("tls_untrusted", collector, servers::untrusted),
        Case::new("grpc_to_the_port_of_http", collector, servers::grpc_to_the_port_of_http),
        Case::new("http_to_the_port_of_grpc", collector, servers::http_to_the_port_of_grpc),
        Case::new("slow_answers", &[], answers::slow),
        Case::new("answers_cut_off", &[], answers::cut_off),
        Case::new("name_that_does_not_resolve", &[], servers::no_such_name),
        Case::new("too_large", &[], answers::too_large),
        Case::new("no_such_path", &[], answers::not_understood),
        Case::new("credentials", &[], answers::unauthorized),
        Case::new("delta_to_prometheus", &[Need::Prometheus], servers::delta_to_prometheus),
        Case::new("queue_overflow", &[], answers::overflow),
        Case::new("clock_steps", &[], answers::clock_steps),
        Case::new("spool_outlasts_the_queue", &[], spool::outlasts_the_queue),
        Case::new("spool_killed_under_load", &[], spool::killed),
        Case::new("spool_outage_over_a_restart", &[], spool::outage_over_a_restart),
        Case::new("spool_read_only", &[], spool::read_only),
        Case::new("spool_disk_full", &[], spool::disk_full),
        Case::new("spool_corrupted", &[], spool::corrupted),
        Case::new("soak", &[Need::Prometheus, Need::Jaeger], soak::outage),
        Case::new("shutdown_in_a_multi_thread_runtime", &[], shutdown::multi_thread),
        Case::new("shutdown_in_a_current_thread_runtime", &[], shutdown::current_thread),
        Case::new("shutdown_without_a_runtime", &[], shutdown::no_runtime),
    ]);
    table::print();
    ended
}
