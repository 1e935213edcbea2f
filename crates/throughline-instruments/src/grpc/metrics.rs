//! The instruments of servers and clients.
//!
//! Specification: [RPC metrics](https://opentelemetry.io/docs/specs/semconv/rpc/rpc-metrics/). Calls under way and messages are
//! not in it.

use throughline_macros::{AttributeValue, Attributes, MetricSet};
use throughline_metrics::{Counter, Histogram, UpDownCounter};

use super::status::GrpcStatus;

/// The system of remote calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, AttributeValue)]
#[attribute(crate = throughline_core)]
#[non_exhaustive]
pub enum RpcSystem {
    /// gRPC.
    #[default]
    Grpc,
}

/// Which way a message went, as seen from here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, AttributeValue)]
#[attribute(crate = throughline_core)]
#[expect(missing_docs, clippy::exhaustive_enums, reason = "there are these two")]
pub enum MessageType {
    #[attribute(name = "SENT")]
    Sent,
    #[attribute(name = "RECEIVED")]
    Received,
}

/// What is recorded of a call that has ended.
#[derive(Clone, Copy, Debug, Attributes)]
#[attribute(crate = throughline_core)]
#[non_exhaustive]
pub struct GrpcCall<'a> {
    /// gRPC.
    #[attribute(key = "rpc.system.name")]
    pub system: RpcSystem,
    /// Service and method, `shop.Orders/Place`; `_OTHER` when it is not known.
    #[attribute(key = "rpc.method")]
    pub method: &'a str,
    /// The status; absent when there was none.
    #[attribute(key = "rpc.response.status_code")]
    pub status: Option<GrpcStatus>,
    /// Why it failed; absent when it did not.
    #[attribute(key = "error.type")]
    pub error: Option<&'a str>,
    /// The host that a client has called.
    #[attribute(key = "server.address")]
    pub address: Option<&'a str>,
    /// Its port.
    #[attribute(key = "server.port")]
    pub port: Option<u16>,
}

/// What is recorded of a call that is under way.
#[derive(Clone, Copy, Debug, Attributes)]
#[attribute(crate = throughline_core)]
#[non_exhaustive]
pub struct ActiveCalls {
    /// gRPC.
    #[attribute(key = "rpc.system.name")]
    pub system: RpcSystem,
}

/// What is recorded of a message.
#[derive(Clone, Copy, Debug, Attributes)]
#[attribute(crate = throughline_core)]
#[non_exhaustive]
pub struct GrpcMessages<'a> {
    /// gRPC.
    #[attribute(key = "rpc.system.name")]
    pub system: RpcSystem,
    /// Service and method.
    #[attribute(key = "rpc.method")]
    pub method: &'a str,
    /// Which way it went.
    #[attribute(key = "rpc.message.type")]
    pub r#type: MessageType,
}

/// What a server records.
#[derive(Clone, Debug, MetricSet)]
#[metric(crate = throughline_metrics)]
#[non_exhaustive]
pub struct GrpcServerMetrics {
    /// Duration of calls, until their status was sent.
    #[metric(name = "rpc.server.call.duration", unit = "s")]
    pub duration: Histogram<f64, GrpcCall<'static>>,
    /// Calls that are under way.
    #[metric(name = "rpc.server.active_calls", unit = "{call}")]
    pub active: UpDownCounter<i64, ActiveCalls>,
    /// Messages, in both directions.
    #[metric(name = "rpc.server.messages", unit = "{message}")]
    pub messages: Counter<u64, GrpcMessages<'static>>,
}

/// What a client records.
#[derive(Clone, Debug, MetricSet)]
#[metric(crate = throughline_metrics)]
#[non_exhaustive]
pub struct GrpcClientMetrics {
    /// Duration of calls, until their status came.
    #[metric(name = "rpc.client.call.duration", unit = "s")]
    pub duration: Histogram<f64, GrpcCall<'static>>,
    /// Calls that are under way.
    #[metric(name = "rpc.client.active_calls", unit = "{call}")]
    pub active: UpDownCounter<i64, ActiveCalls>,
    /// Messages, in both directions.
    #[metric(name = "rpc.client.messages", unit = "{message}")]
    pub messages: Counter<u64, GrpcMessages<'static>>,
}
