//! `cargo xtask samples`: programs as old releases of OpenTelemetry had them, brought to the current one by `throughline
//! migrate`, and compiled before and after. Needs the registry, and some minutes the first time.

use std::path::Path;
use std::{env, fs};

use anyhow::{Context as _, Result, bail};

use crate::cache::repository;
use crate::steps::{cargo, step};

const SAMPLES: &str = "crates/throughline-cli/tests/samples";

/// Runs all samples, or those of the versions that are named.
pub(crate) fn run(wanted: &[&str]) -> Result<()> {
    step("throughline", cargo(["build", "--quiet", "-p", "throughline-cli"]))?;
    let folder = repository().join(SAMPLES);
    let mut versions: Vec<String> = fs::read_dir(&folder)?
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|version| wanted.is_empty() || wanted.contains(&version.as_str()))
        .collect();
    versions.sort();
    let scratch = env::temp_dir().join(format!("throughline-samples-{}", std::process::id()));
    let done = versions.iter().try_for_each(|version| sample(&folder, version, &scratch));
    fs::remove_dir_all(&scratch).context("remove the copies")?;
    done
}

/// Compiles one sample against its own release, brings it to the current one, and compiles it again.
fn sample(samples: &Path, version: &str, scratch: &Path) -> Result<()> {
    let copy = scratch.join(version);
    fs::create_dir_all(copy.join("src"))?;
    for file in ["Cargo.toml", "src/main.rs"] {
        fs::copy(samples.join(version).join(file), copy.join(file))
            .with_context(|| format!("{version}/{file}"))?;
    }
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
