//! Compose files: how programs are started, and what they are told.

use std::path::PathBuf;

use super::program::Program;
use super::project::{Kind, Project, Service};
use super::yaml::Node;
use super::{found, mended, within};
use crate::finding::{Confidence, Edit, Finding, Severity};
use crate::lint;

const FLAG: &str = "--web.enable-otlp-receiver";
/// What it was before Prometheus 3.
const FEATURE: &str = "otlp-write-receiver";

pub(super) fn check(project: &Project, findings: &mut Vec<Finding>) {
    for service in project.services() {
        if service.is_prometheus() {
            receiver(project, &service, findings);
        }
        program(project, &service).check(findings);
        build(project, &service, findings);
    }
}

/// Whether a Prometheus that is sent OTLP takes it.
fn receiver(project: &Project, service: &Service<'_>, findings: &mut Vec<Finding>) {
    let command = service.node.member("command");
    let words: Vec<&Node> = command.map(Node::items).unwrap_or_default().iter().collect();
    let flag = words.iter().find(|word| word.text().is_some_and(|text| text.contains(FEATURE)));
    if let Some(word) = flag.filter(|_| !is_second(service.image())) {
        let what = format!("this Prometheus does not know `{FEATURE}` any more");
        let range = within(service.file, &word.range, &format!("--enable-feature={FEATURE}"));
        let edits = range.map(|range| Edit::new(range, FLAG)).into_iter().collect();
        let finding = found("D911", Severity::Error, &service.file.source, word.range.clone(), what);
        findings.push(mended(finding, Confidence::Machine, edits));
        return;
    }
    let takes = |text: &str| text.contains(FLAG) || text.contains(FEATURE);
    if words.iter().any(|word| word.text().is_some_and(takes)) || !is_sent_otlp(project) {
        return;
    }
    let flag =
        if is_second(service.image()) { format!("--enable-feature={FEATURE}") } else { FLAG.to_owned() };
    let what = format!("`{}` is sent OTLP and started without {flag}", service.name);
    let finding = found("D902", Severity::Error, &service.file.source, service.key.clone(), what);
    let edits = words.last().map(|last| item_after(service, last, &flag)).into_iter().collect();
    findings.push(mended(finding, Confidence::Machine, edits));
}

/// One more item of a list, written as the last one is.
fn item_after(service: &Service<'_>, last: &Node, text: &str) -> Edit {
    let source = &service.file.source.text;
    let line = source.get(..last.range.start).and_then(|before| before.rfind('\n')).map_or(0, |at| at + 1);
    let indent = source.get(line..last.range.start).unwrap_or_default();
    let added = if indent.trim() == "-" { format!("\n{indent}'{text}'") } else { format!(", '{text}'") };
    Edit::new(last.range.end..last.range.end, added)
}

/// Whether an image is of Prometheus 2.
fn is_second(image: &str) -> bool {
    image.rsplit_once(':').is_some_and(|(_, tag)| tag.trim_start_matches('v').starts_with("2."))
}

/// Whether anything here sends OTLP to a Prometheus.
fn is_sent_otlp(project: &Project) -> bool {
    let mut scalars = Vec::new();
    for file in &project.files {
        file.root.scalars(&mut scalars);
    }
    let names = |scalar: &&Node| scalar.text().is_some_and(|text| text.contains("/api/v1/otlp"));
    scalars.iter().any(names) || project.of(Kind::Prometheus).any(|file| file.root.member("otlp").is_some())
}

/// The program that a service runs.
fn program<'a>(project: &'a Project, service: &Service<'a>) -> Program<'a> {
    Program {
        file: service.file,
        name: service.name,
        environment: service.environment(),
        is_beside_receiver: service.is_on_host(),
        receiver: project.collector_service().map(|collector| collector.name),
    }
}

/// A protocol that the program is built without, where compose builds it.
fn build(project: &Project, service: &Service<'_>, findings: &mut Vec<Finding>) {
    let Some(folder) = folder(service) else { return };
    for (name, protocol, node) in service.environment() {
        if !(name.starts_with("OTEL_EXPORTER_OTLP_") && name.ends_with("PROTOCOL")) {
            continue;
        }
        if protocol == "grpc" {
            findings.extend(lint::built_without_grpc(&project.cargo, &folder));
        }
        let features = lint::features_of(&project.cargo, &folder, "throughline");
        // The feature for gRPC brings HTTP with it.
        let needed = if protocol == "grpc" { &["otlp-grpc"][..] } else { &["otlp-http", "otlp-grpc"] };
        if features.is_some_and(|features| !features.iter().any(|feature| needed.contains(feature))) {
            let what = format!(
                "`{}` is told {protocol}, and its `throughline` is built without the feature `{}`",
                service.name, needed[0]
            );
            findings.push(found("D918", Severity::Error, &service.file.source, node.range.clone(), what));
        }
    }
}

/// Where a service is built.
fn folder(service: &Service<'_>) -> Option<PathBuf> {
    let build = service.node.member("build")?;
    let context = build.text().or_else(|| build.member("context")?.text())?;
    let folder = service.file.source.path.parent()?.join(context);
    Some(folder.strip_prefix(".").unwrap_or(&folder).to_owned())
}
