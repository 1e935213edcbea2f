//! Exponential buckets in a run of cells: written by one thread, read by collectors at any time.
//!
//! Counting is a relaxed load and store, as in every slab. Making room is not: it moves counts. While it does, the
//! version is odd, and a collector that saw it odd or changed reads again (a sequence lock whose writer never waits).

use super::index::{IndexTable, excess};
use super::merge::{clear, trim};
use super::window::{Ends, Window};
use super::{Config, MAX_SCALE, MIN_SCALE, window};
use crate::aggregation::extremes;
use crate::cell::arena::Slab;
use crate::cell::place::{Own, add_own, count_own};
use crate::cell::slots::Slots;
use crate::data::ExponentialValue;
use crate::number::Number as _;
use crate::sync::{AtomicU64, Ordering, fence};

/// Odd while counts are being moved.
const VERSION: usize = 0;
/// How many scales below the finest one the counts are. Means nothing as long as there are none.
const SHIFT: usize = 1;
const ZERO: usize = 2;
const SUM: usize = 3;
const MAX: usize = 4;
const MIN: usize = 5;
/// Here the window of values above zero begins.
const POSITIVE: usize = 6;
/// And here its counts.
const COUNTS: usize = POSITIVE + window::ENDS;

/// How many cells a block needs.
pub(super) fn cells(config: Config) -> usize {
    POSITIVE + window::cells(config.max_size)
}

/// A part of an exponential histogram: cells that one thread at a time writes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Block<'a> {
    cells: &'a [AtomicU64],
    positive: Window<'a>,
    /// In a run of its own, since few series see values below zero.
    negative: Option<Window<'a>>,
}

/// What is known of a block beforehand, so that most values are recorded in a few instructions.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Quick {
    /// The block's first slot.
    slot: usize,
    /// One less than there are places in the ring of counts: a power of two.
    mask: usize,
    table: &'static IndexTable,
}

impl Quick {
    pub(super) fn new(slots: Slots, table: &'static IndexTable) -> Self {
        Self { slot: slots.start as usize, mask: slots.len as usize - COUNTS - 1, table }
    }

    /// Records a value in the calling thread's own block, if it is a normal number above zero, and nothing has to be made
    /// ready for it first. Says whether it is done.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "into functions that do nothing else")]
    pub(crate) fn record_within(&self, slab: Slab, value: f64) -> bool {
        let Self { slot, mask, table } = *self;
        let Some([_version, shift, _zero, sum, max, min, ends]) = slab.cells::<COUNTS>(slot) else {
            return false;
        };
        let Some(finest) = table.index_of_normal(value) else { return false };
        let index = finest >> (shift.load(Ordering::Relaxed) & 31);
        let Some(count) = slab.cell(slot + COUNTS + (index as usize & mask)) else { return false };
        let within = Ends::of(ends).contain(index) && extremes::lie_around(max, min, value);
        if within {
            add_own(sum, value);
            count_own(count, 1);
        }
        within
    }
}

impl<'a> Block<'a> {
    /// Looks at cells as a block. `negative` is `None` as long as the series has seen no values below zero.
    #[inline]
    pub(crate) fn new(cells: &'a [AtomicU64], negative: Option<&'a [AtomicU64]>) -> Option<Self> {
        let positive = Window::new(cells.get(POSITIVE..)?)?;
        Some(Self { cells, positive, negative: negative.and_then(Window::new) })
    }

    /// Whether it has a window for values below zero.
    pub(crate) fn has_negative(&self) -> bool {
        self.negative.is_some()
    }

    #[inline]
    fn load(&self, at: usize) -> u64 {
        self.cells[at].load(Ordering::Relaxed)
    }

    fn shift(&self) -> i32 {
        self.load(SHIFT) as i32
    }

    /// Records a finite value. The caller must be the only one who writes this block now; for a value below zero, the
    /// block must have a negative window.
    pub(crate) fn record(&self, config: Config, table: &IndexTable, value: f64) {
        add_own(&self.cells[SUM], value);
        extremes::widen(&Own(self.cells), MAX, MIN, value);
        let window = if value > 0.0 { Some(self.positive) } else { self.negative };
        match window {
            Some(window) if value != 0.0 => self.count(&window, config, table.index(value.abs())),
            _ => count_own(&self.cells[ZERO], 1),
        }
    }

    fn count(&self, window: &Window<'_>, config: Config, finest: i32) {
        if self.positive.ends().is_empty() && self.negative.is_none_or(|negative| negative.ends().is_empty())
        {
            self.cells[SHIFT].store((MAX_SCALE - config.max_scale) as u64, Ordering::Relaxed);
        }
        let mut index = finest >> self.shift();
        if !window.contains(index) {
            let ends = window.ends().with(index);
            if ends.len() > config.max_size {
                index = self.make_room(config, index, ends);
            }
            window.set_ends(window.ends().with(index));
        }
        window.count(index);
    }

