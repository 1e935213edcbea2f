//! Files of Kubernetes: pods, the services in front of them, and what programs are told. Configurations in a `ConfigMap` are
//! looked at as files of their own. What network policies let through is not looked at.

use super::program::Program;
use super::project::{File, Kind, Project};
use super::yaml::Node;
use super::{found, mended, within};
use crate::doctor::address::Address;
use crate::finding::{Confidence, Edit, Finding, Severity};

/// One object.
#[derive(Clone, Copy, Debug)]
struct Object<'a> {
    file: &'a File,
    name: &'a str,
    /// Where it is, when a file says it.
    namespace: Option<&'a str>,
}

/// What runs together.
#[derive(Debug)]
struct Pod<'a> {
    object: Object<'a>,
    spec: &'a Node,
    labels: Option<&'a Node>,
}

pub(super) fn check(project: &Project, findings: &mut Vec<Finding>) {
    let pods: Vec<_> = objects(project).filter_map(Pod::of).collect();
    for object in objects(project).filter(|object| object.is("Service")) {
        ports(object, &pods, findings);
    }
    for pod in &pods {
        programs(project, pod, &pods, findings);
        memory(project, pod, findings);
    }
}

/// Whether a Collector has a pod for itself: then nobody else is at its `localhost`.
pub(super) fn has_collector(project: &Project) -> bool {
    objects(project).filter_map(Pod::of).any(|pod| pod.is_collector_alone())
}

fn objects(project: &Project) -> impl Iterator<Item = Object<'_>> {
    project.of(Kind::Kubernetes).map(|file| Object {
        file,
        name: text(&file.root, &["metadata", "name"]).unwrap_or_default(),
        namespace: text(&file.root, &["metadata", "namespace"]).or_else(|| of_kustomization(project, file)),
    })
}

/// The namespace that a kustomization gives to the files beside it.
fn of_kustomization<'a>(project: &'a Project, file: &File) -> Option<&'a str> {
    let folder = file.source.path.parent();
    let mut beside = project.of(Kind::Kubernetes).filter(|other| other.source.path.parent() == folder);
    let kustomization = beside.find(|other| text(&other.root, &["kind"]) == Some("Kustomization"))?;
    text(&kustomization.root, &["namespace"])
}

fn text<'a>(node: &'a Node, path: &[&str]) -> Option<&'a str> {
    node.at(path).and_then(Node::text)
}

fn items<'a>(node: &'a Node, path: &[&str]) -> &'a [Node] {
    node.at(path).map(Node::items).unwrap_or_default()
}

impl Object<'_> {
    fn is(&self, kind: &str) -> bool {
        text(&self.file.root, &["kind"]) == Some(kind)
    }

    /// Whether two are in one namespace, as far as files say it.
    fn is_beside(&self, other: &Object<'_>) -> bool {
        self.namespace.zip(other.namespace).is_none_or(|(one, other)| one == other)
    }
}

impl<'a> Pod<'a> {
    fn of(object: Object<'a>) -> Option<Self> {
        let root = &object.file.root;
        let template = match text(root, &["kind"])? {
            "Deployment" | "DaemonSet" | "StatefulSet" | "ReplicaSet" | "Job" => {
                root.at(&["spec", "template"])?
            }
            "CronJob" => root.at(&["spec", "jobTemplate", "spec", "template"])?,
            "Pod" => root,
            _ => return None,
        };
        Some(Self { object, spec: template.member("spec")?, labels: template.at(&["metadata", "labels"]) })
    }

    fn containers(&self) -> &'a [Node] {
        items(self.spec, &["containers"])
    }

    fn collector(&self) -> Option<&'a Node> {
        self.containers().iter().find(|container| is_collector(container))
    }

    fn is_on_host(&self) -> bool {
        text(self.spec, &["hostNetwork"]) == Some("true")
    }

    fn is_collector_alone(&self) -> bool {
        self.collector().is_some() && self.containers().len() == 1 && !self.is_on_host()
    }

    fn is_selected_by(&self, service: &Object<'_>) -> bool {
        let selector = service.file.root.at(&["spec", "selector"]).map(Node::members).unwrap_or_default();
        let has = |name: &str, value: &Node| {
            self.labels.is_some_and(|labels| text(labels, &[name]) == value.text())
        };
        !selector.is_empty()
            && self.object.is_beside(service)
            && selector.iter().all(|(key, value)| has(&key.name, value))
    }
}

fn is_collector(container: &Node) -> bool {
    let image = text(container, &["image"]).unwrap_or_default();
    image.contains("opentelemetry-collector") || image.contains("otelcol")
}

