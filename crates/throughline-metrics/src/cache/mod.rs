//! Each thread's memory of the series it recorded lately, and of the buffers it needs to find others.
//!
//! An entry is found by a [`Key`] of the attributes in the order given. A fingerprint is believed only after the
//! attributes were compared in full with the series' own. Called by `instrument/mod.rs` as the first half of stop 2;
//! `series.rs` is the second.

mod index;
mod key;
mod scope;

use std::cell::RefCell;
use std::sync::Arc;

use throughline_core::attribute::{AttributeEncoder, Attributes};

use crate::series::{self, Series};
use crate::stream::Stream;
use index::Index;
use key::{Key, fingerprint};
pub(crate) use scope::{Scope, Scopes};

thread_local! {
    static CACHE: RefCell<Cache> = const { RefCell::new(Cache::new()) };
}

/// Calls `found` with the series of these attributes.
///
/// Does not allocate when the series exists, but for a thread's first calls, in which its cache grows. When the cache
/// is being written, because a log subscriber records in turn, or gone, because the thread is ending, the series is
/// looked up without it.
#[inline(always)]
#[expect(clippy::inline_always, reason = "it has one caller for each type of attributes")]
pub(crate) fn with_series<A: Attributes + ?Sized>(
    stream: &Stream,
    scope: Scope,
    attributes: &A,
    found: impl Fn(&Series) + Copy,
) {
    let is_known = match Key::of_words(scope, attributes) {
        Some(key) => with_entry(|cache| cache.find(&key), found),
        None => {
            let print = fingerprint(scope, attributes);
            with_entry(|cache| cache.find_proved(scope, print, |entry| entry.is_of(attributes)), found)
        }
    };
    if !is_known {
        look_up(stream, scope, attributes, found);
    }
}

/// Calls `found` with the series of the entry that `find` finds. Says whether there is one.
#[inline]
fn with_entry(find: impl FnOnce(&Cache) -> Option<&Entry>, found: impl Fn(&Series)) -> bool {
    let known = CACHE.try_with(|cache| {
        let Ok(cache) = cache.try_borrow() else { return false };
        let Some(entry) = find(&cache) else { return false };
        found(&entry.series);
        true
    });
    known == Ok(true)
}

/// Calls `found` with what the stream's table says, and remembers it.
#[cold]
#[inline(never)]
fn look_up<A: Attributes + ?Sized>(stream: &Stream, scope: Scope, attributes: &A, found: impl Fn(&Series)) {
    let looked_up =
        CACHE.try_with(|cache| Some(cache.try_borrow_mut().ok()?.look_up(stream, scope, attributes)));
    if let Ok(Some(series)) = looked_up {
        return found(&series);
    }
    let mut encoder = AttributeEncoder::default();
    found(&stream.series.find_or_make(stream, encoder.encode(attributes, |key| stream.keys.keeps(key))));
}

/// Entries at most: with their index just under 64 KiB a thread, so that a hundred threads take some megabytes.
const MOST_ENTRIES: usize = 1200;
/// Entries to begin with.
const FIRST_ENTRIES: usize = 16;

/// Knuth's linear congruential generator: good enough to choose a victim.
const LCG: (u64, u64) = (6_364_136_223_846_793_005, 1_442_695_040_888_963_407);

struct Cache {
    /// Finds the place of an entry.
    index: Index,
    entries: Vec<Entry>,
    /// How many series had been removed in the process when the cache last let go of such.
    removals: u64,
    /// The state of a generator of numbers that look random.
    replaced: u64,
    encoder: AttributeEncoder,
}

struct Entry {
    key: Key,
    series: Arc<Series>,
}

impl Entry {
    /// Whether these are its attributes, in its order.
    #[inline(never)]
    fn is_of<A: Attributes + ?Sized>(&self, attributes: &A) -> bool {
        self.series.attributes.is_same(self.key.order(), attributes)
    }

    /// Whether the other one is for the same attributes, in the same order.
    fn is_replaced_by(&self, other: &Self) -> bool {
        self.key == other.key && self.series.attributes == other.series.attributes
    }
}

impl Cache {
    const fn new() -> Self {
        Self {
            index: Index::new(),
            entries: Vec::new(),
            removals: 0,
            replaced: 0,
            encoder: AttributeEncoder::new(),
        }
    }

    /// The entry of a set that is its own key. Not generic, so that there is one copy for all types.
    #[inline(never)]
    fn find(&self, key: &Key) -> Option<&Entry> {
        self.index.find(key.hash_of_words(), |place| {
            self.entries.get(usize::from(place)).filter(|entry| entry.key.is(key) && entry.series.is_active())
        })
    }

    /// The entry with this fingerprint that `proof` accepts: the first one, but for a chance in many millions.
    #[inline]
    fn find_proved(&self, scope: Scope, print: u64, proof: impl Fn(&Entry) -> bool) -> Option<&Entry> {
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

    fn look_up<A: Attributes + ?Sized>(
        &mut self,
        stream: &Stream,
        scope: Scope,
        attributes: &A,
    ) -> Arc<Series> {
        let key = Key::of_words(scope, attributes);
        let encoded = self.encoder.encode(attributes, |key| stream.keys.keeps(key));
        let series = stream.series.find_or_make(stream, encoded);
        // What was filtered or given twice has no order, since it would not compare equal: not remembered.
        let key = key.or_else(|| {
            let print = fingerprint(scope, attributes);
            encoded.order().map(|order| Key::of_print(scope, print, order))
        });
        // Nor is what went to the overflow series: it may have one of its own next time.
        let is_own = encoded.bytes() == series.attributes.as_bytes();
        if let Some(key) = key.filter(|_| is_own) {
            self.remember(Entry { key, series: Arc::clone(&series) });
        }
        series
    }

    fn remember(&mut self, entry: Entry) {
        self.forget_removed();
        let is_same = |place: u16| self.entries[usize::from(place)].is_replaced_by(&entry).then_some(place);
        if let Some(place) = self.index.find(entry.key.hash(), is_same) {
            self.entries[usize::from(place)] = entry;
            return;
        }
        let place = if self.entries.len() < MOST_ENTRIES { self.push(entry) } else { self.replace(entry) };
        let Self { index, entries, .. } = self;
        index.insert(place, |place| entries[usize::from(place)].key.hash());
    }

    /// Lets go of series that expired or whose provider is gone, so that their cells can be used again.
    fn forget_removed(&mut self) {
        let removals = series::removals();
        if removals == self.removals {
            return;
        }
        let Self { index, entries, .. } = self;
        entries.retain(|entry| entry.series.is_active());
        index.clear();
        for place in 0..entries.len() {
            index.insert(place as u16, |place| entries[usize::from(place)].key.hash());
        }
        self.removals = removals;
    }

    fn push(&mut self, entry: Entry) -> u16 {
        if self.entries.len() == self.entries.capacity() {
            let more = self.entries.len().clamp(FIRST_ENTRIES, MOST_ENTRIES - self.entries.len());
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

#[cfg(test)]
mod tests;
