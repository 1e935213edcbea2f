//! No spools in this build: none is ever opened.

use std::path::Path;

use super::{Change, FileError, Opened};
use crate::spool::record::Record;

/// There is none.
#[derive(Debug)]
pub(crate) enum SpoolFile {}

impl SpoolFile {
    pub(crate) fn open(_path: &Path, _owner: u64, _is_damaged: bool) -> Result<Opened, FileError> {
        Err(FileError::Io("this build has no spool".to_owned()))
    }

    pub(crate) fn close(self) {
        match self {}
    }

    pub(crate) fn change(&self, _change: &Change) -> Result<(), FileError> {
        match *self {}
    }

    pub(crate) fn load(&self, _numbers: &[u64]) -> Result<Vec<Option<Record>>, FileError> {
        match *self {}
    }
}