    /// Coarsens both windows until `ends` fit, and gives the index at the new scale.
    #[cold]
    fn make_room(&self, config: Config, index: i32, ends: Ends) -> i32 {
        let scale = MAX_SCALE - self.shift();
        let by = excess(ends.low, ends.end - 1, config.max_size).min(scale - MIN_SCALE);
        let version = self.load(VERSION);
        self.cells[VERSION].store(version + 1, Ordering::Relaxed);
        // Release fence, partner of the Acquire fence in `snapshot`: who sees a count moved sees the odd version.
        fence(Ordering::Release);
        self.positive.coarsen(by);
        if let Some(negative) = self.negative {
            negative.coarsen(by);
        }
        self.cells[SHIFT].store((self.shift() + by) as u64, Ordering::Relaxed);
        // Release, partner of the Acquire load in `snapshot`: who sees this version sees all counts moved.
        self.cells[VERSION].store(version + 2, Ordering::Release);
        index >> by
    }

    /// The counts at one moment between two moves, into `value`.
    pub(crate) fn snapshot(&self, value: &mut ExponentialValue) {
        loop {
            let before = self.cells[VERSION].load(Ordering::Acquire);
            self.read(value);
            fence(Ordering::Acquire);
            if before % 2 == 0 && self.load(VERSION) == before {
                return;
            }
            pause();
        }
    }

    fn read(&self, value: &mut ExponentialValue) {
        clear(value, MAX_SCALE);
        value.zero_count = self.load(ZERO);
        self.positive.read(&mut value.positive);
        if let Some(window) = self.negative {
            window.read(&mut value.negative);
        }
        trim(&mut value.positive);
        trim(&mut value.negative);
        // Partner of the Release in `count_own`: the sum and the extremes of what is counted are seen from here on.
        fence(Ordering::Acquire);
        let in_buckets: u64 = value.positive.counts.iter().chain(&value.negative.counts).sum();
        value.count = value.zero_count + in_buckets;
        value.sum = f64::from_bits(self.load(SUM)).saturated();
        value.min = extremes::finite(extremes::lowest(self.load(MIN)));
        value.max = extremes::finite(extremes::highest(self.load(MAX)));
        if in_buckets > 0 {
            value.scale = MAX_SCALE - self.shift();
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
    use crate::cell::arena::zeroed;

    const CONFIG: Config = Config { max_size: 2, max_scale: 0 };

    /// The cells of a block without a negative window.
    fn cells(config: Config) -> &'static [AtomicU64] {
        Box::leak(zeroed(super::cells(config)))
    }

    fn block(cells: &[AtomicU64]) -> Block<'_> {
        Block::new(cells, None).unwrap()
    }

    fn snapshot(cells: &[AtomicU64]) -> ExponentialValue {
        let mut value = ExponentialValue::default();
        block(cells).snapshot(&mut value);
        value
    }

    /// What a collector sees. In a thread of its own: a model's main thread reads nothing that is out of date.
    fn collect(cells: &'static [AtomicU64]) -> loom::thread::JoinHandle<ExponentialValue> {
        loom::thread::spawn(move || snapshot(cells))
    }

    fn record(cells: &'static [AtomicU64], config: Config, value: f64) {
        let table = IndexTable::shared();
        let slots = Slots { start: 0, len: cells.len() as u32 };
        if !Quick::new(slots, table).record_within(Slab::of(cells), value) {
            block(cells).record(config, table, value);
        }
    }

    fn assert_consistent(seen: &ExponentialValue, sums: &[f64]) {
        let counted = seen.count as usize;
        assert!(sums[counted..].contains(&seen.sum), "what is counted is in the sum: {seen:?}");
        assert!(counted == 0 || (seen.min.is_some() && seen.max.is_some()), "{seen:?}");
    }

    /// A collector that reads while counts are moved sees every count once, or not yet.
    #[test]
    fn loom_making_room_loses_and_doubles_nothing() {
        loom::model(|| {
            let cells = cells(CONFIG);
            record(cells, CONFIG, 4.0);
            let collector = collect(cells);
            record(cells, CONFIG, 64.0);
            let seen = collector.join().unwrap();
            assert!(seen.count == 1 || seen.count == 2, "{seen:?}");
            assert_consistent(&seen, &[0.0, 4.0, 68.0]);
            // Counts and the scale they are at belong together.
            let place = (seen.scale, seen.positive.offset);
            assert!([(0, 1), (-2, 0)].contains(&place), "{seen:?}");
            assert_eq!(snapshot(cells).count, 2);
        });
    }

    /// Growing moves nothing; what is counted is in the sum.
    #[test]
    fn loom_growing_is_seen_in_order() {
        loom::model(|| {
            let config = Config { max_size: 4, max_scale: 0 };
            let cells = cells(config);
            let collector = collect(cells);
            record(cells, config, 2.0);
            record(cells, config, 0.0);
            assert_consistent(&collector.join().unwrap(), &[0.0, 2.0, 2.0]);
            assert_eq!(snapshot(cells).count, 2);
        });
    }

    /// A thread that ends leaves its slab, and with it its block, to the next one.
    #[test]
    fn loom_a_block_is_passed_on_with_its_counts() {
        use loom::sync::Mutex;

        loom::model(|| {
            let cells = cells(CONFIG);
            let lease = Arc::new(Mutex::new(()));
            let writer = |value: f64| {
                let lease = Arc::clone(&lease);
                loom::thread::spawn(move || {
                    let _lease = lease.lock().unwrap();
                    record(cells, CONFIG, value);
                })
            };
            let (first, second) = (writer(1.0), writer(64.0));
            first.join().unwrap();
            second.join().unwrap();
            let seen = snapshot(cells);
            assert_eq!((seen.count, seen.sum), (2, 65.0));
        });
    }
}
