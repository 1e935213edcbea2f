//! Each thread's memory of the series it recorded lately, and of the buffers it needs to find others.
//!
//! An entry is found by a [key](key) of the attributes in the order given. A fingerprint is believed only after the
//! attributes were compared in full with the series' own. Called by `instrument/mod.rs` as the first half of stop 2;
//! `series.rs` is the second.

mod index;
mod key;
mod scope;
mod table;

use std::cell::Cell;
use std::mem::ManuallyDrop;

use throughline_core::AttributeSet;
use throughline_core::attribute::{AttributeEncoder, Attributes, Order};
use triomphe::Arc;

use crate::series::{self, Series};
use crate::stream::Stream;
use key::{Made, Print, Words, fingerprint};
pub(crate) use scope::{Scope, Scopes};
use table::{Entry, Table};

thread_local! {
    /// Whoever uses the cache takes it, and brings it back: which costs no more than a borrow that is counted, and leaves
    /// nothing that the compiler would have to put in a closure.
    static CACHE: Cell<Option<Box<Cache>>> = const { Cell::new(None) };
    /// Whether the thread has a cache, here or taken.
    static MADE: Cell<bool> = const { Cell::new(false) };
}

/// The thread's cache, taken until it is dropped: for who calls code of the user's meanwhile, which may panic.
struct Taken(Option<Box<Cache>>);

impl Taken {
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "a load and a store")]
    fn new() -> Self {
        Self(take())
    }

    /// The same; makes the cache when there is none yet.
    fn or_made() -> Self {
        let taken = Self::new();
        if taken.0.is_none() && !MADE.replace(true) { Self(Some(Box::new(Cache::new()))) } else { taken }
    }
}

impl Drop for Taken {
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "a store")]
    fn drop(&mut self) {
        if let Some(cache) = self.0.take() {
            bring_back(cache);
        }
    }
}

#[inline(always)]
#[expect(clippy::inline_always, reason = "a load and a store")]
fn take() -> Option<Box<Cache>> {
    CACHE.try_with(Cell::take).unwrap_or(None)
}

/// There is only one, so nothing is in its place, and no code is needed to drop that. When the thread is ending, the cache has no
/// place, and goes.
#[inline(always)]
#[expect(clippy::inline_always, reason = "a store")]
fn bring_back(cache: Box<Cache>) {
    let _brought_back = CACHE.try_with(|place| ManuallyDrop::new(place.replace(Some(cache))));
}

/// The first slot of the series of these attributes, or one beyond all slabs, when the calling thread remembers it. Does
/// not lock or allocate.
#[inline(always)]
#[expect(
    clippy::inline_always,
    reason = "it has one caller for each type of attributes and kind of instrument"
)]
pub(crate) fn slot<A: Attributes + ?Sized>(scope: &Scope, attributes: &A) -> Option<usize> {
    match Words::of(scope, attributes) {
        Some(key) => {
            let cache = take()?;
            let found = cache.words.find(scope, key.hash, |entry| key.is(&entry.key));
            let slot = found.filter(|_| cache.is_current()).map(|entry| entry.slot as usize);
            bring_back(cache);
            slot
        }
        None => slot_of_print(scope, attributes),
    }
}

#[inline(never)]
fn slot_of_print<A: Attributes + ?Sized>(scope: &Scope, attributes: &A) -> Option<usize> {
    let print = fingerprint(scope, attributes);
    let taken = Taken::new();
    let cache = taken.0.as_deref().filter(|cache| cache.is_current())?;
    Some(cache.find_print(scope, print, attributes)?.slot as usize)
}

