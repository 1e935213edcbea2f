//! `throughline alerts`: recording and alerting rules, and the tests that prove them.

use std::path::PathBuf;
use std::process::ExitCode;

use super::catalogue::{Subject, TELEMETRY, name_of_rules, of_kits};
use super::metric::Metric;
use super::naming::Naming;
use super::output::{File, write_or_show};
use super::rules::{Group, Objective, of_kit, telemetry_group};

/// Makes Prometheus rules of the metrics that the ready-made instruments record, and tests of them for promtool
#[derive(Debug, clap::Args)]
#[command(before_help = "\
Examples:
  throughline alerts --out deploy/rules
  throughline alerts http --objective 99.9
  promtool test rules deploy/rules/tests/*.yml")]
pub(crate) struct Arguments {
    /// Kits, or `telemetry` for what every service needs; all of them without any.
    #[arg(value_parser = name_of_rules)]
    kits: Vec<String>,
    /// How much of all should go well, in percent.
    #[arg(long, value_name = "PERCENT", default_value = OBJECTIVE, value_parser = Objective::parse)]
    objective: Objective,
    /// Where to put the files; without it they are shown.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    #[command(flatten)]
    naming: Naming,
}

/// What most services can keep; who has promised more says so.
const OBJECTIVE: &str = "99";

pub(crate) fn run(Arguments { kits, objective, out, naming }: &Arguments) -> anyhow::Result<ExitCode> {
    write_or_show(&files_for(kits, *objective, *naming), out.as_deref())?;
    Ok(ExitCode::SUCCESS)
}

/// All rules, for the usual objective.
pub(crate) fn files(naming: Naming) -> anyhow::Result<Vec<File>> {
    Ok(files_for(&[], Objective::parse(OBJECTIVE).map_err(anyhow::Error::msg)?, naming))
}

fn files_for(names: &[String], objective: Objective, naming: Naming) -> Vec<File> {
    let wants = |name: &str| names.is_empty() || names.iter().any(|wanted| wanted == name);
    let subjects = of_kits().into_iter().filter(|subject| wants(subject.name));
    let groups = subjects.map(|subject| group(&subject, objective, naming));
    let telemetry = wants(TELEMETRY).then(|| telemetry_group(naming));
    groups.chain(telemetry).filter(|group| !group.rules.is_empty()).flat_map(|group| pair(&group)).collect()
}

fn group(subject: &Subject, objective: Objective, naming: Naming) -> Group {
    let definitions = subject.parts.iter().flat_map(|part| &part.definitions);
    let metrics: Vec<_> = definitions.filter_map(|def| Metric::new(*def, naming.strategy)).collect();
    Group { name: subject.name.to_owned(), rules: of_kit(&metrics, objective) }
}

/// The rules, and their tests.
fn pair(group: &Group) -> [File; 2] {
    let rules = format!("{}.yml", group.name);
    let tests = File::new(format!("tests/{}_test.yml", group.name), group.tests(&format!("../{rules}")));
    [File::new(rules, group.to_yaml()), tests]
}
