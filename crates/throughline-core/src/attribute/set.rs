//! [`AttributeSet`] and the bytes it is made of.
//!
//! ```text
//! set   = start:u32 × (count + 1)  pair × count     (each pair's start, then the end; all little endian)
//! pair  = key_len:u32  tag:u8  key  payload
//! ```
//! Pairs are sorted by key and each key stands once, so equality, order and hash of two sets are those of their
//! bytes. Starts count from the first byte, so the first one says how many there are, and the n-th attribute is found
//! without walking the ones before (`compare.rs`).

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, OnceLock};

use opentelemetry::KeyValue;

use super::{ArrayRef, AttributeEncoder, Attributes, Elements, ValueRef, Visitor};
use crate::definition::AttributeDef;

/// An immutable set of attributes: sorted by key, each key once, cheap to clone.
///
/// Order and duplicates in what it was made from do not matter; of equal keys the last one wins. Cloning costs one
/// atomic increment; reading decodes in place.
///
/// ```
/// use throughline_core::{AttributeSet, KeyValue};
///
/// let a = AttributeSet::new(&[KeyValue::new("method", "GET"), KeyValue::new("status", 200)][..]);
/// let b = AttributeSet::new(&[KeyValue::new("status", 200), KeyValue::new("method", "GET")][..]);
/// assert_eq!(a, b);
/// assert_eq!(a.to_string(), "{method=GET, status=200}");
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct AttributeSet(Arc<[u8]>);

const WORD: usize = size_of::<u32>();

impl AttributeSet {
    /// Makes the set of these attributes. Allocates.
    pub fn new<A: Attributes + ?Sized>(attributes: &A) -> Self {
        AttributeEncoder::default().encode(attributes, |_| true).to_set()
    }

    /// The set without attributes. Does not allocate after the first call.
    pub fn empty() -> Self {
        static EMPTY: OnceLock<AttributeSet> = OnceLock::new();
        EMPTY.get_or_init(|| Self::new(&())).clone()
    }

    pub(super) fn from_canonical(bytes: &[u8]) -> Self {
        Self(Arc::from(bytes))
    }

    /// How many attributes there are.
    #[inline]
    pub fn len(&self) -> usize {
        word(&self.0, 0) / WORD - 1
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The attributes in order of their keys.
    pub fn iter(&self) -> Iter<'_> {
        Iter { set: self, next: 0 }
    }

    /// The value of `key`.
    pub fn value(&self, key: &str) -> Option<ValueRef<'_>> {
        self.iter().find(|(k, _)| *k == key).map(|(_, value)| value)
    }

    /// The set of those attributes whose key `keep` accepts. Allocates.
    #[must_use]
    pub fn filtered(&self, keep: impl Fn(&str) -> bool) -> Self {
        AttributeEncoder::default().encode(self, keep).to_set()
    }

    /// The canonical bytes: equal for equal sets. Their layout is private to this crate and may change.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The pair at this place, as long as there is one and its key is this long.
    #[inline]
    pub(super) fn pair_with_key_of(&self, place: usize, key_len: usize) -> Option<Pair<'_>> {
        let bounds: &[u8; 2 * WORD] = self.0.get(place * WORD..)?.first_chunk()?;
        let bounds = u64::from_le_bytes(*bounds);
        let pair = self.0.get(bounds as u32 as usize..(bounds >> u32::BITS) as usize)?;
        let (head, text) = pair.split_first_chunk::<PAIR_HEAD>()?;
        if word(head, 0) != key_len {
            return None;
        }
        let (key, payload) = text.split_at_checked(key_len)?;
        Some(Pair { key, tag: head[WORD], payload })
    }

    fn pair(&self, place: usize) -> Pair<'_> {
        let pair = &self.0[word(&self.0, place)..word(&self.0, place + 1)];
        let (key, payload) = pair[PAIR_HEAD..].split_at(word(pair, 0));
        Pair { key, tag: pair[WORD], payload }
    }
}

/// The length of the key, and the tag.
const PAIR_HEAD: usize = WORD + 1;

