//! The protobuf wire format. [`Writer`] is what the OTLP encoder and the Prometheus protobuf exposition share; [`Fields`] reads
//! without a schema.
//!
//! Messages are written front to back into one buffer. A nested message's length is not known before its end, so one
//! byte is kept for it; when the message turns out to need more, its bytes are moved up, which only happens from 128
//! bytes on. Specification: [encoding](https://protobuf.dev/programming-guides/encoding/).

mod fields;

use std::ops::Range;

pub use fields::{Field, Fields, Value};

/// A buffer that protobuf fields are appended to.
///
/// Fields with the default value of their type (zero, empty) are *written*: proto3 leaves that to the caller, and the
/// callers here know which fields may be left out.
///
/// ```
/// use throughline_core::protobuf::Writer;
///
/// let mut writer = Writer::default();
/// writer.message(1, |inner| inner.string(2, "hi"));
/// assert_eq!(writer.as_bytes(), [0x0A, 4, 0x12, 2, b'h', b'i']);
/// ```
#[derive(Debug, Default)]
pub struct Writer {
    buffer: Vec<u8>,
}

const VARINT: u32 = 0;
const FIXED64: u32 = 1;
const BYTES: u32 = 2;
const FIXED32: u32 = 5;

/// Good for 256 MiB.
const PADDED_LENGTH: usize = 4;

impl Writer {
    /// An empty writer with room for so many bytes.
    pub fn with_capacity(bytes: usize) -> Self {
        Self { buffer: Vec::with_capacity(bytes) }
    }

    /// What has been written.
    pub fn as_bytes(&self) -> &[u8] {
        &self.buffer
    }

