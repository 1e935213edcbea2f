//! Compose files: how programs are started, and what they are told.

use super::project::{Kind, Project, Service};
use super::yaml::Node;
use super::{found, mended, within};
use crate::doctor::address::Address;
use crate::finding::{Confidence, Edit, Finding, Severity};

const FLAG: &str = "--web.enable-otlp-receiver";
/// What it was before Prometheus 3.
const FEATURE: &str = "otlp-write-receiver";

pub(super) fn check(project: &Project, findings: &mut Vec<Finding>) {
    for service in project.services() {
        if service.is_prometheus() {
            receiver(project, &service, findings);
        }
        endpoints(project, &service, findings);
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

/// What programs are told of where to send to.
fn endpoints(project: &Project, service: &Service<'_>, findings: &mut Vec<Finding>) {
    let environment = service.environment();
    let protocol = environment
        .iter()
        .find(|(name, ..)| *name == "OTEL_EXPORTER_OTLP_PROTOCOL")
        .map(|(_, value, _)| *value);
    for (name, value, node) in &environment {
        if !(name.starts_with("OTEL_EXPORTER_OTLP_") && name.ends_with("ENDPOINT")) {
            continue;
        }
        let Some(address) = Address::parse(value) else { continue };
        ports(service, node, &address, protocol, findings);
        if address.is_local() && !service.is_on_host() {
            local(project, service, node, &address, findings);
        }
    }
}

/// Whether port and protocol are of a kind. Unless set, the protocol is HTTP in Rust, and gRPC in some other languages.
fn ports(
    service: &Service<'_>,
    node: &Node,
    address: &Address,
    protocol: Option<&str>,
    findings: &mut Vec<Finding>,
) {
    let (right, severity) = match (address.port, protocol) {
        (4317, Some("http/protobuf" | "http/json")) => ("4318", Severity::Error),
        (4317, None) => ("4318", Severity::Warning),
        (4318, Some("grpc")) => ("4317", Severity::Error),
        _ => return,
    };
    let what = format!(
        "port {} with {}",
        address.port,
        protocol.unwrap_or("the protocol http/protobuf, which is meant unless set")
    );
    let finding = found("D906", severity, &service.file.source, node.range.clone(), what);
    let wrong = format!(":{}", address.port);
    let edit = within(service.file, &node.range, &wrong).map(|range| Edit::new(range, format!(":{right}")));
    findings.push(mended(finding, Confidence::Review, edit.into_iter().collect()));
}

fn local(
    project: &Project,
    service: &Service<'_>,
    node: &Node,
    address: &Address,
    findings: &mut Vec<Finding>,
) {
    let collector = project.collector_service();
    let what = format!("in the container of `{}`, `{address}` is that container", service.name);
    let finding = found("D907", Severity::Error, &service.file.source, node.range.clone(), what);
    let edit = collector.and_then(|collector| {
        let host = within(service.file, &node.range, &format!("//{}", address.host))?;
        Some(Edit::new(host, format!("//{}", collector.name)))
    });
    findings.push(mended(finding, Confidence::Review, edit.into_iter().collect()));
}
