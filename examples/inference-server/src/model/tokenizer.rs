//! Bytes as tokens: it reads any, and writes those of printable ASCII.

/// Tokens it can write: the printable characters, a new line, and the end.
pub(super) const VOCABULARY: usize = 97;

/// The text ends here.
pub(super) const END: usize = VOCABULARY - 1;

/// The tokens of a prompt: its bytes. An empty prompt is a new line.
pub(crate) fn encode(prompt: &str) -> impl Iterator<Item = u8> {
    let nothing = prompt.is_empty().then_some(b'\n');
    nothing.into_iter().chain(prompt.bytes())
}

/// The character of a token that is not the end.
pub(super) fn decode(token: usize) -> u8 {
    match token {
        0..=94 => b' ' + token as u8,
        _ => b'\n',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_printable() {
        let all: Vec<u8> = (0..END).map(decode).collect();
        assert!(all.iter().all(|byte| *byte == b'\n' || (b' '..=b'~').contains(byte)));
        assert_eq!(encode("é").count(), 2);
        assert_eq!(encode("").count(), 1);
    }
}
