//! Stands in front of one server: takes each request of OTLP over HTTP/1.1 and HTTP/2 at one port of loopback, has it passed on
//! by `forward.rs`, and tells the recording what was in it and what became of it.
//!
//! Where no server is named, or none answers, it takes everything itself, as a Collector with all pipelines would.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::header::{CONTENT_TYPE, USER_AGENT};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::answer;
use super::decode::{self, Encoding, Signal};
use super::forward::Server;
use super::recording::{Exchange, Recording};

/// Above what receivers take: the Collector's limit is 20 MiB over HTTP and 4 MiB over gRPC.
const REQUEST_BYTES_MAX: usize = 32 << 20;
/// Requests that are held at a time; others wait.
const REQUESTS_MAX: usize = 16;

/// What all listeners write into.
#[derive(Clone, Debug)]
pub(super) struct Recorder {
    started: Instant,
    recording: Arc<Mutex<Recording>>,
}

impl Recorder {
    pub(super) fn start() -> Self {
        Self { started: Instant::now(), recording: Arc::default() }
    }

    pub(super) fn started(&self) -> Instant {
        self.started
    }

    /// What there is, and an empty one left behind.
    pub(super) fn take(&self) -> Recording {
        std::mem::take(&mut self.recording.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn add(&self, exchange: Exchange) {
        self.recording.lock().unwrap_or_else(PoisonError::into_inner).add(exchange);
    }
}

/// A whole message of HTTP.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    pub(super) trailers: Option<HeaderMap>,
}

/// Opens a port of loopback in front of the server, and serves it from now on; gives the port.
pub(super) async fn open(server: Option<Server>, recorder: &Recorder) -> io::Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let port = listener.local_addr()?.port();
    let turns = Semaphore::new(REQUESTS_MAX);
    let router = Router::new().fallback(take).with_state(Arc::new(Proxy {
        server,
        recorder: recorder.clone(),
        turns,
    }));
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(port)
}

/// One listener.
#[derive(Debug)]
struct Proxy {
    server: Option<Server>,
    recorder: Recorder,
    turns: Semaphore,
}

async fn take(State(proxy): State<Arc<Proxy>>, request: Request) -> Response<Body> {
    // They are never closed.
    let _turn = proxy.turns.acquire().await;
    let (head, body) = request.into_parts();
    let reply = match Limited::new(body, REQUEST_BYTES_MAX).collect().await {
        Ok(body) => proxy.pass(&head, body.to_bytes()).await,
        Err(error) if error.is::<LengthLimitError>() => proxy.refuse(&head),
        // It hung up.
        Err(error) => Reply::of(StatusCode::BAD_REQUEST, "text/plain", error.to_string().into()),
    };
    reply.into_response()
}

impl Proxy {
    /// Has it answered by the server, and tells the recording of both.
    async fn pass(&self, head: &Parts, body: Bytes) -> Reply {
        let at = self.recorder.started.elapsed();
        let encoding = Encoding::of(&head.headers);
        let signal = Signal::of(head.uri.path());
        let contents = signal.map(|signal| (signal, decode::read(signal, &encoding, &body)));
        let bytes_sent = body.len() as u64;
        let reply = match &self.server {
            Some(server) => server.ask(head, body).await,
            None => own(&encoding, contents.as_ref().map(|(_, contents)| contents.is_ok())),
        };
        let answer = answer::of(&encoding, &reply);
        self.record(
            head,
            Exchange { bytes_sent, contents, answer, ..Exchange::new(head.uri.path(), encoding, at) },
        );
        reply
    }

    /// What is too large is the only thing that is not passed on.
    fn refuse(&self, head: &Parts) -> Reply {
        let at = self.recorder.started.elapsed();
        let why =
            format!("a request is larger than {REQUEST_BYTES_MAX} bytes, which doctor does not pass on");
        let contents = Signal::of(head.uri.path()).map(|signal| (signal, Err(why.clone())));
        let exchange = Exchange::new(head.uri.path(), Encoding::of(&head.headers), at);
        self.record(head, Exchange { contents, ..exchange });
        Reply::of(StatusCode::PAYLOAD_TOO_LARGE, "text/plain", why.into())
    }

    /// Telemetry is posted; who asks for pages asks for something else.
    fn record(&self, head: &Parts, exchange: Exchange) {
        if head.method == Method::POST {
            self.recorder.add(Exchange { agent: agent(head), ..exchange });
        }
    }
}

fn agent(head: &Parts) -> String {
    let agent = head.headers.get(USER_AGENT).and_then(|value| value.to_str().ok());
    agent.unwrap_or_default().to_owned()
}

/// What a Collector with all pipelines answers. `is_read` is none for a path that is not OTLP's.
fn own(encoding: &Encoding, is_read: Option<bool>) -> Reply {
    if encoding.is_grpc() {
        let code = match is_read {
            Some(true) => "0",
            Some(false) => "3",
            None => "12",
        };
        // A message without fields, in its frame.
        let body: &'static [u8] = if code == "0" { &[0; 5] } else { &[] };
        let mut reply = Reply::of(StatusCode::OK, "application/grpc", Bytes::from_static(body));
        reply.trailers = Some(HeaderMap::from_iter([(GRPC_STATUS, HeaderValue::from_static(code))]));
        return reply;
    }
    let (status, content_type, body) = match is_read {
        None => (StatusCode::NOT_FOUND, "text/plain", "404 page not found"),
        Some(false) => (StatusCode::BAD_REQUEST, "text/plain", "this cannot be read as OTLP"),
        Some(true) if encoding.protocol == "http/json" => (StatusCode::OK, "application/json", "{}"),
        Some(true) => (StatusCode::OK, "application/x-protobuf", ""),
    };
    Reply::of(status, content_type, Bytes::from_static(body.as_bytes()))
}

pub(super) const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");

impl Reply {
    pub(super) fn of(status: StatusCode, content_type: &'static str, body: Bytes) -> Self {
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(content_type))]);
        Self { status, headers, body, trailers: None }
    }

    fn into_response(self) -> Response<Body> {
        let Self { status, headers, body, trailers } = self;
        let body = Full::new(body);
        let mut response = Response::new(match trailers {
            Some(trailers) => Body::new(body.with_trailers(std::future::ready(Some(Ok(trailers))))),
            None => Body::new(body),
        });
        (*response.status_mut(), *response.headers_mut()) = (status, headers);
        response
    }
}
