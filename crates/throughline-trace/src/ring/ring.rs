//! A ring of words: written by one thread, read by one reader, without either waiting for the other.
//!
//! It is a chain of chunks. The writer fills the last one, takes a spare one or allocates one, and leaves it in the one
//! before; the reader follows, and makes what it has read a spare. So a thread that the reader keeps up with goes round in
//! a few chunks, only a backlog takes more, and when that is read, they are freed.
//!
//! A record is its length in bytes and then its bytes, as words. It never crosses the end of a chunk.

use std::sync::{Arc, PoisonError, TryLockError};

use super::budget::Budget;
use crate::sync::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Mutex, MutexGuard, Ordering};

/// Words of a chunk: 32 KiB, some 150 spans.
#[cfg(not(loom))]
pub(super) const CHUNK_WORDS: usize = 1 << 12;
#[cfg(loom)]
pub(super) const CHUNK_WORDS: usize = 4;

const WORD: usize = size_of::<u64>();

/// Chunks that wait to be written again: a batch of spans with places in the source takes as many.
const SPARES_MAX: usize = 8;

/// On lines of the cache that it shares with nothing: what one end writes with every record would otherwise take away
/// from the other end what stands beside it. Two lines, since processors fetch pairs.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Apart<T>(T);

#[derive(Debug)]
struct Chunk {
    words: Box<[AtomicU64]>,
    /// The chunk after this one. Locked by the writer before `is_followed` is set, and by the reader after, so that
    /// nobody waits.
    next: Mutex<Option<Arc<Self>>>,
    progress: Apart<Progress>,
}

/// How far the writer is.
#[derive(Debug, Default)]
struct Progress {
    /// How many words are written. Stored with Release after them; the reader's Acquire makes them visible.
    committed: AtomicU32,
    /// Whether there is a next chunk. Stored with Release when this one has its last record, and after the next was
    /// reset.
    is_followed: AtomicBool,
}

impl Chunk {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            words: (0..CHUNK_WORDS).map(|_| AtomicU64::new(0)).collect(),
            next: Mutex::new(None),
            progress: Apart::default(),
        })
    }

    /// Makes a spare chunk ready to be written. The link to it publishes this.
    fn reset(&self) {
        let Progress { committed, is_followed } = &self.progress.0;
        is_followed.store(false, Ordering::Relaxed);
        committed.store(0, Ordering::Relaxed);
    }

    fn next(&self) -> MutexGuard<'_, Option<Arc<Self>>> {
        self.next.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What writer and reader share.
#[derive(Debug)]
pub(super) struct Ring {
    budget: Arc<Budget>,
    chunks_max: usize,
    chunks: AtomicUsize,
    /// Chunks to be written again. Either end only tries for the lock: who does not get it does without.
    spares: Mutex<Vec<Arc<Chunk>>>,
    /// Records ever written, and ever read.
    written: Apart<AtomicU64>,
    read: Apart<AtomicU64>,
}

impl Ring {
    /// A ring of this many chunks at most, and the two ends of it.
    pub(super) fn open(chunks_max: usize, budget: Arc<Budget>) -> (Writer, Cursor) {
        let ring = Arc::new(Self {
            budget,
            chunks_max,
            chunks: AtomicUsize::new(1),
            spares: Mutex::new(Vec::with_capacity(SPARES_MAX)),
            written: Apart::default(),
            read: Apart::default(),
        });
        let chunk = Chunk::new();
        let cursor = Cursor { ring: Arc::clone(&ring), chunk: Arc::clone(&chunk), at: 0, seen: 0 };
        (Writer { ring, chunk, at: 0 }, cursor)
    }

    /// How many records wait to be read.
    pub(super) fn pending(&self) -> u64 {
        self.written.0.load(Ordering::Relaxed).saturating_sub(self.read.0.load(Ordering::Relaxed))
    }

    /// A chunk to write: a spare one, or else a new one, if there may be one more.
    fn unused(&self) -> Option<Arc<Chunk>> {
        let spare = self.spares.try_lock().ok().and_then(|mut spares| spares.pop());
        spare.or_else(|| {
            let within = self.chunks.load(Ordering::Relaxed) < self.chunks_max && self.budget.take();
            within.then(|| {
                self.chunks.fetch_add(1, Ordering::Relaxed);
                Chunk::new()
            })
        })
    }

