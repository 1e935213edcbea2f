//! `throughline config`: what telemetry would do here, and why.

mod explain;

use std::process::ExitCode;

use clap::Subcommand;

/// What the configuration says.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Explain(explain::Arguments),
}

pub(crate) fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    match arguments.command {
        Command::Explain(arguments) => explain::run(&arguments),
    }
}
