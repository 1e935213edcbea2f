//! Hexadecimal digits to bytes and back, sixteen at a time where the processor can.
//!
//! Each step works on a pair of digits as one 16-bit number, without branches, which compilers turn into vector
//! instructions. Used by every trace header of this folder.

use opentelemetry::trace::{SpanId, TraceId};

/// Two digits, the more significant one first.
pub(super) type Pair = [u8; 2];

/// The bytes that lower-case digits stand for; `None` when one of them is anything else.
#[inline]
pub(super) fn decode<const LENGTH: usize>(digits: &[Pair; LENGTH]) -> Option<[u8; LENGTH]> {
    let mut bytes = [0; LENGTH];
    let mut wrong = 0;
    for (byte, pair) in bytes.iter_mut().zip(digits) {
        let pair = u16::from_le_bytes(*pair);
        wrong |= not_digits(pair);
        // Letters have bit 6, and stand nine places above their low four bits.
        let nibbles = (pair & 0x0f0f) + ((pair >> 6) & 0x0101) * 9;
        *byte = ((nibbles << 4) | (nibbles >> 8)) as u8;
    }
    (wrong & HIGH_BITS == 0).then_some(bytes)
}

/// Has the high bit of each byte that is neither in `0..=9` nor in `a..=f`.
///
/// Adding `0x80 - x` to an ASCII character sets its high bit when it is at least `x`. Anything beyond ASCII has the bit
/// already; what it carries into its neighbour does no harm, as the pair is refused.
#[inline]
const fn not_digits(pair: u16) -> u16 {
    let digit = pair.wrapping_add(0x5050) & !pair.wrapping_add(0x4646);
    let letter = pair.wrapping_add(0x1f1f) & !pair.wrapping_add(0x1919);
    !(digit | letter) | pair
}

/// The high bit of each byte of a pair.
const HIGH_BITS: u16 = 0x8080;

/// The lower-case digits of these bytes.
#[inline]
pub(super) fn encode<const LENGTH: usize>(bytes: [u8; LENGTH]) -> [Pair; LENGTH] {
    bytes.map(|byte| {
        let byte = u16::from(byte);
        let nibbles = (byte >> 4) | ((byte & 0x0f) << 8);
        let letters = ((nibbles + 0x0606) >> 4) & 0x0101;
        (nibbles + 0x3030 + letters * 39).to_le_bytes()
    })
}

/// A trace id of exactly 32 lower-case digits; never all zero.
pub(super) fn trace_id(text: &[u8]) -> Option<TraceId> {
    (text.len() == 32).then(|| short_trace_id(text))?
}

/// A trace id of at most 32 lower-case digits, the missing ones taken for leading zeros; never all zero.
pub(super) fn short_trace_id(text: &[u8]) -> Option<TraceId> {
    let id = TraceId::from_bytes(decode(&padded(text)?)?);
    (id != TraceId::INVALID).then_some(id)
}

/// A span id of exactly 16 lower-case digits; never all zero.
pub(super) fn span_id(text: &[u8]) -> Option<SpanId> {
    (text.len() == 16).then(|| short_span_id(text))?
}

/// A span id of at most 16 lower-case digits, the missing ones taken for leading zeros; never all zero.
pub(super) fn short_span_id(text: &[u8]) -> Option<SpanId> {
    let id = SpanId::from_bytes(decode(&padded(text)?)?);
    (id != SpanId::INVALID).then_some(id)
}

/// The digits, with zeros before them; `None` when there are none or too many.
pub(super) fn padded<const PAIRS: usize>(text: &[u8]) -> Option<[Pair; PAIRS]> {
    let mut pairs = [*b"00"; PAIRS];
    let digits = pairs.as_flattened_mut();
    let missing = digits.len().checked_sub(text.len())?;
    digits[missing..].copy_from_slice(text);
    (!text.is_empty()).then_some(pairs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pair_of_bytes_is_decoded_or_refused_as_the_standard_library_does() {
        for first in 0..=u8::MAX {
            for second in 0..=u8::MAX {
                let lower = |byte: u8| byte.is_ascii_hexdigit() && !byte.is_ascii_uppercase();
                let text = [first, second];
                let expected = (lower(first) && lower(second))
                    .then(|| u8::from_str_radix(std::str::from_utf8(&text).unwrap(), 16).unwrap());
                assert_eq!(decode(&[text]).map(|[byte]| byte), expected, "{text:?}");
            }
        }
    }

    #[test]
    fn every_byte_is_encoded_as_the_standard_library_does() {
        for byte in 0..=u8::MAX {
            assert_eq!(encode([byte]).as_flattened(), format!("{byte:02x}").as_bytes());
        }
    }

    #[test]
    fn one_wrong_digit_anywhere_is_refused() {
        let right = [*b"0a"; 16];
        for at in 0..32 {
            let mut wrong = right;
            wrong.as_flattened_mut()[at] = b'A';
            assert_eq!(decode(&wrong), None, "at {at}");
        }
        assert_eq!(decode(&right), Some([10; 16]));
    }
}
