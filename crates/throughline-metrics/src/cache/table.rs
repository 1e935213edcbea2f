//! Entries of one kind in a thread's cache: a set's key, its series, and where the cells of that are.
//!
//! Used by the cache (`mod.rs`), which has a table of sets that are their own key and one of sets with a fingerprint.

use triomphe::Arc;

use super::index::Index;
use super::key::Key;
use super::scope::Scope;
use crate::series::Series;

pub(super) struct Table<K> {
    /// Finds the place of an entry.
    index: Index,
    pub(super) entries: Vec<Entry<K>>,
    /// The state of a generator of numbers that look random.
    replaced: u64,
}

/// Entries at most: 72 KiB of sets that are their own key, 32 KiB of others, and 8 KiB of index each. So a hundred threads
/// take some megabytes. Few threads fill both tables.
pub(super) const MOST_ENTRIES: usize = 1024;
/// Entries to begin with.
const FIRST_ENTRIES: usize = 16;

/// Knuth's linear congruential generator: good enough to choose a victim.
const LCG: (u64, u64) = (6_364_136_223_846_793_005, 1_442_695_040_888_963_407);

pub(super) struct Entry<K> {
    /// The number of its scope.
    pub(super) scope: u32,
    /// The first slot of the series, or one beyond all slabs.
    pub(super) slot: u32,
    pub(super) key: K,
    pub(super) series: Arc<Series>,
}

impl<K: Key> Entry<K> {
    pub(super) fn new(scope: &Scope, key: K, series: Arc<Series>) -> Self {
        Self { scope: scope.number, slot: series.cells.first_slot(), key, series }
    }

    fn hash(&self) -> u64 {
        self.key.hash(&Scope::numbered(self.scope))
    }

    /// Whether the other one is for the same attributes, in the same order.
    fn is_replaced_by(&self, other: &Self) -> bool {
        self.scope == other.scope
            && self.key == other.key
            && self.series.attributes == other.series.attributes
    }
}

impl<K: Key> Table<K> {
    pub(super) const fn new() -> Self {
        Self { index: Index::new(), entries: Vec::new(), replaced: 0 }
    }

    /// The first entry of this scope, with this hash, that `is` accepts. It is asked about a few others, too.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "what is looked for stays in registers")]
    pub(super) fn find(&self, scope: &Scope, hash: u64, is: impl Fn(&Entry<K>) -> bool) -> Option<&Entry<K>> {
        let is = |entry: &&Entry<K>| entry.scope == scope.number && is(entry);
        self.index.find(hash, |place| self.entries.get(usize::from(place)).filter(is))
    }

    pub(super) fn remember(&mut self, entry: Entry<K>) {
        let is_same = |place: u16| {
            let known = self.entries.get(usize::from(place))?;
            known.is_replaced_by(&entry).then_some(place)
        };
        if let Some(place) = self.index.find(entry.hash(), is_same) {
            self.entries[usize::from(place)] = entry;
            return;
        }
        let place = if self.entries.len() < MOST_ENTRIES { self.push(entry) } else { self.replace(entry) };
        let Self { index, entries, .. } = self;
        index.insert(place, |place| entries[usize::from(place)].hash());
    }

    /// Lets go of series that are no longer in a table.
    pub(super) fn forget_ended(&mut self) {
        let Self { index, entries, .. } = self;
        entries.retain(|entry| entry.series.is_active());
        index.clear();
        for place in 0..entries.len() {
            index.insert(place as u16, |place| entries[usize::from(place)].hash());
        }
    }

    fn push(&mut self, entry: Entry<K>) -> u16 {
        if self.entries.len() == self.entries.capacity() {
            let more = self.entries.len().max(FIRST_ENTRIES).min(MOST_ENTRIES - self.entries.len());
            self.entries.reserve_exact(more);
        }
        self.entries.push(entry);
        (self.entries.len() - 1) as u16
    }

    /// Puts the entry in the place of another, chosen without a pattern. With more sets than entries, some then are
    /// found in whatever order they come; if the oldest gave way, all of them might, just before they are needed.
    fn replace(&mut self, entry: Entry<K>) -> u16 {
        self.replaced = self.replaced.wrapping_mul(LCG.0).wrapping_add(LCG.1);
        let place = (self.replaced >> 33) as usize % MOST_ENTRIES;
        let Self { index, entries, .. } = self;
        index.remove(place as u16, |place| entries[usize::from(place)].hash());
        entries[place] = entry;
        place as u16
    }
}
