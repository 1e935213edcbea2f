//! Ready-made instruments: what services of a kind have in common, named once.
//!
//! Each module is a *kit* and a cargo feature: its metrics are a [`MetricSet`](throughline_metrics::MetricSet), made from a
//! meter; around them stand guards and layers that record whatever path the code takes. Names are those of
//! OpenTelemetry's semantic conventions where there are any. [`kits`] lists what is compiled in, for dashboards, alerts
//! and documentation.
//!
//! The *bridges* bring in what a program records otherwise, so that nothing has to be rewritten.

#[cfg(any(
    feature = "actor",
    feature = "gen-ai",
    feature = "guard",
    feature = "inference",
    feature = "stream"
))]
mod clock;
#[cfg(any(feature = "actor", feature = "stream"))]
mod end;
#[cfg(any(feature = "prometheus", feature = "prometheus-client"))]
mod exposition;
mod kit;

#[cfg(feature = "actor")]
pub mod actor;
#[cfg(feature = "function")]
pub mod function;
#[cfg(feature = "gen-ai")]
pub mod gen_ai;
#[cfg(feature = "grpc")]
pub mod grpc;
#[cfg(feature = "guard")]
pub mod guard;
#[cfg(feature = "http")]
pub mod http;
#[cfg(feature = "inference")]
pub mod inference;
#[cfg(feature = "mcp")]
pub mod mcp;
#[cfg(feature = "process")]
pub mod process;
#[cfg(feature = "runtime")]
pub mod runtime;
#[cfg(feature = "stream")]
pub mod stream;

#[cfg(feature = "metrics-facade")]
pub mod metrics_facade;
#[cfg(feature = "prometheus")]
pub mod prometheus;
#[cfg(feature = "prometheus-client")]
pub mod prometheus_client;
#[cfg(feature = "tracing-events")]
pub mod tracing_events;

pub use kit::{Kit, kits};
