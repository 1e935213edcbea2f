//! The layer of servers.

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
use super::metrics::GrpcServerMetrics;
use crate::http::{Failure, Following, Names, Places, ResponseBody, ResponseFuture, Stopwatch, Tracing};

/// Records what a gRPC server is called, and how that ends: [`GrpcServerMetrics`], and a span for each call.
///
/// Statuses that say that the server has failed are errors: `UNKNOWN`, `DEADLINE_EXCEEDED`, `UNIMPLEMENTED`, `INTERNAL`,
/// `UNAVAILABLE` and `DATA_LOSS`. Cost of a call: as of [`HttpServerLayer`](crate::http::HttpServerLayer), and one
/// allocation.
#[derive(Clone)]
pub struct GrpcServerLayer {
    shared: Arc<Shared>,
}

impl GrpcServerLayer {
    /// A layer that records metrics of this meter, and makes no spans.
    pub fn new(meter: &Meter) -> Self {
        let GrpcServerMetrics { duration, active, messages } = GrpcServerMetrics::new(meter);
        Self {
            shared: Arc::new(Shared {
                is_server: true,
                duration,
                active,
                messages,
                places: Places::default(),
                declared: Vec::new(),
                tracing: Tracing::default(),
                names: Names::default(),
                clock: Arc::default(),
            }),
        }
    }

    /// Makes a span for each call, a child of what its headers say, and current while the service and the body run.
    pub fn with_tracer(self, tracer: Tracer) -> Self {
        self.with(|shared| shared.tracing.tracer = Some(tracer))
    }

    /// Reads the caller's context with these.
    pub fn with_propagators(self, propagators: Propagators) -> Self {
        self.with(|shared| shared.tracing.propagators = propagators)
    }

    /// Methods, each `service/method`, that are known before their first call that ends with `OK`.
    pub fn with_methods(self, methods: impl IntoIterator<Item = impl Into<Box<str>>>) -> Self {
        self.with(|shared| shared.declare(methods))
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

    /// Places do not go along with changed settings: those that were declared are made again.
    fn with(mut self, set: impl FnOnce(&mut Shared)) -> Self {
        let shared = Arc::make_mut(&mut self.shared);
        set(shared);
        shared.declare([] as [&str; 0]);
        self
    }
}

impl fmt::Debug for GrpcServerLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GrpcServerLayer").field("tracing", &self.shared.tracing).finish_non_exhaustive()
    }
}

impl<S> Layer<S> for GrpcServerLayer {
    type Service = GrpcServer<S>;

    fn layer(&self, inner: S) -> GrpcServer<S> {
        GrpcServer { inner, layer: self.clone() }
    }
}

/// A service whose calls are recorded; see [`GrpcServerLayer`].
#[derive(Clone, Debug)]
pub struct GrpcServer<S> {
    inner: S,
    layer: GrpcServerLayer,
}

impl<S, B, R> Service<Request<B>> for GrpcServer<S>
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

    fn call(&mut self, req: Request<B>) -> Self::Future {
        let target = Target { path: path(&req), address: None, port: None };
        let (exchange, call) = GrpcExchange::begin(&self.layer.shared, target, req.headers());
        let mut following = Following::new(exchange);
        let entered = following.enter();
        let inner = self.inner.call(req.map(|body| CountedBody::new(body, call)));
        ResponseFuture::new(inner, Some(following), entered)
    }
}

/// The path without the first slash: `service/method`.
pub(super) fn path<B>(request: &Request<B>) -> &str {
    let path = request.uri().path();
    path.strip_prefix('/').unwrap_or(path)
}
