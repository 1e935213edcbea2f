//! What is asked of spans and log records, when the cargo feature `tracing` is on; otherwise nothing can be asked.

#[cfg(feature = "tracing")]
mod batch;
#[cfg(feature = "tracing")]
mod enabled;
#[cfg(feature = "tracing")]
mod logs;
#[cfg(feature = "tracing")]
mod traces;
#[cfg(feature = "tracing")]
pub use batch::BatchConfiguration;
#[cfg(feature = "tracing")]
pub(crate) use enabled::Records;
#[cfg(feature = "tracing")]
pub use logs::{ConsoleFormat, LogConfig};
#[cfg(feature = "tracing")]
pub use traces::{SamplingStrategy, TraceConfig};

#[cfg(not(feature = "tracing"))]
mod disabled;
#[cfg(not(feature = "tracing"))]
pub(crate) use disabled::Records;
