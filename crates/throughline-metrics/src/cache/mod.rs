//! Each thread's memory of the series it recorded lately, and of the buffers it needs to find others.
//!
//! An entry is found by a [`Key`] of the attributes in the order given. A fingerprint is believed only after the
//! attributes were compared in full with the series' own. Called by `instrument/mod.rs` as the first half of stop 2;
//! `series.rs` is the second.

mod index;
mod key;
mod scope;
mod table;

use std::cell::RefCell;

use throughline_core::attribute::{AttributeEncoder, Attributes};
use triomphe::Arc;

use crate::series::{self, Series};
use crate::stream::Stream;
use key::{Key, fingerprint};
pub(crate) use scope::{Scope, Scopes};
use table::{Entry, Table};

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
        Some(key) => with_entry(|cache| cache.words.find(&key), found),
        None => {
            let print = fingerprint(scope, attributes);
            with_entry(|cache| cache.prints.find_proved(scope, print, |entry| entry.is_of(attributes)), found)
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

struct Cache {
    /// Sets that are their own key.
    words: Table,
    /// Sets with a fingerprint.
    prints: Table,
    /// How many series had been removed in the process when the cache last let go of such.
    removals: u64,
    encoder: AttributeEncoder,
}

impl Cache {
    const fn new() -> Self {
        Self { words: Table::new(), prints: Table::new(), removals: 0, encoder: AttributeEncoder::new() }
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
            self.forget_removed();
            let table = if key.has_print() { &mut self.prints } else { &mut self.words };
            table.remember(Entry { key, series: Arc::clone(&series) });
        }
        series
    }

    /// Lets go of series that expired or whose provider is gone, so that their cells can be used again.
    fn forget_removed(&mut self) {
        let removals = series::removals();
        if removals != self.removals {
            self.words.forget_removed();
            self.prints.forget_removed();
            self.removals = removals;
        }
    }
}

#[cfg(test)]
mod tests;
