//! The files there are, and what each is, by what is in it.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ignore::WalkBuilder;

use super::yaml::{self, Node, Problem};
use crate::finding::SourceFile;

/// Files larger than this are not configurations.
const BYTES_MAX: u64 = 4 << 20;

/// All that was read.
#[derive(Debug, Default)]
pub(super) struct Project {
    pub(super) files: Vec<File>,
    /// What is no YAML.
    pub(super) broken: Vec<(Arc<SourceFile>, Problem)>,
    /// What could not be read, with the reason.
    pub(super) unread: Vec<String>,
}

/// A file that is one of those that are looked at.
#[derive(Debug)]
pub(super) struct File {
    pub(super) source: Arc<SourceFile>,
    pub(super) root: Node,
    pub(super) kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Collector,
    Prometheus,
    Compose,
}

impl Project {
    pub(super) fn read(paths: &[PathBuf]) -> anyhow::Result<Self> {
        let mut project = Self::default();
        for path in paths {
            anyhow::ensure!(path.exists(), "there is no {}", path.display());
            let walk = WalkBuilder::new(path)
                .filter_entry(|entry| entry.file_name() != OsStr::new("target"))
                .build();
            for entry in walk {
                match entry {
                    Ok(entry) if entry.file_type().is_some_and(|kind| kind.is_file()) => {
                        project.file(entry.path());
                    }
                    Ok(_) => {}
                    Err(problem) => project.unread.push(problem.to_string()),
                }
            }
        }
        project.files.sort_by(|one, other| one.source.path.cmp(&other.source.path));
        Ok(project)
    }

    fn file(&mut self, path: &Path) {
        let is_yaml = path.extension().is_some_and(|extension| extension == "yml" || extension == "yaml");
        if !is_yaml || fs::metadata(path).map_or(0, |metadata| metadata.len()) > BYTES_MAX {
            return;
        }
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(problem) => return self.unread.push(format!("{}: {problem}", path.display())),
        };
        let path = path.strip_prefix("./").unwrap_or(path).to_path_buf();
        let source = Arc::new(SourceFile { path, text });
        match yaml::parse(&source.text) {
            Ok(root) => {
                if let Some(kind) = kind(&root) {
                    self.files.push(File { source, root, kind });
                }
            }
            // Templates look like YAML and are none; what speaks of telemetry is meant to be some.
            Err(problem) if source.text.contains("receivers:") || source.text.contains("scrape_configs:") => {
                self.broken.push((source, problem));
            }
            Err(_) => {}
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

fn kind(root: &Node) -> Option<Kind> {
    let has = |path: &[&str]| root.at(path).is_some();
    if has(&["receivers"]) && has(&["service"]) || has(&["service", "pipelines"]) {
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
    pub(super) key: std::ops::Range<usize>,
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
