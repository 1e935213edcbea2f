//! Stops 7 and 8 of the life of an increment, on the way to Prometheus: finished numbers become bytes, and bytes
//! answer a scrape.
//!
//! | stop | file | |
//! |---|---|---|
//! | 6 | `throughline-metrics/src/data/mod.rs` | finished numbers |
//! | 7 | [`exporter`] → `view.rs`, `family.rs` → [`chunks`] → `text.rs` or `protobuf.rs` | bytes |
//! | 8 | [`server`] or [`service`] | the wire |
//!
//! A [`PrometheusExporter`] owns a reader of the metrics engine. An application that has no HTTP server gives it to
//! [`server::Server`]; one that has an axum router mounts [`service::MetricsService`]; any other calls
//! [`PrometheusExporter::respond`] or [`PrometheusExporter::render`].
//!
//! ```
//! use throughline_metrics::{MeterProvider, TemporalityPreference};
//! use throughline_prometheus::{Format, PrometheusConfig, PrometheusExporter};
//!
//! let provider = MeterProvider::default();
//! let reader = provider.reader(TemporalityPreference::Cumulative);
//! let exporter = PrometheusExporter::new(reader, PrometheusConfig::default());
//! provider.meter("shop").u64_counter("orders").build().add(3, &[]);
//! assert!(exporter.render_text(Format::default()).contains("orders_total{otel_scope_name=\"shop\"} 3"));
//! ```
//!
//! What no format may do is decided once, in `view.rs`: which instruments share a name, which labels they have, what
//! cannot be shown. What cannot is a [`Problem`], logged once and kept for the status page; it is never silent.

mod blocks;
#[cfg(feature = "server")]
pub mod body;
pub mod chunks;
mod escaping;
mod exemplar;
mod exponential;
pub mod exporter;
mod family;
mod labels;
mod lines;
mod negotiate;
mod number;
mod problem;
mod protobuf;
#[cfg(feature = "server")]
pub mod server;
#[cfg(feature = "server")]
pub mod service;
mod text;
mod view;

pub use chunks::Chunks;
pub use escaping::Escaping;
pub use exporter::{COLLECTION_DURATION, PrometheusConfig, PrometheusExporter, Renderer};
pub use negotiate::{Exposition, Format};
pub use problem::{Problem, ProblemKind};
