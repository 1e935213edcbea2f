//! Which slot each numbered set of attributes has: the shortest way from a measurement to its cell.
//!
//! Used by [`Recorder`](super::Recorder) for instruments with one stream whose series are runs of slots. A set whose
//! series is not, because slots were used up, has no slot noted and is recorded through its series.

use std::sync::atomic::{AtomicU32, Ordering};

use crate::aggregation::Cells;
use crate::cell::Place;

/// The first slot of each numbered set, once it was recorded.
#[derive(Debug, Default)]
pub(super) struct DenseSlots(Box<[AtomicU32]>);

/// Nothing was recorded yet, or the series is not a run of slots.
const NO_SLOT: u32 = u32::MAX;

impl DenseSlots {
    pub(super) fn new(sets: usize) -> Self {
        Self((0..sets).map(|_| AtomicU32::new(NO_SLOT)).collect())
    }

    /// The first slot of the set of this number.
    #[inline]
    pub(super) fn slot(&self, number: usize) -> Option<usize> {
        // Acquire, partner of the Release in `note`: the slot was zeroed for its series before.
        let slot = self.0.get(number)?.load(Ordering::Acquire);
        (slot != NO_SLOT).then_some(slot as usize)
    }

    /// Notes where the cells of a set are. The caller keeps their series, so nobody else gets them.
    pub(super) fn note(&self, number: usize, cells: &Cells) {
        if let (Some(noted), Cells::Place(Place::Threads(slots))) = (self.0.get(number), cells) {
            noted.store(slots.start as u32, Ordering::Release);
        }
    }
}
