//! The layer of clients.
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

use super::clock::Stopwatch;
use super::exchange::Shared;
use super::failure::Failure;
use super::follow::{Following, ResponseBody, ResponseFuture};
use super::metrics::HttpClientMetrics;

pub(super) use exchange::Call;
pub use exchange::ClientExchange;

/// Records what a client asks, and how that ends: [`HttpClientMetrics`], and a span for each request, in whose context the
/// request is sent.
///
/// A request has ended when the body of its response was read, or dropped. One that was dropped before any of it was read
/// is complete: the caller wanted the head alone. Statuses from 400 on are errors.
///
/// Put it under whatever tries again, so that each attempt is recorded. Cost of a request: as of
/// [`HttpServerLayer`](super::HttpServerLayer).
///
/// ```
/// use throughline_instruments::http::{HttpClientLayer, UrlTemplate};
/// use throughline_metrics::MeterProvider;
/// use throughline_trace::TracerProvider;
/// use tower_layer::Layer as _;
///
/// # fn client<S>(service: S) {
/// let layer = HttpClientLayer::new(&MeterProvider::default().meter("shop"))
///     .with_tracer(TracerProvider::default().tracer("shop"));
/// let client = layer.layer(service);
/// # }
/// let request = http::Request::get("http://users.example/users/7").extension(UrlTemplate("/users/{id}"));
/// ```
#[derive(Clone)]
pub struct HttpClientLayer {
    shared: Arc<Shared<ClientSide>>,
}

/// The path of a request with placeholders: an extension of requests, recorded as `url.template`. A text of the program,
/// so that there are few.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a wrapper that is nothing but what it wraps")]
pub struct UrlTemplate(pub &'static str);

/// The side of clients.
#[derive(Clone, Debug)]
pub struct ClientSide {
    metrics: HttpClientMetrics,
}

impl HttpClientLayer {
    /// A layer that records metrics of this meter, makes no spans, and sends no context.
    ///
    /// Propagators are those that the process has now ([`global_propagators`](throughline_core::propagation::global_propagators)).
    pub fn new(meter: &Meter) -> Self {
        let side = ClientSide { metrics: HttpClientMetrics::new(meter) };
        Self { shared: Arc::new(Shared::new(side)) }
    }

    /// Makes a span for each request, a child of the current one, and sends its context along.
    pub fn with_tracer(self, tracer: Tracer) -> Self {
        self.with(|shared| shared.tracing.tracer = Some(tracer))
    }

    /// Writes the context with these.
    pub fn with_propagators(self, propagators: Propagators) -> Self {
        self.with(|shared| shared.tracing.propagators = propagators)
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

    /// Where durations come from. Without it, from the span, and without that from the processor's counter.
    pub fn with_clock(self, clock: Arc<dyn Clock>) -> Self {
        self.with(|shared| shared.clock = Arc::new(Stopwatch::Given(clock)))
    }

    /// A request is about to be sent.
    pub(super) fn begin(&self, call: &Call<'_>) -> ClientExchange {
        ClientExchange::begin(&self.shared, call)
    }

    fn with(mut self, set: impl FnOnce(&mut Shared<ClientSide>)) -> Self {
        set(Arc::make_mut(&mut self.shared));
        self
    }
}

impl fmt::Debug for HttpClientLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpClientLayer").field("tracing", &self.shared.tracing).finish_non_exhaustive()
    }
}

impl<S> Layer<S> for HttpClientLayer {
    type Service = HttpClient<S>;

    fn layer(&self, inner: S) -> HttpClient<S> {
        HttpClient { inner, layer: self.clone() }
    }
}

/// A service whose requests are recorded; see [`HttpClientLayer`].
#[derive(Clone, Debug)]
pub struct HttpClient<S> {
    inner: S,
    layer: HttpClientLayer,
}

impl<S, B, R> Service<Request<B>> for HttpClient<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    S::Error: fmt::Debug + 'static,
    B: Body,
    R: Body,
{
    type Response = Response<ResponseBody<R, ClientExchange>>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future, ClientExchange>;

    fn poll_ready(&mut self, cx: &mut Waiting<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut req: Request<B>) -> Self::Future {
        let exchange = RECORDS.then(|| self.layer.begin(&Call::of(&req)));
        if let Some(exchange) = &exchange {
            exchange.inject(req.headers_mut());
        }
        let mut following = exchange.map(Following::new);
        let entered = following.as_mut().and_then(Following::enter);
        ResponseFuture::new(self.inner.call(req), following, entered)
    }
}
