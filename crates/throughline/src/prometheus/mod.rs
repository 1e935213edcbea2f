//! The scrape endpoint, when the cargo feature `prometheus` is on; otherwise a clear refusal of what needs it.

#[cfg(feature = "prometheus")]
mod enabled;
#[cfg(feature = "prometheus")]
pub(crate) use enabled::{IS_BUILT_IN, Plan, Prometheus};

#[cfg(not(feature = "prometheus"))]
mod disabled;
#[cfg(not(feature = "prometheus"))]
pub(crate) use disabled::{IS_BUILT_IN, Plan, Prometheus};