    /// What has been written, and an empty writer left behind.
    pub fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.buffer)
    }

    /// Empties the writer, keeping its memory.
    pub fn clear(&mut self) {
        self.buffer.clear();
    }

    /// Appends bytes that were encoded before.
    #[inline]
    pub fn raw(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// A `uint64`, `uint32`, `int64` (not negative), `enum` or `bool` field.
    #[inline]
    pub fn uint(&mut self, field: u32, value: u64) {
        self.key(field, VARINT);
        self.varint(value);
    }

    /// An `int64` or `int32` field.
    #[inline]
    pub fn int(&mut self, field: u32, value: i64) {
        self.uint(field, value as u64);
    }

    /// A `sint64` or `sint32` field (zigzag).
    #[inline]
    pub fn sint(&mut self, field: u32, value: i64) {
        self.uint(field, zigzag(value));
    }

    /// A `fixed64` field.
    #[inline]
    pub fn fixed64(&mut self, field: u32, value: u64) {
        match u8::try_from(field << 3 | FIXED64) {
            // Key and value at once: with most fields of OTLP, this is most of the work.
            Ok(key) if key < 0x80 => {
                let mut bytes = [key; 9];
                bytes[1..].copy_from_slice(&value.to_le_bytes());
                self.buffer.extend_from_slice(&bytes);
            }
            _ => {
                self.key(field, FIXED64);
                self.raw_fixed64(value);
            }
        }
    }

    /// A `double` field.
    #[inline]
    pub fn double(&mut self, field: u32, value: f64) {
        self.fixed64(field, value.to_bits());
    }

    /// A `fixed32` field.
    #[inline]
    pub fn fixed32(&mut self, field: u32, value: u32) {
        self.key(field, FIXED32);
        self.buffer.extend_from_slice(&value.to_le_bytes());
    }

    /// A `string` field.
    #[inline]
    pub fn string(&mut self, field: u32, value: &str) {
        self.bytes(field, value.as_bytes());
    }

    /// A `bytes` field, or a message encoded before.
    #[inline]
    pub fn bytes(&mut self, field: u32, value: &[u8]) {
        self.key(field, BYTES);
        self.varint(value.len() as u64);
        self.buffer.extend_from_slice(value);
    }

    /// A nested message, or a packed repeated field written with [`varint`](Self::varint) and its like.
    #[inline]
    pub fn message(&mut self, field: u32, write: impl FnOnce(&mut Self)) {
        self.key(field, BYTES);
        self.delimited(write);
    }

    /// A length-prefixed message without a field number, as streams of messages have it.
    pub fn delimited(&mut self, write: impl FnOnce(&mut Self)) {
        let length_at = self.buffer.len();
        self.buffer.push(0);
        let start = self.buffer.len();
        write(self);
        let length = self.buffer.len() - start;
        match u8::try_from(length) {
            Ok(short) if short < 0x80 => self.buffer[length_at] = short,
            _ => self.replace_length(length_at..start, length as u64),
        }
    }

    /// A nested message whose length is known before: `write` must write exactly `length` bytes.
    #[inline]
    pub fn sized_message(&mut self, field: u32, length: usize, write: impl FnOnce(&mut Self)) {
        self.sized_message_start(field, length);
        let start = self.buffer.len();
        write(self);
        debug_assert_eq!(self.buffer.len() - start, length, "the length of field {field}");
    }

    /// What stands before the `length` bytes of a nested message.
    #[inline]
    pub fn sized_message_start(&mut self, field: u32, length: usize) {
        self.key(field, BYTES);
        self.varint(length as u64);
    }

    /// A packed `fixed64` or `sfixed64` field, or one of `double`s given as their bits; left out when it is empty.
    #[inline]
    pub fn packed_fixed64(&mut self, field: u32, values: impl ExactSizeIterator<Item = u64>) {
        if values.len() == 0 {
            return;
        }
        self.sized_message_start(field, 8 * values.len());
        let start = self.buffer.len();
        self.buffer.resize(start + 8 * values.len(), 0);
        for (place, value) in self.buffer[start..].chunks_exact_mut(8).zip(values) {
            place.copy_from_slice(&value.to_le_bytes());
        }
    }

    /// A nested message that is likely to be long. Its length is kept four bytes, padded, which every parser takes, so
    /// that nothing is moved; three of them are wasted when the message is short after all.
    pub fn long_message(&mut self, field: u32, write: impl FnOnce(&mut Self)) {
        self.padded_message::<PADDED_LENGTH>(field, write);
    }

    /// A nested message whose length is kept `LENGTH` bytes, padded: two are good for 16 KiB, three for 2 MiB. What is
    /// longer is moved.
    #[inline]
    pub fn padded_message<const LENGTH: usize>(&mut self, field: u32, write: impl FnOnce(&mut Self)) {
        self.key(field, BYTES);
        let length_at = self.buffer.len();
        self.buffer.extend_from_slice(&[0; LENGTH]);
        write(self);
        let length = (self.buffer.len() - length_at - LENGTH) as u64;
        if length >> (7 * LENGTH) != 0 {
            return self.replace_length(length_at..length_at + LENGTH, length);
        }
        let place = self.buffer.get_mut(length_at..).and_then(|place| place.first_chunk_mut::<LENGTH>());
        for (index, byte) in place.into_iter().flatten().enumerate() {
            let more = if index + 1 < LENGTH { 0x80 } else { 0 };
            *byte = (length >> (7 * index)) as u8 & 0x7F | more;
        }
    }

    #[cold]
    fn replace_length(&mut self, place: Range<usize>, length: u64) {
        let mut encoded = [0; 10];
        let used = encode_varint(length, &mut encoded);
        self.buffer.splice(place, encoded[..used].iter().copied());
    }

    /// A varint without a field number.
    #[inline]
    pub fn varint(&mut self, value: u64) {
        if value < 0x80 {
            self.buffer.push(value as u8);
        } else if value < 0x4000 {
            self.buffer.extend_from_slice(&[value as u8 | 0x80, (value >> 7) as u8]);
        } else {
            let mut encoded = [0; 10];
            let used = encode_varint(value, &mut encoded);
            self.buffer.extend_from_slice(&encoded[..used]);
        }
    }

    /// A zigzag varint without a field number.
    #[inline]
    pub fn zigzag(&mut self, value: i64) {
        self.varint(zigzag(value));
    }

    /// Eight bytes without a field number.
    #[inline]
    pub fn raw_fixed64(&mut self, value: u64) {
        self.buffer.extend_from_slice(&value.to_le_bytes());
    }

    #[inline]
    fn key(&mut self, field: u32, wire_type: u32) {
        self.varint(u64::from(field << 3 | wire_type));
    }
}

fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

/// How many bytes a varint takes.
pub const fn varint_len(value: u64) -> usize {
    let bits = u64::BITS - (value | 1).leading_zeros();
    bits.div_ceil(7) as usize
}

fn encode_varint(mut value: u64, out: &mut [u8; 10]) -> usize {
    let mut used = 0;
    while value >= 0x80 {
        out[used] = (value as u8) | 0x80;
        value >>= 7;
        used += 1;
    }
    out[used] = value as u8;
    used + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_the_encoding_guide_shows() {
        let mut writer = Writer::default();
        writer.uint(1, 150);
        assert_eq!(writer.as_bytes(), [0x08, 0x96, 0x01]);
        writer.clear();
        writer.sint(1, -2);
        writer.int(1, -2);
        assert_eq!(writer.as_bytes(), [0x08, 3, 0x08, 0xFE, 255, 255, 255, 255, 255, 255, 255, 255, 1]);
    }

    #[test]
    fn fixed_fields_have_key_and_value() {
        for field in [1, 15, 16, 3000] {
            let mut writer = Writer::default();
            writer.fixed64(field, 0x0102_0304_0506_0708);
            let mut expected = Writer::default();
            expected.varint(u64::from(field << 3 | FIXED64));
            expected.raw(&[8, 7, 6, 5, 4, 3, 2, 1]);
            assert_eq!(writer.as_bytes(), expected.as_bytes(), "field {field}");
        }
    }

    #[test]
    fn short_fixed_fields_have_four_bytes() {
        let mut writer = Writer::default();
        writer.fixed32(16, 0x0102_0304);
        assert_eq!(writer.as_bytes(), [0x85, 0x01, 4, 3, 2, 1]);
    }

    #[test]
    fn long_messages_get_long_lengths() {
        for size in [0, 127, 128, 300, 16_384] {
            let mut writer = Writer::default();
            writer.message(1, |inner| inner.raw(&vec![7; size]));
            let mut expected = Writer::default();
            expected.bytes(1, &vec![7; size]);
            assert_eq!(writer.as_bytes(), expected.as_bytes(), "size {size}");
        }
    }

    #[test]
    fn varints_have_the_length_they_are_said_to_have() {
        for value in (0..64).map(|bit| 1_u64 << bit).flat_map(|power| [power - 1, power]).chain([u64::MAX]) {
            let mut writer = Writer::default();
            writer.varint(value);
            assert_eq!(writer.as_bytes().len(), varint_len(value), "{value}");
        }
    }

    #[test]
    fn padded_lengths_say_the_same() {
        for (size, length) in
            [(0, [0x80, 0x80, 0x80, 0]), (5, [0x85, 0x80, 0x80, 0]), (300, [0xAC, 0x82, 0x80, 0])]
        {
            let mut writer = Writer::default();
            writer.long_message(1, |inner| inner.raw(&vec![7; size]));
            assert_eq!(writer.as_bytes()[..5], [&[0x0A][..], &length].concat(), "size {size}");
            assert_eq!(writer.as_bytes().len(), 5 + size);
        }
    }

    #[test]
    fn lengths_that_do_not_fit_their_padding_move_the_message() {
        for (size, length) in [(127, &[0xFF, 0][..]), (16_383, &[0xFF, 0x7F]), (16_384, &[0x80, 0x80, 1])] {
            let mut writer = Writer::default();
            writer.padded_message::<2>(1, |inner| inner.raw(&vec![7; size]));
            assert_eq!(writer.as_bytes(), [&[0x0A][..], length, &vec![7; size]].concat(), "size {size}");
        }
    }
}
