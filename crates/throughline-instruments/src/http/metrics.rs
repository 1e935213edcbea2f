//! The instruments of servers and clients.
//!
//! Specification: [HTTP metrics](https://opentelemetry.io/docs/specs/semconv/http/http-metrics/).

use throughline_macros::MetricSet;
use throughline_metrics::{Histogram, UpDownCounter};

use super::attributes::{ActiveClientRequest, ActiveServerRequest, ClientRequest, ServerRequest};

/// What a server records.
#[derive(Clone, Debug, MetricSet)]
#[metric(crate = throughline_metrics)]
#[non_exhaustive]
pub struct HttpServerMetrics {
    /// Duration of requests, from their head to the end of the response's body.
    #[metric(name = "http.server.request.duration", unit = "s")]
    pub duration: Histogram<f64, ServerRequest<'static>>,
    /// Requests that are under way.
    #[metric(name = "http.server.active_requests", unit = "{request}")]
    pub active: UpDownCounter<i64, ActiveServerRequest>,
    /// Size of the bodies of requests, where it is said beforehand.
    #[metric(name = "http.server.request.body.size", unit = "By")]
    pub request_size: Histogram<u64, ServerRequest<'static>>,
    /// Size of the bodies of responses, as far as they were sent.
    #[metric(name = "http.server.response.body.size", unit = "By")]
    pub response_size: Histogram<u64, ServerRequest<'static>>,
}

/// What a client records.
#[derive(Clone, Debug, MetricSet)]
#[metric(crate = throughline_metrics)]
#[non_exhaustive]
pub struct HttpClientMetrics {
    /// Duration of requests, until the response's body was read, or was no longer wanted.
    #[metric(name = "http.client.request.duration", unit = "s")]
    pub duration: Histogram<f64, ClientRequest<'static>>,
    /// Requests that are under way.
    #[metric(name = "http.client.active_requests", unit = "{request}")]
    pub active: UpDownCounter<i64, ActiveClientRequest<'static>>,
    /// Size of the bodies of requests, where it is known beforehand.
    #[metric(name = "http.client.request.body.size", unit = "By")]
    pub request_size: Histogram<u64, ClientRequest<'static>>,
    /// Size of the bodies of responses, as far as they were read.
    #[metric(name = "http.client.response.body.size", unit = "By")]
    pub response_size: Histogram<u64, ClientRequest<'static>>,
}
