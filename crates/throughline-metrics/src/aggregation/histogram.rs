//! Stop 3 for histograms with explicit bounds: one bucket, the sum, and the extremes.
//!
//! Cells of a series with `n` bounds: sum, max, min, and `n + 1` buckets. The count is the sum of the buckets.

use super::bounds::Bounds;
use super::extremes;
use crate::cell::arena::Slab;
use crate::cell::common::CHUNK;
use crate::cell::place::{add_own, count_own};
use crate::cell::{CellOp, CellWrite, Place};
use crate::data::Totals;
use crate::number::Number as _;
use crate::sync::{AtomicU64, Ordering, fence};

const SUM: usize = 0;
const MAX: usize = 1;
const MIN: usize = 2;
const BUCKETS: usize = 3;

/// The most bounds a histogram can have: its cells are in one chunk.
pub const MAX_BOUNDS: usize = CHUNK as usize - BUCKETS - 1;

/// How many cells a series needs.
pub(crate) fn cells(bounds: &[f64]) -> usize {
    BUCKETS + bounds.len() + 1
}

/// Records a value: four writes to cells that lie side by side.
#[inline]
pub(crate) fn record(place: &Place, bounds: &Bounds, value: f64) {
    place.write(Record { bucket: bounds.bucket(value), value });
}

/// As [`record`], in the calling thread's slab, for the series that begins with this slot, if the value is no new extreme
/// and its bucket is found without a search. Says whether it is done.
#[inline(always)]
#[expect(clippy::inline_always, reason = "into functions that do nothing else")]
pub(crate) fn record_within(slab: Slab, slot: usize, bounds: &Bounds, value: f64) -> bool {
    let Some(bucket) = bounds.quick_bucket(value) else { return false };
    // A slab that has one cell of a series has all of them (`arena.rs`).
    let (Some([sum, max, min]), Some(bucket)) = (slab.cells(slot), slab.cell(slot + BUCKETS + bucket)) else {
        return false;
    };
    let within = extremes::lie_around(max, min, value);
    if within {
        add_own(sum, value);
        count_own(bucket, 1);
    }
    within
}

struct Record {
    bucket: usize,
    value: f64,
}

impl CellOp for Record {
    #[inline]
    fn apply<C: CellWrite>(self, cells: C) {
        let Self { bucket, value } = self;
        cells.add(SUM, value);
        extremes::widen(&cells, MAX, MIN, value);
        cells.count(BUCKETS + bucket);
    }
}

/// The histogram over all threads, its buckets written to `buckets`. What is counted is in the sum and the extremes,
/// too; these can be ahead of the count.
pub(crate) fn total(place: &Place, slabs: &[Slab], buckets: &mut [u64]) -> Totals {
    let mut total = Part { count: 0, sum: 0.0, max: extremes::NO_MAX, min: extremes::NO_MIN };
    buckets.fill(0);
    for cells in place.runs(slabs) {
        total.add(cells, buckets);
    }
    let Part { count, sum, max, min } = total;
    let [min, max] = [min, max].map(|extreme| extremes::finite(extreme).unwrap_or(f64::NAN));
    Totals { count, sum, min, max }
}

/// What some of the threads recorded.
struct Part {
    count: u64,
    sum: f64,
    max: f64,
    min: f64,
}

impl Part {
    /// Adds one thread's cells, each read once.
    #[inline]
    fn add(&mut self, cells: &[AtomicU64], buckets: &mut [u64]) {
        let [sum, max, min, counts @ ..] = cells else { return };
        for (cell, bucket) in counts.iter().zip(buckets) {
            let count = cell.load(Ordering::Relaxed);
            *bucket = bucket.wrapping_add(count);
            self.count = self.count.wrapping_add(count);
        }
        // Partner of the Release in `count`: what was written before a measurement was counted is seen from here on.
        fence(Ordering::Acquire);
        let sum = f64::from_bits(sum.load(Ordering::Relaxed));
        self.sum = (self.sum + sum.saturated()).saturated();
        self.max = self.max.max(extremes::highest(max.load(Ordering::Relaxed)));
        self.min = self.min.min(extremes::lowest(min.load(Ordering::Relaxed)));
    }
}

#[cfg(all(test, loom))]
mod loom_tests {
    use std::mem::ManuallyDrop;

    use loom::thread;

    use super::*;
    use crate::cell::Sharing;
    use crate::cell::arena::Arena;
    use crate::cell::place::Own;

    /// What a collector counts while a thread records is in the sum and between the extremes that it sees.
    #[test]
    fn loom_what_is_counted_is_in_the_sum_and_the_extremes() {
        loom::model(|| {
            let bounds = Bounds::new(&[1.0]);
            let arena = Arena::new();
            let slots = arena.allocate(cells(&bounds) as u32, Sharing::Own);
            let slab = arena.exchange(arena.lease(), slots.end());
            let own = slab.run(slots).unwrap();
            // Not dropped: its slots are not those of the process's arena.
            let read = move || total(&ManuallyDrop::new(Place::from(slots)), &[slab], &mut [0; 2]);
            let bucket = bounds.bucket(2.0);
            let writer = thread::spawn(move || {
                Record { bucket, value: 2.0 }.apply(Own(own));
                assert!(record_within(slab, slots.start as usize, &bounds, 2.0));
            });
            // In a thread of its own: the models' main thread reads nothing that is out of date.
            let seen = thread::spawn(read).join().unwrap();
            assert!(2.0 * seen.count as f64 <= seen.sum && seen.sum <= 4.0, "{seen:?}");
            assert!(seen.count == 0 || (seen.max, seen.min) == (2.0, 2.0), "{seen:?}");
            writer.join().unwrap();
            let seen = read();
            assert_eq!((seen.count, seen.sum), (2, 4.0));
        });
    }
}
