//! What a series holds: where its cells are.

use super::arena::Slab;
use super::local::{ARENA, with_slab};
use crate::number::Number;
use crate::sync::{AtomicU64, Ordering};

/// A run of slots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Slots {
    pub(crate) start: usize,
    pub(crate) len: usize,
}

impl Slots {
    pub(crate) fn range(self) -> std::ops::Range<usize> {
        self.start..self.start + self.len
    }
}

/// Where the cells of a series are.
#[derive(Debug)]
pub(crate) enum Place {
    /// In each thread's slab: writes cost a load and a store, on a cache line of the thread's own.
    Threads(Slots),
    /// In cells that all threads write with read-modify-write instructions.
    Shared(Box<[AtomicU64]>),
}

/// One write to the cells of a series, for either kind of place.
pub(crate) trait CellOp {
    fn apply<C: CellWrite>(self, cells: C);
}

/// Cells as an operation sees them: numbered from zero, only ever growing.
pub(crate) trait CellWrite {
    /// Adds to the cell.
    fn add<N: Number>(&self, at: usize, value: N);
    /// Adds one to the cell. Who sees that, and has an Acquire fence after it, sees all that was written before.
    fn count(&self, at: usize);
    /// Raises the cell to `key`, when it is lower.
    fn raise(&self, at: usize, key: u64);
}

impl Place {
    /// Takes slots, or makes shared cells when there are none left.
    pub(crate) fn allocate(len: usize) -> Self {
        ARENA.allocate(len).map_or_else(|| Self::shared(len), Self::Threads)
    }

    /// Makes cells that all threads share.
    pub(crate) fn shared(len: usize) -> Self {
        Self::Shared((0..len).map(|_| AtomicU64::new(0)).collect())
    }

    /// Does one write. Never locks, blocks or allocates, but for the thread's very first.
    #[inline]
    pub(crate) fn write(&self, op: impl CellOp) {
        match self {
            Self::Threads(slots) => with_slab(|slab| op.apply(Own { slab, start: slots.start })),
            Self::Shared(cells) => op.apply(Shared(cells)),
        }
    }

    /// The value of one cell, folded over all threads.
    pub(crate) fn fold(&self, at: usize, slabs: &[Slab], fold: impl Fn(u64, u64) -> u64) -> u64 {
        match self {
            Self::Threads(slots) => {
                let cells = slabs.iter().map(|slab| slab.cell(slots.start + at).load(Ordering::Relaxed));
                cells.fold(0, fold)
            }
            Self::Shared(cells) => cells[at].load(Ordering::Relaxed),
        }
    }

    /// The sum of one cell over all threads. Zero bits are zero in every number type.
    ///
    /// A cell of floats can have gone to infinity. The sum stays finite, so that no difference of two sums is NaN.
    pub(crate) fn sum<N: Number>(&self, at: usize, slabs: &[Slab]) -> N {
        let plus = |sum, cell| N::from_bits(sum).plus(N::from_bits(cell).saturated()).saturated().to_bits();
        N::from_bits(self.fold(at, slabs, plus)).saturated()
    }

    /// The sums of the first cells, whole numbers, over all threads.
    pub(crate) fn sum_each(&self, slabs: &[Slab], sums: &mut [u64]) {
        match self {
            Self::Threads(slots) => {
                sums.fill(0);
                for slab in slabs {
                    for (slot, sum) in (slots.start..).zip(sums.iter_mut()) {
                        *sum = sum.wrapping_add(slab.cell(slot).load(Ordering::Relaxed));
                    }
                }
            }
            Self::Shared(cells) => {
                for (cell, sum) in cells.iter().zip(sums) {
                    *sum = cell.load(Ordering::Relaxed);
                }
            }
        }
    }

    /// The first slot, when the cells are in slots.
    pub(crate) fn first_slot(&self) -> Option<u32> {
        match self {
            Self::Threads(slots) => u32::try_from(slots.start).ok(),
            Self::Shared(_) => None,
        }
    }

    /// The highest value of one cell over all threads.
    pub(crate) fn highest(&self, at: usize, slabs: &[Slab]) -> u64 {
        self.fold(at, slabs, u64::max)
    }
}

/// The sum of a slot over all threads, as [`Place::sum`].
#[inline]
pub(crate) fn sum_of_slot<N: Number>(slot: usize, slabs: &[Slab]) -> N {
    let cells = slabs.iter().map(|slab| N::from_bits(slab.cell(slot).load(Ordering::Relaxed)));
    cells.fold(N::default(), |sum, cell| sum.plus(cell.saturated()).saturated())
}

