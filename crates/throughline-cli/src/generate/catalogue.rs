//! Which metrics belong on one page: those of a kit, and those of a kind of service, which uses several.

use std::collections::BTreeSet;

use throughline::MetricDef;
use throughline_instruments::{Kit, kits};

/// What a dashboard or a file of rules is about.
#[derive(Debug)]
pub(crate) struct Subject {
    /// What it is called on the command line, and its file.
    pub(crate) name: &'static str,
    /// What it is called for people.
    pub(crate) title: &'static str,
    pub(crate) parts: Vec<Part>,
}

/// The metrics of one kit.
#[derive(Debug)]
pub(crate) struct Part {
    pub(crate) title: &'static str,
    pub(crate) definitions: Vec<MetricDef>,
}

/// A kind of service, and the kits that it records with.
struct System {
    name: &'static str,
    title: &'static str,
    /// With how the names begin of what it records of each: one end of a protocol, it may be.
    kits: &'static [(&'static str, &'static str)],
}

/// What belongs to no kit: how the telemetry of any service does.
pub(crate) const TELEMETRY: &str = "telemetry";

const SYSTEMS: [System; 5] = [
    System {
        name: "inference-server",
        title: "Inference server",
        kits: &[("inference", ""), ("http", "http.server."), ("process", ""), ("runtime", "")],
    },
    System { name: "llm-client", title: "LLM client", kits: &[("gen-ai", "")] },
    System { name: "stream-processor", title: "Stream processor", kits: &[("stream", "")] },
    System { name: "actor-mesh", title: "Actor mesh", kits: &[("actor", "")] },
    System { name: "mcp-server", title: "MCP server", kits: &[("mcp", "")] },
];

/// The kits that record something, without their systems: what all rules are made for, each once.
pub(crate) fn of_kits() -> Vec<Subject> {
    recording_kits().map(Subject::of_kit).collect()
}

/// The kits, the systems, and what every service has.
pub(crate) fn of_all() -> Vec<Subject> {
    let systems = SYSTEMS.iter().map(Subject::of_system).filter(|system| !system.parts.is_empty());
    let telemetry = Subject { name: TELEMETRY, title: "Telemetry", parts: Vec::new() };
    of_kits().into_iter().chain(systems).chain([telemetry]).collect()
}

impl Subject {
    fn of_kit(kit: &Kit) -> Self {
        Self { name: kit.name, title: kit.title, parts: parts([(kit, "")].into_iter()) }
    }

    fn of_system(system: &System) -> Self {
        let prefix =
            |kit: &Kit| system.kits.iter().find(|(name, _)| *name == kit.name).map(|(_, start)| *start);
        let kits = recording_kits().filter_map(|kit| Some((kit, prefix(kit)?)));
        Self { name: system.name, title: system.title, parts: parts(kits) }
    }
}

/// The metrics of kits whose names begin so. Kits share metrics: what is named twice is shown once, where it came first.
fn parts<'a>(kits: impl Iterator<Item = (&'a Kit, &'a str)>) -> Vec<Part> {
    let mut seen = BTreeSet::new();
    let part = |(kit, start): (&Kit, &str)| {
        let definitions = kit.definitions().filter(|def| def.name.starts_with(start));
        Part {
            title: kit.title,
            definitions: definitions.filter(|def| seen.insert(def.name)).copied().collect(),
        }
    };
    kits.map(part).filter(|part| !part.definitions.is_empty()).collect()
}

fn recording_kits() -> impl Iterator<Item = &'static Kit> {
    kits().iter().filter(|kit| kit.definitions().next().is_some())
}

/// The name of a kit, of a kind of service, or of what every service has, as an argument.
pub(crate) fn name(text: &str) -> Result<String, String> {
    known(text, of_all().iter().map(|subject| subject.name))
}

/// The name of a kit, as an argument.
pub(crate) fn name_of_kit(text: &str) -> Result<String, String> {
    known(text, kits().iter().map(|kit| kit.name))
}

fn known(text: &str, names: impl Iterator<Item = &'static str> + Clone) -> Result<String, String> {
    if names.clone().any(|name| name == text) {
        return Ok(text.to_owned());
    }
    Err(format!("there are {}", names.collect::<Vec<_>>().join(", ")))
}
