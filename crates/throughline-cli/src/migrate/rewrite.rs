//! Applies what `lint` can mend until nothing is left that it can.

use std::borrow::Cow;
use std::collections::HashSet;
use std::path::{Path, PathBuf};

use super::{Files, manifest};
use crate::finding::{Edit, Finding, Severity, apply};
use crate::lint;
use crate::lint::matrix::Matrix;
use crate::lint::rules::Minor;
use crate::lint::workspace::Workspace;

/// One fix may uncover the next: `opentelemetry::sdk::trace::TracerProvider` is moved, then renamed.
const ROUNDS: usize = 8;

/// A package as it would be.
pub(super) struct Rewritten {
    pub(super) files: Files,
    /// What must be done by hand.
    pub(super) left: Vec<String>,
}

/// The Rust files and manifests below a folder.
pub(super) fn read(path: &Path) -> anyhow::Result<Files> {
    let workspace = Workspace::read(&[path.to_owned()])?;
    Ok(workspace.texts().filter(|(path, _)| is_code(path)).collect())
}

fn is_code(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "rs" || extension == "toml")
}

pub(super) fn rewrite(mut files: Files, target: Minor, matrix: &Matrix) -> Rewritten {
    // What pipelines returned depends on where the code comes from, so code is rewritten before versions are.
    for _ in 0..ROUNDS {
        let findings = check(&files, matrix);
        if !mend(&mut files, &findings) {
            break;
        }
    }
    let uses_sdk = |files: &Files| files.values().any(|text| text.contains("opentelemetry_sdk::"));
    let uses_grpc = |files: &Files| files.values().any(|text| text.contains(".with_tonic()"));
    let needs = manifest::Needs { sdk: uses_sdk(&files), grpc: uses_grpc(&files) };
    let manifests: Vec<PathBuf> = files.keys().filter(|path| path.ends_with("Cargo.toml")).cloned().collect();
    let mut left = Vec::new();
    for path in manifests {
        match manifest::bring(&files[&path], target, needs, matrix) {
            Ok((text, problems)) => {
                left.extend(problems.into_iter().map(|problem| format!("{}: {problem}", path.display())));
                files.insert(path, text);
            }
            Err(problem) => left.push(format!("{}: {problem}", path.display())),
        }
    }
    // Now under the new versions: what is still stale is for people.
    let findings = check(&files, matrix);
    let stale =
        findings.iter().filter(|finding| finding.severity == Severity::Error && finding.fix.is_none());
    left.extend(stale.map(|finding| {
        let (line, _) = finding.file.position(finding.range.start);
        format!(
            "{}:{line}: {}: {}; {}",
            finding.file.path.display(),
            finding.id,
            finding.message,
            finding.help
        )
    }));
    Rewritten { files, left }
}

fn check(files: &Files, matrix: &Matrix) -> Vec<Finding> {
    let mut workspace = Workspace::default();
    for (path, text) in files {
        workspace.add(path, text.clone());
    }
    lint::check(&workspace, matrix).findings
}

/// Applies the fixes of stale code. Versions are not lint's to choose here.
fn mend(files: &mut Files, findings: &[Finding]) -> bool {
    let mut mended = false;
    for (path, text) in files.iter_mut() {
        let own =
            findings.iter().filter(|finding| finding.file.path == *path && !finding.id.starts_with('V'));
        let edits: Vec<&Edit> =
            own.filter_map(|finding| finding.fix.as_ref()).flat_map(|fix| &fix.edits).collect();
        let (new, made) = apply(text, edits);
        if made > 0 {
            *text = tidy_imports(&new);
            mended = true;
        }
    }
    mended
}

/// Drops what fixes leave behind: `use a::{};`, the braces of `use a::{B};`, and a second `use a::B;` beside the first.
pub(super) fn tidy_imports(text: &str) -> String {
    let mut seen = HashSet::new();
    let kept = text.split_inclusive('\n').filter(|line| {
        let empty = line.trim().starts_with("use ") && line.trim().ends_with("::{};");
        // In a function the same import may stand again.
        let again =
            line.starts_with("use ") && line.trim_end().ends_with(';') && !seen.insert(line.trim_end());
        !empty && !again
    });
    kept.map(without_braces).collect()
}

/// An import of one name without braces around it.
fn without_braces(line: &str) -> Cow<'_, str> {
    let grouped = line.trim_start().strip_prefix("use ").and_then(|rest| rest.trim_end().strip_suffix("};"));
    let Some((_, name)) = grouped.and_then(|rest| rest.split_once("::{")) else { return line.into() };
    if name.contains([',', '{']) || name == "self" {
        return line.into();
    }
    line.replacen("::{", "::", 1).replacen("};", ";", 1).into()
}
