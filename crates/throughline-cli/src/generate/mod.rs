//! Dashboards, rules and their proof, made from the definitions of metrics and from nothing else.
//!
//! `catalogue.rs` says which metrics belong together, `metric.rs` what can be asked of one, `chart.rs` which charts follow
//! from that, `health.rs` what is charted of the telemetry itself. `grafana.rs` makes dashboards of charts, `rules/` makes
//! recording and alerting rules of the same questions, and `verify.rs` asks a Prometheus whether each of them has an answer.

mod alerts;
mod catalogue;
mod chart;
mod dashboards;
mod grafana;
mod health;
mod json;
mod metric;
mod naming;
mod output;
mod promql;
mod rule_file;
mod rules;
mod server;
#[cfg(test)]
mod tests;
mod verify;
mod yaml;

pub(crate) use alerts::Arguments as AlertArguments;
pub(crate) use dashboards::Arguments as DashboardArguments;
pub(crate) use naming::{Naming, Path};
pub(crate) use output::{File, write_or_show};

pub(crate) use server::Server;
pub(crate) use verify::metrics_of_dashboard;

/// Runs `throughline dashboards`.
pub(crate) use dashboards::run as dashboards;

/// Runs `throughline alerts`.
pub(crate) use alerts::run as alerts;

/// All dashboards, below `dashboards/`.
pub(crate) fn all_dashboards(naming: Naming) -> Vec<File> {
    output::below("dashboards", dashboards::files(&[], naming))
}

/// All rules, below `rules/`.
pub(crate) fn all_rules(naming: Naming) -> anyhow::Result<Vec<File>> {
    Ok(output::below("rules", alerts::files(naming)?))
}

/// What tells people and [`verify`] that a question may have no answer: it stands in the description, with the reason.
const MAY_BE_EMPTY: &str = "May be empty: ";
