//! All rings of one provider, and what else is on the way from its threads to its reader.
//!
//! A thread leases a ring when it ends its first span, and gives it back when it ends itself; the next thread goes on
//! writing behind what the reader has not taken yet. So nothing is moved at thread exit, and there are as many rings as
//! there were threads recording at the same time.
//!
//! Records too large for a ring go through a queue behind a lock; they are rare, and writing them took longer than the
//! lock takes.

use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use super::budget::Budget;
use super::ring::{CHUNK_WORDS, Cursor, Full, Ring, Writer};
use crate::drops::{DropReason, Drops};

/// Chunks of one ring: 1 MiB, some 5000 spans of a thread that are not exported yet.
const RING_CHUNKS_MAX: usize = 32;
/// Bytes in all rings, but for the first chunk of each, which a thread needs to record at all.
const BYTES_MAX: usize = 64 << 20;
const CHUNKS_MAX: usize = BYTES_MAX / (CHUNK_WORDS * size_of::<u64>());
/// Bytes in the queue of large records.
const LARGE_BYTES_MAX: usize = 8 << 20;
/// How often a thread looks whether its ring is so full that the reader should be woken: every so many records.
const LOOK_EVERY: u64 = 64;
/// Waiting records of a thread from which on the reader is woken, unless it says otherwise: a batch.
const WAKE_AT: u64 = 512;

/// What wakes the reader.
type Waker = Box<dyn Fn() + Send + Sync>;

/// The way from the threads to the reader. Lives as long as the process, so that spans can refer to it for nothing.
pub(crate) struct Channel {
    state: Mutex<State>,
    /// How many rings there are, so that the reader need not lock to know that it has all.
    rings: AtomicUsize,
    /// For chunks beyond the first of each ring.
    budget: Arc<Budget>,
    large: Mutex<Large>,
    drops: Drops,
    waker: OnceLock<Waker>,
    wake_at: AtomicU64,
    /// The reader was woken and has not drained since.
    woken: AtomicBool,
    /// The reader has gone: nobody will take what is written.
    closed: AtomicBool,
    taken: AtomicBool,
}

#[derive(Debug, Default)]
struct State {
    /// Ends for the reader that it has not fetched yet.
    new: Vec<Cursor>,
    /// Rings without a thread.
    idle: Vec<Writer>,
}

#[derive(Debug, Default)]
struct Large {
    records: VecDeque<Box<[u8]>>,
    bytes: usize,
}

impl fmt::Debug for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Channel")
            .field("rings", &self.rings)
            .field("drops", &self.drops)
            .finish_non_exhaustive()
    }
}

impl Channel {
    pub(crate) fn new() -> Self {
        Self {
            state: Mutex::default(),
            rings: AtomicUsize::new(0),
            budget: Arc::new(Budget::new(CHUNKS_MAX)),
            large: Mutex::default(),
            drops: Drops::default(),
            waker: OnceLock::new(),
            wake_at: AtomicU64::new(WAKE_AT),
            woken: AtomicBool::new(false),
            closed: AtomicBool::new(false),
            taken: AtomicBool::new(false),
        }
    }

    pub(crate) fn drops(&self) -> &Drops {
        &self.drops
    }

