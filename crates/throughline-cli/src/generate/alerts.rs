//! `throughline alerts`: recording and alerting rules, and the tests that prove them.

use std::path::PathBuf;
use std::process::ExitCode;

use super::catalogue::{Subject, TELEMETRY, name, of_all, of_kits};
use super::metric::Metric;
use super::naming::Naming;
use super::output::{File, write_or_show};
use super::rules::{Group, Objective, Pace, of_kit, telemetry_group};

/// Makes Prometheus rules of the metrics that the ready-made instruments record, and tests of them for promtool
#[derive(Debug, clap::Args)]
#[command(before_help = "\
Examples:
  throughline alerts --out deploy/rules
  throughline alerts http --objective 99.9
  promtool test rules deploy/rules/tests/*.yml")]
pub(crate) struct Arguments {
    /// Kits, kinds of services, or `telemetry` for what every service needs; all kits and that without any.
    #[arg(value_parser = name)]
    names: Vec<String>,
    /// How much of all should go well, in percent.
    #[arg(long, value_name = "PERCENT", default_value = OBJECTIVE, value_parser = Objective::parse)]
    objective: Objective,
    /// Make windows, holds and thresholds of time so many times shorter, for a drill: the alerts of hours in seconds.
    #[arg(long, value_name = "TIMES", default_value = "1", value_parser = Pace::parse)]
    faster: Pace,
    /// Where to put the files; without it they are shown.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    #[command(flatten)]
    naming: Naming,
}

/// What most services can keep; who has promised more says so.
const OBJECTIVE: &str = "99";

pub(crate) fn run(
    Arguments { names, objective, faster, out, naming }: &Arguments,
) -> anyhow::Result<ExitCode> {
    write_or_show(&files_for(names, *objective, *faster, *naming), out.as_deref())?;
    Ok(ExitCode::SUCCESS)
}

/// All rules, for the usual objective.
pub(crate) fn files(naming: Naming) -> anyhow::Result<Vec<File>> {
    let objective = Objective::parse(OBJECTIVE).map_err(anyhow::Error::msg)?;
    Ok(files_for(&[], objective, Pace::REAL, naming))
}

fn files_for(names: &[String], objective: Objective, pace: Pace, naming: Naming) -> Vec<File> {
    let wants = |name: &str| names.iter().any(|wanted| wanted == name);
    let mut subjects = if names.is_empty() { of_kits() } else { of_all() };
    subjects.retain(|subject| names.is_empty() || wants(subject.name));
    let groups = subjects.iter().map(|subject| group(subject, objective, pace, naming));
    let telemetry = (names.is_empty() || wants(TELEMETRY)).then(|| telemetry_group(naming, pace));
    groups
        .chain(telemetry)
        .filter(|group| !group.rules.is_empty())
        .flat_map(|group| with_tests(&group))
        .collect()
}

fn group(subject: &Subject, objective: Objective, pace: Pace, naming: Naming) -> Group {
    let definitions = subject.parts.iter().flat_map(|part| &part.definitions);
    let metrics: Vec<_> = definitions.filter_map(|def| Metric::new(*def, naming.strategy)).collect();
    Group { name: subject.name.to_owned(), rules: of_kit(&metrics, objective, pace), pace }
}

/// The rules, and their tests where time goes as it does.
fn with_tests(group: &Group) -> Vec<File> {
    let rules = format!("{}.yml", group.name);
    let tests = (group.pace == Pace::REAL)
        .then(|| File::new(format!("tests/{}_test.yml", group.name), group.tests(&format!("../{rules}"))));
    [File::new(rules, group.to_yaml())].into_iter().chain(tests).collect()
}
