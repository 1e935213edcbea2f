//! `throughline lint`: stale OpenTelemetry code, versions that do not fit, and advice that is out of date.
//!
//! `workspace.rs` finds what there is, `versions.rs` looks at manifests and lock files, `source/` at Rust code,
//! `document.rs` at code in Markdown, `advice.rs` at what comments and documents say, and `doctor/files/` at configurations of
//! what telemetry goes to. Rules are data (`rules.toml`), and so is which release goes with which (`matrix.toml`). Nothing is
//! built, run, or fetched.

mod advice;
pub(crate) mod allow;
mod baseline;
mod document;
mod lockfile;
pub(crate) mod manifest;
pub(crate) mod matrix;
pub(crate) mod rules;
pub(crate) mod source;
mod versions;
pub(crate) mod workspace;

use std::collections::BTreeSet;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::thread;
use std::time::SystemTime;

use self::baseline::Baseline;
use self::matrix::Matrix;
use self::workspace::{Package, Workspace};
use crate::colour::colour;
use crate::doctor::{files, troubles::TROUBLES};
use crate::finding::{Finding, Severity, SourceFile};
use crate::progress::Progress;
use crate::report::{self, Format};
use crate::{COULD_NOT, FOUND};

/// Finds stale OpenTelemetry code, versions that do not fit, and advice that is out of date
#[derive(Debug, clap::Args)]
#[command(
    before_help = "\
Examples:
  throughline lint                            the workspace in this folder
  throughline lint README.md                  the code blocks of a document
  throughline lint --format sarif > lint.sarif
  throughline lint --write-baseline lint.txt  accept what there is; later: --baseline lint.txt",
    after_help = "\
Exit status: 0 nothing found, 1 findings, 2 wrong usage, 3 something could not be read.
Files of Collector, Prometheus, compose and Kubernetes are looked at, too, as `throughline doctor static` does.
Silence one finding with `// throughline: allow(P101) reason = \"…\"` in the line before it; in YAML after `#`."
)]
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
    /// How many configurations there are beside the code.
    configurations: usize,
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
    configurations(&arguments.paths, &mut report)?;
    report.findings.retain(|finding| !arguments.allow.iter().any(|id| finding.id.starts_with(id.as_str())));
    if let Some(path) = &arguments.write_baseline {
        Baseline::of(&report.findings).write(path)?;
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(path) = &arguments.baseline {
        Baseline::read(path)?.remove_known(&mut report.findings);
    }
    report::write(&report.findings, arguments.format, colour(&std::io::stdout()))?;
    Ok(conclude(&report, &workspace, &matrix, arguments))
}

/// Everything that is found in a workspace, in order of files and lines.
pub(crate) fn check(workspace: &Workspace, matrix: &Matrix) -> Report {
    let mut report = Report::default();
    versions::check(workspace, matrix, &mut report);
    let sources = workspace.sources(matrix);
    let progress = &Progress::of("files", sources.len());
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    let parts = sources.chunks(sources.len().div_ceil(threads).max(1));
    thread::scope(|scope| {
        let check = |part| move || check_sources(part, workspace, matrix, progress);
        let worker = |part| thread::Builder::new().stack_size(STACK).spawn_scoped(scope, check(part));
        let workers: Vec<_> = parts.map(|part| (part, worker(part))).collect();
        for (part, worker) in workers {
            // What no thread can be had for is done here.
            let done = worker.map_or_else(
                |_none| Ok(check_sources(part, workspace, matrix, progress)),
                thread::ScopedJoinHandle::join,
            );
            let done = done.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            report.findings.extend(done.findings);
            report.unread.extend(done.unread);
        }
    });
    allow::apply(&mut report.findings);
    report.findings.sort_by(|a, b| a.place().cmp(&b.place()));
    report.findings.dedup_by(|a, b| a.place() == b.place());
    report
}

/// As much as the main thread has: the parser goes as deep as code is nested.
const STACK: usize = 8 << 20;

/// Looks at some of the sources.
fn check_sources(
    sources: &[(&Arc<SourceFile>, Arc<Package>)],
    workspace: &Workspace,
    matrix: &Matrix,
    progress: &Progress,
) -> Report {
    let mut report = Report::default();
    let sources = sources.iter().inspect(|_file| progress.step());
    // What does not name it has nothing to say about it, and need not be parsed.
    for (file, package) in sources.filter(|(file, _)| file.text.contains("opentelemetry")) {
        advice::check(file, &mut report.findings);
        if document::is_document(&file.path) {
            document::check(file, matrix, &mut report);
            continue;
        }
        match source::check(file, &file.text, &package.source) {
            Ok(mut checked) => {
                checked.findings.retain(|finding| !versions::is_allowed(finding.id, package, workspace));
                report.findings.extend(checked.findings);
                if checked.grpc {
                    report.findings.extend(versions::grpc(package, workspace));
                }
            }
            Err(problem) => report.unread.push(format!("{}: {problem}", file.path.display())),
        }
    }
    report
}

/// Adds what is found in files that are no code.
fn configurations(paths: &[PathBuf], report: &mut Report) -> anyhow::Result<()> {
    let (findings, unread, files) = files::look(paths)?;
    report.findings.extend(findings);
    report.findings.sort_by(|a, b| a.place().cmp(&b.place()));
    report.unread.extend(unread);
    report.configurations = files;
    Ok(())
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
    let ids = rules::RULES.all.iter().map(|rule| &rule.id);
    ids.chain(TROUBLES.all.iter().map(|trouble| &trouble.id)).any(|id| id.starts_with(beginning))
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
    let files = workspace.files() + report.configurations;
    eprintln!("{errors} errors, {warnings} warnings, {notes} notes in {files} files");
    if report.findings.iter().any(|finding| finding.severity >= arguments.fail_on) {
        ExitCode::from(FOUND)
    } else if report.unread.is_empty() && workspace.unread.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(COULD_NOT)
    }
}
