//! What a thread's cache finds a set of attributes by.
//!
//! Made for each recording that looks its series up, and kept in the entry (`table.rs`). There are two kinds. A set of a
//! few values that are numbers, booleans, short texts or literals *is* its key ([`Words`]): their bytes in a row of words,
//! or, in place of a literal's text, its address and length; nothing else has to be compared. Any other set has a
//! [`fingerprint`], which must be proved by comparing it in full.

use throughline_core::attribute::{ArrayRef, Attributes, Order, ValueRef, Visitor};

use super::Scope;

/// What an entry is found by, within a scope.
pub(super) trait Key: Eq {
    /// The hash it is found by.
    fn hash(&self, scope: &Scope) -> u64;
}

/// A set that is its own key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Words {
    /// For each value, the last one lowest, its type and how long its text is: what the words mean.
    shape: u64,
    /// The values in a row; what is left over is zero.
    words: [u64; WORDS],
}

/// Words of a set that is its own key: three attributes, one of them a text of up to 32 bytes, or six short ones.
const WORDS: usize = 6;

/// Bits of a shape for each value. There are no more values than words.
const SHAPE_BITS: u32 = 8;
const BOOL: u64 = 1;
const I64: u64 = 2;
const F64: u64 = 3;
const LITERAL: u64 = 4;
const ABSENT: u64 = 5;
/// With the length of a text.
const TEXT: u64 = 1 << 6;

/// A set that is its own key, ready to be looked for.
pub(super) struct Made {
    pub(super) key: Words,
    pub(super) hash: u64,
    /// Whether words beyond the first four can be other than zero, as far as the types tell.
    is_long: bool,
}

impl Made {
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "one comparison for each word that is not known to be zero")]
    pub(super) fn is(&self, known: &Words) -> bool {
        let ([first, second, third], known_pairs) = (self.key.pairs(), known.pairs());
        // The shape says how many words there are: where it is the same, what is not compared is zero in both.
        known.shape == self.key.shape
            && known_pairs[0] == first
            && known_pairs[1] == second
            && (!self.is_long || known_pairs[2] == third)
    }
}

impl Words {
    /// The key of a set that is its own; `None` when it needs a fingerprint.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "most of it vanishes when the types of the values are known")]
    pub(super) fn of<A: Attributes + ?Sized>(scope: &Scope, attributes: &A) -> Option<Made> {
        if !A::FIXED_KEYS {
            return None;
        }
        let mut row = Row { shape: 0, words: [0; WORDS], given: 0, has_text: false, strange: 0 };
        attributes.visit(&mut row);
        let Row { shape, words, given, has_text, strange } = row;
        let (key, is_long) = (Self { shape, words }, has_text || given > 4);
        (strange == 0).then(|| Made { key, hash: key.mixed(scope, is_long), is_long })
    }

    /// The hash. Sets of a shape without texts and with few words can do without looking at all words.
    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "some thirty instructions, fewer when words are known to be zero"
    )]
    fn mixed(&self, scope: &Scope, is_long: bool) -> u64 {
        let [first, second, third] = self.pairs();
        let Scope { seed, other_seed: other, .. } = *scope;
        // Products do not wait for each other, so that the processor works on several at once.
        let mixed = fold(first[0] ^ seed, first[1] ^ self.shape ^ other).rotate_left(23)
            ^ fold(second[0] ^ other, second[1] ^ seed);
        if is_long { mixed.rotate_left(23) ^ fold(third[0] ^ seed, third[1] ^ other) } else { mixed }
    }

    #[inline(always)]
    #[expect(clippy::inline_always, reason = "no instruction at all")]
    fn pairs(&self) -> [[u64; 2]; WORDS / 2] {
        let words = &self.words;
        [[words[0], words[1]], [words[2], words[3]], [words[4], words[5]]]
    }
}

