//! The layer of clients.

use std::fmt;
use std::sync::Arc;
use std::task::{Context as Waiting, Poll};

use http::{Request, Response};
use http_body::Body;
use throughline_core::Clock;
use throughline_core::propagation::Propagators;
use throughline_metrics::{Meter, MetricSet as _};
use throughline_trace::Tracer;
use tower_layer::Layer;
use tower_service::Service;

use super::exchange::{GrpcExchange, Shared, Target};
use super::messages::CountedBody;
use super::metrics::GrpcClientMetrics;
use super::server::path;
use crate::http::{
    Failure, Following, Names, Places, RequestHead, ResponseBody, ResponseFuture, Stopwatch, Tracing,
};

/// Records what a gRPC client calls, and how that ends: [`GrpcClientMetrics`], and a span for each call, in whose context the
/// request is sent. Every status but `OK` is an error.
///
/// The service below gets bodies whose messages are counted. tonic's `Channel` takes bodies of tonic alone, so they are put
/// in one:
///
/// ```text
/// let channel = ServiceBuilder::new()
///     .layer(GrpcClientLayer::new(&meter).with_tracer(tracer).with_server("orders.example", 443))
///     .map_request(|request: http::Request<_>| request.map(tonic::body::Body::new))
///     .service(channel);
/// let client = OrdersClient::new(channel);
/// ```
#[derive(Clone)]
pub struct GrpcClientLayer {
    shared: Arc<Shared>,
    server: Option<(Arc<str>, u16)>,
}

impl GrpcClientLayer {
    /// A layer that records metrics of this meter, makes no spans, and sends no context.
    pub fn new(meter: &Meter) -> Self {
        let GrpcClientMetrics { duration, active, messages } = GrpcClientMetrics::new(meter);
        let shared = Arc::new(Shared {
            is_server: false,
            duration,
            active,
            messages,
            places: Places::default(),
            declared: Vec::new(),
            tracing: Tracing::default(),
            names: Names::default(),
            clock: Arc::default(),
        });
        Self { shared, server: None }
    }

    /// Makes a span for each call, a child of the current one, and sends its context along.
    pub fn with_tracer(self, tracer: Tracer) -> Self {
        self.with(|shared| shared.tracing.tracer = Some(tracer))
    }

    /// Writes the context with these.
    pub fn with_propagators(self, propagators: Propagators) -> Self {
        self.with(|shared| shared.tracing.propagators = propagators)
    }

    /// Who is called, for requests that do not say so themselves: tonic puts that in below.
    pub fn with_server(self, address: &str, port: u16) -> Self {
        Self { server: Some((address.into(), port)), ..self }
    }

    /// What errors of the service and of bodies are called in `error.type`; `None` for those that it leaves to the
    /// default.
    pub fn with_error_names(
        self,
        name: impl Fn(Failure<'_>) -> Option<&'static str> + Send + Sync + 'static,
    ) -> Self {
        self.with(|shared| shared.names.add(name))
    }

    /// Where durations come from. Without it, from the span, and without that from the processor's counter.
    pub fn with_clock(self, clock: Arc<dyn Clock>) -> Self {
        self.with(|shared| shared.clock = Arc::new(Stopwatch::Given(clock)))
    }

    fn with(mut self, set: impl FnOnce(&mut Shared)) -> Self {
        set(Arc::make_mut(&mut self.shared));
        self
    }

    fn target<'a, B>(&'a self, request: &'a Request<B>) -> Target<'a> {
        let said = RequestHead::from(request).server();
        let given = self.server.as_ref().map(|(address, port)| (&**address, Some(*port)));
        let (address, port) = said.or(given).map_or((None, None), |(address, port)| (Some(address), port));
        Target { path: path(request), address, port }
    }
}

impl fmt::Debug for GrpcClientLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GrpcClientLayer").field("server", &self.server).finish_non_exhaustive()
    }
}

impl<S> Layer<S> for GrpcClientLayer {
    type Service = GrpcClient<S>;

    fn layer(&self, inner: S) -> GrpcClient<S> {
        GrpcClient { inner, layer: self.clone() }
    }
}

/// A service whose calls are recorded; see [`GrpcClientLayer`].
#[derive(Clone, Debug)]
pub struct GrpcClient<S> {
    inner: S,
    layer: GrpcClientLayer,
}

impl<S, B, R> Service<Request<B>> for GrpcClient<S>
where
    S: Service<Request<CountedBody<B>>, Response = Response<R>>,
    S::Error: fmt::Debug + 'static,
    R: Body,
{
    type Response = Response<ResponseBody<R, GrpcExchange>>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future, GrpcExchange>;

    fn poll_ready(&mut self, cx: &mut Waiting<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut req: Request<B>) -> Self::Future {
        let target = self.layer.target(&req);
        let (exchange, call) = GrpcExchange::begin(&self.layer.shared, target, req.headers());
        exchange.inject(req.headers_mut());
        let mut following = Following::new(exchange);
        let entered = following.enter();
        let inner = self.inner.call(req.map(|body| CountedBody::new(body, call)));
        ResponseFuture::new(inner, Some(following), entered)
    }
}
