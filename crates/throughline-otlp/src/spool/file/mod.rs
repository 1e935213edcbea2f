//! The file of a spool, when the cargo feature `spool` is on.
//!
//! `exporter/spool.rs` calls it on a thread that may block.

#[cfg(feature = "spool")]
mod aside;
#[cfg(feature = "spool")]
mod enabled;
#[cfg(feature = "spool")]
mod stored;
#[cfg(feature = "spool")]
pub(crate) use enabled::SpoolFile;

#[cfg(not(feature = "spool"))]
mod disabled;
#[cfg(not(feature = "spool"))]
pub(crate) use disabled::SpoolFile;

use std::fmt;

use super::record::Record;

/// Whether spools are in this build.
pub(crate) const BUILT_IN: bool = cfg!(feature = "spool");

/// What is known of a stored request without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Its number: later requests have higher ones.
    pub(crate) number: u64,
    pub(crate) items: u64,
    /// How much of the disk it takes.
    pub(crate) bytes: u64,
    /// When it was stored, in nanoseconds since the Unix epoch.
    pub(crate) time: u64,
}

/// What a file changes in one transaction.
#[derive(Debug, Default)]
#[cfg_attr(not(feature = "spool"), expect(dead_code, reason = "no file is changed"))]
pub(crate) struct Change {
    pub(crate) remove: Vec<u64>,
    pub(crate) append: Vec<(Entry, Record)>,
}

/// A file that was opened.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) file: SpoolFile,
    /// What is in it, oldest first.
    pub(crate) entries: Vec<Entry>,
    /// Whether nobody else had it since the caller last did.
    pub(crate) is_own: bool,
    /// What was wrong with the file that was there before, and where that is now.
    pub(crate) set_aside: Option<String>,
}

/// Why a file cannot be used.
#[derive(Debug)]
#[cfg_attr(not(feature = "spool"), expect(dead_code, reason = "there is one reason then"))]
pub(crate) enum FileError {
    /// Another process has it, or another exporter of this one.
    Held,
    /// It is damaged.
    Corrupt(String),
    /// The system refuses: the disk is full, read-only, or gone.
    Io(String),
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Held => f.write_str("is held by another process: give each its own directory"),
            Self::Corrupt(what) => write!(f, "is damaged: {what}"),
            Self::Io(what) => write!(f, "cannot be used: {what}"),
        }
    }
}
