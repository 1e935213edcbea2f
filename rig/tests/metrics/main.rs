//! What was recorded, as real servers have it: scraped, pushed, and through a Collector.
//!
//! Each case records the same instruments ([`shop`]) and compares every series that the server stores with what was
//! recorded. Without the servers the cases are reported as ignored, or, in CI, fail.
#![expect(
    clippy::panic,
    clippy::float_cmp,
    reason = "cases fail by panicking; small integers are exact in floats"
)]

mod formats;
mod paths;
mod secured;
mod shop;

use std::process::ExitCode;

use throughline_rig::{Case, Need, run};

fn main() -> ExitCode {
    run(&[
        Case::new(
            "a_scrape_in_each_format_stores_what_was_recorded",
            &[Need::Prometheus],
            formats::each_format,
        ),
        Case::new("pull_and_push_give_the_same_series", &[Need::Prometheus], paths::pull_equals_push),
        Case::new(
            "the_collector_passes_on_what_was_recorded",
            &[Need::Prometheus, Need::Collector],
            paths::through_the_collector,
        ),
        Case::new("the_collector_gets_every_encoding_alike", &[Need::Collector], paths::each_encoding),
        Case::new("a_wrong_port_of_the_collector_is_told", &[Need::Collector], paths::wrong_port),
        Case::new("a_collector_can_ask_for_certificates", &[Need::Collector], paths::mutual_tls),
        Case::new("delta_arrives_as_delta", &[Need::Collector], paths::delta),
        Case::new(
            "delta_metrics_do_not_take_others_along_at_prometheus",
            &[Need::Prometheus],
            paths::delta_beside_cumulative,
        ),
        Case::new(
            "prometheus_scrapes_over_tls_with_credentials",
            &[Need::Prometheus],
            secured::tls_and_credentials,
        ),
        Case::new("the_reference_parser_reads_openmetrics", &[Need::Python], formats::reference_parser),
        Case::new("promtool_finds_nothing_to_complain_about", &[Need::Promtool], formats::promtool),
    ])
}
