//! Writes the protobuf wire format: what the OTLP encoder and the Prometheus protobuf exposition share.
//!
//! Messages are written front to back into one buffer. A nested message's length is not known before its end, so one
//! byte is kept for it; when the message turns out to need more, its bytes are moved up, which only happens from 128
//! bytes on. Specification: [encoding](https://protobuf.dev/programming-guides/encoding/).

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

impl Writer {
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
        self.key(field, FIXED64);
        self.buffer.extend_from_slice(&value.to_le_bytes());
    }

    /// A `double` field.
    #[inline]
    pub fn double(&mut self, field: u32, value: f64) {
        self.fixed64(field, value.to_bits());
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
            _ => self.insert_length(length_at, length as u64),
        }
    }

    #[cold]
    fn insert_length(&mut self, at: usize, length: u64) {
        let mut encoded = [0; 10];
        let used = encode_varint(length, &mut encoded);
        self.buffer.splice(at..=at, encoded[..used].iter().copied());
    }

    /// A varint without a field number.
    #[inline]
    pub fn varint(&mut self, value: u64) {
        if value < 0x80 {
            self.buffer.push(value as u8);
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
        assert_eq!(
            writer.as_bytes(),
            [0x08, 3, 0x08, 0xFE, 255, 255, 255, 255, 255, 255, 255, 255, 1]
        );
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
}
