//! Stop 8 in the life of an increment: an HTTP/1.1 endpoint for applications that have none.
//!
//! It answers `/metrics` with what [`PrometheusExporter::respond`] makes (stop 7), `/healthz` with `ok`, `/telemetry`
//! with a status in JSON from whoever set one, and nothing else. Called by the façade, on its own runtime. It does not
//! know what a counter is.
//!
//! The head is sent when the collection and the first piece are made, so what goes wrong before is still an answer of
//! its own; the rest is made as the client takes it (`body.rs`).
//!
//! Whoever can connect can send anything, so everything has a limit, see [`Limits`]: a broken client costs itself its
//! connection, and nobody else anything. One that reads slowly, but reads, keeps one piece and the numbers of its
//! collection, which only the limit of connections bounds; it holds up no other scrape.

mod timed;

use std::future::Future;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use http::header::{CONTENT_TYPE, HeaderMap};
use http::{HeaderValue, Request, Response, StatusCode};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;

use crate::PrometheusExporter;
use crate::body::MetricsBody;
use crate::service::{is_read, method_not_allowed, plain, scrape_failed};

/// Request line and headers together. Prometheus sends less than 1 KiB; a proxy adds cookies and traces.
pub const HEADER_BYTES_MAX: usize = 16 * 1024;

/// Headers of a request. A browser behind two proxies sends some 30.
pub const HEADERS_MAX: usize = 64;

/// Connections at a time. More wait in the operating system's queue; a handful of scrapers needs a handful.
pub const CONNECTIONS_MAX: usize = 64;

/// Scrapes that collect at a time. They wait for each other anyway; this bounds the threads that wait when a callback hangs.
pub const SCRAPES_MAX: usize = 4;

/// From the end of one request to the end of the next one's headers: the usual scrape intervals, 15 and 30 seconds, find
/// their connection still open, and who sends a header at a time is sent away.
pub const HEADER_READ_TIMEOUT: Duration = Duration::from_secs(35);

/// For an answer to begin. Prometheus gives up after 10 seconds unless told otherwise.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// For a client to take some more bytes of its answer.
pub const WRITE_TIMEOUT: Duration = Duration::from_secs(10);

/// For answers under way when the server is told to stop.
pub const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(1);

/// After the operating system refuses a connection, which it does when there are too many open files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// The server's limits; the defaults are this module's constants, which give the reasons.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes of request line and headers; beyond it, 431.
    pub header_bytes: usize,
    /// Headers of a request; beyond it, 431.
    pub headers: usize,
    /// Connections at a time; beyond it they wait to be accepted.
    pub connections: usize,
    /// Scrapes that collect at a time; beyond it they wait, and then get 503.
    pub scrapes: usize,
    /// For the headers of a request, the wait for it included; then the connection is closed.
    pub header_read_timeout: Duration,
    /// For an answer to begin; then 503.
    pub request_timeout: Duration,
    /// For the client to take some more bytes; then the connection is closed.
    pub write_timeout: Duration,
    /// For answers under way at shutdown; then their connections are closed.
    pub shutdown_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            header_bytes: HEADER_BYTES_MAX,
            headers: HEADERS_MAX,
            connections: CONNECTIONS_MAX,
            scrapes: SCRAPES_MAX,
            header_read_timeout: HEADER_READ_TIMEOUT,
            request_timeout: REQUEST_TIMEOUT,
            write_timeout: WRITE_TIMEOUT,
            shutdown_timeout: SHUTDOWN_TIMEOUT,
        }
    }
}

type Status = dyn Fn() -> String + Send + Sync;

/// The endpoint: `/metrics`, `/healthz`, `/telemetry`.
///
/// ```
/// use std::net::TcpListener;
/// use throughline_prometheus::server::Server;
///
/// # async fn run(exporter: throughline_prometheus::PrometheusExporter) -> std::io::Result<()> {
/// let listener = TcpListener::bind("127.0.0.1:9464")?;
/// let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
/// let serving = tokio::spawn(Server::new(exporter).serve(listener, async {
///     let _dropped_or_sent = stopped.await;
/// }));
/// # drop(stop);
/// # serving.await.expect("no panic")
/// # }
/// ```
#[derive(Clone)]
pub struct Server {
    exporter: PrometheusExporter,
    status: Option<Arc<Status>>,
    limits: Limits,
}

impl Server {
    /// A server of what `exporter` collects, with the default limits and no status.
    pub fn new(exporter: PrometheusExporter) -> Self {
        Self { exporter, status: None, limits: Limits::default() }
    }

    /// Sets what `/telemetry` answers: a JSON document. Called for each request, where blocking is allowed.
    pub fn with_status(mut self, status: impl Fn() -> String + Send + Sync + 'static) -> Self {
        self.status = Some(Arc::new(status));
        self
    }

