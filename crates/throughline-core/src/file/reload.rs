//! Something made of files, made anew when they change: certificates, a token.
//!
//! Exporters look before requests, the scrape endpoint before it answers. Contents are compared, not times, so that neither a coarse clock of
//! the file system nor a swapped symbolic link hides a change; the files are a few kilobytes. What cannot be read or
//! used keeps what there was, and is told once: a rotation replaces one file after the other, and is seen half-way.

use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::FileError;

/// How long what was read counts as current, so that what is busy does not read files all the time.
const CURRENT_FOR: Duration = Duration::from_secs(1);

/// The most of a file that is read: several times the largest bundle of roots that systems have.
const FILE_BYTES_MAX: u64 = 4 << 20;

/// What the files say, in their order.
type Contents = Vec<Vec<u8>>;

type Make<T> = dyn Fn(&[Vec<u8>]) -> Result<T, FileError> + Send + Sync;

/// A value made of the contents of files.
///
/// ```
/// use std::time::Instant;
/// use throughline_core::file::{FileError, Reload, secret};
///
/// fn token(path: std::path::PathBuf, now: Instant) -> Result<Reload<String>, FileError> {
///     let name = path.clone();
///     Reload::new(vec![path], now, move |contents| secret(&name, &contents[0], "a token"))
/// }
/// ```
pub struct Reload<T> {
    paths: Vec<PathBuf>,
    make: Box<Make<T>>,
    value: T,
    contents: Contents,
    /// What was last wrong with the files, so that it is told once.
    complained_of: Option<FileError>,
    looked: Instant,
}

impl<T> Reload<T> {
    /// Reads the files and makes the value of their contents, which come in the order of the paths. Without any path,
    /// it never changes.
    ///
    /// # Errors
    /// A file that cannot be read, or used.
    pub fn new(
        paths: Vec<PathBuf>,
        now: Instant,
        make: impl Fn(&[Vec<u8>]) -> Result<T, FileError> + Send + Sync + 'static,
    ) -> Result<Self, FileError> {
        let contents = read_all(&paths)?;
        let value = make(&contents)?;
        Ok(Self { paths, make: Box::new(make), value, contents, complained_of: None, looked: now })
    }

    /// The value, as the files had it at the last look.
    pub fn value(&self) -> &T {
        &self.value
    }

    /// Looks at the files unless that was less than a second ago; says whether there is a new value. Reads files: blocks.
    pub fn look(&mut self, now: Instant) -> bool {
        let is_current = now.saturating_duration_since(self.looked) < CURRENT_FOR;
        !self.paths.is_empty() && !is_current && self.look_now(now)
    }

    /// Looks at the files; says whether there is a new value.
    pub fn look_now(&mut self, now: Instant) -> bool {
        self.looked = now;
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
    fn keep(&mut self, error: FileError) -> bool {
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

fn read_all(paths: &[PathBuf]) -> Result<Contents, FileError> {
    paths
        .iter()
        .map(|path| read(path).map_err(|error| FileError::new(path, format!("cannot be read: {error}"))))
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

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "an instant can be had in no other way")]
mod tests {
    use std::fs;

    use super::*;

    fn number(contents: &[Vec<u8>]) -> Result<u32, FileError> {
        let text = std::str::from_utf8(&contents[0]).unwrap_or_default();
        text.parse().map_err(|_invalid| FileError::new("f".as_ref(), "is no number"))
    }

    #[test]
    fn a_change_is_seen_and_what_is_no_good_is_ignored() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("number");
        let error = Reload::new(vec![path.clone()], Instant::now(), number).expect_err("no file").to_string();
        assert!(error.starts_with(&format!("the file `{}` cannot be read: ", path.display())), "{error}");
        fs::write(&path, "1").expect("a writable folder");
        let mut reload = Reload::new(vec![path.clone()], Instant::now(), number).expect("a number");
        for (content, changed, value) in
            [("1", false, 1), ("2", true, 2), ("two", false, 2), ("two", false, 2), ("3", true, 3)]
        {
            fs::write(&path, content).expect("a writable folder");
            assert_eq!((reload.look_now(Instant::now()), *reload.value()), (changed, value), "{content}");
        }
        fs::remove_file(&path).expect("a file");
        assert_eq!((reload.look_now(Instant::now()), *reload.value()), (false, 3));
    }

    #[test]
    fn files_are_not_read_all_the_time() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("number");
        fs::write(&path, "1").expect("a writable folder");
        let start = Instant::now();
        let mut reload = Reload::new(vec![path.clone()], start, number).expect("a number");
        fs::write(&path, "2").expect("a writable folder");
        assert!(!reload.look(start));
        assert!(reload.look(start + CURRENT_FOR));
    }
}