/// One attribute as it stands in a set.
#[derive(Clone, Copy)]
pub(super) struct Pair<'a> {
    pub(super) key: &'a [u8],
    tag: u8,
    payload: &'a [u8],
}

impl Pair<'_> {
    /// Whether this is its value.
    #[inline]
    pub(super) fn has_value(self, value: ValueRef<'_>) -> bool {
        is_value(self.tag, self.payload, value)
    }
}

impl Default for AttributeSet {
    fn default() -> Self {
        Self::empty()
    }
}

impl PartialOrd for AttributeSet {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Sorts as a reader expects: by the first key that differs, then by its value's text.
impl Ord for AttributeSet {
    fn cmp(&self, other: &Self) -> Ordering {
        let text = |set: &Self| set.iter().map(|(k, v)| (k.to_owned(), v.to_string())).collect::<Vec<_>>();
        text(self).cmp(&text(other)).then_with(|| self.0.cmp(&other.0))
    }
}

impl Hash for AttributeSet {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl Attributes for AttributeSet {
    type Shape = [KeyValue];

    const DEFINITIONS: &'static [AttributeDef] = &[];
    const NUMBERED: usize = 1;

    fn number(&self) -> usize {
        if self.is_empty() { 0 } else { usize::MAX }
    }

    fn visit<V: Visitor>(&self, visitor: &mut V) {
        self.iter().for_each(|(key, value)| visitor.attribute(key, value));
    }
}

impl<'a> IntoIterator for &'a AttributeSet {
    type Item = (&'a str, ValueRef<'a>);
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

impl fmt::Display for AttributeSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        for (place, (key, value)) in self.iter().enumerate() {
            let separator = if place == 0 { "" } else { ", " };
            write!(f, "{separator}{key}={value}")?;
        }
        f.write_str("}")
    }
}

impl fmt::Debug for AttributeSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The attributes of a set in order of their keys.
#[derive(Clone, Debug)]
pub struct Iter<'a> {
    set: &'a AttributeSet,
    next: usize,
}

impl<'a> Iterator for Iter<'a> {
    type Item = (&'a str, ValueRef<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        if self.next == self.set.len() {
            return None;
        }
        let pair = self.set.pair(self.next);
        self.next += 1;
        Some((text(pair.key), decode(pair.tag, pair.payload)))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.set.len() - self.next;
        (left, Some(left))
    }
}

impl ExactSizeIterator for Iter<'_> {}

/// An array value as it stands in a set: one tag for all elements, then each with its length.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct EncodedArray<'a>(&'a [u8]);

