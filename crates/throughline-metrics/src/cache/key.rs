//! What a thread's cache finds a set of attributes by.
//!
//! Made for each recording that looks its series up, and kept in the entry (`mod.rs`). There are two kinds. A set of a
//! few values that are numbers, booleans or literals *is* its key: a word for each value, a literal's address and
//! length in place of its text, and nothing else has to be compared. Any other set has a fingerprint, which must be
//! proved by comparing it in full.

use throughline_core::attribute::{ArrayRef, Attributes, Order, ValueRef, Visitor};

use super::Scope;

/// What an entry is found by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Key {
    /// The scope's number and, below it, the types of the values, or [`FINGERPRINT`].
    scope: u64,
    /// The values; or the fingerprint, and the order of the attributes.
    words: [u64; WORDS],
}

/// Values of a set that is its own key. Most have two to four attributes.
const WORDS: usize = 4;
/// Bits for the types of the values: four for each.
pub(super) const TYPES: u32 = 16;
/// In the place of types: the key is a fingerprint.
const FINGERPRINT: u64 = (1 << TYPES) - 1;

impl Key {
    /// The key of a set that is its own; `None` when it needs a fingerprint.
    #[inline]
    pub(super) fn of_words<A: Attributes + ?Sized>(scope: Scope, attributes: &A) -> Option<Self> {
        if !A::FIXED_KEYS {
            return None;
        }
        let mut words = Words { key: Self { scope: 0, words: [0; WORDS] }, given: 0, strange: 0 };
        attributes.visit(&mut words);
        words.key.scope |= scope.number;
        (words.strange == 0).then_some(words.key)
    }

    /// The key of a set with this fingerprint, whose attributes were given in this order.
    pub(super) fn of_print(scope: Scope, print: u64, order: Order) -> Self {
        Self { scope: scope.of_prints(), words: [print, order.to_bits(), 0, 0] }
    }

    /// The same key, compared without a branch for each word.
    #[inline]
    pub(super) fn is(&self, other: &Self) -> bool {
        let differs = |differs, (own, other): (&u64, &u64)| differs | (own ^ other);
        self.words.iter().zip(&other.words).fold(self.scope ^ other.scope, differs) == 0
    }

    /// Whether it is of a set with this fingerprint.
    #[inline]
    pub(super) fn is_print(&self, scope: u64, print: u64) -> bool {
        self.scope == scope && self.words[0] == print
    }

    /// The order of the attributes of a set with a fingerprint.
    #[inline]
    pub(super) fn order(&self) -> Order {
        Order::from_bits(self.words[1])
    }

    /// Whether it is a fingerprint.
    pub(super) fn has_print(&self) -> bool {
        self.scope & FINGERPRINT == FINGERPRINT
    }

    pub(super) fn hash(&self) -> u64 {
        if self.has_print() { self.words[0] } else { self.hash_of_words() }
    }

    /// The hash of a key that is no fingerprint.
    #[inline]
    pub(super) fn hash_of_words(&self) -> u64 {
        let [a, b, c, d] = self.words;
        let (first, second) = (MULTIPLIER.rotate_left(17), MULTIPLIER.rotate_left(31));
        fold(a ^ self.scope, b ^ MULTIPLIER) ^ fold(c ^ first, d ^ second)
    }
}

impl Scope {
    /// What the keys of sets with a fingerprint have in this scope.
    #[inline]
    pub(super) fn of_prints(self) -> u64 {
        self.number | FINGERPRINT
    }
}

/// Puts the values of a set in a word each.
struct Words {
    key: Key,
    given: usize,
    /// Not zero when a value does not fit in a word, or there are too many.
    strange: u64,
}

impl Words {
    #[inline]
    fn push(&mut self, of_type: u64, word: u64) {
        match self.key.words.get_mut(self.given) {
            Some(place) => *place = word,
            None => self.strange = 1,
        }
        self.given += 1;
        self.key.scope = self.key.scope << 4 | of_type;
    }
}

impl Visitor for Words {
    #[inline]
    fn attribute(&mut self, _key: &str, value: ValueRef<'_>) {
        match value {
            ValueRef::Bool(v) => self.push(1, u64::from(v)),
            ValueRef::I64(v) => self.push(2, v as u64),
            ValueRef::F64(v) => self.push(3, v.to_bits()),
            ValueRef::Str(_) | ValueRef::Array(_) => self.strange = 1,
        }
    }

    /// Addresses have 48 bits on the platforms there are; on others, or for a literal of 64 KiB, the text counts.
    #[inline]
    fn literal(&mut self, _key: &str, value: &'static str) {
        let (address, len) = (value.as_ptr().addr() as u64, value.len() as u64);
        self.strange |= address >> 48 | len >> 16;
        self.push(4, address << 16 | len);
    }
}

