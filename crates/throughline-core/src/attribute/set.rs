//! [`AttributeSet`] and the bytes it is made of.
//!
//! ```text
//! set   = count:u32  end:u32 × count  pair × count      (`end` counts from the first pair; all little endian)
//! pair  = key_len:u32  key  tag:u8  payload
//! ```
//! Pairs are sorted by key and each key stands once, so equality, order and hash of two sets are those of their
//! bytes. The offsets let the engine compare the n-th attribute without walking the ones before.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, OnceLock};

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
    pub fn len(&self) -> usize {
        word(&self.0, 0)
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

    /// Whether the attribute at canonical place `place` is this one. The engine's verification of a cache hit:
    /// bytes are compared, nothing is decoded.
    #[inline]
    pub fn is_at(&self, place: usize, key: &str, value: ValueRef<'_>) -> bool {
        if place >= self.len() {
            return false;
        }
        let Some((key_len, rest)) = self.pair(place).split_first_chunk() else { return false };
        if u32::from_le_bytes(*key_len) as usize != key.len() {
            return false;
        }
        let Some((own_key, payload)) = rest.split_at_checked(key.len()) else { return false };
        is_equal(own_key, key.as_bytes()) && payload_is(payload, value)
    }

    fn pair(&self, place: usize) -> &[u8] {
        let pairs = &self.0[WORD * (1 + self.len())..];
        let start = if place == 0 { 0 } else { word(&self.0, place) };
        &pairs[start..word(&self.0, place + 1)]
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
        let key_len = word(pair, 0);
        Some((text(key_bytes(pair, key_len)), decode(&pair[WORD + key_len..])))
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
    pub(super) fn new(elements: &'a [u8]) -> Self {
        Self(elements)
    }

    pub(super) fn for_each(self, mut f: impl FnMut(ValueRef<'a>)) {
        let mut rest = self.0;
        while !rest.is_empty() {
            let len = word(rest, 0);
            f(decode(&rest[WORD..WORD + len]));
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

pub(super) fn key_bytes(pair: &[u8], key_len: usize) -> &[u8] {
    &pair[WORD..WORD + key_len]
}

pub(super) fn write_header(out: &mut Vec<u8>, pair_lengths: impl ExactSizeIterator<Item = usize>) {
    put_word(out, pair_lengths.len());
    let mut end = 0;
    for length in pair_lengths {
        end += length;
        put_word(out, end);
    }
}

pub(super) fn write_pair(out: &mut Vec<u8>, key: &str, value: ValueRef<'_>) {
    put_word(out, key.len());
    out.extend_from_slice(key.as_bytes());
    write_value(out, value);
}

fn write_value(out: &mut Vec<u8>, value: ValueRef<'_>) {
    match value {
        ValueRef::Str(v) => {
            out.push(STR);
            out.extend_from_slice(v.as_bytes());
        }
        ValueRef::Bool(v) => out.extend_from_slice(&[BOOL, u8::from(v)]),
        ValueRef::I64(v) => {
            out.push(I64);
            out.extend_from_slice(&v.to_le_bytes());
        }
        ValueRef::F64(v) => {
            out.push(F64);
            out.extend_from_slice(&v.to_bits().to_le_bytes());
        }
        ValueRef::Array(v) => {
            out.push(ARRAY);
            v.for_each(|element| write_element(out, element));
        }
    }
}

/// An element of an array, with its length before it.
pub(super) fn write_element(out: &mut Vec<u8>, element: ValueRef<'_>) {
    let length_at = out.len();
    put_word(out, 0);
    write_value(out, element);
    let length = out.len() - length_at - WORD;
    out[length_at..length_at + WORD].copy_from_slice(&narrow(length).to_le_bytes());
}

#[inline]
fn payload_is(payload: &[u8], value: ValueRef<'_>) -> bool {
    let Some((tag, bytes)) = payload.split_first() else { return false };
    match value {
        ValueRef::Str(v) => *tag == STR && is_equal(bytes, v.as_bytes()),
        ValueRef::Bool(v) => *tag == BOOL && bytes == [u8::from(v)],
        ValueRef::I64(v) => *tag == I64 && bytes == v.to_le_bytes(),
        ValueRef::F64(v) => *tag == F64 && bytes == v.to_bits().to_le_bytes(),
        ValueRef::Array(v) => *tag == ARRAY && array_is(bytes, v),
    }
}

/// Whether the bytes are the same. Keys and values are short, mostly: up to 16 bytes are compared as two numbers that
/// overlap, which costs less than the call of a function that is good at long ones.
#[inline]
fn is_equal(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    if a.len() > 16 {
        return a == b;
    }
    if a.len() >= 8 {
        return a.first_chunk::<8>() == b.first_chunk::<8>() && a.last_chunk::<8>() == b.last_chunk::<8>();
    }
    if a.len() >= 4 {
        return a.first_chunk::<4>() == b.first_chunk::<4>() && a.last_chunk::<4>() == b.last_chunk::<4>();
    }
    a.iter().zip(b).all(|(a, b)| a == b)
}

fn array_is(mut bytes: &[u8], array: ArrayRef<'_>) -> bool {
    let mut same = true;
    array.for_each(|element| {
        if same && bytes.len() >= WORD {
            let len = word(bytes, 0);
            same = payload_is(&bytes[WORD..WORD + len], element);
            bytes = &bytes[WORD + len..];
        } else {
            same = false;
        }
    });
    same && bytes.is_empty()
}

fn decode(payload: &[u8]) -> ValueRef<'_> {
    let bytes = &payload[1..];
    let number = || u64::from_le_bytes(bytes.try_into().expect("numbers are written as eight bytes"));
    match payload[0] {
        STR => ValueRef::Str(text(bytes)),
        BOOL => ValueRef::Bool(bytes[0] != 0),
        I64 => ValueRef::I64(number() as i64),
        F64 => ValueRef::F64(f64::from_bits(number())),
        _ => ValueRef::Array(ArrayRef(Elements::Encoded(EncodedArray(bytes)))),
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
