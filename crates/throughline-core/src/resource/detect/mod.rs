//! What can be found out about a process without asking anybody over the network.
//!
//! `builder.rs` asks each detector in turn. What is not there, or cannot be read, is left out: a missing attribute is
//! no error. Keys and values follow the [semantic conventions](https://opentelemetry.io/docs/specs/semconv/resource/).

mod cloud;
mod container;
mod host;
mod kubernetes;
mod os;
mod process;
mod service;
#[cfg(test)]
mod tests;

use std::fmt;
use std::fs::File;
use std::io::Read as _;
use std::path::PathBuf;
use std::str::FromStr;

use opentelemetry::KeyValue;

/// Finds out one kind of thing about the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Detector {
    /// `telemetry.sdk.*`, a random `service.instance.id`, and the executable's name as `service.name`.
    Service,
    /// `process.*`: id, parent, executable, command, owner and runtime. Arguments are left out, since they may hold
    /// secrets.
    Process,
    /// `os.*`: type, name, version and description.
    Os,
    /// `host.*`: name, id and architecture.
    Host,
    /// `container.id`, from control groups of version 1 or the mounts of version 2.
    Container,
    /// `k8s.*`: what the downward API put into variables (`POD_NAME`, `POD_UID`, `POD_NAMESPACE`, `NODE_NAME`,
    /// `CONTAINER_NAME`, `K8S_CLUSTER_NAME`, each with or without the prefix `K8S_`), and the service account's
    /// namespace.
    Kubernetes,
    /// `cloud.*` and `faas.*`, from the variables that AWS, Google Cloud, Azure, Heroku and Fly.io set.
    Cloud,
}

impl Detector {
    /// All of them, in the order in which later ones win.
    pub const ALL: [Self; 7] =
        [Self::Service, Self::Process, Self::Os, Self::Host, Self::Container, Self::Kubernetes, Self::Cloud];

    /// Its name in lists of detectors.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Service => "service",
            Self::Process => "process",
            Self::Os => "os",
            Self::Host => "host",
            Self::Container => "container",
            Self::Kubernetes => "kubernetes",
            Self::Cloud => "cloud",
        }
    }

    pub(super) fn detect(self, surroundings: &Surroundings, found: &mut Vec<KeyValue>) {
        let mut found = Findings(found);
        match self {
            Self::Service => service::detect(&mut found),
            Self::Process => process::detect(surroundings, &mut found),
            Self::Os => os::detect(surroundings, &mut found),
            Self::Host => host::detect(surroundings, &mut found),
            Self::Container => container::detect(surroundings, &mut found),
            Self::Kubernetes => kubernetes::detect(surroundings, &mut found),
            Self::Cloud => cloud::detect(surroundings, &mut found),
        }
    }

    /// Reads a list of names, separated by commas: `all`, `none`, or some of `service`, `process`, `os`, `host`,
    /// `container`, `kubernetes`, `cloud`.
    ///
    /// # Errors
    /// The first name that is none of these.
    pub fn parse_list(list: &str) -> Result<Vec<Self>, UnknownDetectorError> {
        match list.trim() {
            "all" | "*" => Ok(Self::ALL.to_vec()),
            "none" => Ok(Vec::new()),
            names => {
                names.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::parse).collect()
            }
        }
    }
}

impl FromStr for Detector {
    type Err = UnknownDetectorError;

    fn from_str(name: &str) -> Result<Self, UnknownDetectorError> {
        let known = Self::ALL.into_iter().find(|detector| detector.name() == name);
        known.ok_or_else(|| UnknownDetectorError(name.to_owned()))
    }
}

/// A name that no detector has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownDetectorError(String);

impl fmt::Display for UnknownDetectorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = Detector::ALL.map(Detector::name).join(", ");
        write!(f, "there is no resource detector `{}`; there are {names}, and `all` and `none`", self.0)
    }
}

impl std::error::Error for UnknownDetectorError {}

/// Where detectors look.
pub(super) struct Surroundings {
    pub(super) environment: Box<Lookup>,
    pub(super) root: PathBuf,
}

type Lookup = dyn Fn(&str) -> Option<String> + Send + Sync;

impl Default for Surroundings {
    fn default() -> Self {
        Self { environment: Box::new(|variable| std::env::var(variable).ok()), root: PathBuf::from("/") }
    }
}

impl Surroundings {
    /// The first of these variables that is set and not empty.
    fn variable(&self, variables: &[&str]) -> Option<String> {
        let value = |variable: &&str| (self.environment)(variable).filter(|value| !value.trim().is_empty());
        variables.iter().find_map(value)
    }

    /// A small file's text, or the beginning of a large one's.
    fn file(&self, path: &str) -> Option<String> {
        let mut text = String::new();
        let file = File::open(self.root.join(path.trim_start_matches('/'))).ok()?;
        file.take(FILE_BYTES_MAX).read_to_string(&mut text).ok()?;
        Some(text)
    }

    /// A file's first line, unless it is empty.
    fn line(&self, path: &str) -> Option<String> {
        let text = self.file(path)?;
        let line = text.lines().next()?.trim();
        (!line.is_empty()).then(|| line.to_owned())
    }
}

/// Mount tables of machines with many containers are the largest files read.
const FILE_BYTES_MAX: u64 = 1 << 20;

impl fmt::Debug for Surroundings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Surroundings").field("root", &self.root).finish_non_exhaustive()
    }
}

/// What detectors found.
struct Findings<'a>(&'a mut Vec<KeyValue>);

impl Findings<'_> {
    fn add(&mut self, key: &'static str, value: impl Into<opentelemetry::Value>) {
        self.0.push(KeyValue::new(key, value));
    }

    fn add_some(&mut self, key: &'static str, value: Option<impl Into<opentelemetry::Value>>) {
        if let Some(value) = value {
            self.add(key, value);
        }
    }
}
