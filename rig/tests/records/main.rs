//! Spans and log records, as real servers have them: exported in each encoding to a Collector and to Jaeger.
//!
//! Without the servers the cases are reported as ignored, or, in CI, fail.
#![expect(
    clippy::panic,
    clippy::float_cmp,
    reason = "cases fail by panicking; small integers are exact in floats"
)]

mod collector;
mod facade;
mod jaeger;
mod shop;

use std::process::ExitCode;

use throughline_rig::{Case, Need, run};

fn main() -> ExitCode {
    run(&[
        Case::new(
            "the_collector_has_what_was_recorded",
            &[Need::Collector],
            collector::has_what_was_recorded,
        ),
        Case::new("the_collector_loses_none_of_many", &[Need::Collector], collector::loses_none_of_many),
        Case::new("all_signals_share_a_trace", &[Need::Collector], facade::all_signals_share_a_trace),
        Case::new("jaeger_shows_the_trace", &[Need::Jaeger], jaeger::shows_the_trace),
    ])
}
