//! `throughline migrate --to throughline`: set-up code of other libraries becomes set-up of this toolkit. What records stays
//! as it is: the OpenTelemetry API is implemented, and other libraries come along by bridges.
//!
//! `sdk.rs` reads the set-up of OpenTelemetry's SDK, `facade.rs` that of `metrics` with its Prometheus exporter, `registry.rs`
//! looks for `prometheus`; `program.rs` is what they read, `settings.rs` what was set, `tidy.rs` drops imports that nobody needs
//! any more, `manifest.rs` the crates. Set-up that is not understood in full is left as it is, with the place of what was not.

mod facade;
mod manifest;
mod program;
mod registry;
mod sdk;
mod settings;
#[cfg(test)]
mod tests;
mod tidy;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use syn::spanned::Spanned;

use self::program::Program;
use super::Files;
use super::rewrite::Rewritten;
use crate::finding::{Edit, SourceFile, apply};

/// What the set-up of one file becomes.
#[derive(Debug, Default)]
struct Change {
    edits: Vec<Edit>,
    needs: Needs,
    /// What changes for people, or is for them to do: where, and what.
    left: Vec<Left>,
}

/// What a package needs for its new set-up.
#[derive(Debug, Default)]
struct Needs {
    /// Cargo features of the toolkit.
    features: BTreeSet<&'static str>,
    /// Cargo features of its instruments: bridges.
    bridges: BTreeSet<&'static str>,
}

impl Needs {
    fn add(&mut self, other: Self) {
        self.features.extend(other.features);
        self.bridges.extend(other.bridges);
    }
}

/// Something that takes a person.
#[derive(Debug)]
struct Left {
    range: Range<usize>,
    what: String,
}

impl Left {
    fn at(node: &impl Spanned, what: impl Into<String>) -> Self {
        Self { range: node.span().byte_range(), what: what.into() }
    }
}

/// Rewrites all programs among the files; `toolkit` is the folder of its crates, where they are not to come from the registry.
pub(super) fn rewrite(rewritten: Rewritten, toolkit: Option<&Path>) -> Rewritten {
    let Rewritten { mut files, mut left } = rewritten;
    let sources: Vec<PathBuf> = files.keys().filter(|path| is_source(path)).cloned().collect();
    let has_subscriber = files.values().any(|text| text.contains("tracing_subscriber"));
    let mut packages: BTreeMap<PathBuf, Needs> = BTreeMap::new();
    for path in sources {
        let file = Arc::new(SourceFile { text: files[&path].clone(), path });
        let Some(change) = Program::read(&file, has_subscriber, change) else { continue };
        left.extend(change.left.iter().map(|left| say_where(&file, left)));
        if change.edits.is_empty() {
            continue;
        }
        let (text, _) = apply(&file.text, &change.edits);
        files.insert(file.path.clone(), tidy::imports(&text));
        let mut folders = file.path.ancestors().skip(1).map(|folder| folder.join("Cargo.toml"));
        match folders.find(|manifest| files.contains_key(manifest)) {
            Some(manifest) => packages.entry(manifest).or_default().add(change.needs),
            None => left.push(format!("{}: has no manifest; add `throughline` to it", file.path.display())),
        }
    }
    if packages.is_empty() && left.is_empty() {
        let what =
            "no set-up of OpenTelemetry's SDK, of `metrics` or of `prometheus` was found beside a `main`";
        left.push(what.to_owned());
    }
    for (path, needs) in packages {
        match bring_manifest(&files, &path, &needs, toolkit) {
            Ok(text) => drop(files.insert(path, text)),
            Err(problem) => left.push(format!("{}: {problem}", path.display())),
        }
    }
    Rewritten { files, left }
}

fn is_source(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "rs")
}

/// What all three make of one program. What one of them does not understand keeps nobody else back; but telemetry is started
/// once, so the first that can be rewritten is.
fn change(program: &Program<'_>) -> Change {
    let mut all = Change::default();
    for found in [sdk::rewrite(program), facade::rewrite(program), registry::rewrite(program)] {
        match found {
            Ok(change) if !all.edits.is_empty() && !change.edits.is_empty() => {
                all.left.push(Left::at(&program.main.sig, format!("there is more set-up than one; {ALSO}")));
            }
            Ok(change) => {
                all.edits.extend(change.edits);
                all.left.extend(change.left);
                all.needs.add(change.needs);
            }
            Err(left) => all.left.push(left),
        }
    }
    all
}

const ALSO: &str = "`FacadeRecorder` and `RegistryProducer` of `throughline-instruments` join the telemetry that was started";

fn say_where(file: &SourceFile, left: &Left) -> String {
    let (line, _) = file.position(left.range.start);
    format!("{}:{line}: {}", file.path.display(), left.what)
}

/// The manifest of a package for its new set-up.
fn bring_manifest(
    files: &Files,
    path: &Path,
    needs: &Needs,
    toolkit: Option<&Path>,
) -> anyhow::Result<String> {
    let folder = path.parent().unwrap_or(path);
    let sources = files.iter().filter(|(file, _)| file.starts_with(folder) && is_source(file));
    let code: Vec<&str> = sources.map(|(_, text)| &**text).collect();
    manifest::bring(&files[path], &code, needs, toolkit)
}
