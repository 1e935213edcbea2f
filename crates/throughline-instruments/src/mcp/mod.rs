//! The Model Context Protocol: servers, clients, and the trace that goes from one to the other.
//!
//! Two sets of metrics, side by side: [`Metrics`] counts what a server or proxy is made of (connections, sessions,
//! requests, interceptors, the client's pool, resources), [`OperationMetrics`] is what OpenTelemetry's semantic conventions
//! for MCP ask for. An [`Endpoint`] is one end of a connection; it records both for each [`Call`], and makes the span.
//!
//! The context of a trace travels in `params._meta` (`traceparent`, `tracestate`, `baggage`), where neither end needs to know
//! what transport there is:
//!
//! ```
//! use serde_json::Map;
//! use throughline_instruments::mcp::{Call, Endpoint, Method, Transport};
//! use throughline_metrics::MeterProvider;
//! use throughline_trace::TracerProvider;
//!
//! let meter = MeterProvider::default().meter("mcp");
//! let spans = TracerProvider::default();
//! let client = Endpoint::client(&meter, spans.tracer("mcp"), Transport::Tcp);
//! let server = Endpoint::server(&meter, spans.tracer("mcp"), Transport::Tcp);
//!
//! let mut meta = Map::new();
//! let calling = client.begin(Call::new(Method::ToolsCall).with_tool("search"));
//! calling.inject(&mut meta); // … and send it
//!
//! let called = Call::new(Method::of("tools/call")).with_tool("search").with_meta(&meta);
//! let serving = server.begin(called);
//! assert_eq!(serving.span_context().trace_id(), calling.span_context().trace_id());
//! serving.ok();
//! calling.ok();
//! ```
//!
//! What a peer sends becomes an attribute only within bounds: methods are an enum, codes and versions are known ones or
//! `_OTHER`, names of tools have a length and letters ([`bounded_name`]) and, like all text, the engine's limit of series.
//!
//! Conventions: [MCP](https://github.com/open-telemetry/semantic-conventions-genai/blob/main/docs/gen-ai/mcp.md), in development.

mod attributes;
mod call;
mod endpoint;
mod meta;
mod method;
mod metrics;
mod operation;
mod resources;
mod text;

pub use attributes::{OperationAttributes, SessionAttributes, Transport, Version, bounded_name};
pub use call::Call;
pub use endpoint::{Endpoint, OperationMetrics, SessionScope};
pub use meta::{Meta, extract, inject};
pub use method::Method;
pub use metrics::{Metrics, OfMethod, RequestEnded};
pub use operation::Operation;
pub use resources::Held;

use throughline_metrics::MetricSet as _;

use crate::Kit;

/// What this kit records.
pub const KIT: Kit = Kit::new("mcp", "MCP", &[Metrics::DEFINITIONS, OperationMetrics::DEFINITIONS]);