impl<'a> EncodedArray<'a> {
    pub(super) fn for_each(self, mut f: impl FnMut(ValueRef<'a>)) {
        let mut rest = self.0;
        while !rest.is_empty() {
            let len = word(rest, 0);
            f(decode(rest[WORD], &rest[WORD + 1..WORD + len]));
            rest = &rest[WORD + len..];
        }
    }
}

// One letter each, so that a hex dump can be read.
const STR: u8 = b's';
const BOOL: u8 = b'b';
const I64: u8 = b'i';
const F64: u8 = b'f';
const ARRAY: u8 = b'a';

/// The key of a pair as [`write_pair`] wrote it.
pub(super) fn key_bytes(pair: &[u8], key_len: usize) -> &[u8] {
    &pair[PAIR_HEAD..PAIR_HEAD + key_len]
}

pub(super) fn write_header(out: &mut Vec<u8>, pair_lengths: impl ExactSizeIterator<Item = usize>) {
    let mut start = WORD * (1 + pair_lengths.len());
    put_word(out, start);
    for length in pair_lengths {
        start += length;
        put_word(out, start);
    }
}

pub(super) fn write_pair(out: &mut Vec<u8>, key: &str, value: ValueRef<'_>) {
    put_word(out, key.len());
    out.push(tag(value));
    out.extend_from_slice(key.as_bytes());
    write_payload(out, value);
}

fn tag(value: ValueRef<'_>) -> u8 {
    match value {
        ValueRef::Str(_) => STR,
        ValueRef::Bool(_) => BOOL,
        ValueRef::I64(_) => I64,
        ValueRef::F64(_) => F64,
        ValueRef::Array(_) => ARRAY,
    }
}

fn write_payload(out: &mut Vec<u8>, value: ValueRef<'_>) {
    match value {
        ValueRef::Str(v) => out.extend_from_slice(v.as_bytes()),
        ValueRef::Bool(v) => out.push(u8::from(v)),
        ValueRef::I64(v) => out.extend_from_slice(&v.to_le_bytes()),
        ValueRef::F64(v) => out.extend_from_slice(&v.to_bits().to_le_bytes()),
        ValueRef::Array(v) => v.for_each(|element| {
            let length_at = out.len();
            put_word(out, 0);
            out.push(tag(element));
            write_payload(out, element);
            let length = out.len() - length_at - WORD;
            out[length_at..length_at + WORD].copy_from_slice(&narrow(length).to_le_bytes());
        }),
    }
}

#[inline]
fn is_value(tag: u8, payload: &[u8], value: ValueRef<'_>) -> bool {
    match value {
        ValueRef::Str(v) => tag == STR && is_equal(payload, v.as_bytes()),
        ValueRef::Bool(v) => tag == BOOL && payload == [u8::from(v)],
        ValueRef::I64(v) => tag == I64 && payload == v.to_le_bytes(),
        ValueRef::F64(v) => tag == F64 && payload == v.to_bits().to_le_bytes(),
        ValueRef::Array(v) => tag == ARRAY && is_array(payload, v),
    }
}

/// Whether the bytes are the same. Keys and values are short, mostly: up to 32 bytes are compared as two pieces that
/// overlap, which costs less than the call of a function that is good at long ones.
#[inline]
pub(super) fn is_equal(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    match a.len() {
        0 => true,
        1..4 => a[0] == b[0] && a[a.len() / 2] == b[a.len() / 2] && a[a.len() - 1] == b[a.len() - 1],
        4..8 => has_same_ends::<4>(a, b),
        8..16 => has_same_ends::<8>(a, b),
        16..=32 => has_same_ends::<16>(a, b),
        _ => a == b,
    }
}

#[inline]
fn has_same_ends<const LEN: usize>(a: &[u8], b: &[u8]) -> bool {
    a.first_chunk::<LEN>() == b.first_chunk() && a.last_chunk::<LEN>() == b.last_chunk()
}

#[inline(never)]
fn is_array(mut bytes: &[u8], array: ArrayRef<'_>) -> bool {
    let mut same = true;
    array.for_each(|element| {
        if same && bytes.len() >= WORD {
            let len = word(bytes, 0);
            same = is_value(bytes[WORD], &bytes[WORD + 1..WORD + len], element);
            bytes = &bytes[WORD + len..];
        } else {
            same = false;
        }
    });
    same && bytes.is_empty()
}

fn decode(tag: u8, payload: &[u8]) -> ValueRef<'_> {
    let number = || u64::from_le_bytes(payload.try_into().expect("numbers are written as eight bytes"));
    match tag {
        STR => ValueRef::Str(text(payload)),
        BOOL => ValueRef::Bool(payload[0] != 0),
        I64 => ValueRef::I64(number() as i64),
        F64 => ValueRef::F64(f64::from_bits(number())),
        _ => ValueRef::Array(ArrayRef(Elements::Encoded(EncodedArray(payload)))),
    }
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("keys and strings are copied from str")
}

fn word(bytes: &[u8], index: usize) -> usize {
    let at = index * WORD;
    u32::from_le_bytes(bytes[at..at + WORD].try_into().expect("four bytes")) as usize
}

fn put_word(out: &mut Vec<u8>, value: usize) {
    out.extend_from_slice(&narrow(value).to_le_bytes());
}

/// A set of more than 4 GiB cannot be made: the string that would have to be in it cannot be held next to its copy.
fn narrow(value: usize) -> u32 {
    u32::try_from(value).expect("an attribute set stays under 4 GiB")
}
