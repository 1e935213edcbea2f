//! Receivers at the loopback interface, made of other people's parts: hyper, rustls, tonic.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use prost::Message as _;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;

/// A request as it arrived.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    /// The method and what it asks for.
    pub(crate) line: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Received {
    /// The names of the metrics in it.
    pub(crate) fn metrics(&self) -> Vec<String> {
        names(&ExportMetricsServiceRequest::decode(self.body.clone()).expect("valid protobuf"))
    }
}

pub(crate) fn names(request: &ExportMetricsServiceRequest) -> Vec<String> {
    let scopes = request.resource_metrics.iter().flat_map(|resource| &resource.scope_metrics);
    scopes.flat_map(|scope| &scope.metrics).map(|metric| metric.name.clone()).collect()
}

/// Notes requests, and answers as scripted, then with success.
#[derive(Clone, Debug, Default)]
pub(crate) struct HttpReceiver {
    received: Arc<Mutex<Vec<Received>>>,
    answers: Arc<Mutex<VecDeque<Response<Full<Bytes>>>>>,
    /// A metric that it refuses, with all of its request, as Prometheus does.
    refused_metric: Option<&'static str>,
}

impl HttpReceiver {
    pub(crate) fn answering(answers: impl IntoIterator<Item = Response<Full<Bytes>>>) -> Self {
        let receiver = Self::default();
        receiver.answers.lock().expect("no panic").extend(answers);
        receiver
    }

    pub(crate) fn refusing(metric: &'static str) -> Self {
        Self { refused_metric: Some(metric), ..Self::default() }
    }

    pub(crate) fn received(&self) -> Vec<Received> {
        self.received.lock().expect("no panic").clone()
    }

    /// Serves one connection of HTTP/1.1 until it is closed.
    pub(crate) async fn serve(self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
        let service = service_fn(move |request| self.clone().answer(request));
        let connection =
            hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
        // A client that goes away is its own business.
        drop(connection.await);
    }

    async fn answer(self, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
        let (head, body) = request.into_parts();
        let line = format!("{} {}", head.method, head.uri);
        let body = body.collect().await.expect("a whole request").to_bytes();
        let received = Received { line, headers: head.headers, body };
        let is_refused =
            self.refused_metric.is_some_and(|name| received.metrics().iter().any(|one| one == name));
        self.received.lock().expect("no panic").push(received);
        if is_refused {
            return Ok(answer(500, &[], "too old sample"));
        }
        Ok(self.answers.lock().expect("no panic").pop_front().unwrap_or_default())
    }
}

/// An answer that ends the connection.
pub(crate) fn closing() -> Response<Full<Bytes>> {
    Response::builder().header("connection", "close").body(Full::default()).expect("an answer")
}

pub(crate) fn answer(status: u16, headers: &[(&str, &str)], body: &'static str) -> Response<Full<Bytes>> {
    let builder = headers
        .iter()
        .fold(Response::builder().status(status), |builder, (name, value)| builder.header(*name, *value));
    builder.body(Full::from(body)).expect("an answer")
}

/// Listens at a free port and hands every connection to `serve`.
pub(crate) async fn listen<F>(serve: impl Fn(tokio::net::TcpStream) -> F + Send + 'static) -> SocketAddr
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
    let address = listener.local_addr().expect("an address");
    drop(tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            drop(tokio::spawn(serve(stream)));
        }
    }));
    address
}
