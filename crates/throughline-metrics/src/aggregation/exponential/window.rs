//! The counts of the indexes `low..end` on one side of zero, kept in a ring, so that growing at either end moves
//! nothing.

use super::MAX_SIZE;
use crate::cell::place::count_own;
use crate::data::Buckets;
use crate::sync::{AtomicU64, Ordering};

/// How many cells a window of so many buckets needs.
pub(super) fn cells(max_size: usize) -> usize {
    ENDS + max_size.next_power_of_two()
}

/// Cells before the counts.
pub(super) const ENDS: usize = 1;

/// One cell for both ends, and a ring of counts whose length is a power of two.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window<'a> {
    ends: &'a AtomicU64,
    counts: &'a [AtomicU64],
}

/// The indexes that a window has counts of. The bits of a window without any are zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ends {
    pub(super) low: i32,
    /// One after the highest.
    pub(super) end: i32,
}

impl Ends {
    #[inline]
    pub(super) fn of(cell: &AtomicU64) -> Self {
        Self::from_bits(cell.load(Ordering::Relaxed))
    }

    #[inline]
    fn from_bits(bits: u64) -> Self {
        Self { low: bits as i32, end: (bits >> 32) as i32 }
    }

    fn to_bits(self) -> u64 {
        u64::from(self.low as u32) | u64::from(self.end as u32) << 32
    }

    pub(super) fn is_empty(self) -> bool {
        self.low == self.end
    }

    /// How many indexes there are.
    #[inline]
    pub(super) fn len(self) -> usize {
        self.end.wrapping_sub(self.low) as u32 as usize
    }

    #[inline]
    pub(super) fn contain(self, index: i32) -> bool {
        (index.wrapping_sub(self.low) as u32) < self.len() as u32
    }

    /// These and `index`.
    pub(super) fn with(self, index: i32) -> Self {
        let of_index = Self { low: index, end: index + 1 };
        if self.is_empty() {
            return of_index;
        }
        Self { low: self.low.min(of_index.low), end: self.end.max(of_index.end) }
    }
}

impl<'a> Window<'a> {
    /// Looks at cells as a window; `None` when there are none.
    #[inline]
    pub(super) fn new(cells: &'a [AtomicU64]) -> Option<Self> {
        let (ends, counts) = cells.split_first()?;
        Some(Self { ends, counts })
    }

    #[inline]
    fn cell(&self, index: i32) -> &'a AtomicU64 {
        &self.counts[index as usize & (self.counts.len() - 1)]
    }

    #[inline]
    pub(super) fn ends(&self) -> Ends {
        Ends::of(self.ends)
    }

    pub(super) fn set_ends(&self, ends: Ends) {
        self.ends.store(ends.to_bits(), Ordering::Relaxed);
    }

    #[inline]
    pub(super) fn contains(&self, index: i32) -> bool {
        self.ends().contain(index)
    }

    /// Counts one more, at an index that it contains.
    #[inline]
    pub(super) fn count(&self, index: i32) {
        count_own(self.cell(index), 1);
    }

    /// Adds up neighbours, `2^by` of them.
    pub(super) fn coarsen(&self, by: i32) {
        let Ends { low, end } = self.ends();
        // A copy on the stack: old and new places overlap in the ring, and recording must not allocate.
        let mut moved = [0; MAX_SIZE];
        for (index, count) in (low..end).zip(&mut moved) {
            *count = self.cell(index).load(Ordering::Relaxed);
            self.cell(index).store(0, Ordering::Relaxed);
        }
        for (index, count) in (low..end).zip(moved) {
            count_own(self.cell(index >> by), count);
        }
        if low != end {
            self.set_ends(Ends { low: low >> by, end: ((end - 1) >> by) + 1 });
        }
    }

    /// The counts, into `buckets`. Ends and counts that do not belong together are read again by the caller; here they
    /// must only do no harm.
    pub(super) fn read(&self, buckets: &mut Buckets) {
        let ends = self.ends();
        let len = ends.len().min(self.counts.len());
        let index = |at: usize| ends.low.wrapping_add(at as i32);
        buckets.offset = ends.low;
        buckets.counts.clear();
        buckets.counts.extend((0..len).map(|at| self.cell(index(at)).load(Ordering::Relaxed)));
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn ends_keep_their_sign_and_know_what_lies_between() {
        let ends = Ends { low: -3, end: 2 };
        assert_eq!(Ends::from_bits(ends.to_bits()), ends);
        let contained: Vec<_> = (-5..5).filter(|index| ends.contain(*index)).collect();
        assert_eq!(contained, [-3, -2, -1, 0, 1]);
        assert!(!Ends::from_bits(0).contain(0) && Ends::from_bits(0).is_empty());
        assert_eq!(Ends::from_bits(0).with(-7), Ends { low: -7, end: -6 });
    }
}
