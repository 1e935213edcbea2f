//! The lowest and highest value of a histogram, in two cells.
//!
//! A cell that was never written is zero. So that every value beats that, a cell holds the float with those bits
//! flipped that make zero an infinity.

use crate::cell::CellWrite;
use crate::sync::{AtomicU64, Ordering};

const LOWEST: u64 = f64::NEG_INFINITY.to_bits();
const HIGHEST: u64 = f64::INFINITY.to_bits();

/// The highest of no values, and the lowest.
pub(super) const NO_MAX: f64 = f64::NEG_INFINITY;
pub(super) const NO_MIN: f64 = f64::INFINITY;

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
