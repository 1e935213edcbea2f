//! `cargo xtask bench`: builds the benchmark and hands it the arguments.
//!
//! The benchmark is a workspace of its own (`benches/`), because it depends on every peer: neither `check` nor `test`
//! is to download and compile those.

use std::env;
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::cache;
use crate::steps::{cargo, step};

/// Runs the benchmark with these arguments. `check` also lints it, since nothing else does.
pub(crate) fn run(words: &[&str]) -> Result<()> {
    if words == ["check"] {
        let mut lints = cargo(["clippy", "--release", "--manifest-path", "benches/Cargo.toml"]);
        lints.args(["--all-targets", "--", "-D", "warnings"]);
        step("lints of the benchmark", in_one_target_folder(lints))?;
    }
    let build = cargo(["build", "--release", "--locked", "--manifest-path", "benches/Cargo.toml"]);
    step("build the benchmark", in_one_target_folder(build))?;
    // Not through `cargo run`, so that paths among the arguments mean what they mean to the caller.
    let program = target().join("release/throughline-bench");
    let status = Command::new(&program).args(words).status().context("start the benchmark")?;
    if !status.success() {
        bail!("the benchmark failed: {status}");
    }
    Ok(())
}

fn in_one_target_folder(mut command: Command) -> Command {
    command.env("CARGO_TARGET_DIR", target());
    command
}

pub(crate) fn target() -> std::path::PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| cache::repository().join("target"), Into::into)
}
