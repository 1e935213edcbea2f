//! Entries of one kind in a thread's cache: a set's key and its series.
//!
//! Used by the cache (`mod.rs`), which has a table of sets that are their own key and one of sets with a fingerprint.

use throughline_core::attribute::Attributes;
use triomphe::Arc;

use super::index::Index;
use super::key::Key;
use super::scope::Scope;
use crate::series::Series;

pub(super) struct Table {
    /// Finds the place of an entry.
    index: Index,
    pub(super) entries: Vec<Entry>,
    /// The state of a generator of numbers that look random.
    replaced: u64,
}

/// Entries at most: with their index just under 64 KiB, so that a hundred threads take some megabytes. Few threads fill
/// both tables.
pub(super) const MOST_ENTRIES: usize = 1200;
/// Entries to begin with.
const FIRST_ENTRIES: usize = 16;

/// Knuth's linear congruential generator: good enough to choose a victim.
const LCG: (u64, u64) = (6_364_136_223_846_793_005, 1_442_695_040_888_963_407);

pub(super) struct Entry {
    pub(super) key: Key,
    pub(super) series: Arc<Series>,
}

impl Entry {
    /// Whether these are its attributes, in its order.
    #[inline(never)]
    pub(super) fn is_of<A: Attributes + ?Sized>(&self, attributes: &A) -> bool {
        self.series.attributes.is_same(self.key.order(), attributes)
    }

    /// Whether the other one is for the same attributes, in the same order.
    fn is_replaced_by(&self, other: &Self) -> bool {
        self.key == other.key && self.series.attributes == other.series.attributes
    }
}

impl Table {
    pub(super) const fn new() -> Self {
        Self { index: Index::new(), entries: Vec::new(), replaced: 0 }
    }

    /// The entry of a set that is its own key. Not generic, so that there is one copy for all types.
    #[inline(never)]
    pub(super) fn find(&self, key: &Key) -> Option<&Entry> {
        self.index.find(key.hash_of_words(), |place| {
            self.entries.get(usize::from(place)).filter(|entry| entry.key.is(key) && entry.series.is_active())
        })
    }

    /// The entry with this fingerprint that `proof` accepts: the first one, but for a chance in many millions.
    #[inline]
    pub(super) fn find_proved(
        &self,
        scope: Scope,
        print: u64,
        proof: impl Fn(&Entry) -> bool,
    ) -> Option<&Entry> {
        let entry = self.find_print(scope.of_prints(), print)?;
        if proof(entry) { Some(entry) } else { self.find_behind(scope.of_prints(), print, proof) }
    }

    #[inline(never)]
    fn find_print(&self, scope: u64, print: u64) -> Option<&Entry> {
        self.index.find(print, |place| {
            let entry = self.entries.get(usize::from(place))?;
            (entry.key.is_print(scope, print) && entry.series.is_active()).then_some(entry)
        })
    }

    #[cold]
    #[inline(never)]
    fn find_behind(&self, scope: u64, print: u64, proof: impl Fn(&Entry) -> bool) -> Option<&Entry> {
        self.index.find(print, |place| {
            let entry = self.entries.get(usize::from(place))?;
            (entry.key.is_print(scope, print) && entry.series.is_active() && proof(entry)).then_some(entry)
        })
    }

    pub(super) fn remember(&mut self, entry: Entry) {
        let is_same = |place: u16| self.entries[usize::from(place)].is_replaced_by(&entry).then_some(place);
        if let Some(place) = self.index.find(entry.key.hash(), is_same) {
            self.entries[usize::from(place)] = entry;
            return;
        }
        let place = if self.entries.len() < MOST_ENTRIES { self.push(entry) } else { self.replace(entry) };
        let Self { index, entries, .. } = self;
        index.insert(place, |place| entries[usize::from(place)].key.hash());
    }

    /// Lets go of series that are no longer in a table.
    pub(super) fn forget_removed(&mut self) {
        let Self { index, entries, .. } = self;
        entries.retain(|entry| entry.series.is_active());
        index.clear();
        for place in 0..entries.len() {
            index.insert(place as u16, |place| entries[usize::from(place)].key.hash());
        }
    }

    fn push(&mut self, entry: Entry) -> u16 {
        if self.entries.len() == self.entries.capacity() {
            let more = self.entries.len().max(FIRST_ENTRIES).min(MOST_ENTRIES - self.entries.len());
            self.entries.reserve_exact(more);
        }
        self.entries.push(entry);
        (self.entries.len() - 1) as u16
    }

    /// Puts the entry in the place of another, chosen without a pattern. With more sets than entries, some then are
    /// found in whatever order they come; if the oldest gave way, all of them might, just before they are needed.
    fn replace(&mut self, entry: Entry) -> u16 {
        self.replaced = self.replaced.wrapping_mul(LCG.0).wrapping_add(LCG.1);
        let place = (self.replaced >> 33) as usize % MOST_ENTRIES;
        let Self { index, entries, .. } = self;
        index.remove(place as u16, |place| entries[usize::from(place)].key.hash());
        entries[place] = entry;
        place as u16
    }
}
