//! One call, and a service has metrics: scraped by Prometheus, pushed over OTLP to a Collector or straight into
//! Prometheus, or read in a test.
//!
//! # In applications
//!
//! ```
//! use throughline::{KeyValue, TelemetryConfig, init_telemetry};
//!
//! fn main() -> Result<(), throughline::Error> {
//! #   let telemetry = init_telemetry(
//! #       TelemetryConfig::new("shop").without_prometheus_endpoint().without_globals(),
//! #   )?;
//! #   #[cfg(any())]
//!     let telemetry = init_telemetry(TelemetryConfig::new("shop"))?;
//!
//!     let orders = telemetry.meter("shop").u64_counter("orders").with_unit("{order}").build();
//!     orders.add(1, &[KeyValue::new("payment", "card")]);
//!     // http://127.0.0.1:9464/metrics now has orders_total{payment="card"} 1
//!
//!     let report = telemetry.shutdown_blocking();
//!     assert!(report.is_complete());
//!     Ok(())
//! }
//! ```
//!
//! In async code, end with `telemetry.shutdown().await?`.
//!
//! Traces and recording by name, in async code:
//!
//! ```no_run
//! use throughline::{TelemetryConfig, init_telemetry, SpanBuilder, MetricsRecorder};
//!
//! #[tokio::main]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     // Initialize
//!     let config = TelemetryConfig::new("my-processor")
//!         .with_otlp_endpoint("http://localhost:4317");
//!     let providers = init_telemetry(config)?;
//!
//!     // Create spans
//!     let span = SpanBuilder::new("process_event")
//!         .with_attribute("event.type", "metric")
//!         .start();
//!
//!     // Record metrics
//!     let recorder = MetricsRecorder::new();
//!     recorder.record_counter("processor", "events.processed", 1, vec![]);
//!
//!     // Shutdown
//!     providers.shutdown().await?;
//!     Ok(())
//! }
//! ```
//!
//! # In libraries
//!
//! Record through the OpenTelemetry API (`opentelemetry::global::meter`), through an instrument in a static
//! ([`declare_static_counter!`]), or on a [`Meter`] that the application hands over. None of them needs telemetry to be
//! initialised; until it is, recording does nothing.
//!
//! # Which door
//!
//! All three lead to the same series, and none takes a lock or allocates when the series exists.
//!
//! - A *bound* handle ([`Counter::bind`]) when the attributes are known beforehand: one load, one store.
//! - *Typed* attributes (`#[derive(Attributes)]`) when they come from enums, bools and small integers: an index.
//! - A slice of [`KeyValue`] otherwise: a look-up in the thread's own cache, compared in full.
//!
//! # Cargo features
//!
//! - `prometheus` (default): the scrape endpoint.
//! - `console` (default): metrics, spans and log records on standard output, for development.
//! - `config-file`: settings from a YAML file in OpenTelemetry's declarative format (`OTEL_CONFIG_FILE`).
//! - `otlp-http`: pushing over OTLP/HTTP; `otlp-grpc`: over gRPC as well.
//! - `tls`: endpoints with `https`; `zstd`: that compression.
//! - `http`: contexts are read from and written into `http::HeaderMap`.
//! - `spool`: what cannot be pushed yet is kept on disk.
//! - `signals`: telemetry is shut down on SIGTERM and SIGINT, when asked for.
//! - `off`: nothing is recorded or exported in the whole program, at no cost. For programs that want to know what telemetry
//!   costs, or to be without; a library must not choose it.
//! - `serde`: the configuration as part of the application's own file.
//! - `otel-bound-instruments`: `bind` on instruments of the OpenTelemetry API.
//!
//! A backend is chosen at run time; asking for one that is not compiled in is an error that names the feature.

/// The examples of the README compile.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
pub struct Readme;

mod config;
mod console;
mod error;
mod exporters;
mod file;
mod init;
pub mod metric_attributes;
pub mod metric_names;
mod otlp;
mod prometheus;
mod providers;
mod recorder;
mod records;
mod resource;
mod running;
mod selection;
mod settings;
#[cfg(all(feature = "signals", unix))]
mod signals;
mod status;

#[cfg(feature = "tracing")]
pub use config::{BatchConfiguration, ConsoleFormat, LogConfig, SamplingStrategy, TraceConfig};
pub use config::{
    BufferConfig, ExportConfig, Exporter, MetricsConfig, OtlpCompression, OtlpProtocol, ParseProtocolError,
    QueueFull, TelemetryConfig,
};
pub use console::{ConsoleConfig, ConsoleOutput, ConsoleStream};
pub use error::{Error, Problem, Source};
pub use exporters::{Delivery, ShutdownError, ShutdownReport};
pub use init::init_telemetry;
pub use providers::{
    Description, SHUTDOWN_TIMEOUT, TelemetryProviders, shutdown_meter_provider, shutdown_tracer_provider,
};
pub use recorder::MetricsRecorder;
#[cfg(feature = "tracing")]
pub use records::FilterError;
pub use settings::catalogue::catalogue;
pub use settings::{Alias, Definition, Overridden, Setting};
pub use status::StatusHandle;

pub use opentelemetry;
pub use throughline_core as core;
pub use throughline_core::name::TranslationStrategy;
pub use throughline_core::propagation;
pub use throughline_core::resource::{Detector, ResourceBuilder};
pub use throughline_core::{Attributes, InstrumentationScope, Key, KeyValue, MetricDef, Resource, Value};
pub use throughline_macros::{AttributeValue, Attributes, MetricSet};
pub use throughline_metrics as metrics;
pub use throughline_metrics::TemporalityPreference as Temporality;
pub use throughline_metrics::view::View;
pub use throughline_metrics::{
    BoundCounter, BoundGauge, BoundHistogram, BoundUpDownCounter, CatalogueEntry, Counter, Gauge, Histogram,
    Meter, MeterProvider, MetricSet, StaticTimer, TimeUnit, TimerGuard, UpDownCounter,
    declare_observable_gauge, declare_static_counter, declare_static_gauge, declare_static_histogram,
    declare_static_timer, declare_static_up_down_counter, key_value, kv_pairs, testing,
};
#[cfg(feature = "tracing")]
pub use throughline_trace as trace;
#[cfg(feature = "tracing")]
pub use throughline_trace::{
    LogLimits, Span, SpanBuilder, SpanLimits, in_context, propagate_context, record_exception, with_context,
};
