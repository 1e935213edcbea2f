//! Follows a request from the call to the end of the response's body, whatever path it takes.
//!
//! The layers say what their protocol records, an [`Exchange`]; a [`Following`] is made around it. It goes from the service's
//! future into the response's body, and ends once: when the body has ended, when service or body failed, or when it is dropped
//! before; in which case it was cancelled, or, if that happened while the service or the body was running, a panic went
//! through.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context as Waiting, Poll, ready};

use bytes::Buf;
use http::{HeaderMap, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use throughline_trace::{Context, Enter, Entered};

use super::attributes::HttpMethod;
use super::failure::{CANCELLED, Names, PANIC};

/// What a protocol records of one request.
pub trait Exchange {
    /// What the service and the body run in, if it is other than what is current anyway.
    fn context(&self) -> Option<&Context>;
    /// What errors are called.
    fn names(&self) -> &Names;
    /// Sees the head of the response; says whether a body follows.
    fn answered<B: Body>(&mut self, response: &Response<B>) -> bool;
    /// Sees a piece of the response's body.
    fn data(&mut self, data: &impl Buf);
    /// Sees what stands behind the response's body.
    fn trailers(&mut self, trailers: &HeaderMap);
    /// Records how it ended; without an error, it was complete. Called once, and last.
    fn end(&mut self, error: Option<&'static str>);
    /// Whether a body that nobody wanted any of was cancelled.
    const UNREAD_IS_CANCELLED: bool;
}

/// An exchange under way.
pub(crate) struct Following<X: Exchange> {
    exchange: X,
    /// Whether the service or the body runs right now.
    is_inside: bool,
    has_ended: bool,
}

impl<X: Exchange> Following<X> {
    pub(crate) fn new(exchange: X) -> Self {
        Self { exchange, is_inside: false, has_ended: false }
    }

    /// From here on runs the service, or the body …
    #[inline]
    pub(crate) fn enter(&mut self) -> Option<Entered> {
        self.is_inside = true;
        self.exchange.context().map(Enter::enter)
    }

    /// … until here, which is not reached when it panics. Two functions rather than one that is given what to run: so
    /// nothing large has to be moved into a closure.
    #[inline]
    fn leave(&mut self, entered: Option<Entered>) {
        drop(entered);
        self.is_inside = false;
    }

    fn complete(&mut self) {
        self.end(None);
    }

    fn fail<E: fmt::Debug + 'static>(&mut self, error: &E) {
        let name = self.exchange.names().of(error);
        self.end(Some(name));
    }

    fn end(&mut self, error: Option<&'static str>) {
        if !std::mem::replace(&mut self.has_ended, true) {
            self.exchange.end(error);
        }
    }
}

impl<X: Exchange> Drop for Following<X> {
    fn drop(&mut self) {
        self.end(Some(if self.is_inside { PANIC } else { CANCELLED }));
    }
}

impl<X: Exchange> fmt::Debug for Following<X> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Following").field("has_ended", &self.has_ended).finish_non_exhaustive()
    }
}

pin_project! {
    /// The future of a service that is followed.
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<F, X> where X: Exchange {
        #[pin]
        inner: F,
        following: Option<Following<X>>,
    }
}

impl<F, X: Exchange> ResponseFuture<F, X> {
    /// Of a service that was called, which was [entered](Following::enter) for that.
    #[inline]
    pub(crate) fn new(inner: F, mut following: Option<Following<X>>, entered: Option<Entered>) -> Self {
        if let Some(following) = &mut following {
            following.leave(entered);
        }
        Self { inner, following }
    }
}

impl<F, X, B, E> Future for ResponseFuture<F, X>
where
    F: Future<Output = Result<Response<B>, E>>,
    X: Exchange,
    B: Body,
    E: fmt::Debug + 'static,
{
    type Output = Result<Response<ResponseBody<B, X>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Waiting<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let entered = this.following.as_mut().and_then(Following::enter);
        let polled = this.inner.poll(cx);
        if let Some(following) = this.following {
            following.leave(entered);
        }
        let result = ready!(polled);
        let mut following = this.following.take();
        if let (Some(following), Err(error)) = (&mut following, &result) {
            following.fail(error);
        }
        Poll::Ready(result.map(|response| follow_body(response, following)))
    }
}

fn follow_body<B: Body, X: Exchange>(
    response: Response<B>,
    mut following: Option<Following<X>>,
) -> Response<ResponseBody<B, X>> {
    let mut left = response.body().size_hint().exact();
    if let Some(following) = &mut following {
        if !following.exchange.answered(&response) {
            left = Some(0);
        } else if response.body().is_end_stream() {
            following.complete();
        }
    }
    let following = following.filter(|following| !following.has_ended);
    response.map(|inner| ResponseBody { inner, following, left, is_read: false })
}

pin_project! {
    /// The body of a response that is followed.
    #[derive(Debug)]
    pub struct ResponseBody<B, X>
    where
        B: Body,
        X: Exchange,
    {
        #[pin]
        inner: B,
        following: Option<Following<X>>,
        // Bytes to come, when that was said beforehand.
        left: Option<u64>,
        is_read: bool,
    }

    impl<B: Body, X: Exchange> PinnedDrop for ResponseBody<B, X> {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            let Some(following) = this.following else { return };
            let has_all = *this.left == Some(0) || this.inner.is_end_stream();
            let is_unread = !*this.is_read && !X::UNREAD_IS_CANCELLED;
            if !following.is_inside && (has_all || is_unread) {
                following.complete();
            }
        }
    }
}

impl<B, X> Body for ResponseBody<B, X>
where
    B: Body,
    B::Error: fmt::Debug + 'static,
    X: Exchange,
{
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Waiting<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let mut this = self.project();
        let Some(following) = this.following.as_mut() else { return this.inner.poll_frame(cx) };
        *this.is_read = true;
        let entered = following.enter();
        let polled = this.inner.as_mut().poll_frame(cx);
        following.leave(entered);
        let result = ready!(polled);
        match &result {
            Some(Ok(frame)) => {
                let bytes = see(&mut following.exchange, frame);
                *this.left = this.left.map(|left| left.saturating_sub(bytes));
                if this.inner.is_end_stream() {
                    following.complete();
                }
            }
            Some(Err(error)) => following.fail(error),
            None => following.complete(),
        }
        if following.has_ended {
            *this.following = None;
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

/// Whether a response to a request of this method with this status has a body.
pub(super) fn has_body(method: HttpMethod, status: StatusCode) -> bool {
    let has_none = status.is_informational()
        || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
        || method == HttpMethod::Head
        || (method == HttpMethod::Connect && status.is_success());
    !has_none
}

/// Shows a frame to the exchange; gives the bytes of data in it.
fn see<X: Exchange, D: Buf>(exchange: &mut X, frame: &Frame<D>) -> u64 {
    if let Some(data) = frame.data_ref() {
        exchange.data(data);
        return data.remaining() as u64;
    }
    if let Some(trailers) = frame.trailers_ref() {
        exchange.trailers(trailers);
    }
    0
}
