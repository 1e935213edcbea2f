//! Remembers the first bytes that a peer sends: when it does not speak what was expected, they tell what it does.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::connect::Io;

/// As many as the head of a frame of HTTP/2 has.
const LEN: usize = 9;

/// The first bytes that a peer sent, as far as they came at once.
#[derive(Clone, Debug, Default)]
pub(super) struct FirstBytes(Arc<OnceLock<[u8; LEN]>>);

/// A protocol, told by its first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spoken {
    Tls,
    Http1,
    Http2,
}

impl FirstBytes {
    /// What the peer speaks, if that is known.
    pub(super) fn spoken(&self) -> Option<Spoken> {
        match self.0.get()? {
            // An alert or a handshake, of any version.
            [0x15 | 0x16, 3, 0..=4, ..] => Some(Spoken::Tls),
            [b'H', b'T', b'T', b'P', b'/', ..] => Some(Spoken::Http1),
            // SETTINGS of the whole connection, which come first.
            [_, _, _, 4, _, 0, 0, 0, 0] => Some(Spoken::Http2),
            _ => None,
        }
    }

    fn note(&self, bytes: &[u8]) {
        if bytes.is_empty() || self.0.get().is_some() {
            return;
        }
        let mut first = [0xFF; LEN];
        let len = bytes.len().min(LEN);
        first[..len].copy_from_slice(&bytes[..len]);
        self.0.get_or_init(|| first);
    }
}

/// A connection that notes its first bytes.
pub(super) struct Sniffed {
    stream: Box<dyn Io>,
    first: FirstBytes,
}

impl Sniffed {
    pub(super) fn new(stream: Box<dyn Io>) -> (Self, FirstBytes) {
        let first = FirstBytes::default();
        (Self { stream, first: first.clone() }, first)
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
        self.first.note(&buf.filled()[before..]);
        outcome
    }
}

impl AsyncWrite for Sniffed {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
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
            let first = FirstBytes::default();
            first.note(bytes);
            first.note(b"HTTP/1.1 later");
            let expected = if bytes.is_empty() { Some(Spoken::Http1) } else { expected };
            assert_eq!(first.spoken(), expected, "{bytes:?}");
        }
    }
}
