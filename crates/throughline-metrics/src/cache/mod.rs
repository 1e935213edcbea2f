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

use throughline_core::attribute::{AttributeEncoder, Attributes, Encoded};

use crate::series::{self, Series};
use crate::stream::Stream;
use index::Index;
use key::{Key, Print, Sought, Words};
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
    if let Some(words) = Words::of(scope, attributes) {
        if !with_known(&words, |_| true, &found) {
            found(&look_up(stream, attributes, |_| Some(words.key())));
        }
        return;
    }
    let print = Print::of(scope, attributes);
    if !with_known(&print, |entry| entry.is_of(attributes), &found) {
        found(&look_up(stream, attributes, |encoded| Some(print.key(encoded.order()?))));
    }
}

/// Calls `found` with the series that is remembered by this key and `proof` accepts. Says whether there is one.
#[inline]
fn with_known(sought: &impl Sought, proof: impl Fn(&Entry) -> bool, found: impl Fn(&Series)) -> bool {
    let known = CACHE.try_with(|cache| {
        let Ok(cache) = cache.try_borrow() else { return false };
        let known = cache.find(sought).filter(|entry| entry.series.is_active() && proof(entry));
        known.map(|entry| found(&entry.series)).is_some()
    });
    known == Ok(true)
}

/// Asks the stream's table, and remembers the answer by this key.
#[cold]
#[inline(never)]
fn look_up<A: Attributes + ?Sized>(
    stream: &Stream,
    attributes: &A,
    key: impl FnOnce(Encoded<'_>) -> Option<Key>,
) -> Arc<Series> {
    let mut key = Some(key);
    let looked_up = CACHE.try_with(|cache| {
        let mut cache = cache.try_borrow_mut().ok()?;
        Some(cache.look_up(stream, attributes, key.take()?))
    });
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
    index: Index,
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
        Self { index: Index::new(), entries: Vec::new(), removals: 0, encoder: AttributeEncoder::new() }
    }

    /// The first entry with this key. Another one with the same fingerprint stays in its shadow: those are too rare for
    /// code that goes on to look for it.
    #[inline]
    fn find(&self, sought: &impl Sought) -> Option<&Entry> {
        let is = |place| self.entries.get(usize::from(place)).filter(|entry| entry.key.is(sought));
        self.index.find(sought.hash(), is)
    }

    fn look_up<A: Attributes + ?Sized>(
        &mut self,
        stream: &Stream,
        attributes: &A,
        key: impl FnOnce(Encoded<'_>) -> Option<Key>,
    ) -> Arc<Series> {
        let encoded = self.encoder.encode(attributes, |key| stream.keys.keeps(key));
        let series = stream.series.find_or_make(stream, encoded);
        // What went to the overflow series may have one of its own next time: not remembered. Neither is what does not
        // compare equal, because some of it was filtered or given twice: it has no key.
        if encoded.bytes() == series.attributes.as_bytes() {
            if let Some(key) = key(encoded) {
                self.remember(Entry { key, series: Arc::clone(&series) });
            }
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

    /// Puts the entry in the place of one that its hash chooses. With more sets than entries, in whatever order they
    /// come, some then stay; if the oldest gave way, all of them might, just before they are needed again.
    fn replace(&mut self, entry: Entry) -> u16 {
        let place = entry.key.hash() as usize % MOST_ENTRIES;
        let Self { index, entries, .. } = self;
        index.remove(place as u16, |place| entries[usize::from(place)].key.hash());
        entries[place] = entry;
        place as u16
    }
}
