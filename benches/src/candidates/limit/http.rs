//! A layer that times requests of one route and does nothing else: two readings of the processor's counter, and three
//! values in the thread's slab when the future is done.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::extract::MatchedPath;
use http::{Request, Response};
use http_body::Body;
use tower_service::Service;

use super::slab::{HISTOGRAM_SLOTS, slab};

#[derive(Clone, Default)]
pub struct Layer;

impl<S> tower_layer::Layer<S> for Layer {
    type Service = Timed<S>;

    fn layer(&self, inner: S) -> Timed<S> {
        Timed { inner, clock: quanta::Clock::new() }
    }
}

#[derive(Clone)]
pub struct Timed<S> {
    inner: S,
    clock: quanta::Clock,
}

impl<S, B, R> Service<Request<B>> for Timed<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    S::Future: Send + 'static,
    R: Body,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = TimedFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let start = self.clock.raw();
        let route = request.extensions().get::<MatchedPath>().map_or(0, |route| route.as_str().len());
        TimedFuture { inner: Box::pin(self.inner.call(request)), clock: self.clock.clone(), start, route }
    }
}

/// Boxed, since a projection would need unsafe code or a macro.
pub struct TimedFuture<F> {
    inner: Pin<Box<F>>,
    clock: quanta::Clock,
    start: u64,
    route: usize,
}

impl<F, R, E> Future for TimedFuture<F>
where
    F: Future<Output = Result<Response<R>, E>>,
    R: Body,
{
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let result = ready!(self.inner.as_mut().poll(cx));
        let nanos = self.clock.delta_as_nanos(self.start, self.clock.raw());
        if let Ok(response) = &result {
            let start = self.route * 3 * HISTOGRAM_SLOTS;
            slab().observe(start, nanos as f64 / 1e9);
            slab().observe(start + HISTOGRAM_SLOTS, 0.0);
            slab().observe(start + 2 * HISTOGRAM_SLOTS, response.body().size_hint().lower() as f64);
        }
        Poll::Ready(result)
    }
}
