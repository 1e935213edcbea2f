//! Where finished servers are kept between checkouts.
//!
//! A cold build of Prometheus takes minutes, so what it gives is kept in the
//! user's cache folder, in a folder whose name carries a stamp of everything
//! that decides the result. A changed pin is a new folder; nothing is ever
//! overwritten, so two checkouts cannot disturb each other.

use std::path::{Path, PathBuf};
use std::{env, fs, process};

use anyhow::{Context, Result};

/// The root of the repository this program was built from.
pub(crate) fn repository() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().expect("xtask lies in the repository's root").to_path_buf()
}

/// `target/rig`: where tests look.
pub(crate) fn rig_target() -> PathBuf {
    repository().join("target/rig")
}

/// The cache folder for `name` made from `ingredients`; it need not exist.
pub(crate) fn folder(name: &str, ingredients: &[Vec<u8>]) -> Result<PathBuf> {
    let cache = match env::var_os("XDG_CACHE_HOME") {
        Some(folder) if !folder.is_empty() => PathBuf::from(folder),
        _ => env::home_dir().context("no home folder: set XDG_CACHE_HOME")?.join(".cache"),
    };
    Ok(cache.join(format!("throughline/rig/{name}-{:016x}", stamp(ingredients))))
}

/// Fills `folder` through `make`, which is handed a scratch folder beside it.
///
/// The scratch folder is renamed only once it is complete: an interrupted or a
/// concurrent run never leaves a half-made folder under the final name.
pub(crate) fn fill(folder: &Path, make: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
    let scratch = folder.with_extension(format!("tmp{}", process::id()));
    fs::create_dir_all(&scratch).with_context(|| format!("create {}", scratch.display()))?;
    let made = make(&scratch);
    if made.is_ok() && fs::rename(&scratch, folder).is_ok() {
        return Ok(());
    }
    drop(fs::remove_dir_all(&scratch)); // best effort: it is only a scratch folder
    made.and_then(|()| fs::metadata(folder).map(drop).with_context(|| format!("create {}", folder.display())))
}

/// Puts the file at `source` at `target`: a hard link where possible, else a copy.
///
/// It is renamed into place, so a test that starts the server meanwhile finds
/// either the old file or the new one.
pub(crate) fn place(source: &Path, target: &Path) -> Result<()> {
    let source = source.canonicalize().with_context(|| format!("find {}", source.display()))?;
    if target.canonicalize().is_ok_and(|present| present == source) {
        return Ok(());
    }
    let folder = target.parent().expect("a file in target/rig/bin");
    fs::create_dir_all(folder).with_context(|| format!("create {}", folder.display()))?;
    let scratch = target.with_extension(format!("tmp{}", process::id()));
    if fs::hard_link(&source, &scratch).is_err() {
        fs::copy(&source, &scratch).with_context(|| format!("copy {}", source.display()))?;
    }
    fs::rename(&scratch, target).with_context(|| format!("create {}", target.display()))?;
    // Renaming one hard link over another of the same file leaves both.
    drop(fs::remove_file(&scratch));
    Ok(())
}

/// FNV-1a, 64 bits: the standard library's hashers may change between releases,
/// which would forget the cache. Each ingredient is preceded by its length.
fn stamp(ingredients: &[Vec<u8>]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325;
    let mut eat = |bytes: &[u8]| {
        for &byte in bytes {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    };
    for ingredient in ingredients {
        eat(&(ingredient.len() as u64).to_le_bytes());
        eat(ingredient);
    }
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_tell_ingredients_apart() {
        assert_ne!(stamp(&[b"ab".to_vec(), b"c".to_vec()]), stamp(&[b"a".to_vec(), b"bc".to_vec()]));
        assert_eq!(stamp(&[]), 0xcbf2_9ce4_8422_2325, "FNV-1a's offset basis");
    }
}
