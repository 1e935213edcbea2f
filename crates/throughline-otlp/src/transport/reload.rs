//! Something made of files, made anew when they change: certificates, a token.
//!
//! `tls/` and `headers.rs` look before requests. Contents are compared, not times, so that neither a coarse clock of
//! the file system nor a swapped symbolic link hides a change; the files are a few kilobytes. What cannot be read or
//! used keeps what there was, and is told once: a rotation replaces one file after the other, and is seen half-way.

use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::PathBuf;
use std::time::Duration;

use tokio::time::Instant;

use crate::config::BuildError;

/// How long what was read counts as current, so that a busy exporter does not read files all the time.
const CURRENT_FOR: Duration = Duration::from_secs(1);

/// The most of a file that is read: several times the largest bundle of roots that systems have.
const FILE_BYTES_MAX: u64 = 4 << 20;

/// What the files say, in their order.
type Contents = Vec<Vec<u8>>;

type Make<T> = dyn Fn(&[Vec<u8>]) -> Result<T, BuildError> + Send + Sync;

/// A value made of the contents of files.
pub(super) struct Reload<T> {
    paths: Vec<PathBuf>,
    make: Box<Make<T>>,
    value: T,
    contents: Contents,
    /// What was last wrong with the files, so that it is told once.
    complained_of: Option<BuildError>,
    looked: Instant,
}

impl<T> Reload<T> {
    /// Reads the files and makes the value.
    pub(super) fn new(
        paths: Vec<PathBuf>,
        make: impl Fn(&[Vec<u8>]) -> Result<T, BuildError> + Send + Sync + 'static,
    ) -> Result<Self, BuildError> {
        let contents = read_all(&paths)?;
        let value = make(&contents)?;
        let looked = Instant::now();
        Ok(Self { paths, make: Box::new(make), value, contents, complained_of: None, looked })
    }

    pub(super) fn value(&self) -> &T {
        &self.value
    }

    /// Looks at the files unless that was a moment ago; says whether there is a new value.
    pub(super) fn look(&mut self) -> bool {
        !self.paths.is_empty() && self.looked.elapsed() >= CURRENT_FOR && self.look_now()
    }

    /// Looks at the files; says whether there is a new value.
    pub(super) fn look_now(&mut self) -> bool {
        self.looked = Instant::now();
        let contents = match read_all(&self.paths) {
            Ok(contents) if contents == self.contents => {
                self.complained_of = None;
                return false;
            }
            Ok(contents) => contents,
            Err(error) => return self.keep(error),
        };
        match (self.make)(&contents) {
            Ok(value) => {
                self.value = value;
                self.contents = contents;
                self.complained_of = None;
                tracing::info!(target: "throughline", files = ?self.paths, "reloaded, because they changed");
                true
            }
            Err(error) => self.keep(error),
        }
    }

    #[cold]
    fn keep(&mut self, error: BuildError) -> bool {
        if self.complained_of.as_ref() != Some(&error) {
            tracing::warn!(target: "throughline", %error,
                "a file changed and cannot be used; what it said before stays in use");
            self.complained_of = Some(error);
        }
        false
    }
}

impl<T> fmt::Debug for Reload<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reload").field("paths", &self.paths).finish_non_exhaustive()
    }
}

fn read_all(paths: &[PathBuf]) -> Result<Contents, BuildError> {
    paths
        .iter()
        .map(|path| read(path).map_err(|error| unusable(path, format!("cannot be read: {error}"))))
        .collect()
}

fn read(path: &PathBuf) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    File::open(path)?.take(FILE_BYTES_MAX + 1).read_to_end(&mut content)?;
    if content.len() as u64 > FILE_BYTES_MAX {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "it is far too large for what it should be"));
    }
    Ok(content)
}

/// The error for a file that is no good.
#[cold]
pub(super) fn unusable(path: &std::path::Path, problem: impl Into<String>) -> BuildError {
    BuildError::File { from: format!("the file `{}`", path.display()), problem: problem.into() }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn number(contents: &[Vec<u8>]) -> Result<u32, BuildError> {
        let text = std::str::from_utf8(&contents[0]).unwrap_or_default();
        text.parse().map_err(|_invalid| unusable("f".as_ref(), "is no number"))
    }

    #[test]
    fn a_change_is_seen_and_what_is_no_good_is_ignored() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("number");
        let error = Reload::new(vec![path.clone()], number).expect_err("no file").to_string();
        assert!(error.starts_with(&format!("the file `{}` cannot be read: ", path.display())), "{error}");
        fs::write(&path, "1").expect("a writable folder");
        let mut reload = Reload::new(vec![path.clone()], number).expect("a number");
        for (content, changed, value) in
            [("1", false, 1), ("2", true, 2), ("two", false, 2), ("two", false, 2), ("3", true, 3)]
        {
            fs::write(&path, content).expect("a writable folder");
            assert_eq!((reload.look_now(), *reload.value()), (changed, value), "{content}");
        }
        fs::remove_file(&path).expect("a file");
        assert_eq!((reload.look_now(), *reload.value()), (false, 3));
    }

    #[tokio::test(start_paused = true)]
    async fn files_are_not_read_all_the_time() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("number");
        fs::write(&path, "1").expect("a writable folder");
        let mut reload = Reload::new(vec![path.clone()], number).expect("a number");
        fs::write(&path, "2").expect("a writable folder");
        assert!(!reload.look());
        tokio::time::advance(CURRENT_FOR).await;
        assert!(reload.look());
    }
}
