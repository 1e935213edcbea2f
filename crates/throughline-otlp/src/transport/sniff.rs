//! Remembers what hyper forgets of a connection: its first bytes, which tell what a peer speaks instead of what was
//! expected, and what a failure of TLS means, of which HTTP/2 passes on no more than the text.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::connect::Io;
use super::tls;

/// As many as the head of a frame of HTTP/2 has.
const LEN: usize = 9;

/// What was seen of a connection.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen(Arc<Notes>);

#[derive(Debug, Default)]
struct Notes {
    /// The first bytes that the peer sent, as far as they came at once.
    first: OnceLock<[u8; LEN]>,
    /// How to mend the failure that ended it, when that is one of TLS.
    hint: OnceLock<&'static str>,
}

/// A protocol, told by its first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spoken {
    Tls,
    Http1,
    Http2,
}

impl Seen {
    /// How to mend the failure that ended the connection, when that is one of TLS.
    pub(super) fn hint(&self) -> Option<&'static str> {
        self.0.hint.get().copied()
    }

    /// What the peer speaks, if that is known.
    pub(super) fn spoken(&self) -> Option<Spoken> {
        match self.0.first.get()? {
            // An alert or a handshake, of any version.
            [0x15 | 0x16, 3, 0..=4, ..] => Some(Spoken::Tls),
            [b'H', b'T', b'T', b'P', b'/', ..] => Some(Spoken::Http1),
            // SETTINGS of the whole connection, which come first.
            [_, _, _, 4, _, 0, 0, 0, 0] => Some(Spoken::Http2),
            _ => None,
        }
    }

    fn note(&self, bytes: &[u8]) {
        if bytes.is_empty() || self.0.first.get().is_some() {
            return;
        }
        let mut first = [0xFF; LEN];
        let len = bytes.len().min(LEN);
        first[..len].copy_from_slice(&bytes[..len]);
        self.0.first.get_or_init(|| first);
    }

    fn note_failure<T>(&self, outcome: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if let Poll::Ready(Err(error)) = &outcome {
            if let Some(hint) = tls::explain(error) {
                self.0.hint.get_or_init(|| hint);
            }
        }
        outcome
    }
}

/// A connection that is watched.
pub(super) struct Sniffed {
    stream: Box<dyn Io>,
    seen: Seen,
}

impl Sniffed {
    pub(super) fn new(stream: Box<dyn Io>) -> (Self, Seen) {
        let seen = Seen::default();
        (Self { stream, seen: seen.clone() }, seen)
    }

    /// Reads what the peer said before it closed: whoever fails to write does not read any more.
    fn note_last_words<T>(
        &mut self,
        cx: &mut Context<'_>,
        outcome: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if matches!(outcome, Poll::Ready(Err(_))) {
            let mut bytes = [0; LEN];
            let mut buf = ReadBuf::new(&mut bytes);
            if Pin::new(&mut self.stream).poll_read(cx, &mut buf).is_ready() {
                self.seen.note(buf.filled());
            }
        }
        self.seen.note_failure(outcome)
    }
}

impl AsyncRead for Sniffed {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let outcome = Pin::new(&mut self.stream).poll_read(cx, buf);
        self.seen.note(&buf.filled()[before..]);
        self.seen.note_failure(outcome)
    }
}

impl AsyncWrite for Sniffed {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.note_last_words(cx, outcome)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.note_last_words(cx, outcome)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let outcome = Pin::new(&mut self.stream).poll_flush(cx);
        self.note_last_words(cx, outcome)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let outcome = Pin::new(&mut self.stream).poll_shutdown(cx);
        self.seen.note_failure(outcome)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn protocols_are_told_by_their_first_bytes() {
        for (bytes, expected) in [
            (&b"HTTP/1.1 200 OK"[..], Some(Spoken::Http1)),
            (b"\0\0\x12\x04\0\0\0\0\0", Some(Spoken::Http2)),
            (b"\x15\x03\x03\0\x02\x02\x32", Some(Spoken::Tls)),
            (b"SSH-2.0-x", None),
            (b"H", None),
            (b"", None),
        ] {
            let seen = Seen::default();
            seen.note(bytes);
            seen.note(b"HTTP/1.1 later");
            let expected = if bytes.is_empty() { Some(Spoken::Http1) } else { expected };
            assert_eq!(seen.spoken(), expected, "{bytes:?}");
        }
    }
}
