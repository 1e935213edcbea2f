//! Versions and features: what manifests ask for, and what the lock file gives them.

use std::sync::Arc;

use super::Report;
use super::lockfile::Lockfile;
use super::manifest::{Dependency, Manifest, plain};
use super::matrix::Matrix;
use super::rules::{FixRule, Minor, Pattern, RULES, Rule, rule};
use super::workspace::{Package, Workspace};
use crate::finding::{Confidence, Edit, Finding, Fix, Severity, SourceFile};

/// Looks at all manifests and lock files.
pub(super) fn check(workspace: &Workspace, matrix: &Matrix, report: &mut Report) {
    for (at, (file, manifest)) in workspace.manifests.iter().enumerate() {
        let minor = workspace.minor(at, matrix);
        let version = |dependency: &Dependency| workspace.version(at, dependency);
        manifest_of(file, manifest, minor, version, matrix, &mut report.findings);
    }
    for (file, lock) in &workspace.locks {
        two_versions(file, lock, &mut report.findings);
    }
}

/// Looks at a piece of a manifest, as documents have them.
pub(super) fn fragment(
    file: &Arc<SourceFile>,
    manifest: &Manifest,
    matrix: &Matrix,
    findings: &mut Vec<Finding>,
) {
    let version =
        |dependency: &Dependency| dependency.version.as_ref().map(|version| plain(&version.text).to_owned());
    let minor = |name: &str| matrix.minor(name, &version(manifest.dependency(name)?)?);
    let minor = minor("opentelemetry").or_else(|| minor("opentelemetry_sdk"));
    manifest_of(file, manifest, minor, version, matrix, findings);
}

/// Whether a feature that is on makes right what a rule has found.
pub(super) fn is_allowed(id: &str, package: &Package, workspace: &Workspace) -> bool {
    let needed = rule(id).and_then(|rule| rule.unless_feature.as_ref());
    needed.is_some_and(|needed| has_feature(package, workspace, &needed.of, &needed.feature))
}

/// gRPC that the features do not allow for.
pub(super) fn grpc(package: &Package, workspace: &Workspace) -> Option<Finding> {
    let (file, manifest) = workspace.manifests.get(package.manifest?)?;
    let dependency = manifest.dependency("opentelemetry-otlp")?;
    // Before 0.28 it was on by default.
    let must_be_asked_for = package.source.minor.is_some_and(|minor| minor >= Minor(28));
    if !must_be_asked_for || has_feature(package, workspace, "opentelemetry-otlp", "grpc-tonic") {
        return None;
    }
    finding("F001", file, dependency, None)
}

/// Whether a package asks for a feature of a crate, itself or by its workspace.
fn has_feature(package: &Package, workspace: &Workspace, of: &str, feature: &str) -> bool {
    let Some((file, manifest)) = package.manifest.and_then(|at| workspace.manifests.get(at)) else {
        return false;
    };
    let asked = manifest.dependencies.iter().filter(|dependency| dependency.name == of);
    asked.into_iter().any(|dependency| {
        let inherited = workspace.inherited(&file.path, dependency);
        let features = inherited.into_iter().chain([dependency]).flat_map(|dependency| &dependency.features);
        features.into_iter().any(|written| written.text == feature)
    })
}

fn manifest_of(
    file: &Arc<SourceFile>,
    manifest: &Manifest,
    minor: Option<Minor>,
    version: impl Fn(&Dependency) -> Option<String>,
    matrix: &Matrix,
    findings: &mut Vec<Finding>,
) {
    for dependency in &manifest.dependencies {
        crates_and_features(file, dependency, minor, findings);
        if !matrix.knows(&dependency.name) {
            continue;
        }
        let Some(version) = version(dependency) else { continue };
        if !matrix.exists(&dependency.name, &version) {
            findings.extend(never_released(file, dependency, &version, minor, matrix));
            continue;
        }
        findings.extend(companion(file, dependency, &version, minor, matrix));
        if dependency.name == "opentelemetry" && !dependency.inherited {
            findings.extend(behind(file, dependency, &version, matrix));
        }
    }
}

/// A finding at a dependency's version, or at its name when that comes from elsewhere.
fn finding(
    id: &str,
    file: &Arc<SourceFile>,
    dependency: &Dependency,
    message: Option<String>,
) -> Option<Finding> {
    let rule = rule(id)?;
    Some(Finding {
        id: &rule.id,
        severity: rule.severity,
        message: message.unwrap_or_else(|| rule.title.clone()),
        file: Arc::clone(file),
        range: dependency
            .version
            .as_ref()
            .map_or_else(|| dependency.range.clone(), |version| version.range.clone()),
        help: rule.help.clone(),
        fix: None,
    })
}

/// The version that goes with an OpenTelemetry minor, as a change of the manifest.
fn version_fix(
    dependency: &Dependency,
    minor: Option<Minor>,
    matrix: &Matrix,
) -> Option<(String, Option<Fix>)> {
    let version = matrix.version(&dependency.name, minor?)?;
    let edit =
        dependency.version.as_ref().map(|text| Edit::new(text.range.clone(), format!("\"{version}\"")));
    let fix = edit.map(|edit| Fix { confidence: Confidence::Review, edits: vec![edit] });
    Some((format!("`{} = \"{version}\"` goes with OpenTelemetry {}", dependency.name, minor?), fix))
}

