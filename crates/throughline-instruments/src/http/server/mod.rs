//! The layer of servers.
//!
//! Next: `exchange.rs`, what is recorded of one request.

mod exchange;

use std::fmt;
use std::sync::Arc;
use std::task::{Context as Waiting, Poll};

use http::{Request, Response};
use http_body::Body;
use throughline_core::propagation::Propagators;
use throughline_core::{Clock, RECORDS};
use throughline_metrics::{Meter, MetricSet as _};
use throughline_trace::Tracer;
use tower_layer::Layer;
use tower_service::Service;

use super::UrlScheme;
use super::clock::Stopwatch;
use super::exchange::Shared;
use super::failure::Failure;
use super::follow::{Following, ResponseBody, ResponseFuture};
use super::head::RequestHead;
use super::metrics::HttpServerMetrics;

pub use exchange::ServerExchange;

/// Records what a server is asked, and how that ends: [`HttpServerMetrics`], and a span for each request.
///
/// Clones, such as the router of axum makes one of for each route, record together.
///
/// Cost of a request: two readings of the processor's counter and three look-ups in small tables; no lock, and no
/// allocation once the method, route and status were seen before. A sampled span adds what spans cost, and three
/// allocations; it is the one that reads the counter then, so that its duration and the metric are the same.
#[derive(Clone)]
pub struct HttpServerLayer {
    shared: Arc<Shared<ServerSide>>,
}

/// The side of servers.
#[derive(Clone)]
pub struct ServerSide {
    metrics: HttpServerMetrics,
    route: Option<Arc<FindRoute>>,
    scheme: UrlScheme,
}

type FindRoute = dyn for<'a> Fn(RequestHead<'a>) -> Option<&'a str> + Send + Sync;

impl HttpServerLayer {
    /// A layer that records metrics of this meter, and makes no spans.
    ///
    /// Propagators are those that the process has now ([`global_propagators`](throughline_core::propagation::global_propagators)).
    pub fn new(meter: &Meter) -> Self {
        let metrics = HttpServerMetrics::new(meter);
        let side = ServerSide { metrics, route: None, scheme: UrlScheme::default() };
        Self { shared: Arc::new(Shared::new(side)) }
    }

    /// Makes a span for each request, a child of what its headers say, and current while the service and the body run.
    pub fn with_tracer(self, tracer: Tracer) -> Self {
        self.with(|shared| shared.tracing.tracer = Some(tracer))
    }

    /// Reads the caller's context with these.
    pub fn with_propagators(self, propagators: Propagators) -> Self {
        self.with(|shared| shared.tracing.propagators = propagators)
    }

    /// How to find the route that takes a request: a text of which there are few, `/users/{id}`. Without it, or where it
    /// finds none, requests have no `http.route`.
    ///
    /// ```
    /// # let meter = throughline_metrics::MeterProvider::default().meter("doc");
    /// use throughline_instruments::http::HttpServerLayer;
    ///
    /// let layer = HttpServerLayer::new(&meter).with_route(|head| match head.uri.path() {
    ///     "/health" => Some("/health"),
    ///     path if path.starts_with("/users/") => Some("/users/{id}"),
    ///     _ => None,
    /// });
    /// ```
    pub fn with_route(
        self,
        route: impl for<'a> Fn(RequestHead<'a>) -> Option<&'a str> + Send + Sync + 'static,
    ) -> Self {
        self.with(|shared| shared.side.route = Some(Arc::new(route)))
    }

    /// What errors of the service and of bodies are called in `error.type`; `None` for those that it leaves to the
    /// default: `timeout` for what looks like one, the type's name for others. Of several, the first that knows an error
    /// names it.
    pub fn with_error_names(
        self,
        name: impl Fn(Failure<'_>) -> Option<&'static str> + Send + Sync + 'static,
    ) -> Self {
        self.with(|shared| shared.names.add(name))
    }

    /// The scheme of requests that do not say theirs, as those of HTTP/1 do not: `https` behind something that ends TLS.
    pub fn with_scheme(self, scheme: UrlScheme) -> Self {
        self.with(|shared| shared.side.scheme = scheme)
    }

    /// Where durations come from. Without it, from the span, and without that from the processor's counter.
    pub fn with_clock(self, clock: Arc<dyn Clock>) -> Self {
        self.with(|shared| shared.clock = Arc::new(Stopwatch::Given(clock)))
    }

    fn with(mut self, set: impl FnOnce(&mut Shared<ServerSide>)) -> Self {
        set(Arc::make_mut(&mut self.shared));
        self
    }
}

impl fmt::Debug for HttpServerLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Shared { tracing, side, .. } = &*self.shared;
        f.debug_struct("HttpServerLayer")
            .field("tracing", tracing)
            .field("scheme", &side.scheme)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for ServerSide {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerSide").field("scheme", &self.scheme).finish_non_exhaustive()
    }
}

impl<S> Layer<S> for HttpServerLayer {
    type Service = HttpServer<S>;

    fn layer(&self, inner: S) -> HttpServer<S> {
        HttpServer { inner, layer: self.clone() }
    }
}

/// A service whose requests are recorded; see [`HttpServerLayer`].
#[derive(Clone, Debug)]
pub struct HttpServer<S> {
    inner: S,
    layer: HttpServerLayer,
}

impl<S, B, R> Service<Request<B>> for HttpServer<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    S::Error: fmt::Debug + 'static,
    B: Body,
    R: Body,
{
    type Response = Response<ResponseBody<R, ServerExchange>>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future, ServerExchange>;

    fn poll_ready(&mut self, cx: &mut Waiting<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, req: Request<B>) -> Self::Future {
        let begin = || Following::new(ServerExchange::begin(&self.layer.shared, &req));
        let mut following = RECORDS.then(begin);
        let entered = following.as_mut().and_then(Following::enter);
        ResponseFuture::new(self.inner.call(req), following, entered)
    }
}
