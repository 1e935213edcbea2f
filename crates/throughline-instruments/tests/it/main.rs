//! Kits and bridges as a program uses them, one module for each.

#[cfg(feature = "metrics-facade")]
mod metrics_facade;
#[cfg(feature = "prometheus")]
mod prometheus;
#[cfg(feature = "prometheus-client")]
mod prometheus_client;
#[cfg(feature = "tracing-events")]
mod tracing_events;
#[cfg(any(feature = "prometheus", feature = "prometheus-client"))]
mod wire;
