//! The numbers of slots: which are taken, and which can be had again.
//!
//! There are two regions. Slots below [`OWN`] can have a cell in the slab of every thread, as well as the one that all
//! threads share; those above have only the latter. Called by `arena.rs` under its lock.

use std::collections::BTreeMap;

use super::common::{CHUNK, SLOTS};

/// Slots that can have a cell in each thread's slab: 2 MiB of a thread's memory, if all are taken and it writes all.
#[cfg(not(loom))]
pub(crate) const OWN: u32 = 1 << 18;
#[cfg(loom)]
pub(crate) const OWN: u32 = 8;

/// A run of slots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Slots {
    pub(crate) start: u32,
    pub(crate) len: u32,
}

impl Slots {
    pub(crate) fn range(self) -> std::ops::Range<usize> {
        self.start as usize..self.end()
    }

    pub(crate) fn end(self) -> usize {
        self.start as usize + self.len as usize
    }
}

/// Where the writes to a run of slots should go, if there are enough slots of that sort.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sharing {
    /// To cells of each thread's own.
    Own,
    /// To cells that all threads share.
    Common,
}

/// Which slots are taken.
#[derive(Debug)]
pub(crate) struct Numbers {
    own: Region,
    common: Region,
}

impl Numbers {
    pub(crate) const fn new() -> Self {
        Self { own: Region::new(0, OWN), common: Region::new(OWN, SLOTS) }
    }

    /// Takes `len` consecutive slots. Runs that fit in a chunk of common cells do not straddle two.
    pub(crate) fn take(&mut self, len: u32, sharing: Sharing) -> Slots {
        let own = if sharing == Sharing::Own { self.own.take(len) } else { None };
        let start = own.or_else(|| self.common.take(len));
        // Nobody can hold that many series: their cells alone would be 16 GiB.
        Slots { start: start.expect("a process has fewer than 2^31 cells"), len }
    }

    pub(crate) fn give_back(&mut self, slots: Slots) {
        let region = if slots.start < OWN { &mut self.own } else { &mut self.common };
        region.give_back(slots.start, slots.len);
    }
}

#[derive(Debug)]
struct Region {
    /// The first slot never handed out.
    next: u32,
    end: u32,
    /// Where runs start that were given back, by their length.
    free: BTreeMap<u32, Vec<u32>>,
}

impl Region {
    const fn new(next: u32, end: u32) -> Self {
        Self { next, end, free: BTreeMap::new() }
    }

    fn take(&mut self, len: u32) -> Option<u32> {
        self.take_free(len).or_else(|| self.take_next(len)).or_else(|| self.split(len))
    }

    fn take_free(&mut self, len: u32) -> Option<u32> {
        let starts = self.free.get_mut(&len)?;
        let start = starts.pop();
        if starts.is_empty() {
            self.free.remove(&len);
        }
        start
    }

    fn take_next(&mut self, len: u32) -> Option<u32> {
        let left_in_chunk = CHUNK - self.next % CHUNK;
        let skipped = if len <= CHUNK && len > left_in_chunk { left_in_chunk } else { 0 };
        let end = self.next.checked_add(skipped)?.checked_add(len).filter(|end| *end <= self.end)?;
        self.give_back(self.next, skipped);
        self.next = end;
        Some(end - len)
    }

    /// When there are no new ones any more, takes the first of a longer run.
    fn split(&mut self, len: u32) -> Option<u32> {
        // A run that is no longer than a chunk lies in one, and so do its parts. Nothing longer is cut.
        let (&longer, _) = self.free.range(len.min(CHUNK)..=CHUNK).find(|(longer, _)| **longer > len)?;
        let start = self.take_free(longer)?;
        self.give_back(start + len, longer - len);
        Some(start)
    }

    fn give_back(&mut self, start: u32, len: u32) {
        if len > 0 {
            self.free.entry(len).or_default().push(start);
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Whatever is taken and given back: no two runs overlap, and none that fits in a chunk straddles two.
        #[test]
        fn runs_do_not_overlap(steps in prop::collection::vec((1_u32..600, any::<bool>(), any::<prop::sample::Index>()), 1..400)) {
            let mut numbers = Numbers { own: Region::new(0, 3 * CHUNK), common: Region::new(OWN, SLOTS) };
            let mut taken: Vec<Slots> = Vec::new();
            for (len, give_back, which) in steps {
                if give_back && !taken.is_empty() {
                    numbers.give_back(taken.swap_remove(which.index(taken.len())));
                    continue;
                }
                let new = numbers.take(len, Sharing::Own);
                prop_assert_eq!(new.len, len);
                prop_assert_eq!(new.start / CHUNK, (new.end() as u32 - 1) / CHUNK);
                let apart = |old: &Slots| old.end() <= new.start as usize || new.end() <= old.start as usize;
                prop_assert!(taken.iter().all(apart), "{new:?} in {taken:?}");
                taken.push(new);
            }
        }
    }

    #[test]
    fn a_region_that_is_full_takes_from_longer_runs_that_were_given_back() {
        let mut numbers = Numbers { own: Region::new(0, 8), common: Region::new(OWN, SLOTS) };
        let run = numbers.take(8, Sharing::Own);
        assert_eq!(numbers.take(1, Sharing::Own).start, OWN, "beyond the region they are common");
        numbers.give_back(run);
        let starts: Vec<_> = (0..3).map(|_| numbers.take(3, Sharing::Own).start).collect();
        assert_eq!(starts, [0, 3, OWN + 1]);
    }

    #[test]
    fn a_full_region_has_no_longer_run_than_a_chunk() {
        let mut numbers = Numbers { own: Region::new(0, CHUNK), common: Region::new(OWN, SLOTS) };
        let whole = numbers.take(CHUNK, Sharing::Own);
        for len in [CHUNK, CHUNK + 1] {
            assert!(numbers.take(len, Sharing::Own).start >= OWN, "{len}");
        }
        numbers.give_back(whole);
        assert_eq!(numbers.take(CHUNK, Sharing::Own), whole);
    }

    #[test]
    fn a_run_longer_than_a_chunk_is_found_too() {
        let mut numbers = Numbers::new();
        let long = numbers.take(3 * CHUNK + 1, Sharing::Own);
        numbers.give_back(long);
        assert_eq!(numbers.take(3 * CHUNK + 1, Sharing::Own), long);
    }
}