    /// Sets the limits.
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Serves until `shutdown` is ready, then lets answers under way finish. Needs a tokio runtime with I/O and time.
    ///
    /// A connection that fails ends alone; the server goes on.
    ///
    /// # Errors
    /// When the runtime cannot take the listener.
    pub async fn serve(
        self,
        listener: std::net::TcpListener,
        shutdown: impl Future<Output = ()> + Send,
    ) -> io::Result<()> {
        listener.set_nonblocking(true)?;
        let listener = TcpListener::from_std(listener)?;
        let shared = Arc::new(Shared {
            scrapes: Arc::new(Semaphore::new(self.limits.scrapes)),
            connections: Arc::new(Semaphore::new(self.limits.connections)),
            server: self,
        });
        let (stop, stopping) = watch::channel(());
        let mut connections = JoinSet::new();
        let mut shutdown = pin!(shutdown);
        loop {
            let accepted = shared.accept(&listener);
            let Some((stream, permit)) = until(accepted, shutdown.as_mut()).await else {
                break;
            };
            let (shared, stopping) = (Arc::clone(&shared), stopping.clone());
            connections.spawn(async move {
                shared.connection(stream, stopping).await;
                drop(permit);
            });
            while connections.try_join_next().is_some() {}
        }
        drop((listener, stop));
        let finished = async { while connections.join_next().await.is_some() {} };
        // Connections that are left over after this are closed by dropping the set.
        let _in_time = tokio::time::timeout(shared.server.limits.shutdown_timeout, finished).await.is_ok();
        Ok(())
    }
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server").field("limits", &self.limits).finish_non_exhaustive()
    }
}

/// What all connections of a server share.
struct Shared {
    server: Server,
    scrapes: Arc<Semaphore>,
    connections: Arc<Semaphore>,
}

impl Shared {
    /// The next connection, with its place among those allowed.
    async fn accept(&self, listener: &TcpListener) -> (TcpStream, OwnedSemaphorePermit) {
        let permit = acquire(&self.connections).await;
        loop {
            match listener.accept().await {
                Ok((stream, _peer)) => return (stream, permit),
                Err(error) => {
                    tracing::debug!(target: "throughline", %error, "accepting a connection failed");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    /// Serves one connection until it ends, fails, or the server stops.
    async fn connection(self: Arc<Self>, stream: TcpStream, mut stopping: watch::Receiver<()>) {
        let limits = self.server.limits;
        let service = service_fn(move |request: Request<hyper::body::Incoming>| {
            let shared = Arc::clone(&self);
            async move { Ok::<_, std::convert::Infallible>(shared.answer(&request).await) }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(limits.header_read_timeout)
            .max_header_size(limits.header_bytes)
            .max_headers(limits.headers)
            .max_buf_size(limits.header_bytes.max(16 * 1024))
            .serve_connection(TokioIo::new(timed::TimedWrite::new(stream, limits.write_timeout)), service);
        let mut connection = pin!(connection);
        let stopped = async { while stopping.changed().await.is_ok() {} };
        let ended = if let Some(ended) = until(connection.as_mut(), pin!(stopped)).await {
            ended
        } else {
            connection.as_mut().graceful_shutdown();
            connection.await
        };
        if let Err(error) = ended {
            tracing::debug!(target: "throughline", %error, "a connection to the metrics endpoint failed");
        }
    }

    async fn answer<B>(self: &Arc<Self>, request: &Request<B>) -> Response<MetricsBody> {
        let route: fn(Arc<Self>, &HeaderMap) -> Response<MetricsBody> = match request.uri().path() {
            "/metrics" => |shared, headers| shared.server.exporter.respond(headers).map(MetricsBody::from),
            "/telemetry" if self.server.status.is_some() => |shared, _headers| shared.telemetry(),
            "/healthz" => |_shared, _headers| plain(StatusCode::OK, "ok"),
            _ => {
                return plain(
                    StatusCode::NOT_FOUND,
                    "not found; there are /metrics, /healthz and /telemetry\n",
                );
            }
        };
        if !is_read(request.method()) {
            return method_not_allowed();
        }
        if request.uri().path() == "/healthz" {
            return route(Arc::clone(self), request.headers());
        }
        let work = self.work(route, request.headers().clone());
        let in_time = tokio::time::timeout(self.server.limits.request_timeout, work).await;
        in_time.unwrap_or_else(|_elapsed| {
            plain(StatusCode::SERVICE_UNAVAILABLE, "the answer took too long; does a callback hang?\n")
        })
    }

    /// Runs a route where blocking is allowed. It keeps its permit until it is done, waited for or not.
    async fn work(
        self: &Arc<Self>,
        route: fn(Arc<Self>, &HeaderMap) -> Response<MetricsBody>,
        headers: HeaderMap,
    ) -> Response<MetricsBody> {
        let permit = acquire(&self.scrapes).await;
        let shared = Arc::clone(self);
        let working = tokio::task::spawn_blocking(move || {
            let response = route(shared, &headers);
            drop(permit);
            response
        });
        working.await.unwrap_or_else(|_panicked| scrape_failed())
    }

    fn telemetry(&self) -> Response<MetricsBody> {
        let json = self.server.status.as_ref().map(|status| status()).unwrap_or_default();
        let mut response = plain(StatusCode::OK, json);
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        response
    }
}

async fn acquire(semaphore: &Arc<Semaphore>) -> OwnedSemaphorePermit {
    let permit = Arc::clone(semaphore).acquire_owned().await;
    permit.expect("the server's semaphores are never closed")
}

/// The future's output, or nothing when `stop` is ready first.
async fn until<F: Future>(future: F, mut stop: Pin<&mut impl Future<Output = ()>>) -> Option<F::Output> {
    let mut future = pin!(future);
    std::future::poll_fn(|context| {
        if stop.as_mut().poll(context).is_ready() {
            return std::task::Poll::Ready(None);
        }
        future.as_mut().poll(context).map(Some)
    })
    .await
}
