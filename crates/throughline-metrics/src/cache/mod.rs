//! Each thread's memory of the series it recorded lately, and of the buffers it needs to find others.
//!
//! An entry is found by a [`Key`] of the attributes in the order given. A fingerprint is believed only after the
//! attributes were compared in full with the series' own. Called by `instrument/mod.rs` as the first half of stop 2;
//! `series.rs` is the second.

mod key;
mod scope;

use std::cell::RefCell;
use std::sync::Arc;

use hashbrown::HashTable;
use throughline_core::attribute::{AttributeEncoder, Attributes};

use crate::series::{self, Series};
use crate::stream::Stream;
use key::Key;
pub(crate) use scope::{Scope, Scopes};

thread_local! {
    static CACHE: RefCell<Cache> = const { RefCell::new(Cache::new()) };
}

/// Calls `found` with the series of these attributes.
///
/// Does not allocate when the series exists, but for a thread's first calls, in which its cache grows. When the cache
/// is being written, because a log subscriber records in turn, or gone, because the thread is ending, the series is
/// looked up without it.
#[inline]
pub(crate) fn with_series<A: Attributes + ?Sized>(
    stream: &Stream,
    scope: Scope,
    attributes: &A,
    found: impl Fn(&Series),
) {
    let key = Key::of(scope, attributes);
    let known = CACHE.try_with(|cache| {
        let Ok(cache) = cache.try_borrow() else { return false };
        let Some(series) = cache.find(&key, attributes) else { return false };
        found(series);
        true
    });
    if known != Ok(true) {
        found(&look_up(stream, key, attributes));
    }
}

/// Asks the stream's table, and remembers the answer.
#[cold]
#[inline(never)]
fn look_up<A: Attributes + ?Sized>(stream: &Stream, key: Key, attributes: &A) -> Arc<Series> {
    let looked_up =
        CACHE.try_with(|cache| Some(cache.try_borrow_mut().ok()?.look_up(stream, key, attributes)));
    if let Ok(Some(series)) = looked_up {
        return series;
    }
    let mut encoder = AttributeEncoder::default();
    stream.series.find_or_make(stream, encoder.encode(attributes, |key| stream.keys.keeps(key)))
}

/// Entries at most: with their index just under 64 KiB a thread, so that a hundred threads take some megabytes.
const MOST_ENTRIES: usize = 1200;
/// Entries to begin with.
const FIRST_ENTRIES: usize = 16;

struct Cache {
    /// Finds the place of an entry.
    index: HashTable<u16>,
    entries: Vec<Entry>,
    /// How many series had been removed in the process when the cache last let go of such.
    removals: u64,
    encoder: AttributeEncoder,
}

struct Entry {
    key: Key,
    series: Arc<Series>,
}

impl Entry {
    #[inline]
    fn is<A: Attributes + ?Sized>(&self, key: &Key, attributes: &A) -> bool {
        let Self { key: own, series } = self;
        let is_proof = || !key.is_fingerprint() || series.attributes.is_same(own.order(), attributes);
        own.is(key) && series.is_active() && is_proof()
    }
}

impl Entry {
    /// Whether the other one is for the same attributes, in the same order.
    fn is_replaced_by(&self, other: &Self) -> bool {
        self.key.is(&other.key)
            && self.key.words == other.key.words
            && self.series.attributes == other.series.attributes
    }
}

impl Cache {
    const fn new() -> Self {
        Self { index: HashTable::new(), entries: Vec::new(), removals: 0, encoder: AttributeEncoder::new() }
    }

    #[inline]
    fn find<A: Attributes + ?Sized>(&self, key: &Key, attributes: &A) -> Option<&Series> {
        let entry = |place: &u16| self.entries.get(usize::from(*place));
        let is = |place: &u16| entry(place).is_some_and(|entry| entry.is(key, attributes));
        self.index.find(key.hash(), is).and_then(entry).map(|entry| &*entry.series)
    }

    fn look_up<A: Attributes + ?Sized>(&mut self, stream: &Stream, key: Key, attributes: &A) -> Arc<Series> {
        let encoded = self.encoder.encode(attributes, |key| stream.keys.keeps(key));
        let series = stream.series.find_or_make(stream, encoded);
        // What went to the overflow series may have one of its own next time: not remembered.
        if encoded.bytes() != series.attributes.as_bytes() {
            return series;
        }
        // What was filtered or given twice does not compare equal: not remembered either.
        let key =
            if key.is_fingerprint() { encoded.order().map(|order| key.with_order(order)) } else { Some(key) };
        if let Some(key) = key {
            self.remember(Entry { key, series: Arc::clone(&series) });
        }
        series
    }

    fn remember(&mut self, entry: Entry) {
        self.forget_removed();
        let hash = entry.key.hash();
        if let Some(place) =
            self.index.find(hash, |place| self.entries[usize::from(*place)].is_replaced_by(&entry))
        {
            self.entries[usize::from(*place)] = entry;
            return;
        }
        let place = if self.entries.len() < MOST_ENTRIES { self.push(entry) } else { self.replace(entry) };
        let Self { index, entries, .. } = self;
        index.insert_unique(hash, place, |place| entries[usize::from(*place)].key.hash());
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
        for (place, entry) in entries.iter().enumerate() {
            index.insert_unique(entry.key.hash(), place as u16, |place| {
                entries[usize::from(*place)].key.hash()
            });
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

    /// Puts the entry in the place of one that its hash chooses. With more sets than entries, in whatever order they
    /// come, some then stay; if the oldest gave way, all of them might, just before they are needed again.
    fn replace(&mut self, entry: Entry) -> u16 {
        let place = entry.key.hash() as usize % MOST_ENTRIES;
        let before = std::mem::replace(&mut self.entries[place], entry);
        if let Ok(found) = self.index.find_entry(before.key.hash(), |at| usize::from(*at) == place) {
            let _place = found.remove();
        }
        place as u16
    }
}