/// Whether the ports of a service lead to ports of the Collectors behind it.
fn ports(service: Object<'_>, pods: &[Pod<'_>], findings: &mut Vec<Finding>) {
    let behind: Vec<&Node> =
        pods.iter().filter(|pod| pod.is_selected_by(&service)).filter_map(Pod::collector).collect();
    let open: Vec<&Node> = behind.iter().flat_map(|container| items(container, &["ports"])).collect();
    if open.is_empty() {
        return;
    }
    for port in items(&service.file.root, &["spec", "ports"]) {
        let Some(target) = port.member("targetPort").or_else(|| port.member("port")) else { continue };
        let wanted = target.text();
        let leads =
            |open: &&&Node| text(open, &["name"]) == wanted || text(open, &["containerPort"]) == wanted;
        if open.iter().any(|open| leads(&open)) {
            continue;
        }
        let name = wanted.unwrap_or_default();
        let is_number = name.bytes().all(|byte| byte.is_ascii_digit());
        let severity = if is_number { Severity::Warning } else { Severity::Error };
        let what = format!(
            "service `{}` leads to port `{name}`, which the Collector's container does not have",
            service.name
        );
        let finding = found("D914", severity, &service.file.source, target.range.clone(), what);
        // The one that the service itself is asked at.
        let meant = text(port, &["port"])
            .filter(|meant| open.iter().any(|open| text(open, &["containerPort"]) == Some(meant)));
        let edit = meant.map(|meant| Edit::new(target.range.clone(), meant));
        findings.push(mended(finding, Confidence::Review, edit.into_iter().collect()));
    }
}

/// What the programs of a pod are told.
fn programs(project: &Project, pod: &Pod<'_>, pods: &[Pod<'_>], findings: &mut Vec<Finding>) {
    let receiver = objects(project).filter(|object| object.is("Service")).find(|service| {
        let is_behind = |pod: &&Pod<'_>| pod.collector().is_some() && pod.is_selected_by(service);
        service.is_beside(&pod.object) && pods.iter().any(|pod| is_behind(&pod))
    });
    for container in pod.containers().iter().filter(|container| !is_collector(container)) {
        let variables = items(container, &["env"]).iter();
        let variables =
            variables.filter_map(|variable| Some((text(variable, &["name"])?, variable.member("value")?)));
        let program = Program {
            file: pod.object.file,
            name: text(container, &["name"]).unwrap_or_default(),
            environment: variables.filter_map(|(name, value)| Some((name, value.text()?, value))).collect(),
            is_beside_receiver: pod.collector().is_some() || pod.is_on_host(),
            receiver: receiver.map(|receiver| receiver.name),
        };
        program.check(findings);
        for (node, address) in program.endpoints() {
            service(project, pod.object, node, &address, findings);
        }
    }
}

/// Whether a name is that of a service, and the port one of its.
fn service(
    project: &Project,
    program: Object<'_>,
    node: &Node,
    address: &Address,
    findings: &mut Vec<Finding>,
) {
    let services: Vec<_> = objects(project).filter(|object| object.is("Service")).collect();
    let mut parts = address.host.split('.');
    let (name, namespace) = (parts.next().unwrap_or_default(), parts.next());
    let is_inside = parts.next().is_none_or(|part| part == "svc");
    // What comes from a variable, and what is elsewhere, is not known here.
    if services.is_empty() || address.is_local() || name.contains(['$', '{']) || !is_inside {
        return;
    }
    let told =
        |id, severity, what: String| found(id, severity, &program.file.source, node.range.clone(), what);
    let is_there = |service: &&Object<'_>| match namespace {
        Some(namespace) => service.namespace.is_none_or(|other| other == namespace),
        None => service.is_beside(&program),
    };
    let mut named = services.iter().filter(|service| service.name == name);
    if let Some(service) = named.clone().find(is_there) {
        let ports = items(&service.file.root, &["spec", "ports"]);
        let port = address.port.to_string();
        if !ports.is_empty() && !ports.iter().any(|known| text(known, &["port"]) == Some(&port)) {
            let what = format!("service `{name}` has no port {port}");
            findings.push(told("D916", Severity::Error, what));
        }
        return;
    }
    match named.next().and_then(|service| service.namespace) {
        Some(right) => {
            let what =
                format!("service `{name}` is in the namespace `{right}`, and not where this looks for it");
            let host = within(program.file, &node.range, &address.host);
            let edit = host.map(|host| Edit::new(host, format!("{name}.{right}")));
            let finding = told("D915", Severity::Error, what);
            findings.push(mended(finding, Confidence::Review, edit.into_iter().collect()));
        }
        // A host name with one dot may be anything.
        None if namespace.is_none() => {
            findings.push(told(
                "D915",
                Severity::Warning,
                format!("there is no service `{name}` in these files"),
            ));
        }
        None => {}
    }
}

/// Whether the memory of a Collector that limits itself is limited.
fn memory(project: &Project, pod: &Pod<'_>, findings: &mut Vec<Finding>) {
    let Some(collector) = pod.collector() else { return };
    let limits_itself = project.of(Kind::Collector).any(|file| {
        let processors = file.root.member("processors").map(Node::members).unwrap_or_default();
        processors.iter().any(|(key, _)| key.name.starts_with("memory_limiter"))
    });
    if limits_itself && collector.at(&["resources", "limits", "memory"]).is_none() {
        let range =
            collector.member("image").map_or_else(|| collector.range.clone(), |image| image.range.clone());
        let what = format!(
            "the Collector of `{}` has a memory_limiter, and its container no limit",
            pod.object.name
        );
        findings.push(found("D917", Severity::Warning, &pod.object.file.source, range, what));
    }
}
