//! The candidates: each library, used as its own documentation recommends where speed matters, and the limits.
//!
//! Every module offers the same operations under the same names, as far as its library has them; `sections/` puts them
//! together.

pub mod fastrace;
pub mod foundations;
pub mod headers;
pub mod http;
pub mod limit;
pub mod measured;
pub mod metrics;
pub mod otel;
pub mod otel_trace;
pub mod otlp_spans;
pub mod prometheus;
pub mod prometheus_client;
pub mod throughline;
pub mod throughline_trace;
pub mod tracing;