/// Bits of pi, half of them set.
const MULTIPLIER: u64 = 0x2437_54E9_9F6B_5A7D;

/// The two halves of a product, folded into one, as wyhash and foldhash do.
#[inline]
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    product as u64 ^ (product >> 64) as u64
}

/// A number that equal attributes, in the same order, have in common.
#[inline(never)]
pub(super) fn fingerprint<A: Attributes + ?Sized>(scope: Scope, attributes: &A) -> u64 {
    let other_seed = scope.seed.rotate_left(32) ^ MULTIPLIER;
    let mut print = Fingerprint { seed: scope.seed, other_seed, mixed: scope.number };
    attributes.visit(&mut print);
    print.mixed & PRINTED
}

/// What a set's fingerprint is mixed in. Of the keys, which hardly ever differ from one set to the next, only the lengths
/// count.
struct Fingerprint {
    seed: u64,
    other_seed: u64,
    mixed: u64,
}

impl Fingerprint {
    /// Products do not wait for each other, so that the processor works on several at once.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "four instructions")]
    fn mix(&mut self, a: u64, b: u64) {
        self.mixed = self.mixed.rotate_left(23) ^ fold(a ^ self.seed, b ^ self.other_seed);
    }

    /// Up to 32 bytes are read as pieces that overlap: cheaper than a loop, or the call of a function.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "with the key known, and in a row, most of it vanishes")]
    fn text(&mut self, bytes: &[u8], more: u64) {
        let len = bytes.len();
        let more = more << 32 ^ len as u64;
        if len >= 8 {
            if len > 16 {
                return self.long(bytes, more);
            }
            self.mix(word(bytes.first_chunk()), word(bytes.last_chunk()) ^ more);
        } else if len >= 4 {
            self.mix(half(bytes.first_chunk()) << 32 | half(bytes.last_chunk()), more);
        } else if len >= 2 {
            self.mix(quarter(bytes.first_chunk()) << 32 | quarter(bytes.last_chunk()), more);
        } else {
            self.mix(bytes.first().map_or(0, |byte| u64::from(*byte)), more);
        }
    }

    #[inline]
    fn long(&mut self, bytes: &[u8], more: u64) {
        if bytes.len() > 32 {
            self.mixed ^= middle(self.seed, bytes);
        }
        self.mix(word(bytes.first_chunk()), word(bytes.last_chunk()) ^ more);
        let inner = &bytes[8..bytes.len() - 8];
        self.mix(word(inner.first_chunk()), word(inner.last_chunk()));
    }

    /// Arrays are rare, so the code for them stands apart.
    #[inline(never)]
    fn array(&mut self, array: ArrayRef<'_>, more: u64) {
        let mut elements = 0;
        array.for_each(|element| {
            elements += 1;
            self.attribute("", element);
        });
        self.mix(elements, more);
    }
}

impl Visitor for Fingerprint {
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "with the key known, and in a row, most of it vanishes")]
    fn attribute(&mut self, key: &str, value: ValueRef<'_>) {
        let key = key.len() as u64;
        match value {
            ValueRef::Str(v) => self.text(v.as_bytes(), key),
            ValueRef::Bool(v) => self.mix(u64::from(v), key | 1 << 40),
            ValueRef::I64(v) => self.mix(v as u64, key | 2 << 40),
            ValueRef::F64(v) => self.mix(v.to_bits(), key | 3 << 40),
            ValueRef::Array(v) => self.array(v, key),
        }
    }
}

/// All but the last bytes of a long text, apart from the rest, so that that is small and stays in registers.
#[inline(never)]
fn middle(seed: u64, bytes: &[u8]) -> u64 {
    bytes.chunks_exact(8).fold(0, |mixed, chunk| fold(mixed ^ word(chunk.first_chunk()), seed))
}

#[inline]
fn word(chunk: Option<&[u8; 8]>) -> u64 {
    chunk.map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

#[inline]
fn half(chunk: Option<&[u8; 4]>) -> u64 {
    chunk.map_or(0, |bytes| u64::from(u32::from_le_bytes(*bytes)))
}

#[inline]
fn quarter(chunk: Option<&[u8; 2]>) -> u64 {
    chunk.map_or(0, |bytes| u64::from(u16::from_le_bytes(*bytes)))
}

/// The bits of a fingerprint that count. In unit tests there are so few of them that nearly all sets collide.
#[cfg(not(test))]
const PRINTED: u64 = u64::MAX;
#[cfg(test)]
const PRINTED: u64 = 3;
