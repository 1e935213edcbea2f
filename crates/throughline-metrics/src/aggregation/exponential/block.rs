//! One thread's exponential buckets: written by one thread, read by collectors at any time.
//!
//! Counting is a relaxed load and store, as in a slab. Making room is not: it moves counts. While it does, `version`
//! is odd, and a collector that saw it odd or changed reads again (a sequence lock whose writer never waits).

use std::sync::OnceLock;

use super::index::{IndexTable, excess};
use super::{Config, MAX_SCALE, MAX_SIZE, MIN_SCALE, trim};
use crate::data::{Buckets, ExponentialValue};
use crate::number::{Number as _, from_order_key, order_key};
use crate::sync::{AtomicI32, AtomicU32, AtomicU64, Ordering, fence};

/// A thread's part of an exponential histogram.
#[derive(Debug)]
pub(crate) struct Block {
    max_size: usize,
    /// Odd while counts are being moved.
    version: AtomicU32,
    scale: AtomicI32,
    zero: AtomicU64,
    sum: AtomicU64,
    /// Order keys, as in `aggregation/histogram.rs`.
    max: AtomicU64,
    min: AtomicU64,
    positive: Window,
    /// Few series see values below zero.
    negative: OnceLock<Box<Window>>,
}

/// Counts of the indexes `low..=high`, kept in a ring, so that growing at either end moves nothing.
#[derive(Debug)]
struct Window {
    low: AtomicI32,
    high: AtomicI32,
    counts: Box<[AtomicU64]>,
}

impl Window {
    fn new(max_size: usize) -> Self {
        let len = max_size.next_power_of_two();
        let counts = (0..len).map(|_| AtomicU64::new(0)).collect();
        Self { low: AtomicI32::new(i32::MAX), high: AtomicI32::new(i32::MIN), counts }
    }

    #[inline]
    fn cell(&self, index: i32) -> &AtomicU64 {
        &self.counts[index as usize & (self.counts.len() - 1)]
    }

    fn ends(&self) -> Option<(i32, i32)> {
        let (low, high) = (self.low.load(Ordering::Relaxed), self.high.load(Ordering::Relaxed));
        (low <= high).then_some((low, high))
    }

    /// Counts one more, at an index that fits.
    #[inline]
    fn count(&self, index: i32) {
        let (low, high) = (self.low.load(Ordering::Relaxed), self.high.load(Ordering::Relaxed));
        if index < low {
            self.low.store(index, Ordering::Relaxed);
        }
        if index > high {
            self.high.store(index, Ordering::Relaxed);
        }
        bump(self.cell(index), 1);
    }

    fn coarsen(&self, by: i32) {
        let Some((low, high)) = self.ends() else { return };
        // A copy on the stack: old and new places overlap in the ring, and recording must not allocate.
        let mut moved = [0; MAX_SIZE];
        for (index, count) in (low..=high).zip(&mut moved) {
            *count = self.cell(index).load(Ordering::Relaxed);
            self.cell(index).store(0, Ordering::Relaxed);
        }
        for (index, count) in (low..=high).zip(moved) {
            bump(self.cell(index >> by), count);
        }
        self.low.store(low >> by, Ordering::Relaxed);
        self.high.store(high >> by, Ordering::Relaxed);
    }

    fn read(&self) -> Buckets {
        let Some((offset, high)) = self.ends() else {
            return Buckets::default();
        };
        // A torn pair of ends can span more than the ring; it is read again, so it only must not run away.
        let len = (i64::from(high) - i64::from(offset) + 1).min(self.counts.len() as i64);
        let counts =
            (0..len as i32).map(|at| self.cell(offset.wrapping_add(at)).load(Ordering::Relaxed)).collect();
        Buckets { offset, counts }
    }
}

/// Adds to a cell that only this thread writes.
#[inline]
fn bump(cell: &AtomicU64, by: u64) {
    // Release, partner of the Acquire fence in `read`: who sees a measurement counted sees it in the sum.
    cell.store(cell.load(Ordering::Relaxed) + by, Ordering::Release);
}

#[inline]
fn raise(cell: &AtomicU64, key: u64) {
    if key > cell.load(Ordering::Relaxed) {
        cell.store(key, Ordering::Relaxed);
    }
}

impl Block {
    pub(crate) fn new(config: Config) -> Self {
        Self {
            max_size: config.max_size,
            version: AtomicU32::new(0),
            scale: AtomicI32::new(config.max_scale),
            zero: AtomicU64::new(0),
            sum: AtomicU64::new(0),
            max: AtomicU64::new(0),
            min: AtomicU64::new(0),
            positive: Window::new(config.max_size),
            negative: OnceLock::new(),
        }
    }

    /// Records a finite value. The caller must be the only one who writes this block now.
    #[inline]
    pub(crate) fn record(&self, table: &IndexTable, value: f64) {
        let sum = f64::from_bits(self.sum.load(Ordering::Relaxed)) + value;
        self.sum.store(sum.to_bits(), Ordering::Relaxed);
        raise(&self.max, order_key(value));
        raise(&self.min, !order_key(value));
        if value > 0.0 {
            self.count(&self.positive, table.index(value));
        } else if value < 0.0 {
            let negative = self.negative.get_or_init(|| Box::new(Window::new(self.max_size)));
            self.count(negative, table.index(-value));
        } else {
            bump(&self.zero, 1);
        }
    }

    #[inline]
    fn count(&self, window: &Window, finest: i32) {
        let mut index = finest >> (MAX_SCALE - self.scale.load(Ordering::Relaxed));
        let (low, high) = (window.low.load(Ordering::Relaxed), window.high.load(Ordering::Relaxed));
        let grows = index < low || index > high;
        if grows && low <= high && (high.max(index) - low.min(index)) as usize >= self.max_size {
            index = self.make_room(index, low.min(index), high.max(index));
        }
        window.count(index);
    }