fn never_released(
    file: &Arc<SourceFile>,
    dependency: &Dependency,
    version: &str,
    minor: Option<Minor>,
    matrix: &Matrix,
) -> Option<Finding> {
    let message = format!("`{}` {version} was never released", dependency.name);
    let mut finding = finding("V003", file, dependency, Some(message))?;
    if let Some((help, fix)) = version_fix(dependency, minor, matrix) {
        (finding.help, finding.fix) = (help, fix);
    }
    Some(finding)
}

fn companion(
    file: &Arc<SourceFile>,
    dependency: &Dependency,
    version: &str,
    minor: Option<Minor>,
    matrix: &Matrix,
) -> Option<Finding> {
    let (own, all) = (matrix.minor(&dependency.name, version)?, minor?);
    if own == all {
        return None;
    }
    let message =
        format!("`{}` {version} belongs to OpenTelemetry {own}, and this is {all}", dependency.name);
    let mut finding = finding("V002", file, dependency, Some(message))?;
    match version_fix(dependency, minor, matrix) {
        Some((help, fix)) => (finding.help, finding.fix) = (help, fix),
        None => finding.help = format!("no release of `{}` goes with OpenTelemetry {all}", dependency.name),
    }
    Some(finding)
}

fn behind(
    file: &Arc<SourceFile>,
    dependency: &Dependency,
    version: &str,
    matrix: &Matrix,
) -> Option<Finding> {
    let (own, family) = (matrix.minor(&dependency.name, version)?, matrix.family);
    if own >= family {
        return None;
    }
    let message = format!("OpenTelemetry {version} is {} minor versions behind {family}", family.0 - own.0);
    finding("V004", file, dependency, Some(message))
}

/// The rules that are about a crate, or a feature of one.
fn crates_and_features(
    file: &Arc<SourceFile>,
    dependency: &Dependency,
    minor: Option<Minor>,
    findings: &mut Vec<Finding>,
) {
    for rule in &RULES.all {
        for pattern in &rule.patterns {
            match pattern {
                Pattern::Crate { name } if *name == dependency.name => {
                    let message = format!("`{name}`: {}", rule.title);
                    findings.extend(finding(&rule.id, file, dependency, Some(message)));
                }
                Pattern::Feature { feature, of } if *of == dependency.name => {
                    let written = dependency.features.iter().find(|written| written.text == *feature);
                    findings.extend(written.map(|written| feature_finding(rule, file, written, minor)));
                }
                _ => {}
            }
        }
    }
}

fn feature_finding(
    rule: &'static Rule,
    file: &Arc<SourceFile>,
    feature: &super::manifest::Text,
    minor: Option<Minor>,
) -> Finding {
    let (severity, message) = rule.judge(minor);
    let edit = match &rule.fix {
        Some(FixRule::Rename(new)) => Some(Edit::new(feature.range.clone(), format!("\"{new}\""))),
        Some(FixRule::Remove) => Some(Edit::remove(with_comma(&file.text, &feature.range))),
        _ => None,
    };
    Finding {
        id: &rule.id,
        severity,
        message,
        file: Arc::clone(file),
        range: feature.range.clone(),
        help: rule.help.clone(),
        fix: edit.map(|edit| Fix { confidence: rule.confidence, edits: vec![edit] }),
    }
}

/// An element of a list together with the comma that goes with it.
fn with_comma(text: &str, range: &std::ops::Range<usize>) -> std::ops::Range<usize> {
    let after = text.get(range.end..).unwrap_or_default();
    if let Some(rest) = after.trim_start().strip_prefix(',') {
        return range.start..text.len() - rest.trim_start_matches(' ').len();
    }
    let before = text.get(..range.start).unwrap_or_default();
    before.trim_end().strip_suffix(',').map_or(range.start, str::len)..range.end
}

/// More than one minor of `opentelemetry` in one lock file.
fn two_versions(file: &Arc<SourceFile>, lock: &Lockfile, findings: &mut Vec<Finding>) {
    let mut versions: Vec<_> = lock.versions("opentelemetry").collect();
    versions.sort_by_key(|package| semver::Version::parse(&package.version).ok());
    let Some((newest, older)) = versions.split_last() else { return };
    for package in older {
        let entry = format!("name = \"opentelemetry\"\nversion = \"{}\"", package.version);
        let Some(start) = file.text.find(&entry) else { continue };
        let message = format!(
            "two versions of OpenTelemetry in one program: {} comes by {}, and {} by {}",
            package.version,
            lock.way_to(package),
            newest.version,
            lock.way_to(newest),
        );
        let Some(rule) = rule("V001") else { continue };
        findings.push(Finding {
            id: &rule.id,
            severity: Severity::Error,
            message,
            file: Arc::clone(file),
            range: start..start + entry.len(),
            help: rule.help.clone(),
            fix: None,
        });
    }
}
