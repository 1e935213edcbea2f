//! Stop 3 for counters: adding to this thread's own cell.
//!
//! `series.rs` found the series; one relaxed load and one relaxed store later the increment is recorded. Next:
//! `reader.rs`, whenever somebody asks.

use crate::cell::arena::Slab;
use crate::cell::place::sum_of_slot;
use crate::cell::{CellOp, CellWrite, Place};
use crate::number::Number;

/// Adds to the sum.
#[inline]
pub(crate) fn add<N: Number>(place: &Place, value: N) {
    place.write(Add(value));
}

struct Add<N>(N);

impl<N: Number> CellOp for Add<N> {
    #[inline]
    fn apply<C: CellWrite>(self, cells: C) {
        cells.add(0, self.0);
    }
}

/// The sum over all threads of the series with this slot.
#[inline]
pub(crate) fn total<N: Number>(slot: u32, slabs: &[Slab]) -> N {
    sum_of_slot(slot as usize, slabs)
}
