//! Each thread's memory of the series it recorded lately, and of the buffers it needs to find others.
//!
//! An entry is found by a fingerprint of the attributes in the order given, and believed only after they were compared
//! in full with the series' own. Called by `instrument/mod.rs` as the first half of stop 2; `series.rs` is the second.

use std::cell::RefCell;
use std::sync::Arc;

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
    let mut fingerprint = Fingerprint(stream.id.0.wrapping_mul(MULTIPLIER));
    attributes.visit(&mut fingerprint);
    fingerprint.0
}

/// Mixes by folded multiplication, as wyhash and foldhash do, in few instructions for short texts. Whoever makes sets
/// with equal fingerprints gains that they are looked up in the table, which has a hash with a secret.
struct Fingerprint(u64);

/// Bits of pi, half of them set.
const MULTIPLIER: u64 = 0x2437_54E9_9F6B_5A7D;

impl Fingerprint {
    #[inline]
    fn mix(&mut self, a: u64, b: u64) {
        let product = u128::from(self.0 ^ a) * u128::from(b ^ MULTIPLIER);
        self.0 = product as u64 ^ (product >> 64) as u64;
    }

    #[inline]
    fn text(&mut self, text: &str) {
        let bytes = text.as_bytes();
        let length = bytes.len() as u64;
        if let (Some(first), Some(last)) = (bytes.first_chunk::<8>(), bytes.last_chunk::<8>()) {
            if bytes.len() > 16 {
                self.middle(bytes);
            }
            self.mix(u64::from_le_bytes(*first), u64::from_le_bytes(*last) ^ length);
        } else if let (Some(first), Some(last)) = (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
            let (first, last) = (u32::from_le_bytes(*first), u32::from_le_bytes(*last));
            self.mix(u64::from(first) << 32 | u64::from(last), length);
        } else {
            self.mix(bytes.iter().fold(0, |mixed, byte| mixed << 8 | u64::from(*byte)), length);
        }
    }

    #[inline(never)]
    fn middle(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks_exact(8) {
            self.mix(u64::from_le_bytes(chunk.try_into().expect("eight bytes")), 0);
        }
    }
}

impl Visitor for Fingerprint {
    #[inline]
    fn attribute(&mut self, key: &str, value: ValueRef<'_>) {
        self.text(key);
        match value {
            ValueRef::Str(v) => self.text(v),
            ValueRef::Bool(v) => self.mix(u64::from(v), 0),
            ValueRef::I64(v) => self.mix(v as u64, 1),
            ValueRef::F64(v) => self.mix(v.to_bits(), 2),
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
