//! Counts the messages in a stream of bytes, by the five bytes in front of each.
//!
//! Specification: [`Length-Prefixed-Message`](https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md#requests).

use std::fmt;
use std::io::IoSlice;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as Waiting, Poll, ready};

use bytes::Buf;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use super::exchange::Call;

/// Where in a stream of messages one is.
#[derive(Debug, Default)]
pub(super) struct Messages {
    /// Bytes of the next message's prefix that were seen.
    prefix: u8,
    /// Its length, as far as it was seen.
    length: u32,
    /// Bytes of the message that are to come.
    left: u32,
}

/// Whether a message is compressed, and its length in four bytes.
const PREFIX: u8 = 5;

/// Pieces that one buffer is made of; of a buffer with more, the messages behind them are not seen.
const PIECES_MAX: usize = 16;

impl Messages {
    /// How many messages end in these bytes.
    pub(super) fn ended_in(&mut self, data: &impl Buf) -> u64 {
        let mut pieces = [IoSlice::new(&[]); PIECES_MAX];
        let count = data.chunks_vectored(&mut pieces);
        pieces.iter().take(count).map(|piece| self.see(piece)).sum()
    }

    fn see(&mut self, mut bytes: &[u8]) -> u64 {
        let mut ended = 0;
        while let Some((first, behind)) = bytes.split_first() {
            if self.prefix < PREFIX {
                // The flag in front is shifted out by the four bytes behind it.
                self.length = self.length << 8 | u32::from(*first);
                self.left = self.length;
                self.prefix += 1;
                bytes = behind;
            } else {
                let skipped = bytes.len().min(self.left as usize);
                self.left -= skipped as u32;
                bytes = bytes.get(skipped..).unwrap_or_default();
            }
            if self.prefix == PREFIX && self.left == 0 {
                *self = Self::default();
                ended += 1;
            }
        }
        ended
    }
}

pin_project! {
    /// The body of a request whose messages are counted.
    pub struct CountedBody<B> {
        #[pin]
        inner: B,
        messages: Messages,
        call: Arc<Call>,
    }
}

impl<B> CountedBody<B> {
    pub(super) fn new(inner: B, call: Arc<Call>) -> Self {
        Self { inner, messages: Messages::default(), call }
    }
}

impl<B: Body> Body for CountedBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Waiting<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let this = self.project();
        let result = ready!(this.inner.poll_frame(cx));
        if let Some(data) = result.as_ref().and_then(|frame| frame.as_ref().ok()?.data_ref()) {
            this.call.asked(this.messages.ended_in(data));
        }
        Poll::Ready(result)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

impl<B> fmt::Debug for CountedBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CountedBody").field("messages", &self.messages).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three messages, one of them empty.
    const STREAM: &[u8] = b"\x00\x00\x00\x00\x03one\x00\x00\x00\x00\x00\x01\x00\x00\x01\x00";

    #[test]
    fn messages_are_counted_however_they_are_cut() {
        let stream = [STREAM, &[7; 256]].concat();
        for piece in 1..stream.len() {
            let mut messages = Messages::default();
            let count: u64 = stream.chunks(piece).map(|bytes| messages.ended_in(&bytes)).sum();
            assert_eq!(count, 3, "in pieces of {piece}");
        }
    }

    #[test]
    fn what_has_not_ended_is_not_counted() {
        let mut messages = Messages::default();
        assert_eq!(messages.ended_in(&&b"\x00\xff\xff\xff\xffmuch"[..]), 0);
    }
}
