//! With tokio.

use std::future::Future;

use ::tokio::task::JoinHandle;

use crate::context::propagate_context;

/// Starts a task in the context that is current now; otherwise as [`tokio::spawn`].
///
/// # Panics
/// When it is called outside of a tokio runtime.
#[track_caller]
pub fn spawn<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future<Output: Send + 'static> + Send + 'static,
{
    ::tokio::spawn(propagate_context(future))
}
