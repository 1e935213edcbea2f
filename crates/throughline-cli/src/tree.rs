//! Walks folders as `lint` and `doctor static` do: folders named `target`, hidden ones and ignored ones are left out.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use ignore::{DirEntry, WalkBuilder};

/// Files larger than this are not read.
const BYTES_MAX: u64 = 8 << 20;

/// What was read.
#[derive(Debug, Default)]
pub(crate) struct Files {
    /// Each with its text, in order of their paths.
    pub(crate) read: Vec<(PathBuf, String)>,
    /// What could not be read, with the reason.
    pub(crate) unread: Vec<String>,
}

impl Files {
    /// Reads what is wanted below these paths. `./src` and `src` are one place.
    ///
    /// # Errors
    /// When one of the paths is not there.
    pub(crate) fn below(paths: &[PathBuf], is_wanted: fn(&Path) -> bool) -> anyhow::Result<Self> {
        let mut files = Self::default();
        for path in paths {
            anyhow::ensure!(path.exists(), "there is no {}", path.display());
            for entry in WalkBuilder::new(path).filter_entry(is_source).build() {
                match entry {
                    Ok(entry) if is_file(&entry) && is_wanted(entry.path()) => files.file(entry.path()),
                    Ok(_) => {}
                    Err(problem) => files.unread.push(problem.to_string()),
                }
            }
        }
        files.read.sort();
        Ok(files)
    }

    fn file(&mut self, path: &Path) {
        let size = fs::metadata(path).map_or(0, |metadata| metadata.len());
        if size > BYTES_MAX {
            self.unread.push(format!("{}: has {size} bytes, more than {BYTES_MAX}", path.display()));
            return;
        }
        match fs::read_to_string(path) {
            Ok(text) => self.read.push((path.strip_prefix(".").unwrap_or(path).to_owned(), text)),
            Err(problem) => self.unread.push(format!("{}: {problem}", path.display())),
        }
    }
}

fn is_source(entry: &DirEntry) -> bool {
    entry.file_name() != OsStr::new("target")
}

fn is_file(entry: &DirEntry) -> bool {
    entry.file_type().is_some_and(|kind| kind.is_file())
}
