//! Stop 8 in the life of an increment: an HTTP/1.1 endpoint for applications that have none.
//!
//! It answers `/metrics` with what [`PrometheusExporter::respond`] makes (stop 7), `/healthz` with `ok`, `/telemetry`
//! with a status in JSON from whoever set one, and nothing else. Called by the façade, on its own runtime. It does not
//! know what a counter is.
//!
//! The head is sent when the collection and the first piece are made, so what goes wrong before is still an answer of
//! its own; the rest is made as the client takes it (`body.rs`).
//!
//! With [`Server::with_tls`] it speaks TLS (`tls/`), and with [`Server::with_authentication`] it answers only who says who
//! it is (`auth.rs`). `/healthz` is answered to everybody: probes cannot keep a secret, and it tells no more than the open
//! port does. To all else there is one answer without credentials, so that nobody learns which paths there are.
//!
//! Whoever can connect can send anything, so everything has a limit, see [`Limits`]: a broken client costs itself its
//! connection, and nobody else anything. One that reads slowly, but reads, keeps one piece and the numbers of its
//! collection, which only the limit of connections bounds; it holds up no other scrape.

mod answer;
mod auth;
mod limits;
mod timed;
mod tls;

use std::future::Future;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use http::header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use http::{HeaderValue, Request, Response, StatusCode};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;

pub use self::auth::{Authentication, Secret};
pub use self::limits::{
    CONNECTIONS_MAX, HANDSHAKE_TIMEOUT, HEADER_BYTES_MAX, HEADER_READ_TIMEOUT, HEADERS_MAX, Limits,
    REQUEST_TIMEOUT, RESPONSE_TIMEOUT, SCRAPES_IN_FLIGHT_MAX, SCRAPES_MAX, SHUTDOWN_TIMEOUT, WRITE_TIMEOUT,
};
pub use self::tls::ServerTls;

use self::answer::Answer;
use self::timed::{Deadline, TimedWrite};
use crate::PrometheusExporter;
use crate::body::MetricsBody;
use crate::service::{is_read, method_not_allowed, plain, scrape_failed};

/// After the operating system refuses a connection, which it does when there are too many open files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// After an answer that says the server is busy: in seconds, and less than any scrape interval.
const SOON: HeaderValue = HeaderValue::from_static("1");

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
    tls: Option<ServerTls>,
    /// Whoever one of them accepts may ask; without any, everybody.
    authentications: Vec<Authentication>,
}

impl Server {
    /// A server of what `exporter` collects, with the default limits and no status.
    pub fn new(exporter: PrometheusExporter) -> Self {
        Self { exporter, status: None, limits: Limits::default(), tls: None, authentications: Vec::new() }
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

    /// Speaks TLS, and nothing else.
    pub fn with_tls(mut self, tls: ServerTls) -> Self {
        self.tls = Some(tls);
        self
    }

    /// Answers only who is accepted by this, or by another one that was set: all but `/healthz`.
    pub fn with_authentication(mut self, authentication: Authentication) -> Self {
        self.authentications.push(authentication);
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
            in_flight: Arc::new(Semaphore::new(self.limits.scrapes_in_flight)),
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

/// Makes an answer where blocking is allowed.
type Route = fn(Arc<Shared>, &HeaderMap) -> Response<MetricsBody>;

/// What all connections of a server share.
struct Shared {
    server: Server,
    /// Places of those that collect.
    scrapes: Arc<Semaphore>,
    /// Places of those that are under way.
    in_flight: Arc<Semaphore>,
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
    async fn connection(self: Arc<Self>, stream: TcpStream, stopping: watch::Receiver<()>) {
        let deadline = Deadline::default();
        let stream = TimedWrite::new(stream, self.server.limits.write_timeout, deadline.clone());
        let served = match &self.server.tls {
            None => self.serve(stream, deadline, stopping).await,
            Some(tls) => {
                let handshake = tls.accept(Box::new(stream));
                match tokio::time::timeout(self.server.limits.handshake_timeout, handshake).await {
                    Ok(Ok(stream)) => self.serve(stream, deadline, stopping).await,
                    Ok(Err(error)) => Err(error.to_string()),
                    Err(_elapsed) => Err("the handshake took too long".to_owned()),
                }
            }
        };
        if let Err(error) = served {
            tracing::debug!(target: "throughline", %error, "a connection to the metrics endpoint failed");
        }
    }

    async fn serve(
        self: &Arc<Self>,
        stream: impl AsyncRead + AsyncWrite + Send + Unpin,
        deadline: Deadline,
        mut stopping: watch::Receiver<()>,
    ) -> Result<(), String> {
        let limits = self.server.limits;
        let service = service_fn(|request: Request<hyper::body::Incoming>| {
            deadline.set(limits.response_timeout);
            let shared = Arc::clone(self);
            async move { Ok::<_, std::convert::Infallible>(shared.answer(&request).await) }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(limits.header_read_timeout)
            .max_header_size(limits.header_bytes)
            .max_headers(limits.headers)
            .max_buf_size(limits.header_bytes.max(16 * 1024))
            .serve_connection(TokioIo::new(stream), service);
        let mut connection = pin!(connection);
        let stopped = async { while stopping.changed().await.is_ok() {} };
        let ended = if let Some(ended) = until(connection.as_mut(), pin!(stopped)).await {
            ended
        } else {
            connection.as_mut().graceful_shutdown();
            connection.await
        };
        ended.map_err(|error| error.to_string())
    }

    async fn answer<B>(self: &Arc<Self>, request: &Request<B>) -> Response<Answer> {
        let path = request.uri().path();
        if path == "/healthz" && is_read(request.method()) {
            return Answer::of(plain(StatusCode::OK, "ok"));
        }
        if !auth::is_accepted(&self.server.authentications, request.headers()) {
            return Answer::of(auth::refusal(&self.server.authentications));
        }
        let route: Route = match path {
            "/metrics" => |shared, headers| shared.server.exporter.respond(headers).map(MetricsBody::from),
            "/telemetry" if self.server.status.is_some() => |shared, _headers| shared.telemetry(),
            "/healthz" => return Answer::of(method_not_allowed()),
            _ => {
                let what = "not found; there are /metrics, /healthz and /telemetry\n";
                return Answer::of(plain(StatusCode::NOT_FOUND, what));
            }
        };
        if !is_read(request.method()) {
            return Answer::of(method_not_allowed());
        }
        let Ok(place) = Arc::clone(&self.in_flight).try_acquire_owned() else {
            return Answer::of(busy("too many scrapes are under way\n"));
        };
        let work = self.work(route, request.headers().clone());
        let in_time = tokio::time::timeout(self.server.limits.request_timeout, work).await;
        let response =
            in_time.unwrap_or_else(|_elapsed| busy("the answer took too long; does a callback hang?\n"));
        Answer::holding(response, place)
    }

    /// Runs a route where blocking is allowed. It keeps its permit until it is done, waited for or not.
    async fn work(self: &Arc<Self>, route: Route, headers: HeaderMap) -> Response<MetricsBody> {
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

/// Not now, but soon.
fn busy(why: &'static str) -> Response<MetricsBody> {
    let mut response = plain(StatusCode::SERVICE_UNAVAILABLE, why);
    response.headers_mut().insert(RETRY_AFTER, SOON);
    response
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
