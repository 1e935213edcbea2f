//! `throughline doctor`: which hop between a program and its charts is broken, and what mends it.
//!
//! | file | hop |
//! |---|---|
//! | `settings.rs`, `routes.rs` | what environment and files say |
//! | `reach.rs` | names, ports; TLS by what the exporters say |
//! | `protocol.rs` | what is spoken at the port |
//! | `probe.rs`, `refusal.rs` | whether what is sent is taken |
//! | `collector.rs` | the Collector's own account |
//! | `prometheus.rs`, `stored.rs`, `traces.rs` | the way into a store, and what was stored |
//! | `grafana.rs` | what dashboards are shown |
//! | `scrape.rs`, `exposition.rs` | a page that is scraped |
//! | `files/` | files alone: Collector, Prometheus, compose, Kubernetes, Cargo |
//! | `run/` | what an application truly sends |
//!
//! `examine.rs` goes along the hops and makes a `Report` of checks (`check.rs`), each with its finding from `troubles.toml`
//! and its fix (`fix.rs`); `output/` shows it. A hop after a broken one is not judged, what cannot be judged is `unknown`
//! and never `ok`, and all of it ends within 15 seconds.

mod address;
mod check;
mod collector;
mod examine;
mod exposition;
mod files;
mod fix;
mod grafana;
mod output;
mod probe;
mod prometheus;
mod protocol;
mod reach;
mod refusal;
mod routes;
mod run;
mod scrape;
mod settings;
mod stored;
mod traces;
pub(crate) mod troubles;

use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Subcommand;

use self::check::{Report, Verdict};
use self::output::Format;
use crate::{COULD_NOT, FOUND};

/// Says which hop between a program and its charts is broken, and what mends it
///
/// Reads the environment as the program would, sends one value, one span and one log record, and follows them.
#[derive(Debug, clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    disable_help_subcommand = true,
    before_help = "\
Examples:
  throughline doctor                                       as far as the receiver
  throughline doctor --collector-metrics http://localhost:8888/metrics \\
      --prometheus http://localhost:9090 --traces-api http://localhost:16686 \\
      --grafana http://localhost:3000
  throughline doctor --scrape http://localhost:9464/metrics
  throughline doctor static .                              files alone: Collector, Prometheus, compose, k8s
  throughline doctor run -- cargo run                      what an application truly sends",
    after_help = "\
Exit status: 0 all that was looked at works, 1 something is broken, 2 wrong usage, 3 something could not be judged.
`throughline explain D302` says more about a finding."
)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    live: Live,
}

#[derive(Debug, Subcommand)]
enum Command {
    Static(files::Arguments),
    Run(run::Arguments),
}

/// What to look at while it runs.
#[derive(Debug, clap::Args)]
pub(crate) struct Live {
    /// Read this file in OpenTelemetry's configuration format, as `OTEL_CONFIG_FILE` would
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The Collector's own metrics
    #[arg(long, value_name = "URL")]
    collector_metrics: Option<String>,
    /// The Prometheus that is to have the value
    #[arg(long, value_name = "URL")]
    prometheus: Option<String>,
    /// The Jaeger that is to have the trace
    #[arg(long, value_name = "URL")]
    traces_api: Option<String>,
    /// The Grafana that is to show it
    #[arg(long, value_name = "URL")]
    grafana: Option<String>,
    /// A token for Grafana; `GRAFANA_TOKEN` has it where other people see command lines
    #[arg(long, value_name = "TOKEN", requires = "grafana")]
    grafana_token: Option<String>,
    /// The Grafana dashboard whose metrics are to be there
    #[arg(long, value_name = "UID", requires = "grafana")]
    dashboard: Option<String>,
    /// A page of metrics that Prometheus scrapes
    #[arg(long, value_name = "URL")]
    scrape: Option<String>,
    /// Send nothing
    #[arg(long)]
    read_only: bool,
    /// Look again until nothing is broken
    #[arg(long)]
    watch: bool,
    /// How to write the report
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

impl Live {
    /// The token for Grafana.
    fn grafana_token(&self) -> Option<String> {
        let token = self.grafana_token.clone().or_else(|| std::env::var("GRAFANA_TOKEN").ok());
        token.filter(|token| !token.is_empty())
    }
}

/// Between two looks of `--watch`.
const PAUSE: Duration = Duration::from_secs(2);

pub(crate) async fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let Arguments { command, live } = arguments;
    match command {
        Some(Command::Static(arguments)) => return files::run(&arguments),
        Some(Command::Run(arguments)) => {
            let report = run::run(&arguments).await?;
            output::write(&report, arguments.format, colour())?;
            return Ok(status(&report));
        }
        None => {}
    }
    loop {
        let report = examine::examine(&live).await;
        output::write(&report, live.format, colour())?;
        let status = status(&report);
        if !live.watch || status == ExitCode::SUCCESS {
            return Ok(status);
        }
        tokio::select! {
            () = tokio::time::sleep(PAUSE) => {}
            _ = tokio::signal::ctrl_c() => return Ok(status),
        }
    }
}

fn status(report: &Report) -> ExitCode {
    match report.verdict() {
        Verdict::Broken => ExitCode::from(FOUND),
        Verdict::Unknown | Verdict::Skipped => ExitCode::from(COULD_NOT),
        Verdict::Ok | Verdict::Warning => ExitCode::SUCCESS,
    }
}

fn colour() -> bool {
    std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}
