//! What was made for a key, found again without a lock: series of requests, by what the requests have in common.
//!
//! Used by `place.rs`. Entries are only added. There are few of them in a program whose routes and hosts are its own; where
//! there are too many, the caller makes what it needs for one request, which is slower and just as right.

use std::sync::OnceLock;

/// A table with a fixed number of slots.
pub(crate) struct Table<V>(Box<[OnceLock<Box<V>>]>);

/// Slots that are looked at before the table counts as full.
const PROBES: usize = 8;

impl<V> Table<V> {
    /// A table of so many slots, or the next power of two.
    pub(crate) fn with_slots(slots: usize) -> Self {
        Self((0..slots.next_power_of_two()).map(|_| OnceLock::new()).collect())
    }

    /// The number of the entry that `is` accepts, if there is one.
    #[inline]
    pub(crate) fn find(&self, hash: u64, is: impl Fn(&V) -> bool) -> Option<usize> {
        for at in self.places(hash) {
            if is(self.get(at)?) {
                return Some(at);
            }
        }
        None
    }

    /// The same, made when there is none. `None` when there is no room near the place of this hash.
    #[inline]
    pub(crate) fn find_or_make(
        &self,
        hash: u64,
        is: impl Fn(&V) -> bool,
        make: impl Fn() -> V,
    ) -> Option<usize> {
        self.find(hash, &is).or_else(|| self.make(hash, is, make))
    }

    #[cold]
    fn make(&self, hash: u64, is: impl Fn(&V) -> bool, make: impl Fn() -> V) -> Option<usize> {
        for at in self.places(hash) {
            let slot = self.0.get(at)?;
            if slot.get().is_none() {
                // Made before the slot is asked for, so that nothing else runs inside of it. Who comes second looks at
                // what the first has put there.
                let _taken = slot.set(Box::new(make()));
            }
            if slot.get().is_some_and(|value| is(value)) {
                return Some(at);
            }
        }
        None
    }

    /// The entry of this number.
    #[inline]
    pub(crate) fn get(&self, at: usize) -> Option<&V> {
        self.0.get(at)?.get().map(|value| &**value)
    }

    #[inline]
    fn places(&self, hash: u64) -> impl Iterator<Item = usize> + use<V> {
        let slots = self.0.len();
        (0..PROBES.min(slots)).map(move |step| (hash as usize).wrapping_add(step) & (slots - 1))
    }
}

/// An empty one of the same length: what was made belongs to the settings that it was made with.
impl<V> Clone for Table<V> {
    fn clone(&self) -> Self {
        Self::with_slots(self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_made_is_found_and_a_full_table_makes_nothing() {
        let table = Table::with_slots(16);
        for value in 0..8 {
            assert_eq!(table.find(3, |known| *known == value), None);
            let at = table.find_or_make(3, |known| *known == value, || value);
            assert_eq!(at.and_then(|at| table.get(at)), Some(&value));
        }
        assert_eq!(table.find_or_make(3, |known| *known == 8, || 8), None, "no room near");
        assert_eq!(table.find_or_make(12, |known| *known == 8, || 8), Some(12), "there is room elsewhere");
        assert!(table.find(3, |known| *known == 7).is_some());
    }

    #[test]
    fn threads_that_make_the_same_share_it() {
        let table = Table::with_slots(64);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for value in 0..32_u64 {
                        table.find_or_make(value / 2 * 3, |known| *known == value, || value);
                    }
                });
            }
        });
        for value in 0..32 {
            let places = (0..64).filter(|at| table.get(*at) == Some(&value)).count();
            assert_eq!(places, 1, "{value}");
        }
    }
}
