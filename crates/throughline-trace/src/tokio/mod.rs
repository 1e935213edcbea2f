//! Tasks of tokio that carry the context, with the feature `tokio`. Without it there is nothing here:
//! [`propagate_context`](crate::propagate_context) works with any runtime.

#[cfg(feature = "tokio")]
mod enabled;
#[cfg(feature = "tokio")]
pub use enabled::spawn;
