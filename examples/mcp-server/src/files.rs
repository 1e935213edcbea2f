//! The files of one folder, and of no other.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

/// The largest file that is read.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// The most names that are listed.
const NAMES_MAX: usize = 1000;

/// A folder whose files may be read.
#[derive(Clone, Debug)]
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let folder = fs::canonicalize(path)
            .with_context(|| format!("--folder {}: name one that exists", path.display()))?;
        Ok(Self(folder))
    }

    /// The names of its files, sorted.
    pub(crate) fn list(&self) -> Result<Vec<String>, String> {
        let entries = fs::read_dir(&self.0).map_err(|error| format!("list the folder: {error}"))?;
        let files = entries.flatten().filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file()));
        let mut names: Vec<_> =
            files.map(|entry| entry.file_name().to_string_lossy().into_owned()).take(NAMES_MAX).collect();
        names.sort();
        Ok(names)
    }

    /// The text of one of its files, whatever links there are on the way.
    pub(crate) fn read(&self, name: &str) -> Result<String, String> {
        let path = fs::canonicalize(self.0.join(name)).map_err(|error| format!("{name}: {error}"))?;
        if !path.starts_with(&self.0) {
            return Err(format!("{name} is not in the folder"));
        }
        let mut text = String::new();
        let file = File::open(&path).map_err(|error| format!("{name}: {error}"))?;
        file.take(FILE_BYTES_MAX).read_to_string(&mut text).map_err(|error| format!("{name}: {error}"))?;
        Ok(text)
    }
}
