//! Files of Kubernetes: pods, the services in front of them, and what programs are told. Configurations in a `ConfigMap` are
//! looked at as files of their own. What network policies let through is not looked at.

use std::collections::HashMap;

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

/// All that is to run.
#[derive(Debug)]
struct Cluster<'a> {
    services: Vec<Object<'a>>,
    pods: Vec<Pod<'a>>,
    /// Whether a Collector limits its memory.
    is_limited: bool,
}

pub(super) fn check(project: &Project, findings: &mut Vec<Finding>) {
    let objects = objects(project);
    let cluster = Cluster {
        services: objects.iter().copied().filter(|object| object.is("Service")).collect(),
        pods: objects.into_iter().filter_map(Pod::of).collect(),
        is_limited: project.of(Kind::Collector).any(has_limiter),
    };
    for service in &cluster.services {
        cluster.ports(service, findings);
    }
    for pod in &cluster.pods {
        cluster.programs(pod, findings);
        cluster.memory(pod, findings);
    }
}

/// Whether a Collector has a pod for itself: then nobody else is at its `localhost`.
pub(super) fn has_collector(project: &Project) -> bool {
    objects(project).into_iter().filter_map(Pod::of).any(|pod| pod.is_collector_alone() && !pod.is_on_host())
}

/// All objects, each with the namespace that it says itself, or that a kustomization gives to the files beside it.
fn objects<'a>(project: &'a Project) -> Vec<Object<'a>> {
    let of_folder: HashMap<_, _> = project
        .of(Kind::Kubernetes)
        .filter(|file| text(&file.root, &["kind"]) == Some("Kustomization"))
        .filter_map(|file| Some((file.source.path.parent(), text(&file.root, &["namespace"])?)))
        .collect();
    let object = |file: &'a File| {
        let File { source, root, .. } = file;
        let given = || of_folder.get(&source.path.parent()).copied();
        let namespace = text(root, &["metadata", "namespace"]).or_else(given);
        Object { file, name: text(root, &["metadata", "name"]).unwrap_or_default(), namespace }
    };
    project.of(Kind::Kubernetes).map(object).collect()
}

