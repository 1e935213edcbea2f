//! Writes entries while a span is open, into a buffer that is used again and again.

use throughline_core::attribute::{ArrayRef, ValueRef, cut};

use super::{ENTRY_HEADER, KEY_BYTES_MAX, RECORD_BYTES_MAX, tag};

/// A record in the making.
///
/// The buffer is always as long as it ever was, zeroed once, and `len` says how much of it is the record: so that
/// appending short texts is a few moves instead of a call. Behind the record there is always room for [`SLACK`].
#[derive(Debug, Default)]
pub(crate) struct Writer {
    buffer: Vec<u8>,
    len: usize,
}

/// Room behind a record: padding needs no other.
const SLACK: usize = 8;
/// A first buffer: most spans fit.
const FIRST_BYTES: usize = 1024;

impl Writer {
    /// Begins a record with a header of this length.
    #[inline]
    pub(crate) fn start(&mut self, header: usize) {
        self.len = if self.has_room(header) { header } else { 0 };
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

    /// Makes the record end here, behind entries that were [written](Self::attribute_at) beyond its end.
    #[inline]
    pub(crate) fn set_len(&mut self, len: usize) {
        self.len = len;
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

    /// Appends entries that were written before. `false` when there is no room.
    #[inline]
    pub(crate) fn append(&mut self, entries: &[u8]) -> bool {
        let end = self.len + entries.len();
        let fits = self.has_room(end);
        if let Some(out) = self.buffer.get_mut(self.len..end).filter(|_| fits) {
            out.copy_from_slice(entries);
            self.len = end;
        }
        fits
    }

    /// Appends an attribute, its string cut to `value_max` bytes. `false` when there is no room.
    pub(crate) fn attribute(&mut self, key: &str, value: ValueRef<'_>, value_max: u32) -> bool {
        let end = self.attribute_at(self.len, key, value, value_max);
        self.len = end.unwrap_or(self.len);
        end.is_some()
    }

    /// Writes an attribute at `at`, its string cut to `value_max` bytes. Where it ends; `None` when there is no room.
    #[expect(
        clippy::inline_always,
        reason = "keys are literals, and copying those is a move or two where it is inlined"
    )]
    #[inline(always)]
    pub(crate) fn attribute_at(
        &mut self,
        at: usize,
        key: &str,
        value: ValueRef<'_>,
        value_max: u32,
    ) -> Option<usize> {
        match value {
            ValueRef::Str(text) => {
                let text = if text.len() > value_max as usize { cut(text, value_max as usize) } else { text };
                self.entry_at(at, tag::STR, key, text.as_bytes())
            }
            ValueRef::Bool(v) => self.entry_at(at, tag::BOOL, key, &[u8::from(v)]),
            ValueRef::I64(v) => self.entry_at(at, tag::I64, key, &v.to_le_bytes()),
            ValueRef::F64(v) => self.entry_at(at, tag::F64, key, &v.to_bits().to_le_bytes()),
            ValueRef::Array(array) => self.array_at(at, key, array, value_max),
        }
    }

    /// Arrays are rare and their length is not known before: an allocation is accepted.
    #[cold]
    #[inline(never)]
    fn array_at(&mut self, at: usize, key: &str, array: ArrayRef<'_>, value_max: u32) -> Option<usize> {
        let mut bytes = Vec::new();
        array.encode(&mut bytes, value_max as usize);
        self.entry_at(at, tag::ARRAY, key, &bytes)
    }

    /// Appends an entry that is a text.
    #[inline]
    pub(crate) fn text(&mut self, tag: u8, key: &str, text: &str) -> bool {
        self.entry(tag, key, text.as_bytes())
    }

    /// Appends an entry. `false` when there is no room.
    #[inline]
    fn entry(&mut self, tag: u8, key: &str, value: &[u8]) -> bool {
        let end = self.entry_at(self.len, tag, key, value);
        self.len = end.unwrap_or(self.len);
        end.is_some()
    }

    /// Writes an entry at `at`. Where it ends; `None` when there is no room.
    #[expect(
        clippy::inline_always,
        reason = "keys are literals, and copying those is a move or two where it is inlined"
    )]
    #[inline(always)]
    fn entry_at(&mut self, at: usize, tag: u8, key: &str, value: &[u8]) -> Option<usize> {
        let key = if key.len() > KEY_BYTES_MAX { cut(key, KEY_BYTES_MAX) } else { key };
        let end = at + ENTRY_HEADER + key.len() + value.len();
        if !self.has_room(end) {
            return None;
        }
        let (place, out) = self.buffer.get_mut(at..end)?.split_first_chunk_mut()?;
        *place = head(tag, key.len(), value.len());
        let (key_out, value_out) = out.split_at_mut_checked(key.len())?;
        copy_short(key_out, key.as_bytes());
        copy_short(value_out, value);
        Some(end)
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

    /// Marks the attribute of this key in `from..to` as replaced. Whether there was one.
    #[cold]
    pub(crate) fn kill(&mut self, from: usize, to: usize, key: &str) -> bool {
        let mut at = from;
        while let Some(head) = self.buffer.get(at..at + ENTRY_HEADER).filter(|_| at < to) {
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
        if let Some(out) = self.buffer.get_mut(self.len..).and_then(|out| out.first_chunk_mut()) {
            *out = [0; SLACK];
        }
        self.len = self.len.next_multiple_of(8);
    }

    /// Whether a record may end here. If it may, the buffer is long enough.
    #[inline]
    fn has_room(&mut self, end: usize) -> bool {
        end + SLACK <= self.buffer.len() || self.grow(end)
    }

    /// The buffer is never longer than the longest record, so that whatever fits in it may be written.
    #[cold]
    #[inline(never)]
    fn grow(&mut self, end: usize) -> bool {
        let fits = end <= RECORD_BYTES_MAX;
        if fits {
            let wanted = (end + SLACK).next_power_of_two().max(FIRST_BYTES);
            self.buffer.resize(wanted.min(RECORD_BYTES_MAX + SLACK), 0);
        }
        fits
    }
}

#[inline]
fn head(tag: u8, key_len: usize, value_len: usize) -> [u8; ENTRY_HEADER] {
    (u64::from(tag) | (key_len as u64) << 8 | (value_len as u64) << 32).to_le_bytes()
}

/// Copies `bytes` to `out`, which is as long. Up to 32 bytes go as two pieces that overlap.
#[expect(
    clippy::inline_always,
    reason = "keys are literals, and copying those is a move or two where it is inlined"
)]
#[inline(always)]
fn copy_short(out: &mut [u8], bytes: &[u8]) {
    let len = bytes.len().min(out.len());
    if len > 32 {
        out.copy_from_slice(bytes);
    } else if len > 16 {
        copy_ends::<16>(out, bytes);
    } else if len >= 8 {
        copy_ends::<8>(out, bytes);
    } else if len >= 4 {
        copy_ends::<4>(out, bytes);
    } else if len > 0 {
        (out[0], out[len / 2], out[len - 1]) = (bytes[0], bytes[len / 2], bytes[len - 1]);
    }
}

/// Copies the first and the last bytes, which meet or overlap.
#[inline]
fn copy_ends<const LEN: usize>(out: &mut [u8], bytes: &[u8]) {
    let (Some(first), Some(last)) = (bytes.first_chunk::<LEN>(), bytes.last_chunk::<LEN>()) else { return };
    if let Some(out) = out.first_chunk_mut() {
        *out = *first;
    }
    if let Some(out) = out.last_chunk_mut() {
        *out = *last;
    }
}
