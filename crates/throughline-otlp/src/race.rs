//! Waits for the first of two futures: the little of `select!` that is needed here, without its macro crates.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;

/// Which of two came first.
pub(crate) enum Either<A, B> {
    Left(A),
    Right(B),
}

/// Resolves with the first that is ready; with the left one when both are.
pub(crate) async fn race<A: Future, B: Future>(
    mut left: Pin<&mut A>,
    mut right: Pin<&mut B>,
) -> Either<A::Output, B::Output> {
    poll_fn(|context| {
        if let Poll::Ready(output) = left.as_mut().poll(context) {
            return Poll::Ready(Either::Left(output));
        }
        right.as_mut().poll(context).map(Either::Right)
    })
    .await
}