    /// Coarsens both windows until `low..=high` fits, and gives the index at the new scale.
    #[cold]
    fn make_room(&self, index: i32, low: i32, high: i32) -> i32 {
        let scale = self.scale.load(Ordering::Relaxed);
        let by = excess(low, high, self.max_size).min(scale - MIN_SCALE);
        let version = self.version.load(Ordering::Relaxed);
        self.version.store(version + 1, Ordering::Relaxed);
        // Release fence, partner of the Acquire fence in `snapshot`: who sees a count moved sees the odd version.
        fence(Ordering::Release);
        self.positive.coarsen(by);
        if let Some(negative) = self.negative.get() {
            negative.coarsen(by);
        }
        self.scale.store(scale - by, Ordering::Relaxed);
        // Release, partner of the Acquire load in `snapshot`: who sees this version sees all counts moved.
        self.version.store(version + 2, Ordering::Release);
        index >> by
    }

    /// The counts at one moment between two moves.
    pub(crate) fn snapshot(&self) -> ExponentialValue {
        loop {
            let before = self.version.load(Ordering::Acquire);
            let value = self.read();
            fence(Ordering::Acquire);
            if before % 2 == 0 && self.version.load(Ordering::Relaxed) == before {
                return value;
            }
            pause();
        }
    }

    fn read(&self) -> ExponentialValue {
        let zero_count = self.zero.load(Ordering::Relaxed);
        let mut positive = self.positive.read();
        let mut negative = self.negative.get().map(|window| window.read()).unwrap_or_default();
        trim(&mut positive);
        trim(&mut negative);
        fence(Ordering::Acquire);
        ExponentialValue {
            count: zero_count + positive.counts.iter().chain(&negative.counts).sum::<u64>(),
            sum: f64::from_bits(self.sum.load(Ordering::Relaxed)).saturated(),
            min: match self.min.load(Ordering::Relaxed) {
                0 => None,
                inverted => from_order_key(!inverted),
            },
            max: from_order_key(self.max.load(Ordering::Relaxed)),
            scale: self.scale.load(Ordering::Relaxed),
            zero_count,
            positive,
            negative,
        }
    }
}

/// Lets the writer go on: it needs well under a microsecond, unless its thread was put aside.
fn pause() {
    #[cfg(loom)]
    loom::thread::yield_now();
    #[cfg(not(loom))]
    std::thread::yield_now();
}

#[cfg(all(test, loom))]
mod loom_tests {
    use loom::sync::Arc;

    use super::*;

    const CONFIG: Config = Config { max_size: 2, max_scale: 0 };

    fn assert_consistent(seen: &ExponentialValue, sums: &[f64]) {
        let counted = seen.count as usize;
        assert!(sums[counted..].contains(&seen.sum), "what is counted is in the sum: {seen:?}");
        assert!(counted == 0 || (seen.min.is_some() && seen.max.is_some()), "{seen:?}");
    }

    /// A collector that reads while counts are moved sees every count once, or not yet.
    #[test]
    fn loom_making_room_loses_and_doubles_nothing() {
        loom::model(|| {
            let table = IndexTable::shared();
            let block = Arc::new(Block::new(CONFIG));
            block.record(table, 1.0);
            let writer = {
                let block = Arc::clone(&block);
                loom::thread::spawn(move || block.record(table, 64.0))
            };
            let seen = block.snapshot();
            assert!(seen.count == 1 || seen.count == 2, "{seen:?}");
            assert_consistent(&seen, &[0.0, 1.0, 65.0]);
            writer.join().unwrap();
            assert_eq!(block.snapshot().count, 2);
        });
    }

    /// Growing at both ends moves nothing, and a second look never sees less than the first.
    #[test]
    fn loom_growing_is_seen_in_order() {
        loom::model(|| {
            let table = IndexTable::shared();
            let block = Arc::new(Block::new(Config { max_size: 4, max_scale: 0 }));
            let writer = {
                let block = Arc::clone(&block);
                loom::thread::spawn(move || {
                    block.record(table, 2.0);
                    block.record(table, 1.0);
                    block.record(table, 0.0);
                })
            };
            let (first, second) = (block.snapshot(), block.snapshot());
            assert!(first.count <= second.count && first.zero_count <= second.zero_count);
            assert_consistent(&first, &[0.0, 2.0, 3.0, 3.0]);
            assert_consistent(&second, &[0.0, 2.0, 3.0, 3.0]);
            writer.join().unwrap();
            assert_eq!(block.snapshot().count, 3);
        });
    }

    /// A thread that ends leaves its slab, and with it its block, to the next one.
    #[test]
    fn loom_a_block_is_passed_on_with_its_counts() {
        use crate::cell::arena::Arena;

        loom::model(|| {
            let table = IndexTable::shared();
            let arena = Arc::new(Arena::new());
            let blocks: Arc<[Block; 2]> = Arc::new([Block::new(CONFIG), Block::new(CONFIG)]);
            let writer = |value: f64| {
                let (arena, blocks) = (Arc::clone(&arena), Arc::clone(&blocks));
                loom::thread::spawn(move || {
                    let slab = arena.lease();
                    blocks[slab.number].record(table, value);
                    arena.give_back(slab);
                })
            };
            let (first, second) = (writer(1.0), writer(64.0));
            first.join().unwrap();
            second.join().unwrap();
            let parts: Vec<_> = blocks.iter().map(Block::snapshot).collect();
            assert_eq!(parts.iter().map(|part| part.count).sum::<u64>(), 2);
            assert_eq!(parts.iter().map(|part| part.sum).sum::<f64>(), 65.0);
        });
    }
}
