//! The body of an answer, for hyper and axum: an exposition that is made as the client takes it.
//!
//! Stop 8. The connection asks for a piece when it has sent the one before, so a client that reads slowly costs one piece
//! and what [`Chunks`] holds, and no thread. Pieces are made where blocking is allowed.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use crate::Chunks;

/// The body of an answer of [`MetricsService`](crate::service::MetricsService).
#[derive(Debug)]
pub struct MetricsBody(State);

#[derive(Debug)]
enum State {
    /// All there is.
    Whole(Bytes),
    /// To be made.
    Chunks(Box<Chunks>),
    /// Being made.
    Making(JoinHandle<(Option<Bytes>, Box<Chunks>)>),
    Ended,
}

impl MetricsBody {
    pub(crate) fn whole(bytes: impl Into<Bytes>) -> Self {
        Self(State::Whole(bytes.into()))
    }

    /// The next piece, when it is there.
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Option<Bytes>>> {
        loop {
            self.0 = match std::mem::replace(&mut self.0, State::Ended) {
                State::Ended => return Poll::Ready(Ok(None)),
                State::Whole(bytes) => return Poll::Ready(Ok(Some(bytes).filter(|bytes| !bytes.is_empty()))),
                State::Chunks(mut chunks) => match Handle::try_current() {
                    // What is made already, or cannot be made elsewhere.
                    Ok(runtime) if chunks.is_work() => State::Making(runtime.spawn_blocking(move || {
                        let piece = chunks.next();
                        (piece, chunks)
                    })),
                    _ => {
                        let piece = chunks.next();
                        self.0 = State::Chunks(chunks);
                        return Poll::Ready(Ok(piece));
                    }
                },
                State::Making(mut making) => {
                    let polled = Pin::new(&mut making).poll(cx);
                    if polled.is_pending() {
                        self.0 = State::Making(making);
                    }
                    let (piece, chunks) = ready!(polled).map_err(io::Error::other)?;
                    self.0 = State::Chunks(chunks);
                    return Poll::Ready(Ok(piece));
                }
            };
        }
    }
}

impl From<Chunks> for MetricsBody {
    fn from(chunks: Chunks) -> Self {
        Self(State::Chunks(Box::new(chunks)))
    }
}

impl Body for MetricsBody {
    type Data = Bytes;
    /// A piece could not be made: the client sees the connection end in the middle.
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        self.poll_piece(cx).map(|piece| piece.transpose().map(|piece| piece.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        self.size_hint().exact() == Some(0)
    }

    fn size_hint(&self) -> SizeHint {
        let length = match &self.0 {
            State::Whole(bytes) => Some(bytes.len()),
            State::Chunks(chunks) => chunks.length(),
            State::Making(_) => None,
            State::Ended => Some(0),
        };
        length.map_or_else(SizeHint::default, |length| SizeHint::with_exact(length as u64))
    }
}