/// Calls `found` with the series of these attributes: as the calling thread remembers it, or as the stream's table says,
/// which the thread then remembers.
///
/// Does not allocate when the series exists, but for a thread's first calls, in which its cache grows; nor does it write what
/// other threads read. When the cache is being used, because a log subscriber records in turn, or gone, because the thread
/// is ending, the series is looked up without it.
pub(crate) fn with_series<A: Attributes + ?Sized>(
    stream: &Stream,
    scope: &Scope,
    attributes: &A,
    found: impl Fn(&Series),
) {
    let mut taken = Taken::or_made();
    let Some(cache) = taken.0.as_deref_mut() else {
        let mut encoder = AttributeEncoder::default();
        let encoded = encoder.encode(attributes, |key| stream.keys.keeps(key));
        return found(&stream.series.find_or_make(stream, encoded));
    };
    cache.forget_ended();
    if let Some(series) = cache.find(scope, attributes) {
        return found(series);
    }
    let series = cache.find_or_make(stream, scope, attributes);
    drop(taken);
    found(&series);
}

struct Cache {
    /// Sets that are their own key.
    words: Table<Words>,
    /// Sets with a fingerprint.
    prints: Table<Print>,
    /// How many series had ended in the process when the cache last let go of such.
    endings: u64,
    encoder: AttributeEncoder,
}

impl Cache {
    const fn new() -> Self {
        Self { words: Table::new(), prints: Table::new(), endings: 0, encoder: AttributeEncoder::new() }
    }

    /// Whether all series it remembers may be recorded in without asking the table.
    #[inline]
    fn is_current(&self) -> bool {
        self.endings == series::endings()
    }

    /// The entry of a set with this fingerprint.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "into its two callers")]
    fn find_print<A: Attributes + ?Sized>(
        &self,
        scope: &Scope,
        print: u64,
        attributes: &A,
    ) -> Option<&Entry<Print>> {
        let is = |entry: &Entry<Print>| {
            entry.key.print == print && is_same(&entry.series.attributes, entry.key.order, attributes)
        };
        self.prints.find(scope, print, is)
    }

    /// The series that is remembered.
    fn find<A: Attributes + ?Sized>(&self, scope: &Scope, attributes: &A) -> Option<&Series> {
        match Words::of(scope, attributes) {
            Some(key) => Some(&self.words.find(scope, key.hash, |entry| key.is(&entry.key))?.series),
            None => Some(&self.find_print(scope, fingerprint(scope, attributes), attributes)?.series),
        }
    }

    /// The series that the stream's table has, or makes; remembered from now on.
    fn find_or_make<A: Attributes + ?Sized>(
        &mut self,
        stream: &Stream,
        scope: &Scope,
        attributes: &A,
    ) -> Arc<Series> {
        let Self { words, prints, encoder, .. } = self;
        let encoded = encoder.encode(attributes, |key| stream.keys.keeps(key));
        let series = stream.series.find_or_make(stream, encoded);
        // What went to the overflow series is not remembered: it may have one of its own next time.
        if scope.number == Scope::NONE.number || encoded.bytes() != series.attributes.as_bytes() {
            return series;
        }
        if let Some(Made { key, .. }) = Words::of(scope, attributes) {
            words.remember(Entry::new(scope, key, Arc::clone(&series)));
        } else if let Some(order) = encoded.order() {
            // What was filtered or given twice has no order, since it would not compare equal: not remembered.
            let key = Print { print: fingerprint(scope, attributes), order };
            prints.remember(Entry::new(scope, key, Arc::clone(&series)));
        }
        series
    }

    /// Lets go of series that expired or whose provider is gone, so that their cells can be used again, and of those
    /// about to expire, so that the table is asked for them.
    fn forget_ended(&mut self) {
        let endings = series::endings();
        if endings != self.endings {
            self.words.forget_ended();
            self.prints.forget_ended();
            self.endings = endings;
        }
    }
}

/// Whether these are the attributes of the set.
#[inline(never)]
fn is_same<A: Attributes + ?Sized>(set: &AttributeSet, order: Order, attributes: &A) -> bool {
    set.is_same(order, attributes)
}

#[cfg(test)]
mod tests;
