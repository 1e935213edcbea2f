//! `cargo xtask fuzz`: builds the runner of `fuzz/` and hands it the arguments.
//!
//! A workspace of its own, because it is built with optimisation and with every check. It needs nothing but stable Rust.

use std::process::Command;

use anyhow::Result;

use crate::steps::{cargo, step};

const MANIFEST: &str = "fuzz/Cargo.toml";

/// Runs the targets with these arguments.
pub(crate) fn run(words: &[&str]) -> Result<()> {
    let mut run =
        in_one_target_folder(cargo(["run", "--quiet", "--locked", "--manifest-path", MANIFEST, "--"]));
    run.args(words);
    step("fuzz", run)
}

/// Formatting and lints, since no other step sees them.
pub(crate) fn check() -> Result<()> {
    step("format of the fuzz targets", cargo(["fmt", "--manifest-path", MANIFEST, "--check"]))?;
    let mut lints = cargo(["clippy", "--locked", "--manifest-path", MANIFEST, "--all-targets"]);
    lints.args(["--", "-D", "warnings"]);
    step("lints of the fuzz targets", in_one_target_folder(lints))
}

fn in_one_target_folder(mut command: Command) -> Command {
    command.env("CARGO_TARGET_DIR", crate::bench::target());
    command
}
