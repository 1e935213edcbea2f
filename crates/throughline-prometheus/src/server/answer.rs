//! The body of an answer with its place among the scrapes under way, which is free when the last byte is handed over.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::Response;
use hyper::body::{Body, Frame, SizeHint};
use tokio::sync::OwnedSemaphorePermit;

use crate::body::MetricsBody;

/// A body that keeps a place taken for as long as it lives.
#[derive(Debug)]
pub(super) struct Answer {
    body: MetricsBody,
    _place: Option<OwnedSemaphorePermit>,
}

impl Answer {
    /// An answer that costs nothing.
    pub(super) fn of(response: Response<MetricsBody>) -> Response<Self> {
        response.map(|body| Self { body, _place: None })
    }

    /// An answer that holds this place.
    pub(super) fn holding(response: Response<MetricsBody>, place: OwnedSemaphorePermit) -> Response<Self> {
        response.map(|body| Self { body, _place: Some(place) })
    }
}

impl Body for Answer {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<std::io::Result<Frame<Bytes>>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
