//! Writes entries while a span is open, into a buffer that is used again and again.

use throughline_core::attribute::{ValueRef, cut};

use super::{ENTRY_HEADER, KEY_BYTES_MAX, RECORD_BYTES_MAX, tag};

/// A record in the making.
///
/// The buffer is always as long as it ever was, zeroed once, and `len` says how much of it is the record: so that
/// appending short texts is a few moves instead of a call.
#[derive(Debug, Default)]
pub(crate) struct Writer {
    buffer: Vec<u8>,
    len: usize,
}

/// Appending short texts may write this much beyond the end.
const SLACK: usize = 16;
/// A first buffer: most spans fit.
const FIRST_BYTES: usize = 1024;

impl Writer {
    /// Begins a record with a header of this length.
    #[inline]
    pub(crate) fn start(&mut self, header: usize) {
        self.len = 0;
        self.reserve(header);
        self.len = header;
    }

    /// The record so far.
    #[inline]
    pub(crate) fn bytes(&self) -> &[u8] {
        self.buffer.get(..self.len).unwrap_or_default()
    }

    /// How long the record is so far.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Bytes that the buffer takes.
    #[inline]
    pub(crate) fn capacity(&self) -> usize {
        self.buffer.len()
    }

    /// The header, to be written over.
    #[inline]
    pub(crate) fn first_bytes<const LEN: usize>(&mut self) -> Option<&mut [u8; LEN]> {
        self.buffer.first_chunk_mut()
    }

    /// Whether so much more fits in a record.
    #[inline]
    pub(crate) fn has_room(&self, bytes: usize) -> bool {
        self.len + bytes <= RECORD_BYTES_MAX
    }

    /// Appends entries that were written before. `false` when there is no room.
    #[inline]
    pub(crate) fn append(&mut self, entries: &[u8]) -> bool {
        let fits = self.has_room(entries.len());
        if fits {
            self.reserve(entries.len());
            if let Some(out) = self.buffer.get_mut(self.len..self.len + entries.len()) {
                out.copy_from_slice(entries);
                self.len += entries.len();
            }
        }
        fits
    }

