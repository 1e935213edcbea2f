//! Pushing over OTLP, when the cargo feature `otlp-http` is on; otherwise a clear refusal of what needs it.

#[cfg(feature = "otlp-http")]
mod buffer;
#[cfg(feature = "otlp-http")]
mod enabled;
#[cfg(feature = "otlp-http")]
mod pushed;
#[cfg(feature = "otlp-http")]
mod records;
#[cfg(feature = "otlp-http")]
mod security;
#[cfg(feature = "otlp-http")]
mod signal;
#[cfg(feature = "otlp-http")]
pub(crate) use enabled::{Otlp, Plan, end_metrics, end_traces};

#[cfg(not(feature = "otlp-http"))]
mod disabled;
#[cfg(not(feature = "otlp-http"))]
pub(crate) use disabled::{Otlp, Plan, end_metrics, end_traces};
