//! `throughline dashboards`: a dashboard for each kit and each kind of service.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Subcommand;

use super::catalogue::{Part, Subject, name, of_all};
use super::chart::{Chart, charts};
use super::grafana::Dashboard;
use super::metric::Metric;
use super::naming::Naming;
use super::output::{File, write_or_show};
use super::{health, json, verify};

/// Makes Grafana dashboards of the metrics that the ready-made instruments record, one for each kit and kind of service
#[derive(Debug, clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Examples:\n  throughline dashboards --out deploy/dashboards\n  throughline dashboards http --path otlp \
                  --strategy NoTranslation\n  throughline dashboards verify --prometheus http://127.0.0.1:9090 \
                  deploy/dashboards deploy/rules"
)]
pub(crate) struct Arguments {
    /// Kits, kinds of services, or `telemetry` for what every service has; all of them without any.
    #[arg(value_parser = name)]
    names: Vec<String>,
    /// Where to put the files; without it they are shown.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    #[command(flatten)]
    naming: Naming,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    Verify(verify::Arguments),
}

pub(crate) async fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    if let Some(Command::Verify(arguments)) = &arguments.command {
        return verify::run(arguments).await;
    }
    write_or_show(&files(&arguments.names, arguments.naming), arguments.out.as_deref())?;
    Ok(ExitCode::SUCCESS)
}

/// The dashboards of these, or of all.
pub(crate) fn files(names: &[String], naming: Naming) -> Vec<File> {
    let file = |subject: &Subject| {
        let dashboard = dashboard(subject, naming);
        File::new(format!("{}.json", subject.name), json::to_text(&dashboard.to_json()))
    };
    let is_wanted = |subject: &&Subject| names.is_empty() || names.iter().any(|name| name == subject.name);
    of_all().iter().filter(is_wanted).map(file).collect()
}

pub(crate) fn dashboard(subject: &Subject, naming: Naming) -> Dashboard {
    let one_part = subject.parts.len() == 1;
    let part = |part: &Part| {
        let title = if one_part { "" } else { part.title };
        (title.to_owned(), of_part(part, naming))
    };
    let health = (String::new(), health::charts(naming));
    Dashboard {
        name: subject.name.to_owned(),
        title: subject.title.to_owned(),
        description: "Made by `throughline dashboards`: change the definitions of the metrics, not this."
            .to_owned(),
        parts: subject.parts.iter().map(part).chain([health]).collect(),
    }
}

fn of_part(part: &Part, naming: Naming) -> Vec<Chart> {
    let metrics: Vec<_> =
        part.definitions.iter().filter_map(|def| Metric::new(*def, naming.strategy)).collect();
    charts(&metrics)
}
