//! Percent-encoding: what resource attributes, headers and baggage are written in.
//!
//! RFC 3986, section 2.1. Of the crate that does this, two functions would be used here; that is less than a dependency of
//! everybody.

use std::borrow::Cow;
use std::str;

/// The ASCII characters that are encoded. Everything beyond ASCII is.
#[derive(Clone, Copy, Debug)]
pub struct Encoded(u128);

impl Encoded {
    /// The control characters.
    pub const CONTROLS: Self = Self(0xffff_ffff | 1 << 0x7f);

    /// These and one more.
    #[must_use]
    pub const fn and(self, byte: u8) -> Self {
        Self(self.0 | 1 << byte)
    }

    const fn has(self, byte: u8) -> bool {
        byte >= 0x80 || self.0 >> byte & 1 == 1
    }
}

/// Appends a text, encoded.
pub fn encode(text: &str, encoded: Encoded, out: &mut String) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for character in text.chars() {
        if character.is_ascii() && !encoded.has(character as u8) {
            out.push(character);
            continue;
        }
        for byte in character.encode_utf8(&mut [0; 4]).bytes() {
            out.push('%');
            out.push(char::from(HEX[usize::from(byte >> 4)]));
            out.push(char::from(HEX[usize::from(byte & 15)]));
        }
    }
}

/// The bytes of an encoded text. A percent sign without two hexadecimal digits stands for itself.
pub fn decode(encoded: &[u8]) -> impl Iterator<Item = u8> {
    let mut rest = encoded;
    std::iter::from_fn(move || {
        let (byte, skip) = match *rest {
            [] => return None,
            [b'%', high, low, ..] => {
                digit(high).zip(digit(low)).map_or((b'%', 1), |(high, low)| (high << 4 | low, 3))
            }
            [byte, ..] => (byte, 1),
        };
        rest = &rest[skip..];
        Some(byte)
    })
}

/// An encoded text; what does not decode to UTF-8 becomes U+FFFD. Allocates only when something is encoded.
pub fn decode_lossy(encoded: &[u8]) -> Cow<'_, str> {
    if !encoded.contains(&b'%') {
        return String::from_utf8_lossy(encoded);
    }
    let bytes: Vec<u8> = decode(encoded).collect();
    Cow::Owned(String::from_utf8_lossy(&bytes).into_owned())
}

/// An encoded text; `None` when it does not decode to UTF-8.
pub fn decode_text(encoded: &str) -> Option<String> {
    String::from_utf8(decode(encoded.as_bytes()).collect()).ok()
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).map(|digit| digit as u8)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Encoded, decode, decode_lossy, decode_text, encode};

    #[test]
    fn what_is_no_encoding_stands_for_itself() {
        assert_eq!(decode_lossy(b"100%"), "100%");
        assert_eq!(decode_lossy(b"%4x%41%c3%A4"), "%4xA\u{e4}");
        assert_eq!(decode_text("%ff"), None);
        assert_eq!(decode(b"%ff").collect::<Vec<_>>(), [0xff]);
    }

    proptest! {
        #[test]
        fn any_text_comes_back(text: String) {
            let mut encoded = String::new();
            encode(&text, Encoded::CONTROLS.and(b'%').and(b' '), &mut encoded);
            prop_assert!(encoded.bytes().all(|byte| byte.is_ascii_graphic()));
            prop_assert_eq!(decode_text(&encoded), Some(text));
        }
    }
}
