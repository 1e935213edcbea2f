//! Brings the versions of a manifest to a target, and asks for what the new code needs.

use toml_edit::{DocumentMut, InlineTable, Item, TableLike, Value};

use crate::lint::manifest::plain;
use crate::lint::matrix::Matrix;
use crate::lint::rules::Minor;

/// What code needs that it did not before.
#[derive(Clone, Copy, Debug)]
pub(super) struct Needs {
    /// The SDK, as a crate of its own.
    pub(super) sdk: bool,
    /// OTLP over gRPC, which was the default once.
    pub(super) grpc: bool,
}

/// The manifest under the target's versions, and what could not be brought there.
pub(super) fn bring(
    text: &str,
    target: Minor,
    needs: Needs,
    matrix: &Matrix,
) -> Result<(String, Vec<String>), toml_edit::TomlError> {
    let mut document: DocumentMut = text.parse()?;
    let mut problems = Vec::new();
    for section in ["dependencies", "dev-dependencies", "build-dependencies"] {
        if let Some(table) = document.get_mut(section).and_then(Item::as_table_like_mut) {
            bring_table(table, target, needs, matrix, &mut problems);
        }
        let workspace = document.get_mut("workspace").and_then(|workspace| workspace.get_mut(section));
        if let Some(table) = workspace.and_then(Item::as_table_like_mut) {
            bring_table(table, target, needs, matrix, &mut problems);
        }
    }
    Ok((document.to_string(), problems))
}

fn bring_table(
    table: &mut dyn TableLike,
    target: Minor,
    needs: Needs,
    matrix: &Matrix,
    problems: &mut Vec<String>,
) {
    let names: Vec<String> = table.iter().map(|(name, _)| name.to_owned()).collect();
    for alias in &names {
        let Some(item) = table.get_mut(alias) else { continue };
        let name = item.get("package").and_then(Item::as_str).unwrap_or(alias).to_owned();
        if !matrix.knows(&name) {
            continue;
        }
        match matrix.version(&name, target) {
            Some(version) => set_version(item, version),
            None => problems.push(format!("`{name}` has no release for OpenTelemetry {target}")),
        }
        if name == "opentelemetry-otlp" && needs.grpc {
            add_feature(item, "grpc-tonic");
        }
        simplify(item);
    }
    if needs.sdk
        && names.iter().any(|name| name == "opentelemetry")
        && !names.iter().any(|name| name == "opentelemetry_sdk")
    {
        if let Some(version) = matrix.version("opentelemetry_sdk", target) {
            table.insert("opentelemetry_sdk", Item::Value(short(version).into()));
        }
    }
}

/// Writes a version as precisely as the one that was there, and keeps what surrounds it.
pub(super) fn set_version(item: &mut Item, version: &str) {
    let version_of =
        |old: &str| if plain(old).split('.').count() > 2 { version.to_owned() } else { short(version) };
    if let Some(old) = item.as_str() {
        let new = version_of(old);
        let decor = item.as_value().map(|value| value.decor().clone());
        let mut value = Value::from(new);
        if let Some(decor) = decor {
            *value.decor_mut() = decor;
        }
        *item = Item::Value(value);
    } else if let Some(old) = item.get("version").and_then(Item::as_str).map(str::to_owned) {
        if let Some(table) = item.as_table_like_mut() {
            table.insert("version", Item::Value(version_of(&old).into()));
        }
    }
}

pub(super) fn short(version: &str) -> String {
    version.split('.').take(2).collect::<Vec<_>>().join(".")
}

/// Drops an empty list of features, and writes a version alone as a string.
fn simplify(item: &mut Item) {
    let Some(Value::InlineTable(table)) = item.as_value_mut() else { return };
    if table.get("features").and_then(Value::as_array).is_some_and(toml_edit::Array::is_empty) {
        table.remove("features");
    }
    if let (1, Some(version)) = (table.len(), table.get("version").and_then(Value::as_str)) {
        *item = Item::Value(version.into());
    }
}

fn add_feature(item: &mut Item, feature: &str) {
    if let Some(version) = item.as_str().map(str::to_owned) {
        let mut table = InlineTable::new();
        table.insert("version", version.into());
        *item = Item::Value(Value::InlineTable(table));
    }
    let Some(table) = item.as_table_like_mut() else { return };
    if table.get("workspace").is_some() {
        return;
    }
    if table.get("features").is_none() {
        table.insert("features", Item::Value(Value::Array(toml_edit::Array::new())));
    }
    let Some(features) = table.get_mut("features").and_then(Item::as_array_mut) else { return };
    if !features.iter().any(|written| written.as_str() == Some(feature)) {
        features.push(feature);
    }
}
