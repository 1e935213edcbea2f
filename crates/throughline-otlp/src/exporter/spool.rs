//! The spool of one exporter: what is written to disk, what is loaded from there to be sent, what is given up.
//!
//! `intake.rs` calls it. The newest requests of the queue (`queue.rs`) are [stored](Spool::store); the oldest stored ones
//! are [loaded](Spool::refill) back into it, a few at a time; what was taken or refused is removed with the next change,
//! and at the end of an export. The file (`spool/file/`) is only touched on threads that may block. When it cannot be
//! used, requests stay in memory, and it is tried again later.

use std::collections::{HashSet, VecDeque};
use std::hash::{BuildHasher as _, RandomState};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use throughline_core::{Clock, Timestamp};
use tokio::task::{JoinError, spawn_blocking};
use tokio::time::Instant;

use super::health;
use super::queue::{Queue, Request};
use crate::config::{OtlpConfig, QueueFull};
use crate::endpoint::Signal;
use crate::spool::SpoolConfig;
use crate::spool::file::{Change, Entry, FileError, Opened, SpoolFile};
use crate::spool::record::{Encoding, Record};
use crate::status::DroppedItems;

/// How many requests are loaded at once, and hence how many can be sent again after a crash.
const LOADED_MAX: usize = 16;

/// How many bytes are loaded at once, at least one request.
const LOADED_BYTES_MAX: u64 = 4 << 20;

/// How long a file that could not be used is left alone: it costs a line in the status, not a busy disk.
const RETRY_AFTER: Duration = Duration::from_secs(10);

/// Requests on disk.
#[derive(Debug)]
pub(super) struct Spool {
    config: SpoolConfig,
    path: PathBuf,
    signal: Signal,
    encoding: Encoding,
    full: QueueFull,
    clock: Arc<dyn Clock>,
    /// Tells this exporter's file from one that another has had meanwhile.
    owner: u64,
    file: Option<SpoolFile>,
    /// What is wrong with the file, and when it is tried again.
    problem: Option<(String, Instant)>,
    /// Whether the file was found damaged, and is to be set aside.
    is_damaged: bool,
    /// The next request's number.
    next: u64,
    /// What stands in the file and in the queue, oldest first.
    loaded: Sum,
    /// What stands in the file alone, later than all that is loaded, oldest first.
    unloaded: Sum,
    /// What is to be removed from the file.
    done: Vec<u64>,
    pub(super) failures: u64,
}

/// What happened to items meanwhile.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Outcome {
    pub(super) dropped: DroppedItems,
    /// Items that an earlier exporter left in the file.
    pub(super) recovered: u64,
}

impl Spool {
    /// A spool whose file is opened later.
    pub(super) fn new(signal: Signal, config: &OtlpConfig, clock: Arc<dyn Clock>) -> Option<Self> {
        let OtlpConfig { spool, protocol, compression, queue_full, .. } = config;
        let spool = spool.clone()?;
        let path = spool.path(signal);
        Some(Self {
            owner: RandomState::new().hash_one(&path),
            path,
            config: spool,
            signal,
            encoding: Encoding::new(*protocol, *compression),
            full: *queue_full,
            clock,
            file: None,
            problem: None,
            is_damaged: false,
            next: 0,
            loaded: Sum::default(),
            unloaded: Sum::default(),
            done: Vec::new(),
            failures: 0,
        })
    }

    /// Whether requests can be stored now.
    pub(super) fn is_open(&self) -> bool {
        self.file.is_some()
    }

    /// What is wrong, if anything.
    pub(super) fn problem(&self) -> Option<&str> {
        self.problem.as_ref().map(|(problem, _)| problem.as_str())
    }

    /// Items that are on disk alone.
    pub(super) fn unloaded_items(&self) -> u64 {
        self.unloaded.items
    }

    /// Bytes of disk that requests take.
    pub(super) fn bytes(&self) -> u64 {
        self.loaded.bytes + self.unloaded.bytes
    }

    /// Opens the file, unless it is open or was found unusable just now.
    pub(super) async fn open(&mut self, queue: &mut Queue) -> Outcome {
        let is_early = self.problem.as_ref().is_some_and(|(_, until)| Instant::now() < *until);
        if self.is_open() || is_early {
            return Outcome::default();
        }
        let (path, owner, is_damaged) = (self.path.clone(), self.owner, self.is_damaged);
        match flat(spawn_blocking(move || SpoolFile::open(&path, owner, is_damaged)).await) {
            Ok(opened) => self.adopt(opened, queue),
            Err(error) => {
                self.fail(&error);
                Outcome::default()
            }
        }
    }

