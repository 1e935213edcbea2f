//! [`AttributeSet`] and the bytes it is made of.
//!
//! ```text
//! set   = count  pair × count
//! pair  = key_len  payload_len  tag:u8  key  payload
//! ```
//! Counts and lengths are a byte; from 255 on, a byte of 255 and four more, little endian. Pairs are sorted by key and each
//! key stands once, so equality and hash of two sets are those of their bytes. Lengths stand in front, so that comparing
//! with attributes as given reads the bytes once (`compare.rs`).

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::OnceLock;

use opentelemetry::KeyValue;
use triomphe::ThinArc;

use super::{ArrayRef, AttributeEncoder, Attributes, Elements, ValueRef, Visitor};

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
#[derive(Clone)]
pub struct AttributeSet(ThinArc<(), u8>);

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
        Self(ThinArc::from_header_and_slice((), bytes))
    }

    /// How many attributes there are.
    #[inline]
    pub fn len(&self) -> usize {
        split_len(self.as_bytes()).map_or(0, |(count, _)| count)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The attributes in order of their keys.
    pub fn iter(&self) -> Iter<'_> {
        Iter { rest: self.pairs(), len: self.len() }
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
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0.slice
    }

    #[inline]
    pub(super) fn pairs(&self) -> Pairs<'_> {
        Pairs(split_len(self.as_bytes()).map_or(&[], |(_, pairs)| pairs))
    }
}

impl Default for AttributeSet {
    fn default() -> Self {
        Self::empty()
    }
}

/// Two handles to one set are not compared.
impl PartialEq for AttributeSet {
    fn eq(&self, other: &Self) -> bool {
        self.0.ptr() == other.0.ptr() || self.as_bytes() == other.as_bytes()
    }
}

impl Eq for AttributeSet {}

impl PartialOrd for AttributeSet {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Sorts as a reader expects: by the first key that differs, then by its value's text.
impl Ord for AttributeSet {
    fn cmp(&self, other: &Self) -> Ordering {
        let text = |set: &Self| set.iter().map(|(k, v)| (k.to_owned(), v.to_string())).collect::<Vec<_>>();
        text(self).cmp(&text(other)).then_with(|| self.as_bytes().cmp(other.as_bytes()))
    }
}

impl Hash for AttributeSet {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_bytes().hash(state);
    }
}

impl Attributes for AttributeSet {
    type Shape = [KeyValue];

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
    rest: Pairs<'a>,
    len: usize,
}

impl<'a> Iterator for Iter<'a> {
    type Item = (&'a str, ValueRef<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let Pair { key, tag, payload, rest } = self.rest.split_first()?;
        self.rest = rest;
        self.len -= 1;
        Some((text(key), decode(tag, payload)))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.len, Some(self.len))
    }
}

impl ExactSizeIterator for Iter<'_> {}

/// Pairs of a set, from one of them to the last.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pairs<'a>(&'a [u8]);

struct Pair<'a> {
    key: &'a [u8],
    tag: u8,
    payload: &'a [u8],
    rest: Pairs<'a>,
}

