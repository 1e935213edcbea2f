//! What there is to look at: manifests, lock files, sources and documents below the paths that were given.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use super::lockfile::Lockfile;
use super::manifest::{Dependency, Manifest, plain};
use super::matrix::Matrix;
use super::rules::Minor;
use super::source;
use crate::finding::SourceFile;
use crate::tree::Files;

/// All that was read.
#[derive(Debug, Default)]
pub(crate) struct Workspace {
    pub(super) manifests: Vec<(Arc<SourceFile>, Manifest)>,
    pub(super) locks: Vec<(Arc<SourceFile>, Lockfile)>,
    /// Rust files and documents.
    sources: Vec<Arc<SourceFile>>,
    /// What could not be read, with the reason.
    pub(crate) unread: Vec<String>,
}

/// A package, for its sources.
#[derive(Debug, Default)]
pub(crate) struct Package {
    pub(super) source: source::Package,
    /// Its manifest, as a position in the workspace's.
    pub(super) manifest: Option<usize>,
}

impl Workspace {
    /// Reads what is below these paths.
    pub(crate) fn read(paths: &[PathBuf]) -> anyhow::Result<Self> {
        let Files { read, unread } = Files::below(paths, is_wanted)?;
        let mut workspace = Self { unread, ..Self::default() };
        for (path, text) in read {
            workspace.add(&path, text);
        }
        Ok(workspace)
    }

    /// Adds a file with this text.
    pub(crate) fn add(&mut self, path: &Path, text: String) {
        let name = path.file_name().and_then(OsStr::to_str).unwrap_or_default();
        let file = Arc::new(SourceFile { path: path.to_owned(), text });
        let problem = match name {
            "Cargo.toml" => match Manifest::parse(&file.text) {
                Ok(manifest) => return self.manifests.push((file, manifest)),
                Err(problem) => problem.to_string(),
            },
            "Cargo.lock" => match Lockfile::parse(&file.text) {
                Ok(lock) => return self.locks.push((file, lock)),
                Err(problem) => problem.to_string(),
            },
            _ => return self.sources.push(file),
        };
        self.unread.push(format!("{}: {problem}", file.path.display()));
    }

    /// All files but lock files, with their texts.
    pub(crate) fn texts(&self) -> impl Iterator<Item = (PathBuf, String)> {
        let manifests = self.manifests.iter().map(|(file, _)| file);
        manifests.chain(&self.sources).map(|file| (file.path.clone(), file.text.clone()))
    }

    /// How many files were read.
    pub(super) fn files(&self) -> usize {
        self.manifests.len() + self.locks.len() + self.sources.len()
    }

    /// Each source with its package.
    pub(super) fn sources(&self, matrix: &Matrix) -> Vec<(&Arc<SourceFile>, Rc<Package>)> {
        let packages: Vec<_> =
            (0..self.manifests.len()).map(|at| Rc::new(self.package(at, matrix))).collect();
        let none = Rc::new(Package::default());
        let of = |file: &SourceFile| self.manifest_of(&file.path).map_or(&none, |at| &packages[at]);
        self.sources.iter().map(|file| (file, Rc::clone(of(file)))).collect()
    }

    /// The nearest manifest with a package above a file.
    fn manifest_of(&self, path: &Path) -> Option<usize> {
        path.ancestors().skip(1).find_map(|folder| self.manifest_in(folder))
    }

    /// The manifest in a folder, when it has a package.
    pub(super) fn manifest_in(&self, folder: &Path) -> Option<usize> {
        self.manifests
            .iter()
            .position(|(file, manifest)| manifest.package.is_some() && file.path.parent() == Some(folder))
    }

    /// The package in a folder.
    pub(super) fn package_in(&self, folder: &Path, matrix: &Matrix) -> Option<Package> {
        Some(self.package(self.manifest_in(folder)?, matrix))
    }

    fn package(&self, at: usize, matrix: &Matrix) -> Package {
        let (_, manifest) = &self.manifests[at];
        let named = |dependency: &&Dependency| dependency.alias != dependency.name.replace('-', "_");
        let aliases = manifest.dependencies.iter().filter(named);
        let aliases = aliases.map(|dependency| (dependency.alias.clone(), dependency.name.replace('-', "_")));
        let aliases: HashMap<String, String> = aliases.collect();
        let minor = self.minor(at, matrix);
        Package { source: source::Package { minor, aliases, fragment: false }, manifest: Some(at) }
    }

    /// The OpenTelemetry minor that a manifest's package gets.
    pub(super) fn minor(&self, at: usize, matrix: &Matrix) -> Option<Minor> {
        let first = ["opentelemetry", "opentelemetry_sdk"];
        let (_, manifest) = &self.manifests[at];
        let first = first.iter().filter_map(|name| manifest.dependency(name));
        let companions = manifest.dependencies.iter().filter(|dependency| matrix.knows(&dependency.name));
        first
            .chain(companions)
            .find_map(|dependency| matrix.minor(&dependency.name, &self.version(at, dependency)?))
    }

    /// The version of a dependency: the locked one, else the one that is asked for, here or in the workspace's manifest.
    pub(super) fn version(&self, at: usize, dependency: &Dependency) -> Option<String> {
        let (file, manifest) = &self.manifests[at];
        let locked = self
            .lock_of(&file.path)
            .and_then(|lock| lock.direct(manifest.package.as_deref()?, &dependency.name));
        let asked = || {
            let own = dependency.version.as_ref();
            own.or_else(|| self.inherited(&file.path, dependency)?.version.as_ref())
                .map(|version| plain(&version.text))
        };
        locked.or_else(asked).map(str::to_owned)
    }

    /// What the workspace's manifest says of a dependency that refers to it.
    pub(super) fn inherited(&self, path: &Path, dependency: &Dependency) -> Option<&Dependency> {
        let folders = path.ancestors().skip(1).filter(|_| dependency.inherited);
        folders.into_iter().find_map(|folder| {
            let (_, manifest) = self.manifests.iter().find(|(file, _)| file.path.parent() == Some(folder))?;
            manifest.dependencies.iter().find(|other| !other.inherited && other.alias == dependency.alias)
        })
    }

    fn lock_of(&self, path: &Path) -> Option<&Lockfile> {
        path.ancestors().skip(1).find_map(|folder| {
            self.locks.iter().find(|(file, _)| file.path.parent() == Some(folder)).map(|(_, lock)| lock)
        })
    }
}

fn is_wanted(path: &Path) -> bool {
    let name = path.file_name().and_then(OsStr::to_str).unwrap_or_default();
    match path.extension().and_then(OsStr::to_str) {
        Some("rs") => true,
        // A changelog speaks of what was.
        Some("md" | "markdown") => !name.to_lowercase().starts_with("changelog"),
        _ => matches!(name, "Cargo.toml" | "Cargo.lock"),
    }
}
