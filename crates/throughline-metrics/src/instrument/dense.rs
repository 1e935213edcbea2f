//! Which slot each numbered set of attributes has: the shortest way from a measurement to its cell.
//!
//! Used by [`Recorder`](super::Recorder) for instruments with one stream.

use std::sync::atomic::{AtomicU32, Ordering};

use crate::aggregation::Cells;
use crate::cell::local::quiet_slab;
use crate::cell::slots::Slots;
use crate::sync::AtomicU64;

/// The first slot of each numbered set, once it was recorded.
#[derive(Debug, Default)]
pub(super) struct DenseSlots(Box<[AtomicU32]>);

/// Nothing was recorded yet. No slab is long enough for it.
const NO_SLOT: u32 = u32::MAX;

impl DenseSlots {
    pub(super) fn new(sets: usize) -> Self {
        Self((0..sets).map(|_| AtomicU32::new(NO_SLOT)).collect())
    }

    /// The first slot of the set of this number, or one beyond all slabs.
    #[inline]
    pub(super) fn slot(&self, number: usize) -> Option<usize> {
        // Acquire, partner of the Release in `note`: the slot was zeroed for its series before.
        Some(self.0.get(number)?.load(Ordering::Acquire) as usize)
    }

    /// The calling thread's own cells of the set of this number, if it leaves no exemplars.
    #[inline]
    pub(super) fn run(&self, number: usize, len: usize) -> Option<&'static [AtomicU64]> {
        let start = self.slot(number)? as u32;
        quiet_slab().run(Slots { start, len: len as u32 })
    }

    /// Notes where the cells of a set are. The caller keeps their series, so nobody else gets them.
    pub(super) fn note(&self, number: usize, cells: &Cells) {
        if let (Some(noted), Cells::Place(place)) = (self.0.get(number), cells) {
            noted.store(place.slots().start, Ordering::Release);
        }
    }
}