/// A place is dropped with its series, when no handle and no cache knows the series any more: nobody can write it.
impl Drop for Place {
    fn drop(&mut self) {
        if let Self::Threads(slots) = *self {
            ARENA.free(slots);
        }
    }
}

/// The calling thread's own cells: nobody else writes them, so a load and a store are enough.
pub(crate) struct Own {
    pub(crate) slab: Slab,
    pub(crate) start: usize,
}

impl CellWrite for Own {
    #[inline]
    fn add<N: Number>(&self, at: usize, value: N) {
        self.slab.add(self.start + at, value);
    }

    #[inline]
    fn count(&self, at: usize) {
        let cell = self.slab.cell(self.start + at);
        cell.store(cell.load(Ordering::Relaxed) + 1, Ordering::Release);
    }

    #[inline]
    fn raise(&self, at: usize, key: u64) {
        let cell = self.slab.cell(self.start + at);
        if key > cell.load(Ordering::Relaxed) {
            cell.store(key, Ordering::Relaxed);
        }
    }
}

/// Cells that other threads write too.
pub(crate) struct Shared<'a>(pub(crate) &'a [AtomicU64]);

impl CellWrite for Shared<'_> {
    #[inline]
    fn add<N: Number>(&self, at: usize, value: N) {
        value.fetch_add(&self.0[at]);
    }

    #[inline]
    fn count(&self, at: usize) {
        self.0[at].fetch_add(1, Ordering::Release);
    }

    #[inline]
    fn raise(&self, at: usize, key: u64) {
        self.0[at].fetch_max(key, Ordering::Relaxed);
    }
}

#[cfg(all(test, loom))]
mod loom_tests {
    use loom::sync::Arc;
    use loom::thread;

    use super::super::arena::Arena;
    use super::*;
    use crate::sync::fence;

    /// Cells 0 and 1 are a count and a sum of twos.
    fn record(cells: &impl CellWrite) {
        cells.add(1, 2_u64);
        cells.count(0);
    }

    /// What is counted is in the sum: in cells of a thread's own.
    #[test]
    fn loom_what_is_counted_was_added_up_in_own_cells() {
        loom::model(|| {
            let arena = Arena::new();
            let slab = arena.lease();
            let writer = thread::spawn(move || {
                let own = Own { slab, start: 0 };
                record(&own);
                record(&own);
            });
            let count = slab.cell(0).load(Ordering::Relaxed);
            fence(Ordering::Acquire);
            let sum = slab.cell(1).load(Ordering::Relaxed);
            assert!(2 * count <= sum && sum <= 4, "{count} {sum}");
            writer.join().unwrap();
            assert_eq!(slab.cell(1).load(Ordering::Relaxed), 4);
        });
    }

    /// The same in shared cells, where two threads write, and nothing they add is lost.
    #[test]
    fn loom_what_is_counted_was_added_up_in_shared_cells() {
        loom::model(|| {
            let cells: Arc<[AtomicU64; 2]> = Arc::new([AtomicU64::new(0), AtomicU64::new(0)]);
            let writer = || {
                let cells = Arc::clone(&cells);
                thread::spawn(move || record(&Shared(&cells[..])))
            };
            let (first, second) = (writer(), writer());
            let count = cells[0].load(Ordering::Relaxed);
            fence(Ordering::Acquire);
            let sum = cells[1].load(Ordering::Relaxed);
            assert!(2 * count <= sum && sum <= 4, "{count} {sum}");
            first.join().unwrap();
            second.join().unwrap();
            assert_eq!((cells[0].load(Ordering::Relaxed), cells[1].load(Ordering::Relaxed)), (2, 4));
        });
    }

    /// Floats are added without loss by two threads.
    #[test]
    fn loom_shared_floats_add_up() {
        loom::model(|| {
            let cells: Arc<[AtomicU64; 1]> = Arc::new([AtomicU64::new(0)]);
            let other = Arc::clone(&cells);
            let writer = thread::spawn(move || Shared(&other[..]).add(0, 0.5));
            Shared(&cells[..]).add(0, 0.25);
            writer.join().unwrap();
            assert!((f64::from_bits(cells[0].load(Ordering::Relaxed)) - 0.75).abs() < f64::EPSILON);
        });
    }
}
