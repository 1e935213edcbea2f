//! Stop 3 for histograms with explicit bounds: one bucket, the sum, and the extremes.
//!
//! Cells of a series with `n` bounds: `n + 1` buckets, sum, max, min. The count is the sum of the buckets.

use crate::cell::arena::Slab;
use crate::cell::place::Own;
use crate::cell::{CellOp, CellWrite, Place};
use crate::data::HistogramValue;
use crate::number::{from_order_key, order_key};
use crate::sync::{Ordering, fence};

/// How many cells a series needs.
pub(crate) fn cells(bounds: &[f64]) -> usize {
    bounds.len() + 4
}

/// Records a value: four writes to cells that lie side by side.
#[inline]
pub(crate) fn record(place: &Place, bounds: &[f64], value: f64) {
    place.write(Record { bucket: bucket(bounds, value), sum: bounds.len() + 1, value });
}

/// As [`record`], in slots of the calling thread's slab that a handle knows.
#[inline]
pub(crate) fn record_in(slab: Slab, slot: usize, bounds: &[f64], value: f64) {
    Record { bucket: bucket(bounds, value), sum: bounds.len() + 1, value }.apply(Own { slab, start: slot });
}

struct Record {
    bucket: usize,
    sum: usize,
    value: f64,
}

impl CellOp for Record {
    #[inline]
    fn apply<C: CellWrite>(self, cells: C) {
        let Self { bucket, sum, value } = self;
        cells.add(sum, value);
        cells.raise(sum + 1, order_key(value));
        cells.raise(sum + 2, !order_key(value));
        cells.count(bucket);
    }
}

/// Up to this many bounds, comparing with each of them, without a branch, is faster than a binary search.
const SCAN: usize = 32;

/// The bucket of a value: how many bounds are below it, since upper bounds are inclusive.
#[inline]
pub(crate) fn bucket(bounds: &[f64], value: f64) -> usize {
    if bounds.len() <= SCAN {
        bounds.iter().map(|bound| usize::from(*bound < value)).sum()
    } else {
        bounds.partition_point(|bound| *bound < value)
    }
}

/// The histogram over all threads, written to `into`. What is counted is in the sum and the extremes, too; these can
/// be ahead of the count.
pub(crate) fn total(place: &Place, bounds: &[f64], slabs: &[Slab], into: &mut HistogramValue) {
    let sum = bounds.len() + 1;
    into.buckets.clear();
    into.buckets.extend((0..sum).map(|at| place.sum::<u64>(at, slabs)));
    into.count = into.buckets.iter().sum();
    // Partner of the Release in `count`: what was written before a measurement was counted is seen from here on.
    fence(Ordering::Acquire);
    into.sum = place.sum(sum, slabs);
    into.max = from_order_key(place.highest(sum + 1, slabs));
    into.min = match place.highest(sum + 2, slabs) {
        0 => None,
        inverted => from_order_key(!inverted),
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn upper_bounds_are_inclusive() {
        let bounds = [0.0, 5.0, 10.0];
        let cases = [(-1.0, 0), (0.0, 0), (0.1, 1), (5.0, 1), (5.1, 2), (10.0, 2), (11.0, 3)];
        for (value, expected) in cases {
            assert_eq!(bucket(&bounds, value), expected, "{value}");
        }
        let many: Vec<f64> = (0..100).map(f64::from).collect();
        assert_eq!((bucket(&many, 50.0), bucket(&many, 50.5), bucket(&many, 1e9)), (50, 51, 100));
    }
}
