//! Takes the crates of the old set-up out of a manifest, and puts the toolkit in.

use std::path::Path;

use anyhow::Context as _;
use toml_edit::{Array, DocumentMut, InlineTable, Item, Table, Value};

use super::Needs;

/// Crates that set-up code alone needs.
const SET_UP: [&str; 5] = [
    "opentelemetry_sdk",
    "opentelemetry-otlp",
    "opentelemetry-stdout",
    "tracing-opentelemetry",
    "metrics-exporter-prometheus",
];

/// What the bridges are built with: another version's types are other types.
const BRIDGED: [(&str, &str); 2] = [("metrics", "0.24"), ("prometheus", "0.14")];

/// The manifest of a package with this code, for its new set-up.
pub(super) fn bring(
    text: &str,
    code: &[&str],
    needs: &Needs,
    toolkit: Option<&Path>,
) -> anyhow::Result<String> {
    let mut document: DocumentMut = text.parse()?;
    let dependencies = document.entry("dependencies").or_insert(Item::Table(Table::new()));
    let dependencies = dependencies.as_table_like_mut().context("`dependencies` is no table")?;
    for name in SET_UP {
        let path = name.replace('-', "_");
        if !code.iter().any(|text| text.contains(&path)) {
            dependencies.remove(name);
        }
    }
    for (name, version) in BRIDGED {
        let bridge = if name == "metrics" { "metrics-facade" } else { name };
        if needs.bridges.contains(bridge) {
            if let Some(item) = dependencies.get_mut(name) {
                super::super::manifest::set_version(item, version);
            }
        }
    }
    dependencies.insert("throughline", dependency("throughline", needs.features.iter(), toolkit));
    if !needs.bridges.is_empty() {
        let bridges = dependency("throughline-instruments", needs.bridges.iter(), toolkit);
        dependencies.insert("throughline-instruments", bridges);
    }
    Ok(document.to_string())
}

fn dependency<'a>(
    name: &str,
    features: impl Iterator<Item = &'a &'static str>,
    toolkit: Option<&Path>,
) -> Item {
    let mut table = InlineTable::new();
    match toolkit {
        Some(folder) => table.insert("path", folder.join(name).to_string_lossy().as_ref().into()),
        None => table.insert("version", own_version().into()),
    };
    let features: Array = features.copied().collect();
    if !features.is_empty() {
        table.insert("features", Value::Array(features));
    }
    match table.get("version").and_then(Value::as_str) {
        Some(version) if table.len() == 1 => Item::Value(version.into()),
        _ => Item::Value(Value::InlineTable(table)),
    }
}

/// The toolkit is released as a whole.
fn own_version() -> String {
    super::super::manifest::short(env!("CARGO_PKG_VERSION"))
}
