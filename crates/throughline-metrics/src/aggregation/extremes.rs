//! The lowest and highest value of a histogram, in two cells.
//!
//! A cell that was never written is zero. So that every value beats that, a cell holds the float with those bits
//! flipped that make zero an infinity.

use crate::cell::arena::Slab;
use crate::cell::{CellWrite, Place};
use crate::sync::{AtomicU64, Ordering};

const LOWEST: u64 = f64::NEG_INFINITY.to_bits();
const HIGHEST: u64 = f64::INFINITY.to_bits();

/// Whether the value changes neither cell.
#[inline]
pub(super) fn lie_around(max: &AtomicU64, min: &AtomicU64, value: f64) -> bool {
    value <= highest(max.load(Ordering::Relaxed)) && value >= lowest(min.load(Ordering::Relaxed))
}

/// Takes the value into account in the cells `max` and `min`.
#[inline]
pub(super) fn widen(cells: &impl CellWrite, max: usize, min: usize, value: f64) {
    cells.replace(max, value.to_bits() ^ LOWEST, |seen| value > highest(seen));
    cells.replace(min, value.to_bits() ^ HIGHEST, |seen| value < lowest(seen));
}

/// The highest value over all threads.
pub(super) fn max(place: &Place, cell: usize, slabs: &[Slab]) -> Option<f64> {
    let max = |a, b| if highest(b) > highest(a) { b } else { a };
    finite(highest(place.fold(cell, slabs, max)))
}

/// The lowest value over all threads.
pub(super) fn min(place: &Place, cell: usize, slabs: &[Slab]) -> Option<f64> {
    let min = |a, b| if lowest(b) < lowest(a) { b } else { a };
    finite(lowest(place.fold(cell, slabs, min)))
}

/// What a cell for the highest value holds.
#[inline]
pub(super) fn highest(bits: u64) -> f64 {
    f64::from_bits(bits ^ LOWEST)
}

/// What a cell for the lowest value holds.
#[inline]
pub(super) fn lowest(bits: u64) -> f64 {
    f64::from_bits(bits ^ HIGHEST)
}

/// The value; `None` for a cell that was never written.
pub(super) fn finite(value: f64) -> Option<f64> {
    value.is_finite().then_some(value)
}