impl Key for Words {
    fn hash(&self, scope: &Scope) -> u64 {
        let types = self.shape.to_le_bytes();
        let given = types.iter().filter(|r#type| **r#type != 0).count();
        self.mixed(scope, given > 4 || types.iter().any(|r#type| u64::from(*r#type) & TEXT != 0))
    }
}

/// Puts the values of a set in a row of words.
struct Row {
    shape: u64,
    words: [u64; WORDS],
    /// How many words there are.
    given: usize,
    has_text: bool,
    /// Not zero when a value does not fit in words, or there are too many.
    strange: u64,
}

impl Row {
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "a store, when the place is known")]
    fn push(&mut self, word: u64) {
        match self.words.get_mut(self.given) {
            Some(place) => *place = word,
            None => self.strange = 1,
        }
        self.given += 1;
    }

    #[inline(always)]
    #[expect(clippy::inline_always, reason = "a constant, when the types are known")]
    fn note(&mut self, r#type: u64) {
        self.shape = self.shape << SHAPE_BITS | r#type;
    }

    /// Pieces overlap: with the length, they say what each byte is.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "so that the row stays in registers")]
    fn text(&mut self, bytes: &[u8]) {
        let len = bytes.len();
        self.has_text = true;
        self.note(TEXT | len as u64);
        if len > 8 {
            self.long(bytes);
        } else if len >= 4 {
            self.push(half(bytes.first_chunk()) << 32 | half(bytes.last_chunk()));
        } else {
            self.push(few(bytes));
        }
    }

    #[inline(always)]
    #[expect(clippy::inline_always, reason = "so that the row stays in registers")]
    fn long(&mut self, bytes: &[u8]) {
        for chunk in bytes[..bytes.len() - 1].chunks_exact(8) {
            self.push(word(chunk.first_chunk()));
        }
        self.push(word(bytes.last_chunk()));
    }
}

impl Visitor for Row {
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "so that the row stays in registers")]
    fn attribute(&mut self, _key: &str, value: ValueRef<'_>) {
        match value {
            ValueRef::Str(v) => self.text(v.as_bytes()),
            ValueRef::Bool(v) => {
                self.note(BOOL);
                self.push(u64::from(v));
            }
            ValueRef::I64(v) => {
                self.note(I64);
                self.push(v as u64);
            }
            ValueRef::F64(v) => {
                self.note(F64);
                self.push(v.to_bits());
            }
            ValueRef::Array(_) => self.strange = 1,
        }
    }

    /// Addresses have 48 bits on the platforms there are; on others, or for a literal of 64 KiB, the text counts.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "so that the row stays in registers")]
    fn literal(&mut self, _key: &str, value: &'static str) {
        let (address, len) = (value.as_ptr().addr() as u64, value.len() as u64);
        self.strange |= address >> 48 | len >> 16;
        self.note(LITERAL);
        self.push(address << 16 | len);
    }

    #[inline(always)]
    #[expect(clippy::inline_always, reason = "so that the row stays in registers")]
    fn absent(&mut self, _key: &str) {
        self.note(ABSENT);
        self.push(0);
    }
}

/// A set with a fingerprint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Print {
    pub(super) print: u64,
    /// In which its attributes were given.
    pub(super) order: Order,
}

impl Key for Print {
    fn hash(&self, _scope: &Scope) -> u64 {
        self.print
    }
}

/// The two halves of a product, folded into one, as wyhash and foldhash do.
#[inline(always)]
#[expect(clippy::inline_always, reason = "two instructions")]
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    product as u64 ^ (product >> 64) as u64
}

/// A number that equal attributes, in the same order, have in common.
#[inline(never)]
pub(super) fn fingerprint<A: Attributes + ?Sized>(scope: &Scope, attributes: &A) -> u64 {
    let Scope { seed, other_seed, .. } = *scope;
    let mut print = Fingerprint { seed, other_seed, mixed: seed };
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
        } else {
            self.mix(few(bytes), more);
        }
    }

    #[inline(always)]
    #[expect(clippy::inline_always, reason = "so that what is mixed stays in registers")]
    fn long(&mut self, bytes: &[u8], more: u64) {
        if bytes.len() > 32 {
            self.mixed ^= middle(self.seed, bytes);
        }
        self.mix(word(bytes.first_chunk()), word(bytes.last_chunk()) ^ more);
        let inner = &bytes[8..bytes.len() - 8];
        self.mix(word(inner.first_chunk()), word(inner.last_chunk()));
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
            ValueRef::Array(v) => self.mix(array(self.seed, self.other_seed, v), key | 4 << 40),
        }
    }
}

/// Arrays are rare, so the code for them stands apart.
#[inline(never)]
fn array(seed: u64, other_seed: u64, array: ArrayRef<'_>) -> u64 {
    let mut print = Fingerprint { seed, other_seed, mixed: seed };
    array.for_each(|element| print.attribute("", element));
    print.mixed
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

/// Up to three bytes, without asking which: the first, the middle and the last one.
#[inline]
fn few(bytes: &[u8]) -> u64 {
    match (bytes.first(), bytes.get(bytes.len() / 2), bytes.last()) {
        (Some(first), Some(middle), Some(last)) => {
            u64::from(*first) << 16 | u64::from(*middle) << 8 | u64::from(*last)
        }
        _ => 0,
    }
}

/// The bits of a fingerprint that count. In unit tests there are so few of them that nearly all sets collide.
#[cfg(not(test))]
const PRINTED: u64 = u64::MAX;
#[cfg(test)]
const PRINTED: u64 = 3;
