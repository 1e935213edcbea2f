//! Short text on the stack: the names of spans and the ids of requests, which would otherwise be allocated for each.

use std::fmt;

/// At most so many bytes; what does not fit is left out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StackText<const BYTES: usize> {
    bytes: [u8; BYTES],
    length: usize,
}

impl<const BYTES: usize> StackText<BYTES> {
    pub(crate) fn of(arguments: fmt::Arguments<'_>) -> Self {
        let mut text = Self { bytes: [0; BYTES], length: 0 };
        let _cut = fmt::Write::write_fmt(&mut text, arguments);
        text
    }

    pub(crate) fn as_str(&self) -> &str {
        // Written by `write_str` alone, which never cuts a character.
        std::str::from_utf8(&self.bytes[..self.length]).unwrap_or_default()
    }
}

impl<const BYTES: usize> fmt::Write for StackText<BYTES> {
    fn write_str(&mut self, s: &str) -> fmt::Result {
        let fits = throughline_core::attribute::cut(s, BYTES - self.length);
        self.bytes[self.length..self.length + fits.len()].copy_from_slice(fits.as_bytes());
        self.length += fits.len();
        if fits.len() == s.len() { Ok(()) } else { Err(fmt::Error) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_left_out_without_cutting_characters() {
        assert_eq!(StackText::<8>::of(format_args!("{} {}", "ab", 12)).as_str(), "ab 12");
        assert_eq!(StackText::<4>::of(format_args!("abc{}d", 'é')).as_str(), "abc");
    }
}
