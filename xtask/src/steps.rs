//! `cargo xtask check` and `cargo xtask test`: steps in order, each timed, stopping at the first failure.

use std::fs;
use std::process::Command;
use std::time::Instant;
use std::{env, path::Path};

use anyhow::{Context, Result, bail};

use crate::{cache, features, fuzz, rig, tree};

/// Formatting, lints and documentation; the cheap step that fails most often comes first.
pub(crate) fn check() -> Result<()> {
    step("format", cargo(["fmt", "--all", "--check"]))?;
    step("format of the benchmark", cargo(["fmt", "--manifest-path", "benches/Cargo.toml", "--check"]))?;
    let lints = ["clippy", "--workspace", "--all-targets", "--all-features", "--", "-D", "warnings"];
    step("lints", cargo(lints))?;
    fuzz::check()?;
    for features in [
        &["--no-default-features"][..],
        &[],
        &["--features", "serde"],
        &["--no-default-features", "--features", "otlp-http"],
    ] {
        let mut lints = cargo(["clippy", "--package", "throughline", "--all-targets"]);
        lints.args(features).args(["--", "-D", "warnings"]);
        step(&format!("lints of throughline {}", features.join(" ")), lints)?;
    }
    features::check()?;
    let mut documentation = cargo(["doc", "--workspace", "--all-features", "--no-deps"]);
    documentation.env("RUSTDOCFLAGS", "-D warnings");
    step("documentation", documentation)?;
    tree::check()
}

/// Every test; with `rig`, the real servers are made ready first.
pub(crate) fn test(rig: bool) -> Result<()> {
    let mut tests = cargo(["test", "--workspace"]);
    if rig {
        prepare_rig()?;
    } else {
        println!("-- tests against real servers are ignored: --no-rig was given");
        tests.env("THROUGHLINE_RIG", "off");
    }
    step("tests", tests)?;
    step(
        "tests without exporters",
        cargo(["test", "--package", "throughline", "--no-default-features", "--test", "bare"]),
    )?;
    step(
        "tests without telemetry",
        cargo(["test", "--workspace", "--features", "throughline/off", "--test", "off"]),
    )?;
    fuzz::run(&["--seconds", "1"])?;
    if has_loom_tests(&cache::repository()) {
        step("loom", loom())?;
    }
    Ok(())
}

/// In CI every server is made, and a missing one is a failure: tests ignored there would never run anywhere.
fn prepare_rig() -> Result<()> {
    if env::var_os("CI").is_some_and(|value| value == "true") {
        return rig::prepare(&rig::all());
    }
    rig::prepare(&rig::defaults()).or_else(|missing| {
        println!("-- some tests against real servers are ignored: {missing:#}");
        Ok(())
    })
}

/// The concurrency model tests of engine and recorder need all of their crates built with `--cfg loom`.
fn has_loom_tests(repository: &Path) -> bool {
    let manifest = repository.join("crates/throughline-metrics/Cargo.toml");
    fs::read_to_string(manifest).is_ok_and(|text| text.contains("cfg(loom)"))
}

fn loom() -> Command {
    let packages = ["--package", "throughline-metrics", "--package", "throughline-trace"];
    let mut command = cargo(["test", "--release", "--lib"]);
    command.args(packages).arg("loom");
    // A folder of its own, or every switch would rebuild all dependencies.
    command.env("CARGO_TARGET_DIR", cache::repository().join("target/loom"));
    command.env("RUSTFLAGS", "--cfg loom");
    command
}

pub(crate) fn cargo<const N: usize>(arguments: [&str; N]) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments).current_dir(cache::repository());
    command
}

/// What a command prints.
pub(crate) fn output(mut command: Command) -> Result<String> {
    let output = command.output().with_context(|| format!("start {command:?}"))?;
    if !output.status.success() {
        bail!("{command:?} failed: {}", String::from_utf8_lossy(&output.stderr));
    }
    String::from_utf8(output.stdout).context("its output is not text")
}

pub(crate) fn step(name: &str, mut command: Command) -> Result<()> {
    println!("-- {name}");
    let started = Instant::now();
    let status = command.status().with_context(|| format!("start {command:?}"))?;
    let seconds = started.elapsed().as_secs_f64();
    if !status.success() {
        bail!("{name} failed after {seconds:.1} s: {command:?}");
    }
    println!("-- {name}: fine, {seconds:.1} s");
    Ok(())
}
