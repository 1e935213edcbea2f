//! Where generated files go: into a folder, or to standard output.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

/// A generated file, relative to where it is put.
#[derive(Debug)]
pub(crate) struct File {
    pub(crate) path: PathBuf,
    pub(crate) text: String,
}

impl File {
    pub(crate) fn new(path: impl Into<PathBuf>, text: impl Into<String>) -> Self {
        Self { path: path.into(), text: text.into() }
    }
}

/// The same files, in a folder.
pub(crate) fn below(folder: &str, files: Vec<File>) -> Vec<File> {
    files.into_iter().map(|file| File { path: Path::new(folder).join(file.path), text: file.text }).collect()
}

/// Writes the files into a folder, which is made when there is none; without one, shows them.
///
/// # Errors
/// When a file cannot be written.
pub(crate) fn write_or_show(files: &[File], folder: Option<&Path>) -> anyhow::Result<()> {
    let Some(folder) = folder else { return show(files) };
    for File { path, text } in files {
        let path = folder.join(path);
        let parent = path.parent().unwrap_or(folder);
        fs::create_dir_all(parent).with_context(|| format!("make the folder {}", parent.display()))?;
        fs::write(&path, text).with_context(|| format!("write {}", path.display()))?;
        say!("{}", path.display());
    }
    Ok(())
}

/// One file as it is; several with their names.
fn show(files: &[File]) -> anyhow::Result<()> {
    for File { path, text } in files {
        if files.len() > 1 {
            say!("# {}", path.display());
        }
        say!("{}", text.trim_end());
    }
    Ok(())
}
