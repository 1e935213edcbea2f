//! Finds the place of an entry by its hash: open addressing with so much room that the first look mostly hits.
//!
//! Used by the thread's cache (`mod.rs`), which holds the entries and says what their hashes are.

/// Places by hash.
#[derive(Debug)]
pub(super) struct Index {
    /// A power of two of them, at least twice as many as there are entries; none to begin with.
    slots: Vec<u16>,
    len: usize,
}

/// A slot without a place.
pub(super) const EMPTY: u16 = u16::MAX;
/// Slots to begin with: half a kibibyte.
const FIRST_SLOTS: usize = 256;

impl Index {
    pub(super) const fn new() -> Self {
        Self { slots: Vec::new(), len: 0 }
    }

    /// The first place with this hash that `is` accepts. It is asked about a few others, too, and about [`EMPTY`], which
    /// is no place.
    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "a dozen instructions, with the search for the next place apart"
    )]
    pub(super) fn find<T>(&self, hash: u64, is: impl Fn(u16) -> Option<T>) -> Option<T> {
        let mask = self.slots.len().wrapping_sub(1);
        let mut at = hash as usize & mask;
        loop {
            let place = *self.slots.get(at)?;
            if let Some(found) = is(place) {
                return Some(found);
            }
            if place == EMPTY {
                return None;
            }
            at = (at + 1) & mask;
        }
    }

    /// Adds a place, which must be less than [`u16::MAX`]. Allocates when the index is half full.
    pub(super) fn insert(&mut self, place: u16, hash_of: impl Fn(u16) -> u64) {
        if (self.len + 1) * 2 > self.slots.len() {
            let slots = vec![EMPTY; (self.slots.len() * 2).max(FIRST_SLOTS)];
            let before = std::mem::replace(&mut self.slots, slots);
            before
                .into_iter()
                .filter(|place| *place != EMPTY)
                .for_each(|place| self.put(place, hash_of(place)));
        }
        self.put(place, hash_of(place));
        self.len += 1;
    }

    fn put(&mut self, place: u16, hash: u64) {
        let mask = self.slots.len() - 1;
        let mut at = hash as usize & mask;
        while self.slots[at] != EMPTY {
            at = (at + 1) & mask;
        }
        self.slots[at] = place;
    }

    /// Removes a place that is there. Those behind it move up, so that no gap hides them.
    pub(super) fn remove(&mut self, place: u16, hash_of: impl Fn(u16) -> u64) {
        let mask = self.slots.len() - 1;
        let mut gap = hash_of(place) as usize & mask;
        while self.slots[gap] != place {
            gap = (gap + 1) & mask;
        }
        self.len -= 1;
        let mut at = gap;
        loop {
            at = (at + 1) & mask;
            if self.slots[at] == EMPTY {
                break;
            }
            // How far it is from where it belongs, and how far from the gap.
            let (home, from_gap) = (hash_of(self.slots[at]) as usize, at.wrapping_sub(gap) & mask);
            if at.wrapping_sub(home) & mask >= from_gap {
                self.slots[gap] = self.slots[at];
                gap = at;
            }
        }
        self.slots[gap] = EMPTY;
    }

    pub(super) fn clear(&mut self) {
        self.slots.fill(EMPTY);
        self.len = 0;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Hashes are few, so that runs of slots are long and wrap around.
        #[test]
        fn what_was_put_in_and_not_taken_out_is_found(
            hashes in prop::collection::vec(0..40_u64, 100),
            steps in prop::collection::vec((any::<bool>(), 0..100_u16), 0..400),
        ) {
            let hash_of = |place: u16| hashes[usize::from(place)];
            let (mut index, mut model) = (Index::new(), BTreeSet::new());
            for (add, place) in steps {
                if add && model.insert(place) {
                    index.insert(place, hash_of);
                } else if !add && model.remove(&place) {
                    index.remove(place, hash_of);
                }
                for place in 0..100 {
                    let found = index.find(hash_of(place), |found| (found == place).then_some(found));
                    prop_assert_eq!(found.is_some(), model.contains(&place));
                }
            }
        }
    }
}
