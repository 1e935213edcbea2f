//! What a series holds: its slots, how their cells are written, and how they are added up.

use super::arena::Slab;
use super::common::Common;
use super::local::{ARENA, COMMON, own};
use super::slots::{Sharing, Slots};
use crate::number::Number;
use crate::sync::{AtomicU64, Ordering};

/// The slots of a series, given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Place(Slots);

/// One write to the cells of a series, of either sort.
pub(crate) trait CellOp {
    fn apply<C: CellWrite>(self, cells: C);
}

/// Cells as an operation sees them: numbered from zero, only ever growing.
pub(crate) trait CellWrite {
    /// Adds to the cell.
    fn add<N: Number>(&self, at: usize, value: N);
    /// Adds one to the cell. Who sees that, and has an Acquire fence after it, sees all that was written before.
    fn count(&self, at: usize);
    /// Replaces what is in the cell with `bits` when `beats` says so of it.
    fn replace(&self, at: usize, bits: u64, beats: impl Fn(u64) -> bool);
}

impl Place {
    /// Takes slots. Allocates.
    pub(crate) fn allocate(len: usize, sharing: Sharing) -> Self {
        let len = u32::try_from(len).expect("a series has fewer than 2^32 cells");
        Self(ARENA.allocate(len, sharing))
    }

    pub(crate) fn slots(&self) -> Slots {
        self.0
    }

    /// Does one write. Never blocks or allocates, but for the first cells a thread writes, or all threads together.
    #[inline]
    pub(crate) fn write(&self, op: impl CellOp) {
        match own(self.0) {
            Some(cells) => op.apply(Own(cells)),
            None => op.apply(Shared { common: &COMMON, start: self.0.start as usize }),
        }
    }

    /// The common cells, made when there are none yet.
    #[inline]
    pub(crate) fn common(&self) -> &'static [AtomicU64] {
        COMMON.run(self.0)
    }

    /// The common cells, when any of their chunk was written.
    pub(crate) fn written_common(&self) -> Option<&'static [AtomicU64]> {
        COMMON.written_run(self.0)
    }

    /// The cells of each thread that has some, and the common ones. A run that does not lie in one chunk has no common ones.
    #[inline]
    pub(crate) fn runs(&self, slabs: &[Slab]) -> impl Iterator<Item = &'static [AtomicU64]> {
        slabs.iter().filter_map(|slab| slab.run(self.0)).chain(self.written_common())
    }

    /// A number that changes with every change of the cells, and does not when a thread brings a new slab.
    pub(crate) fn mark(&self, slabs: &[Slab]) -> u64 {
        let weighted = |at: usize, bits: u64| bits.wrapping_mul((at as u64 + 1).wrapping_mul(ODD) | 1);
        let plus = |mark: u64, bits: u64| mark.rotate_left(5).wrapping_add(bits);
        let of_run = |run: &[AtomicU64]| run.iter().map(|cell| cell.load(Ordering::Relaxed)).fold(0, plus);
        let own =
            slabs.iter().enumerate().map(|(at, slab)| weighted(at + 1, slab.run(self.0).map_or(0, of_run)));
        let common = self.0.range().filter_map(|slot| COMMON.written(slot));
        let common = common.map(|cell| cell.load(Ordering::Relaxed)).fold(0, plus);
        own.fold(weighted(0, common), u64::wrapping_add)
    }
}

#[cfg(loom)]
impl From<Slots> for Place {
    fn from(slots: Slots) -> Self {
        Self(slots)
    }
}

/// Spreads small numbers over all bits.
const ODD: u64 = 0x9E37_79B9_7F4A_7C15;

/// The sum of a slot over all threads, as [`Place::sum`].
#[inline]
pub(crate) fn sum_of_slot<N: Number>(slot: usize, slabs: &[Slab]) -> N {
    let cells = slabs.iter().filter_map(|slab| slab.cell(slot)).chain(COMMON.written(slot));
    let values = cells.map(|cell| N::from_bits(cell.load(Ordering::Relaxed)));
    values.fold(N::default(), |sum, value| sum.plus(value.saturated()).saturated())
}

/// A place is dropped with its series, when no handle and no cache knows the series any more: nobody can write it.
impl Drop for Place {
    fn drop(&mut self) {
        ARENA.free(self.0, &COMMON);
    }
}

/// Adds to a cell that nobody but the calling thread writes: a load and a store are enough.
#[inline]
pub(crate) fn add_own<N: Number>(cell: &AtomicU64, value: N) {
    let sum = N::from_bits(cell.load(Ordering::Relaxed)).plus(value);
    cell.store(sum.to_bits(), Ordering::Relaxed);
}