    /// Takes a chunk that was read: as a spare one, or to be freed.
    fn give_back(&self, chunk: Arc<Chunk>) {
        let spares = match self.spares.try_lock() {
            Ok(spares) => Some(spares),
            Err(TryLockError::Poisoned(spares)) => Some(spares.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        };
        match spares {
            Some(mut spares) if spares.len() < SPARES_MAX => spares.push(chunk),
            _ => {
                self.chunks.fetch_sub(1, Ordering::Relaxed);
                self.budget.give_back();
            }
        }
    }
}

/// The end that one thread writes. It can go to another thread, as it does when its thread ends.
#[derive(Debug)]
pub(super) struct Writer {
    ring: Arc<Ring>,
    chunk: Arc<Chunk>,
    at: usize,
}

/// The ring has no room.
#[derive(Debug)]
pub(super) struct Full;

impl Writer {
    /// Whether a record of this many bytes can ever be written.
    #[inline]
    pub(super) fn fits(bytes: usize) -> bool {
        bytes.div_ceil(WORD) < CHUNK_WORDS
    }

    /// Appends a record, whose length must be a multiple of eight. Says how many records there were ever.
    #[inline]
    pub(super) fn push(&mut self, record: &[u8]) -> Result<u64, Full> {
        let words = 1 + record.len() / WORD;
        if self.at + words > CHUNK_WORDS {
            self.advance()?;
        }
        let Self { ring, chunk, at } = self;
        let Some([length, places @ ..]) = chunk.words.get(*at..*at + words) else { return Err(Full) };
        length.store(record.len() as u64, Ordering::Relaxed);
        write(record, places);
        *at += words;
        // Release: whoever sees the count sees the words.
        chunk.progress.0.committed.store(*at as u32, Ordering::Release);
        let written = ring.written.0.load(Ordering::Relaxed) + 1;
        ring.written.0.store(written, Ordering::Relaxed);
        Ok(written)
    }

    /// How many records wait to be read.
    pub(super) fn pending(&self) -> u64 {
        self.ring.pending()
    }

    #[cold]
    #[inline(never)]
    fn advance(&mut self) -> Result<(), Full> {
        let next = self.ring.unused().ok_or(Full)?;
        next.reset();
        *self.chunk.next() = Some(Arc::clone(&next));
        // Release: publishes the next chunk's reset, and the last record of this one.
        self.chunk.progress.0.is_followed.store(true, Ordering::Release);
        (self.chunk, self.at) = (next, 0);
        Ok(())
    }
}

/// The end that the reader reads.
#[derive(Debug)]
pub(super) struct Cursor {
    ring: Arc<Ring>,
    chunk: Arc<Chunk>,
    at: usize,
    /// How many words of the chunk the reader knows to be written.
    seen: usize,
}

impl Cursor {
    /// Looks how far the writer is, which takes a line of the cache from it: so [`pop`](Self::pop) shows what there was
    /// then, rather than looking after each record.
    pub(super) fn look(&mut self) {
        // Acquire: with the writer's Release, the words before the count are visible.
        self.seen = self.chunk.progress.0.committed.load(Ordering::Acquire) as usize;
    }

    /// Takes the next record out, into `record`. `false` when there is none that was there at the last look.
    pub(super) fn pop(&mut self, record: &mut Vec<u8>) -> bool {
        while self.at >= self.seen {
            if !self.follow() {
                return false;
            }
        }
        self.at += read(&self.chunk.words, self.at, record);
        let read = self.ring.read.0.load(Ordering::Relaxed) + 1;
        self.ring.read.0.store(read, Ordering::Relaxed);
        true
    }

    /// Goes on to what is left of the chunk, or to the next one.
    #[cold]
    fn follow(&mut self) -> bool {
        // Acquire: with the writer's Release, the chunk's last count and the next chunk's reset are visible.
        if !self.chunk.progress.0.is_followed.load(Ordering::Acquire) {
            return false;
        }
        self.look();
        if self.at >= self.seen {
            let Some(next) = self.chunk.next().take() else { return false };
            self.ring.give_back(std::mem::replace(&mut self.chunk, next));
            self.at = 0;
            self.look();
        }
        true
    }