    /// Takes over what is in a file that was opened. Of an own one, only what was known to be there counts: the rest was
    /// sent, or stayed in memory when it could not be stored for certain.
    fn adopt(&mut self, Opened { file, entries, is_own, set_aside }: Opened, queue: &mut Queue) -> Outcome {
        let mut outcome = Outcome::default();
        let known: HashSet<u64> = self.unloaded.entries.iter().map(|entry| entry.number).collect();
        let loaded: HashSet<u64> = queue.spooled().collect();
        let there: HashSet<u64> = entries.iter().map(|entry| entry.number).filter(|_| is_own).collect();
        queue.forget_spooled(|number| there.contains(&number));
        let mut before = (std::mem::take(&mut self.loaded), std::mem::take(&mut self.unloaded));
        before.1.entries.retain(|entry| !there.contains(&entry.number));
        outcome.dropped.spool_lost = before.1.entries.iter().map(|entry| entry.items).sum();
        self.done.clear();
        self.next = self.next.max(entries.last().map_or(0, |entry| entry.number + 1));
        for entry in entries {
            match entry.number {
                number if is_own && loaded.contains(&number) => self.loaded.push_back(entry),
                number if is_own && !known.contains(&number) => self.done.push(number),
                _ => self.unloaded.push_back(entry),
            }
        }
        if !is_own {
            outcome.recovered = self.unloaded.items;
        }
        self.opened(file, set_aside.as_deref(), outcome.recovered);
        outcome
    }

    fn opened(&mut self, file: SpoolFile, set_aside: Option<&str>, recovered: u64) {
        self.file = Some(file);
        self.is_damaged = false;
        if let Some(what) = set_aside {
            health::log_spool_set_aside(&self.path, what);
        }
        if self.problem.take().is_some() {
            health::log_spool_works(&self.path);
        }
        if recovered > 0 {
            health::log_recovered(recovered, self.signal, &self.path);
        }
    }

    /// Writes all requests that are in memory alone. The first of them stay loaded, as long as nothing older is not.
    pub(super) async fn store(&mut self, queue: &mut Queue) -> Outcome {
        let mut outcome = Outcome::default();
        if !self.is_open() {
            return outcome;
        }
        let waiting = queue.take_waiting();
        if waiting.is_empty() {
            return outcome;
        }
        self.expire(&mut outcome.dropped);
        let mut fresh: VecDeque<_> = waiting.into_iter().map(|request| self.numbered(request)).collect();
        self.make_room(&mut fresh, &mut outcome.dropped);
        let change = Change {
            remove: self.done.clone(),
            append: fresh.iter().map(|(entry, request)| (*entry, self.record(request))).collect(),
        };
        if self.with_file(move |file| file.change(&change)).await.is_none() {
            let back = fresh.into_iter().map(|(_, request)| Request { spooled: None, ..request });
            queue.put_back(back.collect());
            return outcome;
        }
        self.done.clear();
        for (entry, request) in fresh {
            if self.may_load(&entry) {
                self.loaded.push_back(entry);
                queue.push(request);
            } else {
                self.unloaded.push_back(entry);
            }
        }
        outcome
    }

    /// Loads the oldest that are not, and removes what is done; says whether there were any.
    pub(super) async fn refill(&mut self, queue: &mut Queue) -> (bool, Outcome) {
        let mut outcome = Outcome::default();
        self.expire(&mut outcome.dropped);
        let mut next = Sum::default();
        while let Some(entry) = self.unloaded.entries.front().copied() {
            if !self.is_open() || !next.has_room_for(&entry) {
                break;
            }
            self.unloaded.pop_front();
            next.push_back(entry);
        }
        if next.entries.is_empty() {
            self.settle().await;
            return (false, outcome);
        }
        let numbers: Vec<_> = next.entries.iter().map(|entry| entry.number).collect();
        let change = Change { remove: self.done.clone(), append: Vec::new() };
        let load = move |file: &SpoolFile| {
            if !change.remove.is_empty() {
                file.change(&change)?;
            }
            file.load(&numbers)
        };
        match self.with_file(load).await {
            Some(records) => {
                self.done.clear();
                for (entry, record) in next.entries.into_iter().zip(records) {
                    self.load(entry, record.as_ref(), queue, &mut outcome.dropped);
                }
                (true, outcome)
            }
            None => {
                for entry in next.entries.into_iter().rev() {
                    self.unloaded.push_front(entry);
                }
                (false, outcome)
            }
        }
    }

    /// Removes what is done.
    pub(super) async fn settle(&mut self) {
        if self.done.is_empty() || !self.is_open() {
            return;
        }
        let change = Change { remove: self.done.clone(), append: Vec::new() };
        if self.with_file(move |file| file.change(&change)).await.is_some() {
            self.done.clear();
        }
    }

    /// Says that a loaded request was taken or refused.
    pub(super) fn done(&mut self, number: u64) {
        let is_first = self.loaded.entries.front().is_some_and(|entry| entry.number == number);
        if is_first {
            self.loaded.pop_front();
            self.done.push(number);
        }
    }

    /// Closes the file, so that the next exporter need not repair it.
    pub(super) async fn close(&mut self) {
        self.settle().await;
        if let Some(file) = self.file.take() {
            let _closed = spawn_blocking(move || file.close()).await;
        }
    }

