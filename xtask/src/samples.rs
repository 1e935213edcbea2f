//! `cargo xtask samples`: programs as old releases of OpenTelemetry had them, brought to the current one by `throughline
//! migrate`, and compiled before and after. Needs the registry, and some minutes the first time.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::{env, fs};

use anyhow::{Context as _, Result, bail};

use crate::cache::repository;
use crate::steps::{cargo, step};

/// A folder for each program, with the manifests of the releases that have it.
const SAMPLES: &str = "crates/throughline-cli/tests/samples";

/// Runs all samples, or those of the versions that are named.
pub(crate) fn run(wanted: &[&str]) -> Result<()> {
    step("throughline", cargo(["build", "--quiet", "-p", "throughline-cli"]))?;
    let scratch = env::temp_dir().join(format!("throughline-samples-{}", std::process::id()));
    let samples = samples(wanted)?;
    let done = samples.iter().try_for_each(|(version, manifest)| sample(version, manifest, &scratch));
    fs::remove_dir_all(&scratch).context("remove the copies")?;
    done
}

/// The manifest of each version, in order.
fn samples(wanted: &[&str]) -> Result<BTreeMap<String, PathBuf>> {
    let mut samples = BTreeMap::new();
    for program in fs::read_dir(repository().join(SAMPLES))? {
        for file in fs::read_dir(program?.path())? {
            let file = file?.path();
            let name = file.file_name().and_then(OsStr::to_str).unwrap_or_default();
            let Some(version) = name.strip_suffix(".toml") else { continue };
            if wanted.is_empty() || wanted.contains(&version) {
                samples.insert(version.to_owned(), file);
            }
        }
    }
    Ok(samples)
}

/// Compiles one sample against its own release, brings it to the current one, and compiles it again.
fn sample(version: &str, manifest: &Path, scratch: &Path) -> Result<()> {
    let copy = scratch.join(version);
    fs::create_dir_all(copy.join("src"))?;
    fs::copy(manifest, copy.join("Cargo.toml")).with_context(|| format!("the manifest of {version}"))?;
    fs::copy(manifest.with_file_name("main.rs"), copy.join("src/main.rs"))
        .with_context(|| format!("the program of {version}"))?;
    let target = crate::bench::target().join("samples");
    let mut before = cargo(["check", "--quiet"]);
    before.current_dir(&copy).env("CARGO_TARGET_DIR", &target);
    step(&format!("{version} against its own release"), before)?;
    let mut migrate = std::process::Command::new(crate::bench::target().join("debug/throughline"));
    migrate.args(["migrate", "--write"]).arg(&copy).env("CARGO_TARGET_DIR", &target);
    step(&format!("{version} brought to the current one"), migrate)?;
    if !fs::read_to_string(copy.join("src/main.rs"))?.contains("opentelemetry_sdk::") {
        bail!("{version}: nothing of the current SDK is in it");
    }
    Ok(())
}
