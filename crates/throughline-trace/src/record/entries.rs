//! Walks the entries of a record, on the exporter's side.

use throughline_core::attribute::{ArrayRef, ValueRef};

use super::{ENTRY_HEADER, tag};

/// One entry, borrowed from its record.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry<'a> {
    pub(crate) tag: u8,
    pub(crate) key: &'a [u8],
    pub(crate) value: &'a [u8],
}

/// The entries of a record, an event or a link.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Entries<'a>(pub(crate) &'a [u8]);

impl<'a> Entries<'a> {
    /// Each of them, in the order they were made.
    #[inline]
    pub(crate) fn iter(self) -> Walk<'a> {
        Walk(self.0)
    }
}

/// On the way through entries.
#[derive(Debug)]
pub(crate) struct Walk<'a>(&'a [u8]);

impl<'a> Iterator for Walk<'a> {
    type Item = Entry<'a>;

    #[inline]
    fn next(&mut self) -> Option<Entry<'a>> {
        let (head, rest) = self.0.split_first_chunk::<ENTRY_HEADER>()?;
        let head = u64::from_le_bytes(*head);
        let (tag, key_len, value_len) = (head as u8, (head >> 8) as usize & 0xFF_FFFF, (head >> 32) as usize);
        let (key, rest) = rest.split_at_checked(key_len)?;
        let (value, rest) = rest.split_at_checked(value_len)?;
        self.0 = rest;
        Some(Entry { tag, key, value })
    }
}

/// The value of an attribute's entry.
#[inline]
pub(crate) fn value(tag: u8, bytes: &[u8]) -> ValueRef<'_> {
    let number = || bytes.first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes));
    match tag {
        tag::BOOL => ValueRef::Bool(bytes.first().is_some_and(|byte| *byte != 0)),
        tag::I64 => ValueRef::I64(number() as i64),
        tag::F64 => ValueRef::F64(f64::from_bits(number())),
        tag::ARRAY => ValueRef::Array(ArrayRef::decode(bytes)),
        _ => ValueRef::Str(text(bytes)),
    }
}

#[inline]
pub(crate) fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("keys and strings are copied from str")
}
