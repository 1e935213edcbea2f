//! Configurations of the Collector.

use super::kubernetes;
use super::project::{File, Kind, Project};
use super::yaml::{Key, Node};
use super::{found, mended, within};
use crate::finding::{Confidence, Edit, Finding, Severity};

/// Sections, and what a pipeline calls them.
const SECTIONS: [&str; 3] = ["receivers", "processors", "exporters"];

pub(super) fn check(project: &Project, findings: &mut Vec<Finding>) {
    for file in project.of(Kind::Collector) {
        gone(file, findings);
        unused(file, findings);
        undeclared(file, findings);
        missing(file, findings);
        own_address(file, findings);
        let is_apart = project.collector_service().is_some_and(|service| !service.is_on_host());
        if is_apart || kubernetes::has_collector(project) {
            local(file, findings);
        }
    }
}

fn section<'a>(file: &'a File, name: &str) -> &'a [(Key, Node)] {
    file.root.member(name).map(Node::members).unwrap_or_default()
}

fn pipelines(file: &File) -> &[(Key, Node)] {
    file.root.at(&["service", "pipelines"]).map(Node::members).unwrap_or_default()
}

/// Everywhere that pipelines name something.
fn references<'a>(file: &'a File, section: &'a str) -> impl Iterator<Item = (&'a str, &'a Node)> {
    pipelines(file).iter().flat_map(move |(_, pipeline)| {
        let items = pipeline.member(section).map(Node::items).unwrap_or_default();
        items.iter().filter_map(|item| Some((item.text()?, item)))
    })
}

fn kind(name: &str) -> &str {
    name.split('/').next().unwrap_or(name)
}

/// Exporters that were removed, and what stands there today.
fn gone(file: &File, findings: &mut Vec<Finding>) {
    for (key, node) in section(file, "exporters") {
        let (id, instead) = match kind(&key.name) {
            "jaeger" | "jaeger_thrift" => {
                ("D903", key.name.replacen(kind(&key.name), "otlp/jaeger", 1).replace("jaeger/", "jaeger-"))
            }
            "logging" => ("D910", key.name.replacen("logging", "debug", 1)),
            _ => continue,
        };
        let mut edits = vec![Edit::new(key.range.clone(), instead.clone())];
        let named = references(file, "exporters").filter(|(name, _)| *name == key.name);
        edits.extend(named.map(|(_, item)| Edit::new(item.range.clone(), instead.clone())));
        if let Some(endpoint) = node.member("endpoint").filter(|_| id == "D903") {
            // Jaeger's own protocol had a port of its own.
            edits.extend(within(file, &endpoint.range, "14250").map(|range| Edit::new(range, "4317")));
        }
        if let Some(level) =
            node.members().iter().find(|(key, _)| key.name == "loglevel").filter(|_| id == "D910")
        {
            edits.push(Edit::new(level.0.range.start..level.1.range.end, "verbosity: detailed"));
        }
        let what = format!("the Collector has no exporter `{}` any more", kind(&key.name));
        findings.push(mended(
            found(id, Severity::Error, &file.source, key.range.clone(), what),
            Confidence::Review,
            edits,
        ));
    }
}

fn unused(file: &File, findings: &mut Vec<Finding>) {
    for name in SECTIONS {
        for (key, _) in section(file, name) {
            let is_used = references(file, name).any(|(used, _)| used == key.name);
            if !is_used {
                let what = format!("`{}` is among the {name}, and in no pipeline", key.name);
                findings.push(found("D904", Severity::Warning, &file.source, key.range.clone(), what));
            }
        }
    }
}

fn undeclared(file: &File, findings: &mut Vec<Finding>) {
    for name in SECTIONS {
        for (used, item) in references(file, name) {
            let is_declared = section(file, name).iter().any(|(key, _)| key.name == used);
            // A connector is the end of one pipeline and the beginning of another.
            let is_connector = section(file, "connectors").iter().any(|(key, _)| key.name == used);
            if !is_declared && !is_connector {
                let what = format!("a pipeline names `{used}`, which is not among the {name}");
                findings.push(found("D905", Severity::Error, &file.source, item.range.clone(), what));
            }
        }
    }
}

/// What an OTLP receiver takes, and what no pipeline takes from it.
fn missing(file: &File, findings: &mut Vec<Finding>) {
    let Some((otlp, _)) = section(file, "receivers").iter().find(|(key, _)| kind(&key.name) == "otlp") else {
        return;
    };
    let missing: Vec<_> = ["traces", "metrics", "logs"]
        .into_iter()
        .filter(|signal| !pipelines(file).iter().any(|(key, _)| kind(&key.name) == *signal))
        .collect();
    if missing.is_empty() || pipelines(file).is_empty() {
        return;
    }
    let what = format!("the OTLP receiver refuses {}: no pipeline takes them", missing.join(" and "));
    findings.push(found("D913", Severity::Note, &file.source, otlp.range.clone(), what));
}

fn own_address(file: &File, findings: &mut Vec<Finding>) {
    let metrics = file.root.at(&["service", "telemetry", "metrics"]).map(Node::members).unwrap_or_default();
    let Some((key, value)) = metrics.iter().find(|(key, _)| key.name == "address") else { return };
    let (host, port) = value.text().unwrap_or_default().rsplit_once(':').unwrap_or(("", "8888"));
    let host = if host.is_empty() { "0.0.0.0" } else { host };
    let instead =
        format!("readers: [{{pull: {{exporter: {{prometheus: {{host: {host}, port: {port}}}}}}}}}]");
    let finding = found(
        "D912",
        Severity::Error,
        &file.source,
        key.range.clone(),
        "the Collector's own metrics have no `address` any more",
    );
    findings.push(mended(
        finding,
        Confidence::Machine,
        vec![Edit::new(key.range.start..value.range.end, instead)],
    ));
}

/// Receivers that nobody outside of the container reaches.
fn local(file: &File, findings: &mut Vec<Finding>) {
    for (receiver, node) in section(file, "receivers").iter().filter(|(key, _)| kind(&key.name) == "otlp") {
        let protocols = node.member("protocols").map(Node::members).unwrap_or_default();
        for (protocol, settings) in protocols {
            let port = if protocol.name == "grpc" { "4317" } else { "4318" };
            let endpoint = settings.member("endpoint");
            let (range, edit) = match endpoint {
                Some(node) => {
                    let text = node.text().unwrap_or_default();
                    let host = text.rsplit_once(':').map_or(text, |(host, _)| host);
                    if !super::super::address::is_local(host) {
                        continue;
                    }
                    (
                        node.range.clone(),
                        within(file, &node.range, host).map(|range| Edit::new(range, "0.0.0.0")),
                    )
                }
                // `grpc:` alone.
                None if settings.members().is_empty() => {
                    let colon = protocol.range.end + 1;
                    let is_bare =
                        file.source.text.get(colon..).is_some_and(|rest| {
                            rest.lines().next().is_some_and(|rest| rest.trim().is_empty())
                        });
                    let edit =
                        is_bare.then(|| Edit::new(colon..colon, format!(" {{endpoint: 0.0.0.0:{port}}}")));
                    (protocol.range.clone(), edit)
                }
                None => (protocol.range.clone(), None),
            };
            let what =
                format!("receiver `{}` listens on localhost, in a container of its own", receiver.name);
            let finding = found("D908", Severity::Warning, &file.source, range, what);
            findings.push(mended(finding, Confidence::Review, edit.into_iter().collect()));
        }
    }
}