    /// How many records wait to be read.
    pub(super) fn pending(&self) -> u64 {
        self.ring.pending()
    }
}

/// Words that are copied without asking in between whether there are more.
const STEP: usize = 4;

/// Stores the record's bytes in these words, of which there are as many.
#[inline]
fn write(record: &[u8], places: &[AtomicU64]) {
    let (steps, place_steps) = (record.chunks_exact(STEP * WORD), places.chunks_exact(STEP));
    let (rest, rest_places) = (steps.remainder(), place_steps.remainder());
    place_steps.zip(steps).for_each(|(places, bytes)| write_words(bytes, places));
    write_words(rest, rest_places);
}

#[inline]
fn write_words(bytes: &[u8], places: &[AtomicU64]) {
    for (place, word) in places.iter().zip(bytes.chunks_exact(WORD)) {
        place.store(u64::from_le_bytes(word.try_into().unwrap_or_default()), Ordering::Relaxed);
    }
}

/// Copies the record at `at`; how many words it took.
fn read(words: &[AtomicU64], at: usize, record: &mut Vec<u8>) -> usize {
    let Some([length, rest @ ..]) = words.get(at..) else { return 0 };
    let length = length.load(Ordering::Relaxed) as usize / WORD;
    record.resize(length * WORD, 0);
    let steps = length - length % STEP;
    let (whole, left) = record.split_at_mut(steps * WORD);
    let Some((words, rest)) = rest.split_at_checked(steps) else { return 0 };
    for (bytes, words) in whole.chunks_exact_mut(STEP * WORD).zip(words.chunks_exact(STEP)) {
        read_words(bytes, words);
    }
    read_words(left, rest);
    1 + length
}

#[inline]
fn read_words(bytes: &mut [u8], words: &[AtomicU64]) {
    for (place, word) in bytes.chunks_exact_mut(WORD).zip(words) {
        place.copy_from_slice(&word.load(Ordering::Relaxed).to_le_bytes());
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    /// A reader that takes a backlog out leaves as many chunks as a thread needs that it keeps up with, and the others
    /// are there for any ring.
    #[test]
    fn what_a_backlog_took_is_given_back() {
        let budget = Arc::new(Budget::new(20));
        let (mut writer, mut cursor) = Ring::open(11, Arc::clone(&budget));
        let mut read = Vec::new();
        for _ in 0..3 {
            let written = std::iter::from_fn(|| writer.push(&[1; 1024]).ok()).count();
            assert!(written >= 10 * (CHUNK_WORDS / 129), "{written} in eleven chunks");
            assert_eq!(budget.used(), 10);
            cursor.look();
            assert_eq!(std::iter::from_fn(|| cursor.pop(&mut read).then_some(())).count(), written);
            assert_eq!(budget.used(), SPARES_MAX);
        }
    }
}

#[cfg(all(test, loom))]
mod loom_tests {
    use loom::thread;

    use super::*;

    /// Records of one word; a chunk of four words holds two.
    fn record(n: u64) -> [u8; WORD] {
        n.to_le_bytes()
    }

    fn pop(cursor: &mut Cursor) -> Option<u64> {
        let mut bytes = Vec::new();
        cursor.look();
        cursor.look();
        cursor.pop(&mut bytes).then(|| u64::from_le_bytes(bytes.try_into().unwrap()))
    }

    /// A writer that fills one chunk and goes on in the next, while the reader follows: each record once, in order, as
    /// it was written.
    #[test]
    fn loom_the_reader_follows_the_writer_into_the_next_chunk() {
        loom::model(|| {
            let (mut writer, mut cursor) = Ring::open(2, Arc::new(Budget::new(8)));
            let writing = thread::spawn(move || {
                (1..=3).for_each(|n| assert!(writer.push(&record(n)).is_ok()));
            });
            let mut seen: Vec<u64> = (0..3).filter_map(|_| pop(&mut cursor)).collect();
            writing.join().unwrap();
            seen.extend(std::iter::from_fn(|| pop(&mut cursor)));
            assert_eq!(seen, [1, 2, 3]);
            assert_eq!(cursor.pending(), 0);
        });
    }

    /// A writer that takes the reader's place in a chunk that was set free: nothing is overwritten that was not read.
    #[test]
    fn loom_a_chunk_is_used_again_only_after_it_was_read() {
        loom::model(|| {
            let (mut writer, mut cursor) = Ring::open(2, Arc::new(Budget::new(8)));
            (1..=3).for_each(|n| assert!(writer.push(&record(n)).is_ok()));
            let writing = thread::spawn(move || {
                // Two more fit or not: one into this chunk, the other into the first, if that is free by then.
                (4..=5).filter(|n| writer.push(&record(*n)).is_ok()).collect::<Vec<_>>()
            });
            let mut seen: Vec<u64> = (0..3).filter_map(|_| pop(&mut cursor)).collect();
            let written = writing.join().unwrap();
            seen.extend(std::iter::from_fn(|| pop(&mut cursor)));
            assert_eq!(seen, [vec![1, 2, 3], written].concat());
        });
    }

    /// A ring that goes from one thread to the next, as the channel's lock passes it on, with records unread.
    #[test]
    fn loom_a_ring_is_passed_on_with_its_records() {
        loom::model(|| {
            let (mut writer, mut cursor) = Ring::open(2, Arc::new(Budget::new(8)));
            let first = thread::spawn(move || {
                assert!(writer.push(&record(1)).is_ok());
                thread::spawn(move || assert!(writer.push(&record(2)).is_ok()))
            });
            let early = pop(&mut cursor);
            first.join().unwrap().join().unwrap();
            let seen: Vec<u64> = early.into_iter().chain(std::iter::from_fn(|| pop(&mut cursor))).collect();
            assert_eq!(seen, [1, 2]);
        });
    }
}
