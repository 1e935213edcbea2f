//! Versions and features: what manifests ask for, and what the lock file gives them.

use std::sync::Arc;

use super::Report;
use super::lockfile::Lockfile;
use super::manifest::{Dependency, Manifest, Text, plain};
use super::matrix::Matrix;
use super::rules::{FixRule, Minor, Pattern, RULES, Rule, rule};
use super::workspace::{Package, Workspace};
use crate::finding::{Confidence, Edit, Finding, Fix, Severity, SourceFile};

/// Looks at all manifests and lock files.
pub(super) fn check(workspace: &Workspace, matrix: &Matrix, report: &mut Report) {
    for (at, (file, manifest)) in workspace.manifests.iter().enumerate() {
        let check = Check { file, minor: workspace.minor(at, matrix), matrix };
        let version = |dependency: &Dependency| workspace.version(at, dependency);
        check.manifest(manifest, version, &mut report.findings);
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
    Check { file, minor, matrix }.manifest(manifest, version, findings);
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
    finding("F001", file, dependency)
}

/// Whether a package asks for a feature of a crate, itself or by its workspace.
fn has_feature(package: &Package, workspace: &Workspace, of: &str, feature: &str) -> bool {
    let features = package.manifest.and_then(|at| features(workspace, at, of));
    features.is_some_and(|features| features.contains(&feature))
}

/// The features that a manifest asks a crate for, itself or by its workspace; none without the dependency.
pub(super) fn features<'a>(workspace: &'a Workspace, at: usize, of: &str) -> Option<Vec<&'a str>> {
    let (file, manifest) = workspace.manifests.get(at)?;
    manifest.dependency(of)?;
    let asked = manifest.dependencies.iter().filter(|dependency| dependency.name == of);
    let features = asked.flat_map(|dependency| {
        let inherited = workspace.inherited(&file.path, dependency);
        inherited.into_iter().chain([dependency]).flat_map(|dependency| &dependency.features)
    });
    Some(features.map(|feature| &*feature.text).collect())
}

/// What the dependencies of one manifest are compared with.
struct Check<'a> {
    file: &'a Arc<SourceFile>,
    /// The OpenTelemetry minor that the package gets.
    minor: Option<Minor>,
    matrix: &'a Matrix,
}

impl Check<'_> {
    /// Looks at all dependencies, of which `version` tells what they get.
    fn manifest(
        &self,
        manifest: &Manifest,
        version: impl Fn(&Dependency) -> Option<String>,
        findings: &mut Vec<Finding>,
    ) {
        for dependency in &manifest.dependencies {
            self.crates_and_features(dependency, findings);
            if let Some(version) = version(dependency).filter(|_| self.matrix.knows(&dependency.name)) {
                self.version(dependency, &version, findings);
            }
        }
    }

    fn version(&self, dependency: &Dependency, version: &str, findings: &mut Vec<Finding>) {
        if !self.matrix.exists(&dependency.name, version) {
            findings.extend(self.never_released(dependency, version));
            return;
        }
        findings.extend(self.companion(dependency, version));
        if dependency.name == "opentelemetry" && !dependency.inherited {
            findings.extend(self.behind(dependency, version));
        }
    }

    fn never_released(&self, dependency: &Dependency, version: &str) -> Option<Finding> {
        let message = format!("`{}` {version} was never released", dependency.name);
        let finding = Finding { message, ..finding("V003", self.file, dependency)? };
        Some(self.with_version(finding, dependency))
    }

    fn companion(&self, dependency: &Dependency, version: &str) -> Option<Finding> {
        let (name, all) = (&dependency.name, self.minor?);
        let own = self.matrix.minor(name, version).filter(|own| *own != all)?;
        let message = format!("`{name}` {version} belongs to OpenTelemetry {own}, and this is {all}");
        let help = format!("no release of `{name}` goes with OpenTelemetry {all}");
        let finding = Finding { message, help, ..finding("V002", self.file, dependency)? };
        Some(self.with_version(finding, dependency))
    }

    /// The finding with the version that goes with the others, where there is one.
    fn with_version(&self, mut finding: Finding, dependency: &Dependency) -> Finding {
        let fits = |minor| Some((minor, self.matrix.version(&dependency.name, minor)?));
        let Some((minor, version)) = self.minor.and_then(fits) else { return finding };
        finding.help = format!("`{} = \"{version}\"` goes with OpenTelemetry {minor}", dependency.name);
        finding.fix = dependency.version.as_ref().map(|text| Fix {
            confidence: Confidence::Review,
            edits: vec![Edit::new(text.range.clone(), format!("\"{version}\""))],
        });
        finding
    }

    fn behind(&self, dependency: &Dependency, version: &str) -> Option<Finding> {
        let family = self.matrix.family;
        let own = self.matrix.minor(&dependency.name, version).filter(|own| *own < family)?;
        let behind = family.0 - own.0;
        let message = format!("OpenTelemetry {version} is {behind} minor versions behind {family}");
        Some(Finding { message, ..finding("V004", self.file, dependency)? })
    }

    /// The rules that are about a crate, or a feature of one.
    fn crates_and_features(&self, dependency: &Dependency, findings: &mut Vec<Finding>) {
        for (rule, pattern) in RULES.patterns() {
            match pattern {
                Pattern::Crate { name } if *name == dependency.name => {
                    let message = format!("`{name}`: {}", rule.title);
                    let finding = finding(&rule.id, self.file, dependency);
                    findings.extend(finding.map(|finding| Finding { message, ..finding }));
                }
                Pattern::Feature { feature, of } if *of == dependency.name => {
                    let written = dependency.features.iter().find(|written| written.text == *feature);
                    findings.extend(written.map(|written| self.feature(rule, written)));
                }
                _ => {}
            }
        }
    }

    fn feature(&self, rule: &'static Rule, feature: &Text) -> Finding {
        let (severity, message) = rule.judge(self.minor);
        let edit = match &rule.fix {
            Some(FixRule::Rename(new)) => Some(Edit::new(feature.range.clone(), format!("\"{new}\""))),
            Some(FixRule::Remove) => Some(Edit::remove(self.file.with_comma(&feature.range))),
            _ => None,
        };
        Finding {
            id: &rule.id,
            severity,
            message,
            file: Arc::clone(self.file),
            range: feature.range.clone(),
            help: rule.help.clone(),
            fix: edit.map(|edit| Fix { confidence: rule.confidence, edits: vec![edit] }),
        }
    }
}

/// A finding at a dependency's version, or at its name when that comes from elsewhere.
fn finding(id: &str, file: &Arc<SourceFile>, dependency: &Dependency) -> Option<Finding> {
    let rule = rule(id)?;
    let version = dependency.version.as_ref().map(|version| &version.range);
    Some(Finding {
        id: &rule.id,
        severity: rule.severity,
        message: rule.title.clone(),
        file: Arc::clone(file),
        range: version.unwrap_or(&dependency.range).clone(),
        help: rule.help.clone(),
        fix: None,
    })
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
