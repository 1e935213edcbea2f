//! One connection to the peer, kept open between exports and opened again when it is gone.
//!
//! `http.rs` and `grpc.rs` hand over a request and, when they have read the answer to its end, give the connection
//! back. One that is not given back is closed: the answer to a request given up would be taken for that of the next.

use bytes::buf::Chain;
use bytes::{Buf as _, Bytes};
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::{TrySendError, http1};
use hyper_util::rt::TokioIo;

use super::connect::Connect;
use super::dial::Dialer;
use super::http2;
use super::sniff::{Seen, Sniffed, Spoken};
use crate::config::{BuildError, OtlpConfig};
use crate::endpoint::Endpoint;
use crate::error::ExportError;

/// What is sent: the frame's head of gRPC, or nothing, and the bytes of the request, which are never copied.
pub(super) type Body = Full<Chain<Bytes, Bytes>>;

pub(super) fn body(head: Bytes, bytes: Bytes) -> Body {
    Full::new(head.chain(bytes))
}

/// The way to one endpoint.
#[derive(Debug)]
pub(super) struct Connection {
    dialer: Dialer,
    open: Option<Open>,
}

/// An open connection with nothing under way.
#[derive(Debug)]
pub(super) struct Open {
    sender: Sender,
    seen: Seen,
}

#[derive(Debug)]
enum Sender {
    Http1(http1::SendRequest<Body>),
    Http2(http2::Sender),
}

impl Connection {
    /// Connects when it is first used.
    pub(super) fn new(config: &OtlpConfig, connector: Box<dyn Connect>) -> Result<Self, BuildError> {
        Ok(Self { dialer: Dialer::new(config, connector)?, open: None })
    }

    pub(super) fn endpoint(&self) -> &Endpoint {
        self.dialer.endpoint()
    }

    pub(super) fn dialer(&self) -> &Dialer {
        &self.dialer
    }

    /// Keeps a connection for the next request.
    pub(super) fn keep(&mut self, open: Open) {
        self.open = Some(open);
    }

    /// Sends on the open connection; when that turns out to have been closed before anything was sent, on a new one.
    pub(super) async fn exchange(
        &mut self,
        mut request: Request<Body>,
    ) -> Result<(Open, Response<Incoming>), ExportError> {
        if let Some(mut open) = self.reusable().await {
            match open.sender.send(request).await {
                Ok(response) => return Ok((open, response)),
                Err(mut error) => match error.take_message() {
                    Some(unsent) => request = unsent,
                    None => return Err(self.broken(error.into_error(), &open.seen)),
                },
            }
        }
        let mut open = self.connect().await?;
        match open.sender.send(request).await {
            Ok(response) => Ok((open, response)),
            Err(error) => Err(self.broken(error.into_error(), &open.seen)),
        }
    }

    /// The open connection, unless the peer has closed it or certificates have changed since.
    async fn reusable(&mut self) -> Option<Open> {
        let mut open = self.open.take()?;
        let is_stale = self.dialer.look();
        (!is_stale && open.sender.is_ready().await).then_some(open)
    }

    async fn connect(&mut self) -> Result<Open, ExportError> {
        let (stream, seen) = Sniffed::new(self.dialer.open().await?);
        let sender = if self.endpoint().is_grpc() {
            http2::handshake(stream).await.map(Sender::Http2)
        } else {
            handshake(stream).await.map(Sender::Http1)
        };
        match sender {
            Ok(sender) => Ok(Open { sender, seen }),
            Err(error) => Err(self.broken(error, &seen)),
        }
    }

    /// The error for an exchange that broke off.
    #[cold]
    pub(super) fn broken(&self, error: hyper::Error, seen: &Seen) -> ExportError {
        let endpoint = self.endpoint();
        let hint = seen.hint().or_else(|| misunderstanding(endpoint, &error, seen));
        let message = format!("the connection to {endpoint} ended without an answer");
        ExportError::transient(message).with_source(error).with_hint(hint)
    }
}

impl Open {
    pub(super) fn seen(&self) -> &Seen {
        &self.seen
    }
}

impl Sender {
    async fn is_ready(&mut self) -> bool {
        match self {
            Self::Http1(sender) => sender.ready().await.is_ok(),
            Self::Http2(sender) => sender.ready().await.is_ok(),
        }
    }

    async fn send(
        &mut self,
        request: Request<Body>,
    ) -> Result<Response<Incoming>, TrySendError<Request<Body>>> {
        match self {
            Self::Http1(sender) => sender.try_send_request(request).await,
            Self::Http2(sender) => sender.try_send_request(request).await,
        }
    }
}

async fn handshake(stream: Sniffed) -> hyper::Result<http1::SendRequest<Body>> {
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    // Ends when the sender is dropped or the peer closes; whatever it fails with, the sender reports.
    drop(tokio::spawn(connection));
    Ok(sender)
}

/// What the peer speaks instead, as far as it can be told.
fn misunderstanding(endpoint: &Endpoint, error: &hyper::Error, seen: &Seen) -> Option<&'static str> {
    match (seen.spoken(), endpoint.is_grpc()) {
        (Some(Spoken::Tls), _) => Some("the receiver speaks TLS: write `https://`"),
        (Some(Spoken::Http1), true) => Some(
            "the receiver speaks HTTP/1.1, not gRPC; port 4318 is that of HTTP: use port 4317, or the protocol \
             `http/protobuf`",
        ),
        (Some(Spoken::Http2), false) => Some(
            "the peer does not speak HTTP/1.1 but HTTP/2, as gRPC does; port 4317 is that of gRPC: use port 4318, or \
             the protocol `grpc`",
        ),
        (None, true) if !endpoint.is_tls() => Some(
            "does a receiver of OTLP over gRPC listen there? It usually has port 4317, and 4318 is that of HTTP; if it \
                 wants TLS, write `https://`",
        ),
        (None, false) if error.is_parse() => Some("the peer does not speak HTTP/1.1"),
        // It says so in an alert, which gets lost when it closes before it was read.
        (None, _) if endpoint.is_tls() => Some(
            "if the receiver asks for a client certificate, set `OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE` and \
             `_CLIENT_KEY`",
        ),
        _ => None,
    }
}
