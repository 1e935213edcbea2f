//! gRPC servers and clients: layers for tower services such as tonic's, which record metrics and spans by OpenTelemetry's
//! conventions, and count the messages of streams in both directions.
//!
//! ```
//! use throughline_instruments::grpc::GrpcServerLayer;
//! use throughline_metrics::MeterProvider;
//! use throughline_trace::TracerProvider;
//!
//! let layer = GrpcServerLayer::new(&MeterProvider::default().meter("shop"))
//!     .with_tracer(TracerProvider::default().tracer("shop"))
//!     .with_methods(["shop.Orders/Place", "shop.Orders/Watch"]);
//! // tonic::transport::Server::builder().layer(layer)
//! ```
//!
//! A call has ended when its status is there, in the trailers of the response or in its head. What was dropped before is
//! `cancelled`, a panic is `panic`, as in [`http`](crate::http).
//!
//! # Which methods are known
//!
//! A path comes from whoever calls. A server records a method by its name when it was declared
//! ([`GrpcServerLayer::with_methods`]), and from its first call on that ended with `OK`: so a service has it. Whatever else is
//! called is `_OTHER`. The methods that a client calls are its own.
//!
//! `exchange.rs` is what is recorded of one call, `messages.rs` counts; the rest is shared with [`http`](crate::http).

use throughline_metrics::MetricSet as _;

use crate::Kit;

mod client;
mod exchange;
mod messages;
mod metrics;
mod server;
mod status;

pub use client::{GrpcClient, GrpcClientLayer};
pub use exchange::GrpcExchange;
pub use messages::CountedBody;
pub use metrics::{
    ActiveCalls, GrpcCall, GrpcClientMetrics, GrpcMessages, GrpcServerMetrics, MessageType, RpcSystem,
};
pub use server::{GrpcServer, GrpcServerLayer};
pub use status::GrpcStatus;

/// What this kit records.
pub const KIT: Kit =
    Kit::new("grpc", "gRPC", &[GrpcServerMetrics::DEFINITIONS, GrpcClientMetrics::DEFINITIONS]);
