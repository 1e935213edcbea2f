//! Stop 8, inside an application's own HTTP server: `/metrics` as a tower service.
//!
//! Called by axum, or anything else that routes to a [`tower_service::Service`]. What it answers comes from
//! [`PrometheusExporter::respond`]; who may ask is the router's business.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::ALLOW;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use tower_service::Service;

use crate::PrometheusExporter;
use crate::body::MetricsBody;

/// Answers GET and HEAD with the metrics; other methods with 405.
///
/// ```
/// # fn router(exporter: throughline_prometheus::PrometheusExporter) -> axum::Router {
/// use throughline_prometheus::service::MetricsService;
///
/// axum::Router::new().route_service("/metrics", MetricsService::new(exporter))
/// # }
/// ```
///
/// Inside a tokio runtime the work is done on a thread where blocking is allowed, elsewhere on the caller's.
#[derive(Clone, Debug)]
pub struct MetricsService {
    exporter: PrometheusExporter,
}

impl MetricsService {
    /// A service that answers with what `exporter` collects.
    pub fn new(exporter: PrometheusExporter) -> Self {
        Self { exporter }
    }
}

/// A response that is on its way.
pub type ResponseFuture = Pin<Box<dyn Future<Output = Result<Response<MetricsBody>, Infallible>> + Send>>;

impl<B> Service<Request<B>> for MetricsService {
    type Response = Response<MetricsBody>;
    type Error = Infallible;
    type Future = ResponseFuture;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, req: Request<B>) -> ResponseFuture {
        if !is_read(req.method()) {
            return Box::pin(std::future::ready(Ok(method_not_allowed())));
        }
        let exporter = self.exporter.clone();
        let headers = req.headers().clone();
        Box::pin(async move {
            let respond = move || exporter.respond(&headers).map(MetricsBody::from);
            Ok(match tokio::runtime::Handle::try_current() {
                Ok(runtime) => {
                    runtime.spawn_blocking(respond).await.unwrap_or_else(|_panicked| scrape_failed())
                }
                Err(_no_runtime) => respond(),
            })
        })
    }
}

/// Whether the method only reads.
pub(crate) fn is_read(method: &Method) -> bool {
    method == Method::GET || method == Method::HEAD
}

pub(crate) fn method_not_allowed() -> Response<MetricsBody> {
    let mut response = plain(StatusCode::METHOD_NOT_ALLOWED, "method not allowed\n");
    response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
    response
}

/// What a panic says is for the log, not for whoever scrapes.
pub(crate) fn scrape_failed() -> Response<MetricsBody> {
    tracing::error!(target: "throughline", "answering a scrape or a question for the status panicked");
    plain(StatusCode::INTERNAL_SERVER_ERROR, "the answer could not be made; see the log of the process\n")
}

pub(crate) fn plain(status: StatusCode, text: impl Into<Bytes>) -> Response<MetricsBody> {
    let mut response = Response::new(MetricsBody::whole(text));
    *response.status_mut() = status;
    let content_type = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(http::header::CONTENT_TYPE, content_type);
    response
}