    fn numbered(&mut self, request: Request) -> (Entry, Request) {
        let number = self.next;
        self.next += 1;
        let request = Request { spooled: Some(number), is_part: false, ..request };
        let bytes = self.record(&request).footprint();
        let time = self.clock.now().as_nanos();
        (Entry { number, items: request.items, bytes, time }, request)
    }

    fn record(&self, request: &Request) -> Record {
        Record { encoding: self.encoding, items: request.items, body: request.body.clone() }
    }

    /// Whether a request that was just stored may stay loaded.
    fn may_load(&self, entry: &Entry) -> bool {
        self.unloaded.entries.is_empty() && self.loaded.has_room_for(entry)
    }

    fn load(&mut self, entry: Entry, record: Option<&Record>, queue: &mut Queue, dropped: &mut DroppedItems) {
        let Entry { number, items, .. } = entry;
        let body = record.map(|record| self.encoding.convert(record));
        match body {
            Some(Some(body)) => {
                self.loaded.push_back(entry);
                queue.push(Request { body, items, must_arrive: true, spooled: Some(number), is_part: false });
                return;
            }
            Some(None) => dropped.incompatible += items,
            None => dropped.spool_lost += items,
        }
        self.done.push(number);
    }

    /// Drops what is too old.
    fn expire(&mut self, dropped: &mut DroppedItems) {
        let now = self.clock.now();
        while let Some(entry) = self.unloaded.entries.front() {
            if now - Timestamp::from_nanos(entry.time) <= self.config.max_age {
                return;
            }
            dropped.spool_expired += entry.items;
            self.done.push(entry.number);
            self.unloaded.pop_front();
        }
    }

    /// Drops what is too much, of what is there or of what is new.
    fn make_room(&mut self, fresh: &mut VecDeque<(Entry, Request)>, dropped: &mut DroppedItems) {
        let mut bytes = self.bytes() + fresh.iter().map(|(entry, _)| entry.bytes).sum::<u64>();
        while bytes > self.config.max_bytes {
            let stored = match self.full {
                QueueFull::DropOldest => self.unloaded.pop_front(),
                QueueFull::DropNewest => None,
            };
            self.done.extend(stored.map(|entry| entry.number));
            let given_up = stored.or_else(|| match self.full {
                QueueFull::DropOldest => fresh.pop_front().map(|(entry, _)| entry),
                QueueFull::DropNewest => fresh.pop_back().map(|(entry, _)| entry),
            });
            let Some(entry) = given_up else { return };
            bytes -= entry.bytes;
            dropped.spool_full += entry.items;
        }
    }

    /// Does something with the open file on a thread that may block. When it fails, the file is closed.
    async fn with_file<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&SpoolFile) -> Result<T, FileError> + Send + 'static,
    ) -> Option<T> {
        let file = self.file.take()?;
        let work = move || {
            // A file that failed is closed here, where closing may block.
            let done = work(&file)?;
            Ok((file, done))
        };
        match flat(spawn_blocking(work).await) {
            Ok((file, done)) => {
                self.file = Some(file);
                Some(done)
            }
            Err(error) => {
                self.fail(&error);
                None
            }
        }
    }

    fn fail(&mut self, error: &FileError) {
        self.is_damaged |= matches!(error, FileError::Corrupt(_));
        self.failures += 1;
        let problem = format!("the spool {} {error}", self.path.display());
        if self.problem.is_none() {
            health::log_spool_fails(&problem, self.signal);
        }
        self.problem = Some((problem, Instant::now() + RETRY_AFTER));
    }
}

/// A damaged file can make the database panic.
fn flat<T>(outcome: Result<Result<T, FileError>, JoinError>) -> Result<T, FileError> {
    outcome.unwrap_or_else(|_panic| Err(FileError::Corrupt("it cannot be read".to_owned())))
}

/// Stored requests one after the other, and their sums.
#[derive(Debug, Default)]
struct Sum {
    entries: VecDeque<Entry>,
    bytes: u64,
    items: u64,
}

impl Sum {
    fn push_back(&mut self, entry: Entry) {
        self.bytes += entry.bytes;
        self.items += entry.items;
        self.entries.push_back(entry);
    }

    fn push_front(&mut self, entry: Entry) {
        self.bytes += entry.bytes;
        self.items += entry.items;
        self.entries.push_front(entry);
    }

    fn pop_front(&mut self) -> Option<Entry> {
        let entry = self.entries.pop_front()?;
        self.bytes -= entry.bytes;
        self.items -= entry.items;
        Some(entry)
    }

    /// Whether so many may be loaded.
    fn has_room_for(&self, entry: &Entry) -> bool {
        let fits = self.entries.len() < LOADED_MAX && self.bytes + entry.bytes <= LOADED_BYTES_MAX;
        fits || self.entries.is_empty()
    }
}
