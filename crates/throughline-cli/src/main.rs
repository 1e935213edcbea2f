//! The `throughline` command.
//!
//! Exit status: 0 fine, 1 something was found, 2 wrong usage, 3 could not do what was asked.
#![expect(clippy::print_stderr, reason = "a command line program talks")]

/// Prints a line to standard output, or returns why it cannot be: unlike `println!`, which panics when nobody reads on.
macro_rules! say {
    ($($line:tt)*) => {
        std::io::Write::write_fmt(&mut std::io::stdout(), format_args!("{}\n", format_args!($($line)*)))?
    };
}

mod config;
mod demo;
mod doctor;
mod ended;
mod explain;
mod finding;
mod generate;
mod http;
mod lint;
mod migrate;
mod names;
mod report;
mod send;
mod snippet;
mod tree;

use std::io::{ErrorKind, IsTerminal as _};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Telemetry that arrives, or says why not.
#[derive(Debug, Parser)]
#[command(name = "throughline", version, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Alerts(generate::AlertArguments),
    Config(config::Arguments),
    Dashboards(generate::DashboardArguments),
    Demo(demo::Arguments),
    Doctor(doctor::Arguments),
    Lint(lint::Arguments),
    Migrate(migrate::Arguments),
    Explain(explain::Arguments),
    Names(names::Arguments),
    Snippet(snippet::Arguments),
    Send(send::SendArguments),
    Load(send::LoadArguments),
}

/// When something was found.
const FOUND: u8 = 1;
/// When what was asked for could not be done.
const COULD_NOT: u8 = 3;

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    // The demo is an application, whose log is telemetry.
    if !matches!(arguments.command, Command::Demo(_)) {
        log_to_stderr();
    }
    let done = match arguments.command {
        Command::Alerts(arguments) => generate::alerts(&arguments),
        Command::Config(arguments) => config::run(arguments),
        Command::Dashboards(arguments) => generate::dashboards(&arguments).await,
        Command::Demo(arguments) => demo::run(arguments).await.map(|()| ExitCode::SUCCESS),
        Command::Doctor(arguments) => doctor::run(arguments).await,
        Command::Lint(arguments) => lint::run(&arguments),
        Command::Migrate(arguments) => migrate::run(&arguments),
        Command::Explain(arguments) => explain::run(&arguments),
        Command::Names(arguments) => names::run(&arguments),
        Command::Snippet(arguments) => snippet::run(&arguments),
        Command::Send(arguments) => send::send(&arguments),
        Command::Load(arguments) => send::load(&arguments),
    };
    match done {
        Ok(status) => status,
        // Whoever read the output has seen enough.
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(COULD_NOT)
        }
    }
}

/// Warnings of the toolkit go where they do not mix with a command's output.
fn log_to_stderr() {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_max_level(tracing_subscriber::filter::LevelFilter::WARN)
        .with_ansi(std::io::stderr().is_terminal())
        .without_time()
        .init();
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == ErrorKind::BrokenPipe)
}
