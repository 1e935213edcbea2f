//! One end of a connection: what begins there is recorded, and becomes a span.
//!
//! Made once, for each transport; [`Endpoint::begin`] is called for each message. Next: `operation.rs`.

use throughline_macros::MetricSet;
use throughline_metrics::{Counter, Histogram, Meter, MetricSet as _};
use throughline_trace::{SpanKind, Tracer};

use super::metrics::{Metrics, OfMethod, RequestEnded};
use super::{Call, Operation, OperationAttributes, SessionAttributes, Transport, Version};
use crate::guard::{End, Guard, LIFETIMES, Outcome, Scope};

/// What the semantic conventions record.
#[derive(Clone, Debug, MetricSet)]
#[metric(crate = throughline_metrics)]
#[non_exhaustive]
pub struct OperationMetrics {
    /// The duration of the MCP request or notification as observed on the sender from the time it was sent until the response or ack is received.
    #[metric(name = "mcp.client.operation.duration", unit = "s", bounds = OPERATIONS)]
    pub client_operation: Histogram<f64, OperationAttributes<'static>>,
    /// MCP request or notification duration as observed on the receiver from the time it was received until the result or ack is sent.
    #[metric(name = "mcp.server.operation.duration", unit = "s", bounds = OPERATIONS)]
    pub server_operation: Histogram<f64, OperationAttributes<'static>>,
    /// The duration of the MCP session as observed on the MCP client.
    #[metric(name = "mcp.client.session.duration", unit = "s", bounds = LIFETIMES)]
    pub client_session: Histogram<f64, SessionAttributes<'static>>,
    /// The duration of the MCP session as observed on the MCP server.
    #[metric(name = "mcp.server.session.duration", unit = "s", bounds = LIFETIMES)]
    pub server_session: Histogram<f64, SessionAttributes<'static>>,
}

/// The conventions name bounds from 10 ms to 5 minutes; tools on the same machine answer in less.
const OPERATIONS: &[f64] =
    &[0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0];

/// One end of the connections of one transport: a server that receives, or a client that sends.
#[derive(Clone, Debug)]
pub struct Endpoint {
    pub(crate) kind: SpanKind,
    pub(crate) tracer: Tracer,
    pub(crate) transport: Transport,
    pub(crate) server: Option<(String, u16)>,
    pub(crate) operations: Histogram<f64, OperationAttributes<'static>>,
    sessions: Histogram<f64, SessionAttributes<'static>>,
    /// Of a server.
    pub(crate) requests: Option<Requests>,
}

/// What [`Metrics`] has of requests.
#[derive(Clone, Debug)]
pub(crate) struct Requests {
    pub(crate) total: Counter<u64, OfMethod>,
    pub(crate) duration: Histogram<f64, RequestEnded>,
    pub(crate) request_size: Histogram<u64, OfMethod>,
    pub(crate) response_size: Histogram<u64, OfMethod>,
}

impl Endpoint {
    /// The end that receives. It records the requests of [`Metrics`], too.
    pub fn server(meter: &Meter, tracer: Tracer, transport: Transport) -> Self {
        let OperationMetrics { server_operation, server_session, .. } = OperationMetrics::new(meter);
        let Metrics { requests_total, request_duration, request_size, response_size, .. } =
            Metrics::new(meter);
        let requests =
            Requests { total: requests_total, duration: request_duration, request_size, response_size };
        Self {
            kind: SpanKind::Server,
            tracer,
            transport,
            server: None,
            operations: server_operation,
            sessions: server_session,
            requests: Some(requests),
        }
    }

    /// The end that sends.
    pub fn client(meter: &Meter, tracer: Tracer, transport: Transport) -> Self {
        let OperationMetrics { client_operation, client_session, .. } = OperationMetrics::new(meter);
        Self {
            kind: SpanKind::Client,
            tracer,
            transport,
            server: None,
            operations: client_operation,
            sessions: client_session,
            requests: None,
        }
    }

    /// Where the server is, for a client that knows.
    pub fn with_server(self, address: impl Into<String>, port: u16) -> Self {
        Self { server: Some((address.into(), port)), ..self }
    }

    /// Begins an operation: its span is a child of the context in the call's `_meta`, or else of the current one.
    ///
    /// Costs the span, and the recording when it ends. Allocates only for a context in `_meta`.
    pub fn begin<'a>(&'a self, call: Call<'a>) -> Operation<'a> {
        Operation::begin(self, call)
    }

    /// Begins a session. Not for versions of the protocol that have none.
    pub fn begin_session(&self, version: Option<Version>) -> Guard<SessionScope> {
        Guard::begin(SessionScope { endpoint: self.clone(), version })
    }

    pub(crate) fn server_address(&self) -> (Option<&str>, Option<u16>) {
        self.server.as_ref().map_or((None, None), |(address, port)| (Some(address), Some(*port)))
    }
}

/// A session at one end.
#[derive(Debug)]
pub struct SessionScope {
    endpoint: Endpoint,
    version: Option<Version>,
}

impl Scope for SessionScope {
    fn end(&mut self, end: End) {
        let Self { endpoint, version } = self;
        let (server_address, server_port) = endpoint.server_address();
        let error_type = end.error_type.filter(|_| end.outcome != Outcome::Cancelled);
        let attributes = SessionAttributes {
            error_type,
            version: *version,
            transport: endpoint.transport,
            protocol: endpoint.transport.protocol(),
            server_address,
            server_port,
        };
        endpoint.sessions.record(end.seconds(), &attributes);
    }
}
