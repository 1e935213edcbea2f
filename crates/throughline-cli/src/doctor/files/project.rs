//! The files there are, and what each is, by what is in it.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::yaml::{self, Node, Problem};
use crate::finding::SourceFile;
use crate::lint::workspace::Workspace;
use crate::tree::Files;

/// All that was read.
#[derive(Debug, Default)]
pub(super) struct Project {
    pub(super) files: Vec<File>,
    /// Manifests and lock files.
    pub(super) cargo: Workspace,
    /// What is no YAML.
    pub(super) broken: Vec<(Arc<SourceFile>, Problem)>,
    /// What could not be read, with the reason.
    pub(super) unread: Vec<String>,
}

/// A document that is one of those that are looked at: a file, one of several in it, or a text in one.
#[derive(Debug)]
pub(super) struct File {
    pub(super) source: Arc<SourceFile>,
    pub(super) root: Node,
    pub(super) kind: Kind,
    /// Whether it is in a `ConfigMap`.
    pub(super) is_in_pod: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Collector,
    Prometheus,
    Compose,
    Kubernetes,
}

impl Project {
    pub(super) fn read(paths: &[PathBuf]) -> anyhow::Result<Self> {
        let Files { read, unread } = Files::below(paths, is_wanted)?;
        let mut project = Self { unread, ..Self::default() };
        for (path, text) in read {
            if is_cargo(&path) {
                project.cargo.add(&path, text);
            } else {
                project.file(SourceFile { path, text });
            }
        }
        Ok(project)
    }

    fn file(&mut self, source: SourceFile) {
        let source = Arc::new(source);
        match yaml::documents(&source.text) {
            Ok(documents) => documents.into_iter().for_each(|root| self.document(&source, root)),
            Err(problem) => self.broken(&source, &source.text, problem),
        }
    }

    fn document(&mut self, source: &Arc<SourceFile>, root: Node) {
        let Some(kind) = kind(&root) else { return };
        if kind == Kind::Kubernetes && root.member("kind").and_then(Node::text) == Some("ConfigMap") {
            let data = root.member("data").map(Node::members).unwrap_or_default();
            data.iter()
                .filter_map(|(_, value)| value.block(&source.text))
                .for_each(|part| self.embedded(source, part));
        }
        self.files.push(File { source: Arc::clone(source), root, kind, is_in_pod: false });
    }

    /// A configuration in a `ConfigMap`.
    fn embedded(&mut self, source: &Arc<SourceFile>, part: Range<usize>) {
        match yaml::documents_in(&source.text, part.clone()) {
            Ok(documents) => {
                let known = documents.into_iter().filter_map(|root| Some((kind(&root)?, root)));
                self.files.extend(known.map(|(kind, root)| File {
                    source: Arc::clone(source),
                    root,
                    kind,
                    is_in_pod: true,
                }));
            }
            Err(problem) => self.broken(source, source.get(&part), problem),
        }
    }

    /// Templates look like YAML and are none; what speaks of telemetry is meant to be some.
    fn broken(&mut self, source: &Arc<SourceFile>, text: &str, problem: Problem) {
        if text.contains("receivers:") || text.contains("scrape_configs:") {
            self.broken.push((Arc::clone(source), problem));
        }
    }

    pub(super) fn of(&self, kind: Kind) -> impl Iterator<Item = &File> {
        self.files.iter().filter(move |file| file.kind == kind)
    }

    /// All services of all compose files.
    pub(super) fn services(&self) -> impl Iterator<Item = Service<'_>> {
        self.of(Kind::Compose).flat_map(|file| {
            let services = file.root.member("services").map(Node::members).unwrap_or_default();
            services.iter().map(move |(key, node)| Service {
                file,
                name: &key.name,
                key: key.range.clone(),
                node,
            })
        })
    }

    pub(super) fn collector_service(&self) -> Option<Service<'_>> {
        self.services().find(Service::is_collector)
    }

    /// The Prometheus that runs in a container of its own network.
    pub(super) fn prometheus_service(&self) -> Option<Service<'_>> {
        self.services().find(|service| service.is_prometheus() && !service.is_on_host())
    }
}

fn is_wanted(path: &Path) -> bool {
    is_cargo(path) || path.extension().is_some_and(|extension| extension == "yml" || extension == "yaml")
}

fn is_cargo(path: &Path) -> bool {
    path.ends_with("Cargo.toml") || path.ends_with("Cargo.lock")
}

fn kind(root: &Node) -> Option<Kind> {
    let has = |path: &[&str]| root.at(path).is_some();
    if has(&["apiVersion"]) && has(&["kind"]) {
        Some(Kind::Kubernetes)
    } else if has(&["receivers"]) && has(&["service"]) || has(&["service", "pipelines"]) {
        Some(Kind::Collector)
    } else if has(&["scrape_configs"]) || has(&["otlp"]) && has(&["global"]) {
        Some(Kind::Prometheus)
    } else if has(&["services"]) {
        Some(Kind::Compose)
    } else {
        None
    }
}

/// A service of a compose file.
#[derive(Debug)]
pub(super) struct Service<'a> {
    pub(super) file: &'a File,
    pub(super) name: &'a str,
    pub(super) key: Range<usize>,
    pub(super) node: &'a Node,
}

impl<'a> Service<'a> {
    pub(super) fn image(&self) -> &'a str {
        self.node.member("image").and_then(Node::text).unwrap_or_default()
    }

    pub(super) fn is_collector(&self) -> bool {
        let image = self.image();
        image.contains("opentelemetry-collector") || image.contains("otelcol")
    }

    pub(super) fn is_prometheus(&self) -> bool {
        self.image().contains("prom/prometheus")
    }

    /// Whether `localhost` is the machine.
    pub(super) fn is_on_host(&self) -> bool {
        self.node.member("network_mode").and_then(Node::text) == Some("host")
    }

    /// Whether a port of the container is published, or one that is published leads to it.
    pub(super) fn has_port(&self, port: &str) -> bool {
        let ports = self.node.member("ports").map(Node::items).unwrap_or_default();
        ports.iter().filter_map(Node::text).any(|mapping| {
            let inner = mapping.split('/').next().unwrap_or_default();
            inner.rsplit(':').next() == Some(port)
        })
    }

    /// Name, value, and where the value stands, of each variable.
    pub(super) fn environment(&self) -> Vec<(&'a str, &'a str, &'a Node)> {
        let Some(environment) = self.node.member("environment") else { return Vec::new() };
        let listed = environment.items().iter().filter_map(|item| {
            let (name, value) = item.text()?.split_once('=')?;
            Some((name, value, item))
        });
        let mapped = environment
            .members()
            .iter()
            .filter_map(|(key, value)| Some((key.name.as_str(), value.text()?, value)));
        listed.chain(mapped).collect()
    }
}