    /// Appends an attribute, its string cut to `value_max` bytes. `false` when there is no room.
    #[expect(
        clippy::inline_always,
        reason = "keys are literals, and copying those is a move or two where it is inlined"
    )]
    #[inline(always)]
    pub(crate) fn attribute(&mut self, key: &str, value: ValueRef<'_>, value_max: u32) -> bool {
        match value {
            ValueRef::Str(text) => self.text(tag::STR, key, cut(text, value_max as usize)),
            ValueRef::Bool(v) => self.entry(tag::BOOL, key, &[u8::from(v)]),
            ValueRef::I64(v) => self.entry(tag::I64, key, &v.to_le_bytes()),
            ValueRef::F64(v) => self.entry(tag::F64, key, &v.to_bits().to_le_bytes()),
            ValueRef::Array(array) => {
                // Arrays are rare and their length is not known before: an allocation is accepted.
                let mut bytes = Vec::new();
                array.encode(&mut bytes, value_max as usize);
                self.entry(tag::ARRAY, key, &bytes)
            }
        }
    }

    /// Appends an entry that is a text.
    #[expect(
        clippy::inline_always,
        reason = "keys are literals, and copying those is a move or two where it is inlined"
    )]
    #[inline(always)]
    pub(crate) fn text(&mut self, tag: u8, key: &str, text: &str) -> bool {
        self.entry(tag, key, text.as_bytes())
    }

    /// Appends an entry. `false` when there is no room.
    #[expect(
        clippy::inline_always,
        reason = "keys are literals, and copying those is a move or two where it is inlined"
    )]
    #[inline(always)]
    pub(crate) fn entry(&mut self, tag: u8, key: &str, value: &[u8]) -> bool {
        let key = if key.len() > KEY_BYTES_MAX { cut(key, KEY_BYTES_MAX) } else { key };
        let total = ENTRY_HEADER + key.len() + value.len();
        if !self.has_room(total) {
            return false;
        }
        self.reserve(total);
        let Some(out) = self.buffer.get_mut(self.len..) else { return false };
        let Some((place, out)) = out.split_first_chunk_mut() else { return false };
        *place = head(tag, key.len(), value.len());
        copy_short(out, key.as_bytes());
        let Some(out) = out.get_mut(key.len()..) else { return false };
        copy_short(out, value);
        self.len += total;
        true
    }

    /// Begins an entry whose value is written piece by piece; [`close`](Self::close) ends it. `None` when there is no
    /// room.
    pub(crate) fn open(&mut self, tag: u8, key: &str, fixed: &[u8]) -> Option<usize> {
        let at = self.len;
        self.entry(tag, key, fixed).then_some(at)
    }

    /// Ends the entry that began at `at`: its value is all that was written since.
    pub(crate) fn close(&mut self, at: usize) {
        let len = self.len;
        let Some(head) = self.buffer.get_mut(at..at + ENTRY_HEADER) else { return };
        let key_len = usize::from(head[1]) | usize::from(head[2]) << 8 | usize::from(head[3]) << 16;
        let value_len = (len - at - ENTRY_HEADER - key_len) as u32;
        head[4..].copy_from_slice(&value_len.to_le_bytes());
    }

    /// Writes over four bytes of what was written before.
    pub(crate) fn patch(&mut self, at: usize, value: u32) {
        if let Some(place) = self.buffer.get_mut(at..at + 4) {
            place.copy_from_slice(&value.to_le_bytes());
        }
    }

    /// Marks the attribute of this key in `from..` as replaced. Whether there was one.
    pub(crate) fn kill(&mut self, from: usize, key: &str) -> bool {
        let mut at = from;
        while let Some(head) = self.buffer.get(at..at + ENTRY_HEADER).filter(|_| at < self.len) {
            let tag = head[0];
            let key_len = usize::from(head[1]) | usize::from(head[2]) << 8 | usize::from(head[3]) << 16;
            let value_len = head.last_chunk().map_or(0, |bytes| u32::from_le_bytes(*bytes)) as usize;
            let key_at = at + ENTRY_HEADER;
            if tag::is_attribute(tag) && self.buffer.get(key_at..key_at + key_len) == Some(key.as_bytes()) {
                self.buffer[at] = tag::DEAD;
                return true;
            }
            at = key_at + key_len + value_len;
        }
        false
    }

    /// Pads with zeros to whole words, as rings take them. No entry reads them: none is shorter than a header.
    #[inline]
    pub(crate) fn pad(&mut self) {
        self.reserve(7);
        if let Some(out) = self.buffer.get_mut(self.len..).and_then(|out| out.first_chunk_mut()) {
            *out = [0; 7];
        }
        self.len = self.len.next_multiple_of(8);
    }

    #[inline]
    fn reserve(&mut self, more: usize) {
        if self.len + more + SLACK > self.buffer.len() {
            self.grow(more);
        }
    }

    #[cold]
    #[inline(never)]
    fn grow(&mut self, more: usize) {
        let needed = self.len + more + SLACK;
        self.buffer.resize(needed.next_power_of_two().max(FIRST_BYTES), 0);
    }
}

#[inline]
fn head(tag: u8, key_len: usize, value_len: usize) -> [u8; ENTRY_HEADER] {
    (u64::from(tag) | (key_len as u64) << 8 | (value_len as u64) << 32).to_le_bytes()
}

/// Copies `bytes` to the front of `out`. Up to 16 bytes go as two numbers that overlap.
#[expect(
    clippy::inline_always,
    reason = "keys are literals, and copying those is a move or two where it is inlined"
)]
#[inline(always)]
fn copy_short(out: &mut [u8], bytes: &[u8]) {
    let len = bytes.len();
    if len > 16 {
        out[..len].copy_from_slice(bytes);
    } else if let (Some(first), Some(last)) = (bytes.first_chunk::<8>(), bytes.last_chunk::<8>()) {
        out[..8].copy_from_slice(first);
        out[len - 8..len].copy_from_slice(last);
    } else if let (Some(first), Some(last)) = (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
        out[..4].copy_from_slice(first);
        out[len - 4..len].copy_from_slice(last);
    } else {
        for (out, byte) in out.iter_mut().zip(bytes) {
            *out = *byte;
        }
    }
}
