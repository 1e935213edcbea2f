//! `cargo xtask samples`: programs as old releases of OpenTelemetry had them, brought to the current one by `throughline
//! migrate`, and compiled before and after; and programs of other libraries, whose set-up becomes this toolkit's. With
//! `--deliver` they are run as well: what they record arrives at the real Collector, or is scraped. Needs the registry, and some
//! minutes the first time.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use anyhow::{Context as _, Result, bail};

use crate::cache::repository;
use crate::steps::{cargo, step};

/// A folder for each program, with the manifests of the releases that have it.
const SAMPLES: &str = "crates/throughline-cli/tests/samples";

/// Programs of other libraries, and what the judge of deliveries is asked of each when it has been brought here.
const ONTO: &str = "crates/throughline-cli/tests/onto";
const LIBRARIES: [(&str, &[&str]); 3] = [
    ("sdk", &["--metric"]),
    ("metrics", &["--scrape", "sample_work"]),
    ("prometheus", &["--scrape", "sample_work_total"]),
];

/// Runs all samples, or those of the versions that are named. One that fails does not keep the others back.
pub(crate) fn run(words: &[&str]) -> Result<()> {
    let (options, wanted): (Vec<&str>, Vec<&str>) = words.iter().partition(|word| word.starts_with("--"));
    let deliver = match *options {
        [] => false,
        ["--deliver"] => true,
        _ => bail!("unknown option `{}`: there is --deliver", options.join(" ")),
    };
    // In one go: what is built with examples is built with what tests depend on.
    let mut build = cargo(["build", "--quiet", "--workspace", "--bin", "throughline"]);
    build.args(deliver.then_some(["--example", "deliver"]).into_iter().flatten());
    step("throughline", build)?;
    let scratch = env::temp_dir().join(format!("throughline-samples-{}", std::process::id()));
    let mut failed = Vec::new();
    for (version, manifest) in samples(&wanted)? {
        let copy = scratch.join(&version);
        let done = sample(&version, &manifest, &copy)
            .and_then(|()| if deliver { deliver_current(&version, &copy) } else { Ok(()) });
        if let Err(problem) = done {
            println!("-- {version}: {problem:#}");
            failed.push(version);
        }
    }
    for (library, judged) in
        LIBRARIES.into_iter().filter(|(name, _)| wanted.is_empty() || wanted.contains(name))
    {
        let copy = scratch.join(library);
        let done = onto(library, &copy)
            .and_then(|()| if deliver { run_migrated(library, &copy, judged) } else { Ok(()) });
        if let Err(problem) = done {
            println!("-- {library}: {problem:#}");
            failed.push(library.to_owned());
        }
    }
    fs::remove_dir_all(&scratch).context("remove the copies")?;
    if failed.is_empty() { Ok(()) } else { bail!("samples that failed: {}", failed.join(", ")) }
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
fn sample(version: &str, manifest: &Path, copy: &Path) -> Result<()> {
    fill(copy, manifest)?;
    let mut before = in_copy(copy, cargo(["check", "--quiet"]));
    // The protobuf crates of 0.18 want a compiler, which those of 0.17 still brought along.
    before.envs(bundled_protoc().map(|path| ("PROTOC", path)));
    step(&format!("{version} against its own release"), before)?;
    let mut migrate = Command::new(crate::bench::target().join("debug/throughline"));
    migrate.args(["migrate", "--write"]).arg(copy);
    step(&format!("{version} brought to the current one"), in_copy(copy, migrate))?;
    if !fs::read_to_string(copy.join("src/main.rs"))?.contains("opentelemetry_sdk::") {
        bail!("{version}: nothing of the current SDK is in it");
    }
    Ok(())
}

/// Compiles a program of another library, puts this toolkit in the place of its set-up, and compiles it again.
fn onto(library: &str, copy: &Path) -> Result<()> {
    fill(copy, &repository().join(ONTO).join(library).join("Cargo.toml"))?;
    step(&format!("{library} as it is"), in_copy(copy, cargo(["check", "--quiet"])))?;
    let mut migrate = Command::new(crate::bench::target().join("debug/throughline"));
    migrate.args(["migrate", "--write", "--to", "throughline", "--throughline-path"]);
    migrate.arg(repository().join("crates")).arg(copy);
    // What is left for people is no failure here; that it compiles is seen when it is compiled again.
    let status = in_copy(copy, migrate).status().context("start throughline")?;
    if !fs::read_to_string(copy.join("src/main.rs"))?.contains("throughline::init_telemetry") {
        bail!("{library}: nothing of this toolkit is in it ({status})");
    }
    step(&format!("{library} with this toolkit"), in_copy(copy, cargo(["check", "--quiet"])))
}

/// Makes a package of a manifest and the program beside it.
fn fill(copy: &Path, manifest: &Path) -> Result<()> {
    fs::create_dir_all(copy.join("src"))?;
    fs::copy(manifest, copy.join("Cargo.toml")).with_context(|| manifest.display().to_string())?;
    let program = manifest.with_file_name("main.rs");
    fs::copy(&program, copy.join("src/main.rs")).with_context(|| program.display().to_string())?;
    Ok(())
}

/// The protobuf compiler in the sources of `prost-build` 0.9, where cargo has fetched them for this kind of machine.
fn bundled_protoc() -> Option<PathBuf> {
    let home = env::var_os("CARGO_HOME")
        .map_or_else(|| env::home_dir().map(|home| home.join(".cargo")), |home| Some(home.into()))?;
    let registries = fs::read_dir(home.join("registry/src")).ok()?;
    let compiler =
        format!("prost-build-0.9.0/third-party/protobuf/protoc-{}-{}", env::consts::OS, env::consts::ARCH);
    registries.filter_map(|registry| Some(registry.ok()?.path().join(&compiler))).find(|path| path.exists())
}

/// Runs a sample that is under the current version: what it records has to arrive at the real Collector.
fn deliver_current(version: &str, copy: &Path) -> Result<()> {
    let has_metrics = fs::read_to_string(copy.join("src/main.rs"))?.contains("global::meter(");
    run_migrated(version, copy, if has_metrics { &["--metric"] } else { &[] })
}

/// Builds and runs a migrated program, and has judged what becomes of what it records.
fn run_migrated(name: &str, copy: &Path, judged: &[&str]) -> Result<()> {
    step(&format!("{name} built"), in_copy(copy, cargo(["build", "--quiet"])))?;
    let mut deliver = Command::new(crate::bench::target().join("debug/examples/deliver"));
    deliver.arg(target().join("debug/sample")).args(judged);
    step(&format!("{name} delivers"), deliver)
}

/// A command in the copy of a sample, with one target folder for all of them.
fn in_copy(copy: &Path, mut command: Command) -> Command {
    command.current_dir(copy).env("CARGO_TARGET_DIR", target());
    command
}

fn target() -> PathBuf {
    crate::bench::target().join("samples")
}
