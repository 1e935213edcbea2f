//! Spans and log records, as real servers have them: exported in each encoding to a Collector and to Jaeger, and along
//! the way through several processes.
//!
//! Without the servers the cases are reported as ignored, or, in CI, fail.
#![expect(
    clippy::panic,
    clippy::float_cmp,
    reason = "cases fail by panicking; small integers are exact in floats"
)]

mod collector;
mod facade;
mod hop;
mod jaeger;
mod journey;
mod shop;

use std::process::ExitCode;

use throughline_rig::{Case, Need, run};

fn main() -> ExitCode {
    if let Some(ended) = hop::serve_if_asked() {
        return ended;
    }
    run(&[
        Case::new(
            "the_collector_has_what_was_recorded",
            &[Need::Collector],
            collector::has_what_was_recorded,
        ),
        Case::new("the_collector_loses_none_of_many", &[Need::Collector], collector::loses_none_of_many),
        Case::new("all_signals_share_a_trace", &[Need::Collector], facade::all_signals_share_a_trace),
        Case::new("jaeger_shows_the_trace", &[Need::Jaeger], jaeger::shows_the_trace),
        Case::new(
            "one_trace_goes_through_our_processes_and_strangers",
            &[Need::Jaeger, Need::Python],
            journey::one_trace_through_ours_and_strangers,
        ),
        Case::new(
            "a_log_line_a_span_and_an_exemplar_are_of_one_trace",
            &[Need::Jaeger, Need::Prometheus, Need::Python],
            journey::a_log_line_a_span_and_an_exemplar_agree,
        ),
    ])
}
