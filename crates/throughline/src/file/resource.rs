//! What the file says the telemetry comes from: attributes with their types, and who finds out others.

use opentelemetry::Array;
use throughline_core::resource::parse_attributes;
use throughline_core::{KeyValue, Value};

use super::apply::Values;
use super::check::Findings;
use super::finding::Finding;
use super::node::{Node, Resolved};
use super::read::{encoded, text_of};
use super::{Detected, FileExtras};
use crate::settings::catalogue;

pub(super) fn read(node: &Node, values: &mut Values, extras: &mut FileExtras, findings: &mut Findings) {
    attributes(node, extras, findings);
    if let Some(at) = node.key("attributes").or_else(|| node.key("attributes_list")) {
        let shown =
            |pair: &KeyValue| format!("{}={}", encoded(pair.key.as_str()), encoded(&pair.value.to_string()));
        let list: Vec<_> = extras.resource.iter().map(shown).collect();
        if !list.is_empty() {
            values.set("", catalogue::RESOURCE_ATTRIBUTES.name(), list.join(","), at);
        }
        let service = extras.resource.iter().rfind(|pair| pair.key.as_str() == "service.name");
        if let Some(service) = service {
            values.set("", catalogue::SERVICE_NAME.name(), service.value.to_string(), at);
        }
    }
    if let Some(node) = node.key("detection/development") {
        detection(node, values, extras);
    }
}

/// Those of the list first, so that the others win.
fn attributes(node: &Node, extras: &mut FileExtras, findings: &mut Findings) {
    if let Some(list) = node.key("attributes_list") {
        match parse_attributes(text_of(Some(list))) {
            Ok(attributes) => extras.resource.extend(attributes),
            Err(error) => findings.add_problem(Finding::new(list.place, list.shown(), error.to_string())),
        }
    }
    for item in node.key("attributes").map(Node::items).unwrap_or_default() {
        match attribute(item) {
            Ok(attribute) => extras.resource.push(attribute),
            Err(Wrong::Nothing(name)) => {
                let what = "has no effect: its value is null";
                findings.add_warning(Finding::new(item.place, name, what));
            }
            Err(Wrong::Type(finding)) => findings.add_problem(finding),
        }
    }
}

/// Why there is no attribute.
enum Wrong {
    Nothing(String),
    Type(Finding),
}

fn attribute(item: &Node) -> Result<KeyValue, Wrong> {
    let Some(name) = item.key("name").and_then(Node::text) else {
        return Err(Wrong::Type(Finding::new(item.place, "{…}", "has no `name`, which an attribute needs")));
    };
    let Some(value) = item.member("value") else {
        return Err(Wrong::Type(Finding::new(item.place, name, "has no `value`, which an attribute needs")));
    };
    if value.is_null() {
        return Err(Wrong::Nothing(name.to_owned()));
    }
    let kind = item.key("type").and_then(Node::text).unwrap_or("string");
    let typed = typed(value, kind).ok_or_else(|| {
        let what = format!("is {}; the attribute `{name}` is of type {kind}", value.kind());
        Wrong::Type(Finding::new(value.place, value.shown(), what))
    })?;
    Ok(KeyValue::new(name.to_owned(), typed))
}

/// The value, if it is of this type.
fn typed(value: &Node, kind: &str) -> Option<Value> {
    Some(match kind {
        "string" => Value::from(string(value)?),
        "bool" => boolean(value)?.into(),
        "int" => int(value)?.into(),
        "double" => double(value)?.into(),
        "string_array" => Value::Array(Array::String(all(value, |item| string(item).map(Into::into))?)),
        "bool_array" => Value::Array(Array::Bool(all(value, boolean)?)),
        "int_array" => Value::Array(Array::I64(all(value, int)?)),
        "double_array" => Value::Array(Array::F64(all(value, double)?)),
        _ => return None,
    })
}

fn all<T>(value: &Node, read: impl Fn(&Node) -> Option<T>) -> Option<Vec<T>> {
    let items = value.items();
    if items.is_empty() { None } else { items.iter().map(read).collect() }
}

/// A number that is to be text is a mistake worth telling only when it would be written otherwise.
fn string(value: &Node) -> Option<String> {
    value.text().map(str::to_owned)
}

fn boolean(value: &Node) -> Option<bool> {
    if let Some(Resolved::Bool(value)) = value.resolve() { Some(value) } else { None }
}

fn int(value: &Node) -> Option<i64> {
    if let Some(Resolved::Int(value)) = value.resolve() { Some(value) } else { None }
}

fn double(value: &Node) -> Option<f64> {
    match value.resolve()? {
        Resolved::Float(value) => Some(value),
        Resolved::Int(value) => Some(value as f64),
        _ => None,
    }
}

fn detection(node: &Node, values: &mut Values, extras: &mut FileExtras) {
    if let Some(list) = node.key("detectors") {
        let mut names: Vec<_> = list.items().iter().filter_map(Node::choice).map(|(name, _)| name).collect();
        // The format's `host` finds what two detectors find here.
        if names.contains(&"host") {
            names.push("os");
        }
        let names = if names.is_empty() { "none".to_owned() } else { names.join(",") };
        values.set("", catalogue::RESOURCE_DETECTORS.name(), names, list);
    }
    if let Some(node) = node.key("attributes") {
        let patterns = |node: &Node| node.items().iter().filter_map(Node::text).map(str::to_owned).collect();
        let included = node.key("included").map(patterns);
        let excluded = node.key("excluded").map(patterns).unwrap_or_default();
        extras.detected = Detected { included, excluded };
    }
}
