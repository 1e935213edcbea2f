//! `throughline doctor static`: files of Collector, Prometheus, compose and Kubernetes, alone, against each other, and against
//! what Cargo builds. Nothing is run.
//!
//! `project.rs` reads what there is, `collector.rs`, `prometheus.rs`, `compose.rs` and `kubernetes.rs` judge it (`program.rs`
//! what both tell programs); findings are shown as those of `lint` are.

mod collector;
mod compose;
mod kubernetes;
mod program;
mod project;
mod prometheus;
mod yaml;

use std::io::IsTerminal as _;
use std::ops::Range;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use self::project::{File, Project};
use super::troubles::trouble;
use crate::finding::{Confidence, Edit, Finding, Fix, Severity};
use crate::report::{self, Format};
use crate::{COULD_NOT, FOUND};

/// Looks at files alone: Collector, Prometheus, compose, Kubernetes, Cargo
#[derive(Debug, clap::Args)]
#[command(
    before_help = "\
Examples:
  throughline doctor static .
  throughline doctor static docker-compose.yml otel-collector.yaml prometheus.yml --format sarif",
    after_help = "\
Exit status: 0 nothing found, 1 findings, 2 wrong usage, 3 something could not be read."
)]
pub(crate) struct Arguments {
    /// Folders or files to look at
    #[arg(default_value = ".")]
    paths: Vec<PathBuf>,
    /// How to write findings
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// The least severity that makes the exit status 1: note, warning or error
    #[arg(
        long,
        value_enum,
        value_name = "SEVERITY",
        hide_possible_values = true,
        default_value_t = Severity::Warning
    )]
    fail_on: Severity,
    /// Make the edits that are shown
    #[arg(long)]
    fix: bool,
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let project = Project::read(&arguments.paths)?;
    let findings = check(&project);
    if arguments.fix {
        return mend(&project, &findings);
    }
    let colour = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    report::write(&findings, arguments.format, colour)?;
    Ok(conclude(&project, &findings, arguments.fail_on))
}

/// Everything that is found, in order of files and lines.
fn check(project: &Project) -> Vec<Finding> {
    let mut findings: Vec<Finding> = project
        .broken
        .iter()
        .map(|(file, problem)| {
            let end = file.text.len().min(problem.at + 1);
            let what = format!("{} is no YAML: {}", file.path.display(), problem.what);
            found("D909", Severity::Error, file, problem.at.min(end)..end, what)
        })
        .collect();
    collector::check(project, &mut findings);
    prometheus::check(project, &mut findings);
    compose::check(project, &mut findings);
    kubernetes::check(project, &mut findings);
    findings.sort_by(|one, other| one.place().cmp(&other.place()));
    findings
}

/// A finding, with the help of its id.
fn found(
    id: &'static str,
    severity: Severity,
    file: &Arc<crate::finding::SourceFile>,
    range: Range<usize>,
    message: impl Into<String>,
) -> Finding {
    let help = trouble(id).map(|trouble| trouble.help.clone()).unwrap_or_default();
    Finding { id, severity, message: message.into(), file: Arc::clone(file), range, help, fix: None }
}

/// The finding with edits that mend it.
fn mended(finding: Finding, confidence: Confidence, edits: Vec<Edit>) -> Finding {
    Finding { fix: (!edits.is_empty()).then_some(Fix { confidence, edits }), ..finding }
}

/// The bytes of a piece of text within a part of a file.
fn within(file: &File, range: &Range<usize>, piece: &str) -> Option<Range<usize>> {
    let at = range.start + file.source.text.get(range.clone())?.find(piece)?;
    Some(at..at + piece.len())
}

#[expect(clippy::print_stderr, reason = "the summary does not belong to the document on standard output")]
fn conclude(project: &Project, findings: &[Finding], fail_on: Severity) -> ExitCode {
    for problem in project.unread.iter().chain(&project.cargo.unread) {
        eprintln!("could not be read: {problem}");
    }
    let count = |severity| findings.iter().filter(|finding| finding.severity == severity).count();
    let (errors, warnings, notes) = (count(Severity::Error), count(Severity::Warning), count(Severity::Note));
    eprintln!("{errors} errors, {warnings} warnings, {notes} notes in {} files", project.files.len());
    if findings.iter().any(|finding| finding.severity >= fail_on) {
        ExitCode::from(FOUND)
    } else if project.unread.is_empty() && project.cargo.unread.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(COULD_NOT)
    }
}

/// Makes the edits, and says what is left.
fn mend(project: &Project, findings: &[Finding]) -> anyhow::Result<ExitCode> {
    let mut left = findings.iter().filter(|finding| finding.fix.is_none()).count();
    // A file can have several documents.
    let mut files: Vec<&File> = project.files.iter().collect();
    files.dedup_by(|one, other| Arc::ptr_eq(&one.source, &other.source));
    for file in files {
        let of_file = findings.iter().filter(|finding| Arc::ptr_eq(&finding.file, &file.source));
        let edits: Vec<&Edit> = of_file.flat_map(|finding| &finding.fix).flat_map(|fix| &fix.edits).collect();
        if edits.is_empty() {
            continue;
        }
        let wanted = edits.len();
        let (text, made) = crate::finding::apply(&file.source.text, edits);
        left += wanted.saturating_sub(made);
        std::fs::write(&file.source.path, text)?;
        say!("{}: {made} edits", file.source.path.display());
    }
    say!("{left} findings take a person; `throughline doctor static` shows them");
    Ok(if left > 0 { ExitCode::from(FOUND) } else { ExitCode::SUCCESS })
}
