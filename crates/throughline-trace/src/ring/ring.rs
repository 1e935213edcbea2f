//! A ring of words: written by one thread, read by one reader, without a lock.
//!
//! It is made of chunks that are allocated when they are needed. The writer fills one after the other, always taking the
//! first that is free, and leaves in each the number of the next; the reader follows and sets them free. So a thread that
//! the reader keeps up with goes round in two chunks, which stay in its cache, and only a backlog takes more.
//!
//! A record is its length in bytes and then its bytes, as words. It never crosses the end of a chunk.

use std::sync::{Arc, OnceLock};

use crate::sync::{AtomicBool, AtomicU32, AtomicU64, Ordering};

/// Words of a chunk: 32 KiB, some 150 spans.
#[cfg(not(loom))]
pub(super) const CHUNK_WORDS: usize = 1 << 12;
#[cfg(loom)]
pub(super) const CHUNK_WORDS: usize = 4;

const WORD: usize = size_of::<u64>();

/// [`Chunk::next`] when there is none yet.
const NONE: u32 = u32::MAX;

#[derive(Debug)]
struct Chunk {
    words: Box<[AtomicU64]>,
    /// How many words are written. Stored with Release after them; the reader's Acquire makes them visible.
    committed: AtomicU32,
    /// The chunk after this one. Stored with Release when this one has its last record, and after the next was reset.
    next: AtomicU32,
    /// Set with Release by the reader when it has taken the last record; the writer's Acquire orders its reuse after.
    free: AtomicBool,
}

impl Chunk {
    fn new() -> Self {
        Self {
            words: (0..CHUNK_WORDS).map(|_| AtomicU64::new(0)).collect(),
            committed: AtomicU32::new(0),
            next: AtomicU32::new(NONE),
            free: AtomicBool::new(false),
        }
    }

    /// Makes a chunk that the reader set free ready to be written. The link to it publishes this.
    fn reset(&self) {
        self.free.store(false, Ordering::Relaxed);
        self.next.store(NONE, Ordering::Relaxed);
        self.committed.store(0, Ordering::Relaxed);
    }
}

/// What writer and reader share.
#[derive(Debug)]
pub(super) struct Ring {
    chunks: Box<[OnceLock<Chunk>]>,
    /// Records ever written, and ever read.
    written: AtomicU64,
    read: AtomicU64,
}

impl Ring {
    /// A ring of this many chunks at most, and the two ends of it.
    pub(super) fn open(chunks_max: usize) -> (Writer, Cursor) {
        let chunks: Box<[OnceLock<Chunk>]> = (0..chunks_max.max(1)).map(|_| OnceLock::new()).collect();
        let ring = Arc::new(Self { chunks, written: AtomicU64::new(0), read: AtomicU64::new(0) });
        ring.chunk(0);
        let cursor = Cursor { ring: Arc::clone(&ring), chunk: 0, at: 0 };
        (Writer { ring, chunk: 0, at: 0 }, cursor)
    }

    /// How many records wait to be read.
    pub(super) fn pending(&self) -> u64 {
        self.written.load(Ordering::Relaxed).saturating_sub(self.read.load(Ordering::Relaxed))
    }

    fn chunk(&self, number: usize) -> &Chunk {
        self.chunks[number].get_or_init(Chunk::new)
    }

    /// A chunk to write: one that was set free, or else a new one. Lower numbers first, so that few are ever used.
    fn unused(&self, may_allocate: impl FnOnce() -> bool) -> Option<usize> {
        for (number, chunk) in self.chunks.iter().enumerate() {
            match chunk.get() {
                // Acquire: with the reader's Release, its reads of the old records are over.
                Some(chunk) if chunk.free.load(Ordering::Acquire) => {
                    chunk.reset();
                    return Some(number);
                }
                Some(_) => {}
                None => {
                    return may_allocate().then(|| {
                        self.chunk(number);
                        number
                    });
                }
            }
        }
        None
    }
}

/// The end that one thread writes. It can go to another thread, as it does when its thread ends.
#[derive(Debug)]
pub(super) struct Writer {
    ring: Arc<Ring>,
    chunk: usize,
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

