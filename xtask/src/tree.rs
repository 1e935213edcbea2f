//! How many crates the façade brings: held under its limits, and the number in the README held true.

use std::collections::BTreeSet;
use std::fs;

use anyhow::{Context, Result, ensure};

use crate::cache;
use crate::steps::{cargo, output};

/// What `cargo tree` may count, by the features asked for.
const LIMITS: [(&[&str], usize); 2] = [(&[], 60), (&["--features", "otlp-http"], 90)];

/// What only the features `tls`, `otlp-grpc`, `spool` and `zstd` may bring.
const OPTIONAL: [&str; 6] = ["h2", "redb", "ring", "rustls", "tonic", "zstd"];

/// Counts, and compares with the limits and with the README.
pub(crate) fn check() -> Result<()> {
    let readme = fs::read_to_string(cache::repository().join("README.md")).context("read README.md")?;
    let mut counts = Vec::new();
    for (features, limit) in LIMITS {
        let crates = crates(features)?;
        let optional = OPTIONAL.iter().find(|name| crates.contains(**name));
        ensure!(optional.is_none(), "throughline {features:?} brings {optional:?}, which is to be asked for");
        let count = crates.len();
        ensure!(count < limit, "throughline {features:?} brings {count} crates; it is to stay under {limit}");
        counts.push(count);
    }
    let [default, otlp] = counts[..] else { unreachable!("one count for each limit") };
    let said = format!("is {default} crates in `cargo tree`, with `otlp-http` {otlp}");
    ensure!(readme.contains(&said), "the README should say: `throughline` with default features {said}");
    println!("-- crates: {default}, with otlp-http {otlp}");
    Ok(())
}

fn crates(features: &[&str]) -> Result<BTreeSet<String>> {
    let mut tree = cargo(["tree", "--package", "throughline", "--edges", "normal,build", "--prefix", "none"]);
    tree.args(features);
    Ok(output(tree)?.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect())
}
