//! The file of a spool: a redb database of two tables, the requests and what is known of each.
//!
//! Every change is one transaction, on the disk when it returns: a crash leaves the file as it was before the change, or
//! after it.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use redb::{Builder, Database, DatabaseError, ReadableTable as _, StorageError, TableDefinition};

use super::aside::set_aside;
use super::stored::{from_bytes, to_bytes};
use super::{Change, Entry, FileError, Opened};
use crate::spool::record::Record;

/// An open file, held against other processes.
#[derive(Debug)]
pub(crate) struct SpoolFile(Database);

const REQUESTS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("requests");

/// Items, bytes and time of each.
const INDEX: TableDefinition<'_, u64, (u64, u64, u64)> = TableDefinition::new("index");

/// Who wrote last, under the key zero.
const OWNER: TableDefinition<'_, u64, u64> = TableDefinition::new("owner");

/// Pages kept in memory; a request is read once, so more would not help.
const CACHE_BYTES: usize = 1 << 20;

impl SpoolFile {
    /// Closes it, which takes a moment.
    pub(crate) fn close(self) {
        drop(self);
    }

    /// Opens the file, and makes it when there is none. One that is damaged is set aside.
    pub(crate) fn open(path: &Path, owner: u64, is_damaged: bool) -> Result<Opened, FileError> {
        let found = attempt(path, owner);
        let found = found.and_then(|opened| if is_damaged { Err(damaged()) } else { Ok(opened) });
        match found {
            Err(FileError::Corrupt(what)) => {
                let aside = set_aside(path)?;
                let opened = attempt(path, owner)?;
                Ok(Opened { set_aside: Some(format!("{what}; it is now {}", aside.display())), ..opened })
            }
            outcome => outcome,
        }
    }

    /// Removes and appends. When it fails, it may have happened or not.
    pub(crate) fn change(&self, change: &Change) -> Result<(), FileError> {
        let transaction = self.0.begin_write()?;
        {
            let mut requests = transaction.open_table(REQUESTS)?;
            let mut index = transaction.open_table(INDEX)?;
            for number in &change.remove {
                requests.remove(number)?;
                index.remove(number)?;
            }
            for (entry, record) in &change.append {
                requests.insert(entry.number, &to_bytes(record)[..])?;
                index.insert(entry.number, (entry.items, entry.bytes, entry.time))?;
            }
        }
        transaction.commit()?;
        Ok(())
    }

    /// Reads these requests; `None` in the place of one that was damaged.
    pub(crate) fn load(&self, numbers: &[u64]) -> Result<Vec<Option<Record>>, FileError> {
        let requests = self.0.begin_read()?.open_table(REQUESTS)?;
        let load = |number: &u64| {
            let bytes = requests.get(number)?;
            Ok(bytes.and_then(|bytes| from_bytes(bytes.value())))
        };
        numbers.iter().map(load).collect()
    }

    fn entries(&self) -> Result<Vec<Entry>, FileError> {
        let index = self.0.begin_read()?.open_table(INDEX)?;
        let mut entries = Vec::new();
        for found in index.iter()? {
            let (number, known) = found?;
            let (items, bytes, time) = known.value();
            entries.push(Entry { number: number.value(), items, bytes, time });
        }
        Ok(entries)
    }

    /// Makes the tables, and says whether `owner` was the last to do so.
    fn take(&self, owner: u64) -> Result<bool, FileError> {
        let transaction = self.0.begin_write()?;
        transaction.open_table(REQUESTS)?;
        transaction.open_table(INDEX)?;
        let before = transaction.open_table(OWNER)?.insert(0, owner)?.map(|before| before.value());
        transaction.commit()?;
        Ok(before == Some(owner))
    }
}

#[cold]
fn damaged() -> FileError {
    FileError::Corrupt("it cannot be read".to_owned())
}

/// A damaged file can make the database panic.
fn attempt(path: &Path, owner: u64) -> Result<Opened, FileError> {
    let open = || {
        let file = SpoolFile(database(path)?);
        let is_own = file.take(owner)?;
        let entries = file.entries()?;
        Ok(Opened { file, entries, is_own, set_aside: None })
    };
    catch_unwind(AssertUnwindSafe(open)).unwrap_or_else(|_panic| Err(damaged()))
}

fn database(path: &Path) -> Result<Database, FileError> {
    if let Some(directory) = path.parent() {
        private_directory().create(directory)?;
    }
    let mut builder = Builder::new();
    builder.set_cache_size(CACHE_BYTES).create_with_file_format_v3(true);
    Ok(builder.create_file(private_file(path)?)?)
}

#[cfg(unix)]
fn private_directory() -> DirBuilder {
    use std::os::unix::fs::DirBuilderExt as _;
    let mut builder = DirBuilder::new();
    builder.recursive(true).mode(0o700);
    builder
}

#[cfg(not(unix))]
fn private_directory() -> DirBuilder {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    builder
}

fn private_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

impl From<io::Error> for FileError {
    fn from(error: io::Error) -> Self {
        Self::Io(error.to_string())
    }
}

impl From<DatabaseError> for FileError {
    fn from(error: DatabaseError) -> Self {
        match error {
            DatabaseError::DatabaseAlreadyOpen => Self::Held,
            DatabaseError::Storage(error) => error.into(),
            other => Self::Corrupt(other.to_string()),
        }
    }
}

impl From<StorageError> for FileError {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::Io(error) if is_of_the_contents(error.kind()) => Self::Corrupt(error.to_string()),
            StorageError::Io(error) => error.into(),
            StorageError::PreviousIo => Self::Io(StorageError::PreviousIo.to_string()),
            other => Self::Corrupt(other.to_string()),
        }
    }
}

const fn is_of_the_contents(kind: io::ErrorKind) -> bool {
    matches!(kind, io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof)
}

impl From<redb::TransactionError> for FileError {
    fn from(error: redb::TransactionError) -> Self {
        match error {
            redb::TransactionError::Storage(error) => error.into(),
            other => Self::Corrupt(other.to_string()),
        }
    }
}

impl From<redb::TableError> for FileError {
    fn from(error: redb::TableError) -> Self {
        match error {
            redb::TableError::Storage(error) => error.into(),
            other => Self::Corrupt(other.to_string()),
        }
    }
}

impl From<redb::CommitError> for FileError {
    fn from(error: redb::CommitError) -> Self {
        match error {
            redb::CommitError::Storage(error) => error.into(),
            other => Self::Corrupt(other.to_string()),
        }
    }
}
