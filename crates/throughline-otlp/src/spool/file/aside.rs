//! Puts a damaged file out of the way, where somebody can look at it.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};
use std::{fs, io};

/// How many damaged files of a signal are kept. Each can be as large as the spool.
const KEPT_MAX: usize = 2;

/// Renames a file to `….corrupt-…`, and removes older ones of that name beyond the limit. Where it is now.
pub(super) fn set_aside(path: &Path) -> io::Result<PathBuf> {
    let stem = stem(path);
    for old in older(path, &stem)?.iter().rev().skip(KEPT_MAX - 1) {
        fs::remove_file(old)?;
    }
    #[expect(
        clippy::disallowed_methods,
        reason = "a name for a person, when no exporter has a clock at hand"
    )]
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let mut name = stem;
    name.push(format!("{:020}", now.as_nanos()));
    let aside = path.with_file_name(name);
    fs::rename(path, &aside)?;
    Ok(aside)
}

fn stem(path: &Path) -> OsString {
    let mut stem = path.file_name().map(OsStr::to_owned).unwrap_or_default();
    stem.push(".corrupt-");
    stem
}

/// Those that are there already, oldest first.
fn older(path: &Path, stem: &OsStr) -> io::Result<Vec<PathBuf>> {
    let directory = path.parent().unwrap_or_else(|| Path::new("."));
    let mut found = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if entry.file_name().as_encoded_bytes().starts_with(stem.as_encoded_bytes()) {
            found.push(entry.path());
        }
    }
    found.sort();
    Ok(found)
}
