//! `throughline lint`: stale OpenTelemetry code, versions that do not fit, and advice that is out of date.
//!
//! `workspace.rs` finds what there is, `versions.rs` looks at manifests and lock files, `source/` at Rust code,
//! `document.rs` at code in Markdown, `advice.rs` at what comments and documents say. Rules are data (`rules.toml`), and so
//! is which release goes with which (`matrix.toml`). Nothing is built, run, or fetched.

mod advice;
mod allow;
mod baseline;
mod document;
mod lockfile;
pub(crate) mod manifest;
pub(crate) mod matrix;
pub(crate) mod rules;
mod source;
mod versions;
pub(crate) mod workspace;

use std::collections::BTreeSet;
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::SystemTime;

use self::baseline::Baseline;
use self::matrix::Matrix;
use self::workspace::Workspace;
use crate::finding::{Finding, Severity};
use crate::report::{self, Format};
use crate::{COULD_NOT, FOUND};

/// Finds stale OpenTelemetry code, versions that do not fit, and advice that is out of date
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  throughline lint                            the workspace in this folder
  throughline lint README.md                  the code blocks of a document
  throughline lint --format sarif > lint.sarif
  throughline lint --write-baseline lint.txt  accept what there is; later: --baseline lint.txt

Exit status: 0 nothing found, 1 findings, 2 wrong usage, 3 something could not be read.
Silence one finding with `// throughline: allow(P101) reason = \"…\"` in the line before it.")]
pub(crate) struct Arguments {
    /// Folders or files to look at
    #[arg(default_value = ".")]
    paths: Vec<PathBuf>,
    /// How to write findings
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// The least severity that makes the exit status 1
    #[arg(long, value_enum, default_value_t = Severity::Warning)]
    fail_on: Severity,
    /// Ids to leave out, or their beginnings: `S`, `P3`, `A001`
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    allow: Vec<String>,
    /// Findings of this file are known and left out
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
    /// Writes what is found to a baseline, and ends with status 0
    #[arg(long, value_name = "FILE", conflicts_with = "baseline")]
    write_baseline: Option<PathBuf>,
    /// Another table of versions than the one in the program
    #[arg(long, value_name = "FILE")]
    matrix: Option<PathBuf>,
}

/// What a run has found, and what it could not look at.
#[derive(Debug, Default)]
pub(crate) struct Report {
    pub(crate) findings: Vec<Finding>,
    /// Files that could not be read or parsed, each with the reason.
    pub(crate) unread: Vec<String>,
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let unknown: BTreeSet<&String> = arguments.allow.iter().filter(|id| !is_known(id)).collect();
    anyhow::ensure!(
        unknown.is_empty(),
        "no rule has an id that begins with {unknown:?}; `throughline explain` lists them"
    );
    let matrix = Matrix::load(arguments.matrix.as_deref())?;
    let workspace = Workspace::read(&arguments.paths)?;
    let mut report = check(&workspace, &matrix);
    report.findings.retain(|finding| !arguments.allow.iter().any(|id| finding.id.starts_with(id.as_str())));
    if let Some(path) = &arguments.write_baseline {
        Baseline::of(&report.findings).write(path)?;
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(path) = &arguments.baseline {
        Baseline::read(path)?.remove_known(&mut report.findings);
    }
    let colour = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    report::write(&report.findings, arguments.format, colour)?;
    Ok(conclude(&report, &workspace, &matrix, arguments))
}

/// Everything that is found in a workspace, in order of files and lines.
pub(crate) fn check(workspace: &Workspace, matrix: &Matrix) -> Report {
    let mut report = Report::default();
    versions::check(workspace, matrix, &mut report);
    for (file, package) in workspace.sources(matrix) {
        // What does not name it has nothing to say about it, and need not be parsed.
        if !file.text.contains("opentelemetry") {
            continue;
        }
        advice::check(file, &mut report.findings);
        if document::is_document(&file.path) {
            document::check(file, matrix, &mut report);
            continue;
        }
        match source::check(file, &file.text, &package.source) {
            Ok(mut checked) => {
                checked.findings.retain(|finding| !versions::is_allowed(finding.id, &package, workspace));
                report.findings.extend(checked.findings);
                if checked.grpc {
                    report.findings.extend(versions::grpc(&package, workspace));
                }
            }
            Err(problem) => report.unread.push(format!("{}: {problem}", file.path.display())),
        }
    }
    allow::apply(&mut report.findings);
    report.findings.sort_by(|a, b| a.place().cmp(&b.place()));
    report.findings.dedup_by(|a, b| a.place() == b.place());
    report
}

/// That the package in a folder sends over gRPC, and is built without it, as the rule for sources says it.
pub(crate) fn built_without_grpc(workspace: &Workspace, folder: &Path) -> Option<Finding> {
    let package = workspace.package_in(folder, &Matrix::load(None).ok()?)?;
    versions::grpc(&package, workspace)
}

/// The features that the package in a folder asks a crate for; none when it does not depend on it.
pub(crate) fn features_of<'a>(workspace: &'a Workspace, folder: &Path, of: &str) -> Option<Vec<&'a str>> {
    versions::features(workspace, workspace.manifest_in(folder)?, of)
}

fn is_known(beginning: &str) -> bool {
    rules::RULES.all.iter().any(|rule| rule.id.starts_with(beginning))
}

/// Says on standard error how it went, and gives the exit status.
#[expect(clippy::print_stderr, reason = "the summary does not belong to the document on standard output")]
#[expect(
    clippy::disallowed_methods,
    reason = "how old the table is depends on the day, and nothing else does"
)]
fn conclude(report: &Report, workspace: &Workspace, matrix: &Matrix, arguments: &Arguments) -> ExitCode {
    for problem in workspace.unread.iter().chain(&report.unread) {
        eprintln!("could not be read: {problem}");
    }
    if let Some(days) = matrix.age(SystemTime::now()).filter(|days| *days > 90) {
        eprintln!(
            "note: the table of versions is {days} days old; a newer throughline, or --matrix, has a newer one"
        );
    }
    let count = |severity| report.findings.iter().filter(|finding| finding.severity == severity).count();
    let (errors, warnings, notes) = (count(Severity::Error), count(Severity::Warning), count(Severity::Note));
    eprintln!("{errors} errors, {warnings} warnings, {notes} notes in {} files", workspace.files());
    if report.findings.iter().any(|finding| finding.severity >= arguments.fail_on) {
        ExitCode::from(FOUND)
    } else if report.unread.is_empty() && workspace.unread.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(COULD_NOT)
    }
}