    /// Whether nobody will take what is written.
    #[inline]
    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Relaxed)
    }

    /// The receiving end, for the first who asks.
    pub(crate) fn receiver(&'static self) -> Option<Receiver> {
        let first = !self.taken.swap(true, Ordering::Relaxed);
        first.then(|| Receiver { channel: self, cursors: Vec::new(), next: 0, record: Vec::new() })
    }

    /// Gives the calling thread a ring to write.
    pub(crate) fn lease(&'static self) -> Lease {
        let idle = self.lock().idle.pop();
        let writer = idle.unwrap_or_else(|| {
            let (writer, cursor) = Ring::open(RING_CHUNKS_MAX, Arc::clone(&self.budget));
            let mut state = self.lock();
            state.new.push(cursor);
            self.rings.fetch_add(1, Ordering::Relaxed);
            writer
        });
        Lease { channel: self, writer: Some(writer) }
    }

    #[cold]
    #[inline(never)]
    fn push_large(&self, record: &[u8]) {
        let mut large = self.large();
        if large.bytes + record.len() > LARGE_BYTES_MAX {
            drop(large);
            self.drops.count(DropReason::LargeQueueFull);
            return;
        }
        large.bytes += record.len();
        large.records.push_back(record.into());
        drop(large);
        self.wake();
    }

    /// Wakes the reader, once until it drains.
    #[cold]
    #[inline(never)]
    fn wake(&self) {
        if let Some(waker) = self.waker.get() {
            if !self.woken.swap(true, Ordering::Relaxed) {
                waker();
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn large(&self) -> MutexGuard<'_, Large> {
        self.large.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A thread's hold on a ring; gives it back when dropped.
#[derive(Debug)]
pub(crate) struct Lease {
    channel: &'static Channel,
    writer: Option<Writer>,
}

impl Lease {
    /// Whether this is a ring of that channel.
    #[inline]
    pub(crate) fn is_of(&self, channel: &Channel) -> bool {
        std::ptr::eq(self.channel, channel)
    }

    /// Whether nobody reads this ring any more.
    pub(crate) fn is_closed(&self) -> bool {
        self.channel.is_closed()
    }

    /// Appends a record. What has no room is dropped and counted. Whether the reader should be woken.
    #[inline]
    #[must_use = "the reader is to be woken when nothing is borrowed"]
    pub(crate) fn push(&mut self, record: &[u8]) -> Outcome {
        let Some(writer) = &mut self.writer else { return Outcome::Done };
        if !Writer::fits(record.len()) {
            return Outcome::Large;
        }
        match writer.push(record) {
            Ok(written) if written % LOOK_EVERY == 0 => self.look(),
            Ok(_) => Outcome::Done,
            Err(Full) => {
                self.channel.drops.count(DropReason::RingFull);
                Outcome::Wake
            }
        }
    }

    #[cold]
    fn look(&self) -> Outcome {
        let pending = self.writer.as_ref().map_or(0, Writer::pending);
        if pending >= self.channel.wake_at.load(Ordering::Relaxed) { Outcome::Wake } else { Outcome::Done }
    }
}

/// What is left to do after a push, when nothing is borrowed any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Done,
    Wake,
    Large,
}

impl Outcome {
    /// Does it.
    #[inline]
    pub(crate) fn finish(self, channel: &Channel, record: &[u8]) {
        match self {
            Self::Done => {}
            Self::Wake => channel.wake(),
            Self::Large => channel.push_large(record),
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(writer) = self.writer.take() {
            self.channel.lock().idle.push(writer);
        }
    }
}

/// The reader's end: all rings and the queue of large records.
#[derive(Debug)]
pub(crate) struct Receiver {
    channel: &'static Channel,
    cursors: Vec<Cursor>,
    /// The ring to begin with, so that each has its turn.
    next: usize,
    record: Vec<u8>,
}

impl Receiver {
    /// Takes out up to `limit` records and shows each. How many there were.
    pub(crate) fn drain(&mut self, limit: usize, mut visit: impl FnMut(&[u8])) -> usize {
        self.channel.woken.store(false, Ordering::Relaxed);
        self.follow_rings();
        let mut taken = self.drain_large(limit, &mut visit);
        for _ in 0..self.cursors.len() {
            let place = self.next % self.cursors.len();
            let Some(cursor) = self.cursors.get_mut(place) else { break };
            cursor.look();
            while taken < limit && cursor.pop(&mut self.record) {
                visit(&self.record);
                taken += 1;
            }
            if taken == limit {
                break;
            }
            self.next = place + 1;
        }
        taken
    }

    /// How many records wait.
    pub(crate) fn pending(&mut self) -> usize {
        self.follow_rings();
        let in_rings: u64 = self.cursors.iter().map(Cursor::pending).sum();
        in_rings as usize + self.channel.large().records.len()
    }

    /// Calls `wake` when a thread has so many records waiting, once until the next drain.
    pub(crate) fn on_batch(&self, records: usize, wake: impl Fn() + Send + Sync + 'static) -> bool {
        self.channel.wake_at.store(records as u64, Ordering::Relaxed);
        self.channel.waker.set(Box::new(wake)).is_ok()
    }

    fn follow_rings(&mut self) {
        if self.channel.rings.load(Ordering::Relaxed) != self.cursors.len() {
            self.cursors.append(&mut self.channel.lock().new);
        }
    }

    fn drain_large(&self, limit: usize, visit: &mut impl FnMut(&[u8])) -> usize {
        let mut taken = 0;
        while taken < limit {
            let Some(record) = self.next_large() else { break };
            visit(&record);
            taken += 1;
        }
        taken
    }

    fn next_large(&self) -> Option<Box<[u8]>> {
        let mut large = self.channel.large();
        let record = large.records.pop_front()?;
        large.bytes -= record.len();
        Some(record)
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.channel.closed.store(true, Ordering::Relaxed);
        let unread = self.pending() as u64;
        self.channel.drops.add(DropReason::Closed, unread);
        self.channel.large().records.clear();
        // The idle rings have no more use; those of running threads go when their thread asks for another ring.
        let idle = std::mem::take(&mut self.channel.lock().idle);
        drop(idle);
    }
}
