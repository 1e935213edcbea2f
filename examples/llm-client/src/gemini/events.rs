//! Server-sent events, as far as the API uses them: the lines that begin with `data:`.

use super::{ANSWER_BYTES_MAX, ApiError};

/// What has come of a stream, and is not read yet.
#[derive(Debug, Default)]
pub(crate) struct Events(Vec<u8>);

impl Events {
    /// Takes what has come.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Result<(), ApiError> {
        if self.0.len() + bytes.len() > ANSWER_BYTES_MAX {
            return Err(ApiError::TooLong);
        }
        self.0.extend_from_slice(bytes);
        Ok(())
    }

    /// The data of the next event. At the end of the stream, the last line needs no end.
    pub(crate) fn next(&mut self, at_end: bool) -> Option<Vec<u8>> {
        loop {
            let end = self.0.iter().position(|byte| *byte == b'\n').map(|end| end + 1);
            let end = end.or_else(|| (at_end && !self.0.is_empty()).then_some(self.0.len()))?;
            let line: Vec<u8> = self.0.drain(..end).collect();
            if let Some(data) = line.strip_prefix(b"data:") {
                return Some(data.trim_ascii().to_vec());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_whole_however_the_bytes_come() {
        let stream = b": hello\r\n\r\ndata: {\"a\":1}\r\n\r\ndata:{\"b\":2}\n\nevent: end\ndata: last";
        for size in 1..stream.len() {
            let (mut events, mut seen) = (Events::default(), Vec::new());
            for bytes in stream.chunks(size) {
                events.push(bytes).expect("it is short");
                seen.extend(std::iter::from_fn(|| events.next(false)));
            }
            seen.extend(std::iter::from_fn(|| events.next(true)));
            assert_eq!(seen, [&b"{\"a\":1}"[..], b"{\"b\":2}", b"last"], "{size} at a time");
        }
    }

    #[test]
    fn a_line_without_end_is_refused() {
        let mut events = Events::default();
        let piece = vec![b'x'; ANSWER_BYTES_MAX];
        assert!(events.push(&piece).is_ok() && events.next(false).is_none());
        assert!(matches!(events.push(b"x"), Err(ApiError::TooLong)));
    }
}
