//! Stop 3 for histograms with explicit bounds: one bucket, the sum, and the extremes.
//!
//! Cells of a series with `n` bounds: sum, max, min, and `n + 1` buckets. The count is the sum of the buckets.

use super::bounds::Bounds;
use super::extremes;
use crate::cell::arena::Slab;
use crate::cell::place::{add_own, count_own};
use crate::cell::{CellOp, CellWrite, Place};
use crate::data::Totals;
use crate::sync::{Ordering, fence};

const SUM: usize = 0;
const MAX: usize = 1;
const MIN: usize = 2;
const BUCKETS: usize = 3;

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
    place.sum_each(BUCKETS, slabs, buckets);
    let count = buckets.iter().fold(0, |count: u64, bucket| count.wrapping_add(*bucket));
    // Partner of the Release in `count`: what was written before a measurement was counted is seen from here on.
    fence(Ordering::Acquire);
    let extremes = [extremes::min(place, MIN, slabs), extremes::max(place, MAX, slabs)];
    let [min, max] = extremes.map(|extreme| extreme.unwrap_or(f64::NAN));
    Totals { count, sum: place.sum(SUM, slabs), min, max }
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
