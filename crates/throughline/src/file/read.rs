//! From a checked file to what it says: which of its processors and readers count, and what they are.
//!
//! Called by `enabled.rs`, with files alone in which everything has the right type.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::FileExtras;
use super::apply::Values;
use super::check::Findings;
use super::finding::Finding;
use super::node::{Node, Resolved};
use super::schema::{self, ROOT};
use super::{resource, views};
use crate::settings::{FileValue, catalogue};

/// What a file says.
#[derive(Debug, Default)]
pub(super) struct Contents {
    pub(super) values: BTreeMap<&'static str, FileValue>,
    pub(super) extras: FileExtras,
}

impl Contents {
    pub(super) fn read(root: &Node, findings: &mut Findings) -> Self {
        let mut reader = Reader { values: Values::default(), extras: FileExtras::default(), findings };
        for key in ROOT.keys() {
            if let Some(node) = root.key(key.name) {
                reader.values.keys(node, key.shape.keys(), schema::signal(key.name));
            }
        }
        reader.values.keys(root, ROOT.keys(), "");
        reader.root(root);
        let Reader { values, extras, .. } = reader;
        Self { values: values.finish(), extras }
    }
}

struct Reader<'a> {
    values: Values,
    extras: FileExtras,
    findings: &'a mut Findings,
}

impl Reader<'_> {
    fn root(&mut self, root: &Node) {
        if let Some(node) = root.key("resource") {
            resource::read(node, &mut self.values, &mut self.extras, self.findings);
        }
        if let Some(node) = root.key("propagator") {
            self.propagators(node);
        }
        for name in ["tracer_provider", "logger_provider"] {
            if let Some(node) = root.key(name) {
                self.processors(node, schema::signal(name));
            }
        }
        if let Some(node) = root.key("tracer_provider").and_then(|node| node.key("sampler")) {
            self.values.set("traces.", "sampler", sampler(node), node);
        }
        if let Some(node) = root.key("meter_provider") {
            self.readers(node);
            self.extras.views = views::read(node, self.findings);
        }
        if let Some(node) = root.key("attribute_limits") {
            self.limits(node);
        }
        if let Some(node) = root.key("distribution").and_then(|node| node.key("throughline")) {
            self.own(node);
        }
    }

    /// Limits of all signals, where a signal says nothing itself.
    fn limits(&mut self, node: &Node) {
        for (name, setting) in [
            ("attribute_value_length_limit", "limits.value_bytes"),
            ("attribute_count_limit", "limits.attributes"),
        ] {
            let Some((limit, text)) = node.key(name).and_then(|limit| Some((limit, limit.text()?))) else {
                continue;
            };
            for signal in ["traces.", "logs."] {
                self.values.set_default(signal, setting, text, limit);
            }
        }
    }

    /// Those of the list, then those of the text, each once.
    fn propagators(&mut self, node: &Node) {
        let list = node.key("composite");
        let text = node.key("composite_list");
        let named = list.map(Node::items).unwrap_or_default().iter().filter_map(Node::choice);
        let named = named.map(|(name, _)| name.to_owned());
        let listed =
            text.and_then(Node::text).unwrap_or_default().split(',').map(|name| name.trim().to_owned());
        let mut names: Vec<String> = Vec::new();
        for name in named.chain(listed) {
            if !name.is_empty() && name != UNKNOWN_PROPAGATOR && !names.contains(&name) {
                names.push(name);
            }
        }
        if let Some(at) = list.or(text) {
            let names = if names.is_empty() { "none".to_owned() } else { names.join(",") };
            self.values.set("", catalogue::PROPAGATORS.name(), names, at);
        }
        if let Some(text) =
            text.filter(|text| text.text().is_some_and(|text| text.contains(UNKNOWN_PROPAGATOR)))
        {
            let what = format!(
                "has no effect in `{UNKNOWN_PROPAGATOR}`: the format of OpenTracing is not known here"
            );
            self.findings.add_warning(Finding::new(text.place, "propagator.composite_list", what));
        }
    }

    /// The exporters of spans or log records: the first that pushes, and the console.
    fn processors(&mut self, provider: &Node, signal: &str) {
        let Some(list) = provider.key("processors") else { return };
        let mut exporters = Exporters::default();
        for (kind, processor) in list.items().iter().filter_map(Node::choice) {
            let Some((name, exporter)) = processor.key("exporter").and_then(Node::choice) else {
                self.without_exporter(processor, kind);
                continue;
            };
            if self.chooses(&mut exporters, name, exporter) {
                self.values.keys(processor, keys_of(&["processors", kind], signal), signal);
                self.otlp(name, exporter, &["processors", kind, "exporter", name], signal);
            }
        }
        self.values.set(signal, "exporter", exporters.to_string(), list);
    }

    /// The exporters of metrics: the first reader that pushes, the first that is scraped, and the console.
    fn readers(&mut self, provider: &Node) {
        let signal = "metrics.";
        let Some(list) = provider.key("readers") else { return };
        let mut exporters = Exporters::default();
        for (kind, reader) in list.items().iter().filter_map(Node::choice) {
            let Some((name, exporter)) = reader.key("exporter").and_then(Node::choice) else {
                self.without_exporter(reader, kind);
                continue;
            };
            if self.chooses(&mut exporters, name, exporter) {
                self.values.keys(reader, keys_of(&["readers", kind], signal), signal);
                self.otlp(name, exporter, &["readers", kind, "exporter", name], signal);
            } else if name == "console" {
                if let Some((interval, text)) =
                    reader.key("interval").and_then(|node| Some((node, node.text()?)))
                {
                    self.values.set_default(signal, "export_interval", text, interval);
                }
            }
        }
        self.values.set(signal, "exporter", exporters.to_string(), list);
    }

    fn without_exporter(&mut self, node: &Node, kind: &str) {
        if kind == "batch" || kind == "simple" || kind == "periodic" || kind == "pull" {
            self.findings.add_problem(Finding::new(node.place, kind, "has no `exporter`, which it needs"));
        }
    }

    /// Whether the exporter is the one of its kind whose keys count. A second one is worth a warning.
    fn chooses(&mut self, exporters: &mut Exporters, name: &str, node: &Node) -> bool {
        let kind = match name {
            "otlp_http" | "otlp_grpc" => &mut exporters.otlp,
            "prometheus/development" => &mut exporters.prometheus,
            "console" => {
                exporters.console = true;
                return false;
            }
            _ => return false,
        };
        if std::mem::replace(kind, true) {
            let what = "has no effect: a signal has one exporter of this kind, and the first one counts";
            self.findings.add_warning(Finding::new(node.place, name, what));
            return false;
        }
        true
    }

    /// What an exporter that pushes says beside what its keys set.
    fn otlp(&mut self, name: &str, exporter: &Node, path: &[&str], signal: &str) {
        self.values.keys(exporter, keys_of(path, signal), signal);
        if name == "otlp_grpc" {
            self.values.set(signal, "otlp.protocol", "grpc", exporter);
        }
        let headers = exporter.key("headers");
        let list = exporter.key("headers_list");
        let pairs = headers.map(Node::items).unwrap_or_default().iter();
        let pairs: Vec<_> =
            pairs.filter_map(|pair| Some((pair.key("name")?.text()?, text_of(pair.key("value"))))).collect();
        let is_named = |member: &str| {
            let name = member.split_once('=').map_or(member, |(name, _)| name).trim();
            pairs.iter().any(|(known, _)| known.eq_ignore_ascii_case(name))
        };
        let listed = list.and_then(Node::text).unwrap_or_default().split(',');
        let listed =
            listed.filter(|member| !member.trim().is_empty() && !is_named(member)).map(str::to_owned);
        let named = pairs.iter().map(|(name, value)| format!("{}={}", encoded(name), encoded(value)));
        let all: Vec<_> = named.chain(listed).collect();
        if let Some(at) = headers.or(list).filter(|_| !all.is_empty()) {
            self.values.set(signal, "otlp.headers", all.join(","), at);
        }
    }

    /// Settings of this toolkit by their names.
    fn own(&mut self, node: &Node) {
        let names: Vec<_> = catalogue::catalogue().iter().map(|definition| definition.name()).collect();
        for (key, value) in node.members() {
            let text = match value.resolve() {
                Some(Resolved::Null) => continue,
                Some(_) => value.text().unwrap_or_default(),
                None => {
                    let what = format!("is {}; a setting is written as one value", value.kind());
                    self.findings.add_problem(Finding::new(value.place, value.shown(), what));
                    continue;
                }
            };
            if names.contains(&key.name.as_str()) {
                self.values.set("", &key.name, text, value);
            } else {
                let near = crate::settings::nearest(&key.name, &names);
                let advice = near.map(|near| format!(": did you mean `{near}`?")).unwrap_or_default();
                let what = format!("is no setting{advice}");
                self.findings.add_problem(Finding::new(key.place, key.name.clone(), what));
            }
        }
    }
}

