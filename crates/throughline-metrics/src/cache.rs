//! Each thread's memory of the series it recorded lately, and of the buffers it needs to find others.
//!
//! An entry is found by a fingerprint of the attributes in the order given, and believed only after they were compared
//! in full with the series' own. Called by `instrument/mod.rs` as the first half of stop 2; `series.rs` is the second.

use std::cell::RefCell;
use std::hash::Hasher;
use std::sync::Arc;

use foldhash::SharedSeed;
use foldhash::fast::FoldHasher;
use throughline_core::AttributeSet;
use throughline_core::attribute::{AttributeEncoder, Attributes, ValueRef, Visitor};

use crate::series::Series;
use crate::stream::Stream;

thread_local! {
    static CACHE: RefCell<Cache> = RefCell::new(Cache::default());
}

/// Calls `found` with the series of these attributes.
///
/// Does not allocate when the series exists, but for a thread's first calls, in which its cache grows. When the cache
/// is in use, because `Attributes::visit` or a log subscriber records in turn, or gone, because the thread is ending,
/// the series is looked up without it.
#[inline]
pub(crate) fn with_series<A, F>(stream: &Stream, attributes: &A, found: F)
where
    A: Attributes + ?Sized,
    F: FnOnce(&Arc<Series>),
{
    let mut found = Some(found);
    let _gone = CACHE.try_with(|cache| {
        if let Ok(mut cache) = cache.try_borrow_mut() {
            if let Some(found) = found.take() {
                cache.with_series(stream, attributes, found);
            }
        }
    });
    if let Some(found) = found {
        let mut encoder = AttributeEncoder::default();
        found(&stream.series.find_or_make(stream, encoder.encode(attributes, |key| stream.keys.keeps(key))));
    }
}

/// Entries to begin with.
const FIRST_SIZE: usize = 64;
/// Entries at most: with fewer than two thirds of this in series, nearly all are found; 320 KiB a thread.
const LARGEST_SIZE: usize = 8192;
/// A set of more attributes is looked up in the table each time.
const MOST_ATTRIBUTES: usize = 16;

#[derive(Default)]
struct Cache {
    /// A power of two of them; the fingerprint's low bits choose one.
    entries: Vec<Entry>,
    /// Entries that had to give way since the cache last grew.
    conflicts: usize,
    encoder: AttributeEncoder,
}

#[derive(Clone, Default)]
struct Entry {
    fingerprint: u64,
    /// The stream that `series` belongs to.
    stream: u64,
    /// For each attribute in the order given, its place in the series' sorted set.
    order: [u8; MOST_ATTRIBUTES],
    series: Option<Arc<Series>>,
}

impl Cache {
    #[inline]
    fn with_series<A: Attributes + ?Sized>(
        &mut self,
        stream: &Stream,
        attributes: &A,
        found: impl FnOnce(&Arc<Series>),
    ) {
        let fingerprint = fingerprint(stream, attributes);
        if !self.entries.is_empty() {
            let entry = &self.entries[fingerprint as usize & (self.entries.len() - 1)];
            if entry.fingerprint == fingerprint {
                if let Some(series) = &entry.series {
                    if entry.stream == stream.id.0
                        && series.is_active()
                        && is_same(&series.attributes, &entry.order, attributes)
                    {
                        return found(series);
                    }
                }
            }
        }
        self.miss(stream, attributes, fingerprint, found);
    }

    #[cold]
    #[inline(never)]
    fn miss<A: Attributes + ?Sized>(
        &mut self,
        stream: &Stream,
        attributes: &A,
        fingerprint: u64,
        found: impl FnOnce(&Arc<Series>),
    ) {
        let encoded = self.encoder.encode(attributes, |key| stream.keys.keeps(key));
        let series = stream.series.find_or_make(stream, encoded);
        found(&series);
        // What was filtered, given twice, or sent to the overflow series does not compare equal: not remembered.
        if encoded.given() > MOST_ATTRIBUTES || encoded.bytes() != series.attributes.as_bytes() {
            return;
        }
        let mut order = [0; MOST_ATTRIBUTES];
        let mut places = 0;
        for (place, given) in encoded.given_order().enumerate() {
            order[given] = place as u8;
            places += 1;
        }
        if places == encoded.given() {
            self.remember(Entry { fingerprint, stream: stream.id.0, order, series: Some(series) });
        }
    }

    fn remember(&mut self, entry: Entry) {
        if self.entries.is_empty() {
            self.entries.resize(FIRST_SIZE, Entry::default());
        }
        let mask = self.entries.len() - 1;
        let place = &mut self.entries[entry.fingerprint as usize & mask];
        let conflict = place.series.is_some() && place.fingerprint != entry.fingerprint;
        *place = entry;
        self.conflicts += usize::from(conflict);
        if self.conflicts > self.entries.len() / 2 && self.entries.len() < LARGEST_SIZE {
            self.grow();
        }
    }

    fn grow(&mut self) {
        self.conflicts = 0;
        let size = self.entries.len() * 2;
        let old = std::mem::replace(&mut self.entries, vec![Entry::default(); size]);
        for entry in old.into_iter().filter(|entry| entry.series.is_some()) {
            let place = entry.fingerprint as usize & (size - 1);
            self.entries[place] = entry;
        }
    }
}

/// A number that equal attributes of one stream, in the same order, have in common.
#[inline]
fn fingerprint<A: Attributes + ?Sized>(stream: &Stream, attributes: &A) -> u64 {
    let mut hash = Fingerprint(FoldHasher::with_seed(stream.id.0, SharedSeed::global_random()));
    attributes.visit(&mut hash);
    hash.0.finish()
}

struct Fingerprint(FoldHasher<'static>);

impl Visitor for Fingerprint {
    #[inline]
    fn attribute(&mut self, key: &str, value: ValueRef<'_>) {
        self.0.write(key.as_bytes());
        match value {
            ValueRef::Str(v) => self.0.write(v.as_bytes()),
            ValueRef::Bool(v) => self.0.write_u64(u64::from(v)),
            ValueRef::I64(v) => self.0.write_u64(v as u64),
            ValueRef::F64(v) => self.0.write_u64(v.to_bits()),
            ValueRef::Array(v) => v.for_each(|element| self.attribute("", element)),
        }
    }
}

/// Whether the attributes, in the order given, are exactly those of the set.
#[inline]
fn is_same<A: Attributes + ?Sized>(
    set: &AttributeSet,
    order: &[u8; MOST_ATTRIBUTES],
    attributes: &A,
) -> bool {
    let mut comparison = Comparison { set, order, given: 0, same: true };
    attributes.visit(&mut comparison);
    comparison.same && comparison.given == set.len()
}

struct Comparison<'a> {
    set: &'a AttributeSet,
    order: &'a [u8; MOST_ATTRIBUTES],
    given: usize,
    same: bool,
}

impl Visitor for Comparison<'_> {
    #[inline]
    fn attribute(&mut self, key: &str, value: ValueRef<'_>) {
        let place = self.order.get(self.given).copied().unwrap_or(u8::MAX);
        self.same = self.same && self.set.is_at(usize::from(place), key, value);
        self.given += 1;
    }
}