/// Counts one more in a cell that nobody but the calling thread writes.
#[inline]
pub(crate) fn count_own(cell: &AtomicU64, by: u64) {
    // Release, partner of the Acquire fences of those who read counts: what was written before is seen with it.
    cell.store(cell.load(Ordering::Relaxed) + by, Ordering::Release);
}

/// The calling thread's own cells of a run.
pub(crate) struct Own<'a>(pub(crate) &'a [AtomicU64]);

impl CellWrite for Own<'_> {
    #[inline]
    fn add<N: Number>(&self, at: usize, value: N) {
        add_own(&self.0[at], value);
    }

    #[inline]
    fn count(&self, at: usize) {
        count_own(&self.0[at], 1);
    }

    #[inline]
    fn replace(&self, at: usize, bits: u64, beats: impl Fn(u64) -> bool) {
        if beats(self.0[at].load(Ordering::Relaxed)) {
            self.0[at].store(bits, Ordering::Relaxed);
        }
    }
}

/// The common cells of a run, which other threads write too. A long run can lie in several chunks.
pub(crate) struct Shared<'a> {
    pub(crate) common: &'a Common,
    pub(crate) start: usize,
}

impl Shared<'_> {
    #[inline]
    fn cell(&self, at: usize) -> &AtomicU64 {
        self.common.cell(self.start + at)
    }
}

impl CellWrite for Shared<'_> {
    #[inline]
    fn add<N: Number>(&self, at: usize, value: N) {
        value.fetch_add(self.cell(at));
    }

    #[inline]
    fn count(&self, at: usize) {
        self.cell(at).fetch_add(1, Ordering::Release);
    }

    #[inline]
    fn replace(&self, at: usize, bits: u64, beats: impl Fn(u64) -> bool) {
        let replace = |seen| beats(seen).then_some(bits);
        let _previous = self.cell(at).fetch_update(Ordering::Relaxed, Ordering::Relaxed, replace);
    }
}

#[cfg(all(test, loom))]
mod loom_tests {
    use loom::sync::Arc;
    use loom::thread;

    use super::*;
    use crate::sync::fence;

    /// Cells 0 and 1 are a count and a sum of twos.
    fn record(cells: &impl CellWrite) {
        cells.add(1, 2_u64);
        cells.count(0);
    }

    /// Common cells of a model, made beforehand.
    fn common() -> Arc<Common> {
        let common = Arc::new(Common::new());
        common.cell(0);
        common
    }

    fn value(common: &Common, slot: usize) -> u64 {
        common.cell(slot).load(Ordering::Relaxed)
    }

    /// What is counted is in the sum in common cells, where two threads write, and nothing they add is lost.
    #[test]
    fn loom_what_is_counted_was_added_up_in_common_cells() {
        loom::model(|| {
            let common = common();
            let writer = || {
                let common = Arc::clone(&common);
                thread::spawn(move || record(&Shared { common: &common, start: 0 }))
            };
            let (first, second) = (writer(), writer());
            let count = value(&common, 0);
            fence(Ordering::Acquire);
            let sum = value(&common, 1);
            assert!(2 * count <= sum && sum <= 4, "{count} {sum}");
            first.join().unwrap();
            second.join().unwrap();
            assert_eq!((value(&common, 0), value(&common, 1)), (2, 4));
        });
    }

    /// Floats are added without loss by two threads.
    #[test]
    fn loom_common_floats_add_up() {
        loom::model(|| {
            let common = common();
            let other = Arc::clone(&common);
            let writer = thread::spawn(move || Shared { common: &other, start: 0 }.add(0, 0.5));
            Shared { common: &common, start: 0 }.add(0, 0.25);
            writer.join().unwrap();
            assert!((f64::from_bits(value(&common, 0)) - 0.75).abs() < f64::EPSILON);
        });
    }

    /// Of what two threads replace with, the highest stays.
    #[test]
    fn loom_the_highest_stays() {
        loom::model(|| {
            let common = common();
            let raise =
                |common: &Common, bits| Shared { common, start: 0 }.replace(0, bits, |seen| bits > seen);
            let other = Arc::clone(&common);
            let writer = thread::spawn(move || [3, 1].map(|bits| raise(&other, bits)));
            raise(&common, 2);
            writer.join().unwrap();
            assert_eq!(value(&common, 0), 3);
        });
    }
}
