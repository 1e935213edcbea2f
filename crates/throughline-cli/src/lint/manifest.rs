//! `Cargo.toml`: which crates are asked for, in which version, with which features, and where it says so.
//!
//! Whole manifests are read, and pieces of them that stand in documents.

use std::ops::Range;

use toml_edit::{Document, Item, TableLike, Value};

/// A dependency as it is written.
#[derive(Clone, Debug)]
pub(crate) struct Dependency {
    /// The crate's name in the registry.
    pub(crate) name: String,
    /// What code calls it.
    pub(crate) alias: String,
    pub(crate) version: Option<Text>,
    pub(crate) features: Vec<Text>,
    /// Whether version and features come from the workspace.
    pub(crate) inherited: bool,
    /// Its key.
    pub(crate) range: Range<usize>,
}

/// A string with its place.
#[derive(Clone, Debug)]
pub(crate) struct Text {
    pub(crate) text: String,
    pub(crate) range: Range<usize>,
}

/// What was read of a manifest.
#[derive(Clone, Debug, Default)]
pub(crate) struct Manifest {
    /// The package's name; none for a workspace without a package.
    pub(crate) package: Option<String>,
    pub(crate) dependencies: Vec<Dependency>,
}

impl Manifest {
    /// Reads a manifest, or a piece of one.
    pub(crate) fn parse(text: &str) -> Result<Self, toml_edit::TomlError> {
        let document = Document::parse(text)?;
        let root = document.as_table();
        let package = root.get("package").and_then(|package| package.get("name")).and_then(Item::as_str);
        let mut manifest = Self { package: package.map(str::to_owned), dependencies: Vec::new() };
        manifest.tables(root);
        if let Some(workspace) = root.get("workspace").and_then(Item::as_table_like) {
            manifest.tables(workspace);
        }
        if let Some(targets) = root.get("target").and_then(Item::as_table_like) {
            targets
                .iter()
                .filter_map(|(_, item)| item.as_table_like())
                .for_each(|target| manifest.tables(target));
        }
        Ok(manifest)
    }

    /// The dependency on a crate, if there is one.
    pub(crate) fn dependency(&self, name: &str) -> Option<&Dependency> {
        self.dependencies.iter().find(|dependency| dependency.name == name)
    }

    fn tables(&mut self, parent: &dyn TableLike) {
        for section in ["dependencies", "dev-dependencies", "build-dependencies"] {
            if let Some(table) = parent.get(section).and_then(Item::as_table_like) {
                let dependencies = table.iter().filter_map(|(name, item)| dependency(table, name, item));
                self.dependencies.extend(dependencies);
            }
        }
    }
}

fn dependency(table: &dyn TableLike, alias: &str, item: &Item) -> Option<Dependency> {
    let (key, _) = table.get_key_value(alias)?;
    let range = key.span()?;
    let text = |item: &Item| Some(Text { text: item.as_str()?.to_owned(), range: item.span()? });
    let detail = |name: &str| item.as_table_like().and_then(|table| table.get(name));
    let features = detail("features").and_then(Item::as_array).into_iter().flatten();
    Some(Dependency {
        name: detail("package").and_then(Item::as_str).unwrap_or(alias).to_owned(),
        alias: alias.replace('-', "_"),
        version: text(item).or_else(|| detail("version").and_then(text)),
        features: features.filter_map(feature).collect(),
        inherited: detail("workspace").and_then(Item::as_bool).unwrap_or(false),
        range,
    })
}

fn feature(value: &Value) -> Option<Text> {
    Some(Text { text: value.as_str()?.to_owned(), range: value.span()? })
}

/// The minor that a requirement asks for, as text: `0.30` of `^0.30.1` or `=0.30`.
pub(crate) fn plain(requirement: &str) -> &str {
    requirement
        .trim()
        .trim_start_matches(['^', '=', '~', '>', ' '])
        .split([',', ' '])
        .next()
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::Manifest;

    #[test]
    fn dependencies_are_found_wherever_they_stand() {
        let text = r#"
[package]
name = "app"
[dependencies]
opentelemetry = "0.24"
otlp = { package = "opentelemetry-otlp", version = "0.17", features = ["tls", "grpc-tonic"] }
[target.'cfg(unix)'.dev-dependencies]
tracing-opentelemetry.workspace = true
"#;
        let manifest = Manifest::parse(text).unwrap();
        let [api, otlp, layer] = &*manifest.dependencies else { panic!("{manifest:?}") };
        let written = api.version.as_ref().and_then(|version| text.get(version.range.clone()));
        assert_eq!((&*api.name, written), ("opentelemetry", Some("\"0.24\"")));
        assert_eq!((&*otlp.name, &*otlp.alias, otlp.features.len()), ("opentelemetry-otlp", "otlp", 2));
        assert!(layer.inherited && layer.name == "tracing-opentelemetry");
    }
}
