//! `cargo xtask soak`: the outage of `rig/tests/faults/soak.rs`, as long as it should be before a release.

use anyhow::{Context, Result};

use crate::rig;
use crate::steps::{cargo, step};

pub(crate) const MINUTES: &str = "10";

/// Runs it, and prints what it found.
pub(crate) fn run(minutes: &str) -> Result<()> {
    let minutes: u32 = minutes.parse().context("--minutes wants a whole number")?;
    rig::prepare(&rig::named(&["prometheus", "jaeger"])?)?;
    let mut soak =
        cargo(["test", "--package", "throughline-rig", "--test", "faults", "--", "soak", "--exact"]);
    soak.env("THROUGHLINE_SOAK_SECONDS", (minutes * 60).to_string());
    step("soak", soak)
}
