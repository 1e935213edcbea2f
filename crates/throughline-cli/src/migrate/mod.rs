//! `throughline migrate`: brings a package to the current OpenTelemetry, and proves that it still compiles.
//!
//! `rewrite.rs` applies the fixes of `lint` again and again, in memory, until nothing more can be rewritten. Here the result
//! is shown, or written and compiled. What compiled before and does not afterwards is put back as it was. With `--to
//! throughline`, `throughline/` then puts this toolkit in the place of set-up code.

mod check;
mod manifest;
mod rewrite;
mod throughline;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use similar::TextDiff;

use self::check::Compiled;
use crate::lint::matrix::Matrix;
use crate::lint::rules::Minor;
use crate::{COULD_NOT, FOUND};

/// Brings a package to the current OpenTelemetry, and proves that it still compiles
#[derive(Debug, clap::Args)]
#[command(
    before_help = "\
Examples:
  throughline migrate              shows what would change
  throughline migrate --write      changes it, runs `cargo check`, and puts everything back if that fails
  throughline migrate --to throughline
                                   … and sets up this toolkit in place of OpenTelemetry's SDK, of the exporter of
                                   `metrics`, and beside a registry of `prometheus`",
    after_help = "\
Exit status: 0 nothing is left to do, 1 something is left for you, 2 wrong usage, 3 it could not
be done."
)]
pub(crate) struct Arguments {
    /// The folder of the package or workspace
    #[arg(default_value = ".")]
    path: PathBuf,
    /// The OpenTelemetry version to go to, or `throughline`; the newest version unless given
    #[arg(long, value_name = "0.N", value_parser = target)]
    to: Option<Target>,
    /// The folder of the toolkit's crates, where they are not to come from the registry
    #[arg(long, value_name = "DIR")]
    throughline_path: Option<PathBuf>,
    /// Changes the files
    #[arg(long)]
    write: bool,
    /// Changes files though others in the folder are not committed
    #[arg(long)]
    allow_dirty: bool,
    /// Keeps what was changed even if it does not compile
    #[arg(long)]
    keep: bool,
    /// Another table of versions than the one in the program
    #[arg(long, value_name = "FILE")]
    matrix: Option<PathBuf>,
}

/// Where to go to.
#[derive(Clone, Copy, Debug)]
enum Target {
    Version(Minor),
    Throughline,
}

fn target(text: &str) -> Result<Target, String> {
    match text {
        "throughline" => Ok(Target::Throughline),
        version => Minor::try_from(version.to_owned()).map(Target::Version),
    }
}

/// Files by their paths.
type Files = BTreeMap<PathBuf, String>;

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let matrix = Matrix::load(arguments.matrix.as_deref())?;
    let before = rewrite::read(&arguments.path)?;
    let version = match arguments.to {
        Some(Target::Version(version)) => version,
        Some(Target::Throughline) | None => matrix.family,
    };
    let mut rewritten = rewrite::rewrite(before.clone(), version, &matrix);
    if let Some(Target::Throughline) = arguments.to {
        let toolkit = arguments.throughline_path.as_deref().map(std::path::absolute).transpose()?;
        rewritten = throughline::rewrite(rewritten, toolkit.as_deref());
    }
    let changed: Vec<&PathBuf> =
        rewritten.files.iter().filter(|(path, text)| before[*path] != **text).map(|(path, _)| path).collect();
    if !arguments.write {
        for path in &changed {
            show(path, &before[*path], &rewritten.files[*path])?;
        }
    } else if !changed.is_empty() {
        anyhow::ensure!(
            arguments.allow_dirty || check::is_clean(&arguments.path)?,
            "{} has changes that are not committed; commit them, or use --allow-dirty",
            arguments.path.display()
        );
        if let Some(status) = write_and_check(arguments, &before, &rewritten.files, &changed)? {
            return Ok(status);
        }
    }
    for left in &rewritten.left {
        say!("left for you: {left}");
    }
    Ok(if rewritten.left.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(FOUND) })
}

fn show(path: &Path, before: &str, after: &str) -> anyhow::Result<()> {
    let name = path.display().to_string();
    say!("{}", TextDiff::from_lines(before, after).unified_diff().context_radius(2).header(&name, &name));
    Ok(())
}

/// Writes what changed and compiles it. A status is the end: it was put back.
fn write_and_check(
    arguments: &Arguments,
    before: &Files,
    after: &Files,
    changed: &[&PathBuf],
) -> anyhow::Result<Option<ExitCode>> {
    let lock = arguments.path.join("Cargo.lock");
    let locked = std::fs::read(&lock).ok();
    put(after, changed)?;
    let Compiled::No(errors) = check::compile(&arguments.path)? else {
        say!("{} files changed; `cargo check` passes", changed.len());
        return Ok(None);
    };
    say!("{errors}");
    if arguments.keep {
        say!("{} files changed; it does not compile yet", changed.len());
        return Ok(Some(ExitCode::from(FOUND)));
    }
    put(before, changed)?;
    if let Some(locked) = locked {
        std::fs::write(&lock, locked).with_context(|| format!("cannot put back {}", lock.display()))?;
    }
    say!(
        "what could be rewritten does not compile, so everything is as it was; --keep keeps it for you to finish"
    );
    Ok(Some(ExitCode::from(COULD_NOT)))
}

fn put(files: &Files, paths: &[&PathBuf]) -> anyhow::Result<()> {
    for path in paths {
        let text = &files[*path];
        // Written beside and renamed, so that a file is never half there.
        let beside = path.with_extension("throughline-new");
        std::fs::write(&beside, text)
            .and_then(|()| std::fs::rename(&beside, path))
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}