    /// Appends a record, whose length must be a multiple of eight. `may_allocate` is asked when that takes a new chunk.
    /// Says how many records there were ever.
    #[inline]
    pub(super) fn push(&mut self, record: &[u8], may_allocate: impl FnOnce() -> bool) -> Result<u64, Full> {
        let words = 1 + record.len() / WORD;
        if self.at + words > CHUNK_WORDS {
            self.advance(may_allocate)?;
        }
        let Some(chunk) = self.ring.chunks.get(self.chunk).and_then(OnceLock::get) else { return Err(Full) };
        let Some([length, places @ ..]) = chunk.words.get(self.at..self.at + words) else { return Err(Full) };
        length.store(record.len() as u64, Ordering::Relaxed);
        for (place, word) in places.iter().zip(record.chunks_exact(WORD)) {
            place.store(u64::from_le_bytes(word.try_into().unwrap_or_default()), Ordering::Relaxed);
        }
        self.at += words;
        // Release: whoever sees the count sees the words.
        chunk.committed.store(self.at as u32, Ordering::Release);
        let written = self.ring.written.load(Ordering::Relaxed) + 1;
        self.ring.written.store(written, Ordering::Relaxed);
        Ok(written)
    }

    /// How many records wait to be read.
    pub(super) fn pending(&self) -> u64 {
        self.ring.pending()
    }

    #[cold]
    #[inline(never)]
    fn advance(&mut self, may_allocate: impl FnOnce() -> bool) -> Result<(), Full> {
        let next = self.ring.unused(may_allocate).ok_or(Full)?;
        // Release: publishes the next chunk's reset, and the last record of this one.
        self.ring.chunk(self.chunk).next.store(next as u32, Ordering::Release);
        (self.chunk, self.at) = (next, 0);
        Ok(())
    }
}

/// The end that the reader reads.
#[derive(Debug)]
pub(super) struct Cursor {
    ring: Arc<Ring>,
    chunk: usize,
    at: usize,
}

impl Cursor {
    /// Takes the next record out, into `record`. `false` when there is none.
    pub(super) fn pop(&mut self, record: &mut Vec<u8>) -> bool {
        loop {
            let chunk = self.ring.chunk(self.chunk);
            // Acquire: with the writer's Release, the words before the count are visible.
            if self.at < chunk.committed.load(Ordering::Acquire) as usize {
                self.at += read(&chunk.words, self.at, record);
                let read = self.ring.read.load(Ordering::Relaxed) + 1;
                self.ring.read.store(read, Ordering::Relaxed);
                return true;
            }
            // Acquire: with the writer's Release, the chunk's last count and the next chunk's reset are visible.
            let next = chunk.next.load(Ordering::Acquire);
            if next == NONE {
                return false;
            }
            if self.at < chunk.committed.load(Ordering::Relaxed) as usize {
                continue;
            }
            // Release: the reads above are over before the writer may use the chunk again.
            chunk.free.store(true, Ordering::Release);
            (self.chunk, self.at) = (next as usize, 0);
        }
    }

    /// How many records wait to be read.
    pub(super) fn pending(&self) -> u64 {
        self.ring.pending()
    }
}

/// Copies the record at `at`; how many words it took.
fn read(words: &[AtomicU64], at: usize, record: &mut Vec<u8>) -> usize {
    let Some([length, rest @ ..]) = words.get(at..) else { return 0 };
    let length = length.load(Ordering::Relaxed) as usize / WORD;
    record.resize(length * WORD, 0);
    for (place, word) in record.chunks_exact_mut(WORD).zip(rest) {
        place.copy_from_slice(&word.load(Ordering::Relaxed).to_le_bytes());
    }
    1 + length
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
        cursor.pop(&mut bytes).then(|| u64::from_le_bytes(bytes.try_into().unwrap()))
    }

    /// A writer that fills one chunk and goes on in the next, while the reader follows: each record once, in order, as
    /// it was written.
    #[test]
    fn loom_the_reader_follows_the_writer_into_the_next_chunk() {
        loom::model(|| {
            let (mut writer, mut cursor) = Ring::open(2);
            let writing = thread::spawn(move || {
                (1..=3).for_each(|n| assert!(writer.push(&record(n), || true).is_ok()));
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
            let (mut writer, mut cursor) = Ring::open(2);
            (1..=3).for_each(|n| assert!(writer.push(&record(n), || true).is_ok()));
            let writing = thread::spawn(move || {
                // Two more fit or not: one into this chunk, the other into the first, if that is free by then.
                (4..=5).filter(|n| writer.push(&record(*n), || true).is_ok()).collect::<Vec<_>>()
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
            let (mut writer, mut cursor) = Ring::open(2);
            let first = thread::spawn(move || {
                assert!(writer.push(&record(1), || true).is_ok());
                thread::spawn(move || assert!(writer.push(&record(2), || true).is_ok()))
            });
            let early = pop(&mut cursor);
            first.join().unwrap().join().unwrap();
            let seen: Vec<u64> = early.into_iter().chain(std::iter::from_fn(|| pop(&mut cursor))).collect();
            assert_eq!(seen, [1, 2]);
        });
    }
}
