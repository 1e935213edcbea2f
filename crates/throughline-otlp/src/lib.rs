//! OTLP for throughline: the OpenTelemetry protocol over HTTP and gRPC.
//!
//! [`MetricExporter`] reads the metrics engine at an interval; [`RecordExporter`] takes spans or log records out of their
//! rings, in batches. Each encodes what it has and delivers it, with retries, a bounded queue and an account of every
//! point, span and log record ([`ExportStatus`]). Applications use them through the `throughline` crate; this crate
//! reads no environment and starts no thread.
//!
//! Stops 6 to 8 in the life of an increment:
//!
//! | file | what happens |
//! |---|---|
//! | `exporter/mod.rs`, `exporter/metrics.rs` | the timer or a flush asks the engine for a collection |
//! | `encode/metrics.rs`, `encode/json.rs` | the collection becomes requests |
//! | `exporter/intake.rs`, `exporter/queue.rs` | requests wait, oldest first |
//! | `exporter/spool.rs`, `spool/` | … and on disk as well, when there is a spool |
//! | `retry.rs` | each is tried until it is taken, refused, or out of time |
//! | `transport/http.rs` or `transport/grpc.rs` | the wire |
//!
//! Spans and log records come in by `exporter/records.rs` and are encoded in `encode/traces.rs`, `encode/logs.rs` and
//! `encode/requests.rs`; the rest is the same.
//!
//! Over HTTP/1.1, and with the cargo feature `grpc` over gRPC; to `http://` endpoints, Unix sockets, and with the feature
//! `tls` to `https://` ones; directly or through a proxy. Bodies are compressed with gzip, or with the feature `zstd`. With
//! the feature `spool`, requests can be kept on disk.
//! Redirects are not followed.

mod batch;
mod compression;
mod config;
mod encode;
mod endpoint;
mod error;
mod exporter;
mod race;
mod retry;
mod self_telemetry;
mod split;
mod spool;
mod status;
mod transport;

pub use batch::BatchConfiguration;
pub use config::{
    BuildError, Compression, OtlpConfig, ParseDurationError, ParseHeadersError, Protocol, QueueFull,
    UnknownValueError, parse_duration, parse_headers,
};
pub use encode::{EncodedRequest, JsonEncoder, LogEncoder, ProtobufEncoder, SpanEncoder};
pub use endpoint::{Endpoint, EndpointError, Signal};
pub use exporter::{Command, ExportReport, ForkedExporter, MetricExporter, RecordExporter, Successor};
pub use retry::RetryPolicy;
pub use self_telemetry::METRICS;
pub use spool::SpoolConfig;
pub use status::{DroppedItems, ExportStatus, LastError, SpoolState, StatusSnapshot};
pub use transport::{Proxies, ProxyError, TlsFiles};
