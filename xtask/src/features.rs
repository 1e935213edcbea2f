//! Each cargo feature of a library, alone: what applications choose is seldom all, and never what the workspace has.

use anyhow::{Context, Result};
use serde_json::Value;

use crate::steps::{cargo, output, step};

/// The libraries with features that applications choose.
const PACKAGES: [&str; 3] = ["throughline", "throughline-otlp", "throughline-instruments"];

/// Lints each with each of its features and no other.
pub(crate) fn check() -> Result<()> {
    let metadata = output(cargo(["metadata", "--no-deps", "--format-version", "1"]))?;
    let metadata: Value = serde_json::from_str(&metadata).context("read what `cargo metadata` says")?;
    for package in PACKAGES {
        for feature in features(&metadata, package) {
            let mut lints = cargo(["clippy", "--package", package, "--no-default-features", "--features"]);
            lints.args([&*feature, "--", "-D", "warnings"]);
            step(&format!("{package} with {feature} alone"), lints)?;
        }
    }
    Ok(())
}

fn features(metadata: &Value, package: &str) -> Vec<String> {
    let packages = metadata["packages"].as_array().into_iter().flatten();
    let found = packages.filter(|found| found["name"] == package);
    let features =
        found.filter_map(|found| found["features"].as_object()).flat_map(|features| features.keys());
    features.filter(|feature| *feature != "default").cloned().collect()
}