impl<'a> Pairs<'a> {
    #[inline]
    pub(super) fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    fn split_first(self) -> Option<Pair<'a>> {
        let (key_len, head) = split_len(self.0)?;
        let (payload_len, head) = split_len(head)?;
        let (&tag, body) = head.split_first()?;
        let (key, body) = body.split_at_checked(key_len)?;
        let (payload, rest) = body.split_at_checked(payload_len)?;
        Some(Pair { key, tag, payload, rest: Self(rest) })
    }

    /// The pairs from the one at this place on. Walks there: sets are small.
    pub(super) fn from(self, place: usize) -> Option<Self> {
        (0..place).try_fold(self, |pairs, _| Some(pairs.split_first()?.rest))
    }

    /// What comes after the first pair, if that is this attribute; its key is not looked at when it is known.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "with the key known, most of it vanishes")]
    pub(super) fn after(self, key: &str, value: ValueRef<'_>, has_key: bool) -> Option<Self> {
        let payload_len = match value {
            ValueRef::Str(v) => v.len(),
            ValueRef::Bool(_) => 1,
            ValueRef::I64(_) | ValueRef::F64(_) => 8,
            ValueRef::Array(_) => return self.after_any(key, value),
        };
        // What is below the mark when both are laid over each other is below it alone, too: a byte each.
        if key.len() | payload_len >= LONG.into() {
            return self.after_any(key, value);
        }
        let (&[own_key_len, own_payload_len, tag], body) = self.0.split_first_chunk()?;
        let lengths = u16::from_le_bytes([own_key_len, own_payload_len]);
        if usize::from(lengths) != key.len() | payload_len << u8::BITS {
            return None;
        }
        let (own_key, body) = body.split_at_checked(key.len())?;
        let (payload, rest) = body.split_at_checked(payload_len)?;
        let is_same = (has_key || is_equal(own_key, key.as_bytes())) && is_value(tag, payload, value);
        is_same.then_some(Self(rest))
    }

    /// The same for an attribute of any length, apart: few are long.
    #[cold]
    #[inline(never)]
    fn after_any(self, key: &str, value: ValueRef<'_>) -> Option<Self> {
        let Pair { key: own_key, tag, payload, rest } = self.split_first()?;
        (own_key == key.as_bytes() && is_value(tag, payload, value)).then_some(rest)
    }
}

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
pub(super) fn key_bytes(pair: &[u8]) -> &[u8] {
    Pairs(pair).split_first().map_or(&[], |pair| pair.key)
}

pub(super) fn write_pair(out: &mut Vec<u8>, key: &str, value: ValueRef<'_>) {
    put_len(out, key.len());
    put_len(out, payload_len(value));
    out.push(tag(value));
    out.extend_from_slice(key.as_bytes());
    write_payload(out, value);
}

fn payload_len(value: ValueRef<'_>) -> usize {
    match value {
        ValueRef::Str(v) => v.len(),
        ValueRef::Bool(_) => 1,
        ValueRef::I64(_) | ValueRef::F64(_) => 8,
        ValueRef::Array(v) => {
            let mut len = 0;
            v.for_each(|element| len += WORD + 1 + payload_len(element));
            len
        }
    }
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
        ValueRef::Array(v) => v.for_each(|element| write_element(out, element)),
    }
}

/// An element of an array, with its length before it.
pub(super) fn write_element(out: &mut Vec<u8>, element: ValueRef<'_>) {
    let length_at = out.len();
    put_word(out, 0);
    out.push(tag(element));
    write_payload(out, element);
    let length = out.len() - length_at - WORD;
    out[length_at..length_at + WORD].copy_from_slice(&narrow(length).to_le_bytes());
}

#[inline(always)]
#[expect(clippy::inline_always, reason = "most callers know the type of the value")]
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
#[inline(always)]
#[expect(clippy::inline_always, reason = "most callers know the lengths to be the same, or one of them")]
pub(super) fn is_equal(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    if a.len() >= 8 {
        match a.len() {
            33.. => a == b,
            16.. => has_same_ends::<16>(a, b),
            _ => has_same_ends::<8>(a, b),
        }
    } else if a.len() >= 4 {
        has_same_ends::<4>(a, b)
    } else if a.len() >= 2 {
        has_same_ends::<2>(a, b)
    } else {
        a.first() == b.first()
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

/// Stands before a length that is not below it.
const LONG: u8 = u8::MAX;

pub(super) fn put_len(out: &mut Vec<u8>, len: usize) {
    match u8::try_from(len) {
        Ok(short) if short < LONG => out.push(short),
        _ => {
            out.push(LONG);
            put_word(out, len);
        }
    }
}

/// The length that the bytes begin with, and what comes behind it.
#[inline]
fn split_len(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (&short, rest) = bytes.split_first()?;
    if short < LONG {
        return Some((short.into(), rest));
    }
    let (long, rest) = rest.split_first_chunk()?;
    Some((u32::from_le_bytes(*long) as usize, rest))
}

/// A set of more than 4 GiB cannot be made: the string that would have to be in it cannot be held next to its copy.
fn narrow(value: usize) -> u32 {
    u32::try_from(value).expect("an attribute set stays under 4 GiB")
}