/// The format of `OpenTracing`.
const UNKNOWN_PROPAGATOR: &str = "ottrace";

/// Which exporters a signal has.
#[derive(Debug, Default)]
struct Exporters {
    prometheus: bool,
    otlp: bool,
    console: bool,
}

impl std::fmt::Display for Exporters {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let all = [("prometheus", self.prometheus), ("otlp", self.otlp), ("console", self.console)];
        let names: Vec<_> = all.into_iter().filter(|(_, wanted)| *wanted).map(|(name, _)| name).collect();
        if names.is_empty() { f.write_str("none") } else { f.write_str(&names.join(",")) }
    }
}

/// The keys below this path of a signal's provider.
fn keys_of(path: &[&str], signal: &str) -> &'static [schema::Key] {
    let provider = ROOT.keys().iter().find(|key| schema::signal(key.name) == signal);
    let mut keys = provider.map(|key| key.shape.keys()).unwrap_or_default();
    for name in path {
        keys = keys.iter().find(|key| key.name == *name).map(|key| key.shape.keys()).unwrap_or_default();
    }
    keys
}

/// A value as text, whatever its type.
pub(super) fn text_of(node: Option<&Node>) -> &str {
    node.and_then(Node::text).unwrap_or_default()
}

/// As a member of a list in a variable is written.
pub(super) fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _infallible = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

/// A sampler in the words of `records/sampler.rs`.
fn sampler(node: &Node) -> String {
    let Some((name, value)) = node.choice() else { return "always_on".to_owned() };
    match name {
        "trace_id_ratio_based" | "probability/development" => {
            let ratio = value.key("ratio").and_then(Node::text).unwrap_or("1");
            format!("trace_id_ratio_based{{{ratio}}}")
        }
        "parent_based" => {
            let below = value.members().iter().filter(|(_, sampler)| !sampler.is_null());
            let below: Vec<_> =
                below.map(|(key, below)| format!("{}:{}", key.name, sampler(below))).collect();
            format!("parent_based{{{}}}", below.join(","))
        }
        "always_on" | "always_off" => name.to_owned(),
        // A warning names it.
        _ => "parent_based{}".to_owned(),
    }
}
