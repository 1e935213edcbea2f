//! Pushing spans and log records, when the cargo feature `tracing` is on.

#[cfg(feature = "tracing")]
mod enabled;
#[cfg(feature = "tracing")]
pub(super) use enabled::Plan;

#[cfg(not(feature = "tracing"))]
mod disabled;
#[cfg(not(feature = "tracing"))]
pub(super) use disabled::Plan;
