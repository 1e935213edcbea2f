//! A receiver of OTLP on the loopback interface, made of hyper and the official messages: it takes HTTP/1.1 and HTTP/2 at
//! one port, and notes what arrives.

use std::convert::Infallible;
use std::io::Read as _;
use std::net::SocketAddr;
use std::sync::mpsc::{Receiver as Inbox, Sender, channel};
use std::time::Duration;

use http::{HeaderMap, HeaderValue, Request, Response, Version};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::metrics::v1::Metric;
use opentelemetry_proto::tonic::trace::v1::Span;

/// What a busy machine may take for one request; a test that waits so long has failed.
const DEADLINE: Duration = Duration::from_secs(30);

/// How requests are answered.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Answers {
    Success,
    /// With this status of HTTP.
    Status(u16),
    /// Never.
    Silence,
}

/// A running receiver; it ends with the test's process.
pub(crate) struct Receiver {
    pub(crate) address: SocketAddr,
    inbox: Inbox<Received>,
}

impl Receiver {
    pub(crate) fn start() -> Self {
        Self::answering(Answers::Success)
    }

    pub(crate) fn answering(answers: Answers) -> Self {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        let address = listener.local_addr().expect("its address");
        let (notes, inbox) = channel();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(serve(listener, notes, answers));
        });
        Self { address, inbox }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The next request, as soon as it is there.
    pub(crate) fn next(&self) -> Received {
        self.inbox.recv_timeout(DEADLINE).expect("a request arrives")
    }

    /// The next request to this path.
    pub(crate) fn next_to(&self, path: &str) -> Received {
        loop {
            let next = self.next();
            if next.path == path {
                return next;
            }
        }
    }

    /// What has arrived by now.
    pub(crate) fn all(&self) -> Vec<Received> {
        self.inbox.try_iter().collect()
    }

    /// The spans that have arrived by now.
    pub(crate) fn spans(&self) -> Vec<Span> {
        self.all().iter().flat_map(Received::spans).collect()
    }

    /// The log records that have arrived by now.
    pub(crate) fn logs(&self) -> Vec<LogRecord> {
        self.all().iter().flat_map(Received::logs).collect()
    }
}

async fn serve(listener: std::net::TcpListener, notes: Sender<Received>, answers: Answers) {
    listener.set_nonblocking(true).expect("it can be polled");
    let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
    while let Ok((stream, _)) = listener.accept().await {
        let notes = notes.clone();
        let service = service_fn(move |request| answer(request, notes.clone(), answers));
        tokio::spawn(async move {
            let server = auto::Builder::new(TokioExecutor::new());
            // A client that goes away is its own business.
            drop(server.serve_connection(TokioIo::new(stream), service).await);
        });
    }
}

async fn answer(
    request: Request<Incoming>,
    notes: Sender<Received>,
    answers: Answers,
) -> Result<Response<BoxBody<Bytes, Infallible>>, Infallible> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.expect("a whole request").to_bytes();
    let path = head.uri.path().to_owned();
    let received = Received { version: head.version, path, headers: head.headers, body };
    let is_grpc = received.is_grpc();
    // A test that is over listens no more.
    drop(notes.send(received));
    let response = match answers {
        Answers::Success if is_grpc => return Ok(grpc_success()),
        Answers::Success => Response::new(Full::default().boxed()),
        Answers::Status(status) => {
            Response::builder().status(status).body(Full::default().boxed()).expect("an answer")
        }
        Answers::Silence => std::future::pending().await,
    };
    Ok(response)
}

/// An empty message, and the status that all is well.
fn grpc_success() -> Response<BoxBody<Bytes, Infallible>> {
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static("0"));
    let body = Full::new(Bytes::from_static(&[0; 5])).with_trailers(std::future::ready(Some(Ok(trailers))));
    Response::builder().header("content-type", "application/grpc").body(body.boxed()).expect("an answer")
}

/// A request as it arrived.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    pub(crate) version: Version,
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Received {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().expect("text"))
    }

    fn is_grpc(&self) -> bool {
        self.header("content-type") == Some("application/grpc")
    }

    /// The message without its frame and its compression.
    pub(crate) fn message(&self) -> Vec<u8> {
        let (framed, is_gzip) = if self.is_grpc() {
            (&self.body[5..], self.body[0] == 1)
        } else {
            (&self.body[..], self.header("content-encoding") == Some("gzip"))
        };
        let mut message = Vec::new();
        if is_gzip {
            flate2::read::GzDecoder::new(framed).read_to_end(&mut message).expect("gzip");
        } else {
            message.extend_from_slice(framed);
        }
        message
    }

    fn decode<M: prost::Message + Default + serde::de::DeserializeOwned>(&self) -> M {
        let message = self.message();
        if self.header("content-type") == Some("application/json") {
            serde_json::from_slice(&message).expect("OTLP in JSON")
        } else {
            M::decode(&*message).expect("OTLP in protobuf")
        }
    }

    /// Its spans; none when it is about something else.
    pub(crate) fn spans(&self) -> Vec<Span> {
        if !self.path.contains("trace") {
            return Vec::new();
        }
        let request: ExportTraceServiceRequest = self.decode();
        let scopes = request.resource_spans.into_iter().flat_map(|resource| resource.scope_spans);
        scopes.flat_map(|scope| scope.spans).collect()
    }

    /// Its log records; none when it is about something else.
    pub(crate) fn logs(&self) -> Vec<LogRecord> {
        if !self.path.contains("logs") {
            return Vec::new();
        }
        let request: ExportLogsServiceRequest = self.decode();
        let scopes = request.resource_logs.into_iter().flat_map(|resource| resource.scope_logs);
        scopes.flat_map(|scope| scope.log_records).collect()
    }

    /// Its metrics; none when it is about something else.
    pub(crate) fn metrics(&self) -> Vec<Metric> {
        if !self.path.contains("metrics") {
            return Vec::new();
        }
        let request: ExportMetricsServiceRequest = self.decode();
        let scopes = request.resource_metrics.into_iter().flat_map(|resource| resource.scope_metrics);
        scopes.flat_map(|scope| scope.metrics).collect()
    }

    /// What its spans come from.
    pub(crate) fn resource(&self) -> Vec<KeyValue> {
        let request: ExportTraceServiceRequest = self.decode();
        request
            .resource_spans
            .into_iter()
            .filter_map(|spans| spans.resource)
            .flat_map(|it| it.attributes)
            .collect()
    }
}

/// Keys and values as text, in order.
pub(crate) fn pairs(attributes: &[KeyValue]) -> Vec<(String, String)> {
    attributes.iter().map(|pair| (pair.key.clone(), text(pair))).collect()
}

fn text(pair: &KeyValue) -> String {
    use opentelemetry_proto::tonic::common::v1::any_value::Value;
    match pair.value.as_ref().and_then(|value| value.value.as_ref()) {
        Some(Value::StringValue(text)) => text.clone(),
        Some(Value::IntValue(number)) => number.to_string(),
        other => format!("{other:?}"),
    }
}
