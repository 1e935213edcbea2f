//! Which slot each numbered set of attributes has: the shortest way from a measurement to its cell.
//!
//! Used by [`Recorder`](super::Recorder) for instruments with one stream.

use std::sync::atomic::{AtomicU32, Ordering};

use throughline_core::attribute::Attributes;

use crate::aggregation::{Cells, NO_SLOT};

/// The first slot of each numbered set, once it was recorded.
#[derive(Debug)]
pub(super) struct DenseSlots {
    /// Of the set numbered zero, where one load finds it: what types without attributes, or slices, have is that one.
    first: AtomicU32,
    all: Box<[AtomicU32]>,
}

impl Default for DenseSlots {
    fn default() -> Self {
        Self::new(0)
    }
}

impl DenseSlots {
    pub(super) fn new(sets: usize) -> Self {
        let none = || AtomicU32::new(NO_SLOT);
        Self { first: none(), all: (0..sets).map(|_| none()).collect() }
    }

    /// The first slot of this set: one beyond all slabs when it was not recorded, `None` when it has no number.
    #[inline]
    pub(super) fn slot<A: Attributes + ?Sized>(&self, attributes: &A) -> Option<usize> {
        let noted = match A::NUMBERED {
            0 => return None,
            1 => (attributes.number() == 0).then_some(&self.first)?,
            _ => self.all.get(attributes.number())?,
        };
        // Acquire, partner of the Release in `note`: the slot was zeroed for its series before.
        Some(noted.load(Ordering::Acquire) as usize)
    }

    /// Notes where the cells of a set are. The caller keeps their series, so nobody else gets them.
    pub(super) fn note(&self, number: usize, cells: &Cells) {
        let Some(noted) = self.all.get(number) else { return };
        let slot = cells.first_slot();
        // Written once: other threads read these lines with each measurement.
        if noted.load(Ordering::Relaxed) != slot {
            noted.store(slot, Ordering::Release);
            if number == 0 {
                self.first.store(slot, Ordering::Release);
            }
        }
    }
}
