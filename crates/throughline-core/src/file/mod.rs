//! Files that a running program is configured by: certificates, keys, passwords, tokens.
//!
//! Both ends of the toolkit's connections use them, the exporters as clients (`throughline-otlp/src/transport/`) and the
//! scrape endpoint as a server (`throughline-prometheus/src/server/`). [`Reload`] makes a value of files anew when they
//! change; `pem` (a cargo feature) reads what is in them.

#[cfg(feature = "pem")]
pub mod pem;
mod reload;

use std::fmt;
use std::path::Path;

pub use reload::Reload;

/// A file that cannot be used: which, and why. Never what is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileError {
    from: String,
    problem: String,
}

impl FileError {
    /// The error for a file that is no good; `problem` goes on after its name, as in `is empty`.
    #[cold]
    pub fn new(path: &Path, problem: impl Into<String>) -> Self {
        Self { from: format!("the file `{}`", path.display()), problem: problem.into() }
    }

    /// Which file.
    pub fn from(&self) -> &str {
        &self.from
    }

    /// What is wrong with it.
    pub fn problem(&self) -> &str {
        &self.problem
    }
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { from, problem } = self;
        write!(f, "{from} {problem}")
    }
}

impl std::error::Error for FileError {}

/// The one line of a file that holds a secret and nothing else; `what` is what it should be, such as `a bearer token`.
///
/// # Errors
/// When the file has no line, or more than one.
pub fn secret(path: &Path, content: &[u8], what: &str) -> Result<String, FileError> {
    let text = String::from_utf8_lossy(content);
    let secret = text.trim();
    if secret.is_empty() {
        return Err(FileError::new(path, format!("is empty: it should have {what}")));
    }
    if secret.contains(char::is_control) {
        return Err(FileError::new(path, format!("has more than one line: it should have {what} alone")));
    }
    Ok(secret.to_owned())
}
