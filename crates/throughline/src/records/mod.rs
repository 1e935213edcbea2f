//! Spans and log records, when the cargo feature `tracing` is on; otherwise nothing records them.

#[cfg(feature = "tracing")]
mod console;
#[cfg(feature = "tracing")]
mod enabled;
#[cfg(feature = "tracing")]
mod gate;
#[cfg(feature = "tracing")]
mod sampler;
#[cfg(feature = "tracing")]
pub use enabled::FilterError;
#[cfg(feature = "tracing")]
pub(crate) use enabled::{Plan, Records, stop_global_traces};

#[cfg(not(feature = "tracing"))]
mod disabled;
#[cfg(not(feature = "tracing"))]
pub(crate) use disabled::{Plan, Records, stop_global_traces};
