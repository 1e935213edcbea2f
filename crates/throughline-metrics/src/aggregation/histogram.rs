//! Stop 3 for histograms with explicit bounds: one bucket, the sum, and the extremes.
//!
//! Cells of a series with `n` bounds: `n + 1` buckets, sum, max, min. The count is the sum of the buckets.

use crate::cell::arena::Slab;
use crate::cell::place::Own;
use crate::cell::{CellOp, CellWrite, Place};
use crate::data::Totals;
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

/// The histogram over all threads, its buckets written to `buckets`. What is counted is in the sum and the extremes,
/// too; these can be ahead of the count.
pub(crate) fn total(place: &Place, slabs: &[Slab], buckets: &mut [u64]) -> Totals {
    let sum = buckets.len();
    place.sum_each(slabs, buckets);
    let count = buckets.iter().fold(0, |count: u64, bucket| count.wrapping_add(*bucket));
    // Partner of the Release in `count`: what was written before a measurement was counted is seen from here on.
    fence(Ordering::Acquire);
    let [max, inverted_min] = [1, 2].map(|at| place.highest(sum + at, slabs));
    let min = if inverted_min == 0 { None } else { from_order_key(!inverted_min) };
    let [min, max] = [min, from_order_key(max)].map(|extreme| extreme.unwrap_or(f64::NAN));
    Totals { count, sum: place.sum(sum, slabs), min, max }
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