fn has_limiter(file: &File) -> bool {
    let processors = file.root.member("processors").map(Node::members).unwrap_or_default();
    processors.iter().any(|(key, _)| key.name.starts_with("memory_limiter"))
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

    /// Whether a service has a port. One that lists none has them all.
    fn has_port(&self, port: u16) -> bool {
        let ports = items(&self.file.root, &["spec", "ports"]);
        let port = port.to_string();
        ports.is_empty() || ports.iter().any(|known| text(known, &["port"]) == Some(&port))
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
        self.collector().is_some() && self.containers().len() == 1
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

impl<'a> Cluster<'a> {
    /// Whether the ports of a service lead to ports of the Collectors behind it.
    fn ports(&self, service: &Object<'_>, findings: &mut Vec<Finding>) {
        let behind = self.pods.iter().filter(|pod| pod.is_collector_alone() && pod.is_selected_by(service));
        let open: Vec<&Node> =
            behind.flat_map(Pod::containers).flat_map(|container| items(container, &["ports"])).collect();
        let has = |name: &str, value: &str| open.iter().any(|open| text(open, &[name]) == Some(value));
        for port in items(&service.file.root, &["spec", "ports"]).iter().filter(|_| !open.is_empty()) {
            let Some(target) = port.member("targetPort").or_else(|| port.member("port")) else { continue };
            let wanted = target.text().unwrap_or_default();
            if has("name", wanted) || has("containerPort", wanted) {
                continue;
            }
            // Something may listen at a number that no list names.
            let is_number = wanted.bytes().all(|byte| byte.is_ascii_digit());
            let severity = if is_number { Severity::Warning } else { Severity::Error };
            let what = format!(
                "service `{}` leads to port `{wanted}`, which the Collector's container does not have",
                service.name
            );
            let finding = found("D914", severity, &service.file.source, target.range.clone(), what);
            // The one that the service itself is asked at.
            let meant = text(port, &["port"]).filter(|meant| has("containerPort", meant));
            let edit = meant.map(|meant| Edit::new(target.range.clone(), meant));
            findings.push(mended(finding, Confidence::Review, edit.into_iter().collect()));
        }
    }

    /// What the programs of a pod are told.
    fn programs(&self, pod: &Pod<'a>, findings: &mut Vec<Finding>) {
        for container in pod.containers().iter().filter(|container| !is_collector(container)) {
            let variable = |variable: &'a Node| {
                let value = variable.member("value")?;
                Some((text(variable, &["name"])?, value.text()?, value))
            };
            let program = Program {
                file: pod.object.file,
                name: text(container, &["name"]).unwrap_or_default(),
                environment: items(container, &["env"]).iter().filter_map(variable).collect(),
                is_beside_receiver: pod.collector().is_some() || pod.is_on_host(),
                receiver: self.receiver(&pod.object),
            };
            program.check(findings);
            for (node, address) in program.endpoints() {
                self.endpoint(&pod.object, node, &address, findings);
            }
        }
    }

    /// The service of a Collector in the namespace of a program.
    fn receiver(&self, program: &Object<'_>) -> Option<&'a str> {
        let leads_to_one = |service: &&Object<'_>| {
            self.pods.iter().any(|pod| pod.collector().is_some() && pod.is_selected_by(service))
        };
        let beside = self.services.iter().filter(|service| service.is_beside(program));
        beside.filter(leads_to_one).map(|service| service.name).next()
    }

    /// Whether an endpoint names a service, and a port of it.
    fn endpoint(&self, program: &Object<'_>, node: &Node, address: &Address, findings: &mut Vec<Finding>) {
        let mut parts = address.host.split('.');
        let (name, namespace) = (parts.next().unwrap_or_default(), parts.next());
        if self.services.is_empty() || address.is_local() || !self.is_inside(name, namespace, parts.next()) {
            return;
        }
        let told =
            |id, severity, what: String| found(id, severity, &program.file.source, node.range.clone(), what);
        let is_there = |service: &&&Object<'_>| match namespace {
            Some(namespace) => service.namespace.is_none_or(|other| other == namespace),
            None => service.is_beside(program),
        };
        let named: Vec<_> = self.services.iter().filter(|service| service.name == name).collect();
        if let Some(service) = named.iter().find(is_there) {
            if !service.has_port(address.port) {
                let what = format!("service `{name}` has no port {}", address.port);
                findings.push(told("D916", Severity::Error, what));
            }
        } else if let Some(right) = named.iter().find_map(|service| service.namespace) {
            let what =
                format!("service `{name}` is in the namespace `{right}`, and not where this looks for it");
            let host = within(program.file, &node.range, &address.host);
            let edit = host.map(|host| Edit::new(host, format!("{name}.{right}")));
            let finding = told("D915", Severity::Error, what);
            findings.push(mended(finding, Confidence::Review, edit.into_iter().collect()));
        } else {
            let what = format!("there is no service `{name}` in these files");
            findings.push(told("D915", Severity::Warning, what));
        }
    }

    /// Whether a host is meant to be a service of the cluster. What comes from a variable is not known here, and a name with
    /// a dot may be anybody's, unless what follows is a namespace.
    fn is_inside(&self, name: &str, namespace: Option<&str>, third: Option<&str>) -> bool {
        let is_known =
            |namespace: &str| self.services.iter().any(|service| service.namespace == Some(namespace));
        !name.contains(['$', '{'])
            && match third {
                Some(third) => third == "svc",
                None => namespace.is_none_or(is_known),
            }
    }

    /// Whether the memory of a Collector that limits itself is limited.
    fn memory(&self, pod: &Pod<'_>, findings: &mut Vec<Finding>) {
        let Some(collector) = pod.collector().filter(|_| self.is_limited) else { return };
        if collector.at(&["resources", "limits", "memory"]).is_none() {
            let place = collector.member("image").unwrap_or(collector);
            let what = format!(
                "the Collector of `{}` has a memory_limiter, and its container no limit",
                pod.object.name
            );
            let file = &pod.object.file.source;
            findings.push(found("D917", Severity::Warning, file, place.range.clone(), what));
        }
    }
}
