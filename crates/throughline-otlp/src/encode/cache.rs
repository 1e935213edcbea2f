//! Bytes that are the same in every export, encoded once: a series' attributes, a stream's name, unit and description.
//!
//! Owned by the encoder, so that the engine knows nothing of OTLP. Points come in the same order in every collection,
//! so the entry wanted next is nearly always the one after the last: one comparison, no hashing. Series that are
//! gone are dropped when they are the greater part of the cache.

use std::collections::HashMap;
use std::hash::Hash;
use std::ops::Range;

use throughline_core::protobuf::Writer;

/// Encoded bytes by key.
#[derive(Debug)]
pub(super) struct EncodedCache<K> {
    /// In order of first use.
    entries: Vec<Entry<K>>,
    /// The bytes of all entries, one after the other.
    encoded: Writer,
    /// Where to look when the guess is wrong.
    places: HashMap<K, usize>,
    /// The guess: the place after the last one used.
    next: usize,
    /// Counts collections.
    round: u32,
    /// How many entries this round has used.
    used: usize,
}

#[derive(Debug)]
struct Entry<K> {
    key: K,
    bytes: Range<usize>,
    /// The round that used it last.
    round: u32,
}

/// So many unused entries are kept whatever the size: a small cache is not worth rebuilding.
const SPARE_ENTRIES: usize = 64;

impl<K: Copy + Eq + Hash> EncodedCache<K> {
    /// The bytes of this key; `encode` writes them when they are not known yet. Allocates only then.
    pub(super) fn bytes(&mut self, key: K, encode: impl FnOnce(&mut Writer)) -> &[u8] {
        let place = match self.find(key) {
            Some(place) => place,
            None => self.insert(key, encode),
        };
        self.next = place + 1;
        let entry = &mut self.entries[place];
        if entry.round != self.round {
            entry.round = self.round;
            self.used += 1;
        }
        &self.encoded.as_bytes()[entry.bytes.clone()]
    }

    fn find(&self, key: K) -> Option<usize> {
        match self.entries.get(self.next) {
            Some(entry) if entry.key == key => Some(self.next),
            _ => self.places.get(&key).copied(),
        }
    }

    #[cold]
    fn insert(&mut self, key: K, encode: impl FnOnce(&mut Writer)) -> usize {
        let start = self.encoded.as_bytes().len();
        encode(&mut self.encoded);
        let bytes = start..self.encoded.as_bytes().len();
        let place = self.entries.len();
        let round = self.round.wrapping_sub(1);
        self.entries.push(Entry { key, bytes, round });
        self.places.insert(key, place);
        place
    }

    /// Ends a collection: the next one starts at the first entry again, and entries may be dropped.
    pub(super) fn end_round(&mut self) {
        if self.entries.len() > 2 * self.used + SPARE_ENTRIES {
            self.keep_used();
        }
        self.next = 0;
        self.used = 0;
        self.round = self.round.wrapping_add(1);
    }

    fn keep_used(&mut self) {
        let old = std::mem::take(self);
        self.round = old.round;
        for entry in old.entries.iter().filter(|entry| entry.round == old.round) {
            self.insert(entry.key, |writer| {
                writer.raw(&old.encoded.as_bytes()[entry.bytes.clone()]);
            });
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }
}

impl<K> Default for EncodedCache<K> {
    fn default() -> Self {
        Self {
            entries: Vec::new(),
            encoded: Writer::default(),
            places: HashMap::new(),
            next: 0,
            round: 0,
            used: 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round(cache: &mut EncodedCache<u64>, keys: impl IntoIterator<Item = u64>) -> usize {
        let mut encoded = 0;
        for key in keys {
            let bytes = cache.bytes(key, |writer| {
                encoded += 1;
                writer.raw(&key.to_le_bytes());
            });
            assert_eq!(bytes, key.to_le_bytes());
        }
        cache.end_round();
        encoded
    }

    #[test]
    fn each_key_is_encoded_once_whatever_the_order() {
        let mut cache = EncodedCache::default();
        assert_eq!(round(&mut cache, 0..10), 10);
        assert_eq!(round(&mut cache, 0..10), 0);
        assert_eq!(round(&mut cache, [3, 5, 4, 9, 0, 20]), 1);
        assert_eq!(round(&mut cache, (0..10).rev()), 0);
    }

    #[test]
    fn keys_that_are_gone_leave_when_they_are_the_greater_part() {
        let mut cache = EncodedCache::default();
        round(&mut cache, 0..1000);
        round(&mut cache, 0..500);
        assert_eq!(cache.len(), 1000);
        assert_eq!(round(&mut cache, 100..200), 0);
        assert_eq!(cache.len(), 100);
        assert_eq!(round(&mut cache, 100..200), 0);
        assert_eq!(round(&mut cache, 0..100), 100);
    }
}
