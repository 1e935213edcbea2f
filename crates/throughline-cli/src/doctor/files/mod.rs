//! `throughline doctor static`: Collector, Prometheus and compose files, alone and against each other.

use std::process::ExitCode;

/// Looks at files alone: Collector, Prometheus, compose
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {}

pub(crate) fn run(_: &Arguments) -> anyhow::Result<ExitCode> {
    Ok(ExitCode::SUCCESS)
}
