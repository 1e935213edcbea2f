//! Which release of a crate goes with which OpenTelemetry: a dated table, made from the registry by `cargo xtask matrix`.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context as _;
use serde::Deserialize;

use super::rules::Minor;

/// The table.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Matrix {
    /// The day it was made, as `2026-11-21`.
    pub(crate) generated: String,
    /// The newest OpenTelemetry minor of that day.
    pub(crate) family: Minor,
    crates: BTreeMap<String, BTreeMap<String, Vec<String>>>,
}

impl Matrix {
    /// The table of this file, or the one in the program.
    pub(crate) fn load(path: Option<&Path>) -> anyhow::Result<Self> {
        let text = match path {
            Some(path) => {
                std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?
            }
            None => include_str!("matrix.toml").to_owned(),
        };
        toml::from_str(&text)
            .with_context(|| path.map_or_else(|| "the matrix".to_owned(), |path| path.display().to_string()))
    }

    /// Whether the table knows this crate.
    pub(crate) fn knows(&self, name: &str) -> bool {
        self.crates.contains_key(name)
    }

    /// The OpenTelemetry minor that a version of a crate belongs to. The version may be a requirement such as `0.23`.
    pub(crate) fn minor(&self, name: &str, version: &str) -> Option<Minor> {
        let belongs =
            |(_, versions): &(&String, &Vec<String>)| versions.iter().any(|known| matches(known, version));
        let (minor, _) = self.crates.get(name)?.iter().rev().find(belongs)?;
        Minor::try_from(minor.clone()).ok()
    }

    /// Whether any release of a crate has this version, or one that starts with it.
    pub(crate) fn exists(&self, name: &str, version: &str) -> bool {
        let Some(releases) = self.crates.get(name) else { return true };
        releases.values().flatten().any(|known| matches(known, version))
    }

    /// The newest version of a crate that goes with an OpenTelemetry minor.
    pub(crate) fn version(&self, name: &str, minor: Minor) -> Option<&str> {
        self.crates.get(name)?.get(&minor.to_string())?.first().map(String::as_str)
    }

    /// Days since the table was made, where it can be said.
    pub(crate) fn age(&self, today: std::time::SystemTime) -> Option<u64> {
        let made = humantime::parse_rfc3339(&format!("{}T00:00:00Z", self.generated)).ok()?;
        Some(today.duration_since(made).ok()?.as_secs() / 86400)
    }
}

/// Whether a released version is the one asked for: equal in the parts that are written.
fn matches(released: &str, asked: &str) -> bool {
    let mut released = released.split('.');
    asked.split('.').all(|part| released.next() == Some(part))
}

#[cfg(test)]
mod tests {
    use super::{Matrix, Minor};

    #[test]
    fn the_table_knows_companions_and_what_never_was() {
        let matrix = Matrix::load(None).unwrap();
        assert_eq!(matrix.minor("tracing-opentelemetry", "0.34"), Some(Minor(33)));
        assert_eq!(matrix.minor("opentelemetry-otlp", "0.17.0"), Some(Minor(24)));
        assert_eq!(matrix.version("opentelemetry-otlp", Minor(24)), Some("0.17.0"));
        assert!(!matrix.exists("opentelemetry-otlp", "0.23.0"), "numbers went from 0.17 to 0.25");
        assert!(matrix.exists("opentelemetry-otlp", "0.33"));
    }
}
