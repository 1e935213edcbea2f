//! What is recorded of calls between tonic's client and tonic's server, over a real connection.

#![expect(clippy::float_cmp, reason = "counts are exact")]

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context as Waiting, Poll};

use bytes::{Buf as _, BufMut as _};
use http::uri::PathAndQuery;
use http_body::Body;
use throughline_core::KeyValue;
use throughline_instruments::grpc::{GrpcClient, GrpcClientLayer, GrpcServerLayer};
use throughline_metrics::testing::Snapshot;
use throughline_trace::SpanKind;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder, Streaming};
use tonic::server::{NamedService, StreamingService};
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Channel, Server};
use tonic::{Code, Request, Response, Status};
use tower_service::Service;

use crate::web::{Recorded, attribute};

/// Messages of text.
#[derive(Clone, Copy)]
struct Text;

impl Codec for Text {
    type Encode = String;
    type Decode = String;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Text {
    type Item = String;
    type Error = Status;

    fn encode(&mut self, item: String, dst: &mut EncodeBuf<'_>) -> Result<(), Status> {
        dst.put_slice(item.as_bytes());
        Ok(())
    }
}

impl Decoder for Text {
    type Item = String;
    type Error = Status;

    fn decode(&mut self, src: &mut DecodeBuf<'_>) -> Result<Option<String>, Status> {
        let bytes = src.copy_to_bytes(src.remaining());
        String::from_utf8(bytes.to_vec()).map(Some).map_err(|error| Status::internal(error.to_string()))
    }
}

/// Sends back what it is sent, refuses, or never answers.
#[derive(Clone)]
struct Echo;

impl NamedService for Echo {
    const NAME: &'static str = "it.Echo";
}

impl<B> Service<http::Request<B>> for Echo
where
    B: Body + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>> + Send,
{
    type Response = http::Response<tonic::body::Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _cx: &mut Waiting<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, req: http::Request<B>) -> Self::Future {
        let mut grpc = tonic::server::Grpc::new(Text);
        Box::pin(async move {
            let code = match req.uri().path() {
                "/it.Echo/Stream" => return Ok(grpc.streaming(Streamed, req).await),
                "/it.Echo/Refuse" => Code::NotFound,
                "/it.Echo/Never" => std::future::pending().await,
                _ => Code::Unimplemented,
            };
            Ok(Status::new(code, "").into_http())
        })
    }
}

/// Sends back what it is sent.
struct Streamed;

impl StreamingService<String> for Streamed {
    type Response = String;
    type ResponseStream = Streaming<String>;
    type Future = std::future::Ready<Result<Response<Streaming<String>>, Status>>;

    fn call(&mut self, request: Request<Streaming<String>>) -> Self::Future {
        std::future::ready(Ok(Response::new(request.into_inner())))
    }
}

async fn serve(layer: GrpcServerLayer) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("its address");
    let server = Server::builder().layer(layer).add_service(Echo);
    drop(tokio::spawn(server.serve_with_incoming(TcpIncoming::from(listener))));
    address
}

type Stub = tonic::client::Grpc<GrpcClient<Wrapped>>;
type Wrapped = tower::util::MapRequest<Channel, fn(Counted) -> http::Request<tonic::body::Body>>;
type Counted = http::Request<throughline_instruments::grpc::CountedBody<tonic::body::Body>>;

async fn client(recorded: &Recorded, address: SocketAddr) -> Stub {
    let endpoint = Channel::from_shared(format!("http://{address}")).expect("an address");
    let channel = endpoint.connect().await.expect("a connection");
    let wrap: fn(Counted) -> _ = |request| request.map(tonic::body::Body::new);
    let layer = GrpcClientLayer::new(&recorded.meter())
        .with_tracer(recorded.tracer)
        .with_server("echo.example", address.port());
    let service = tower::ServiceBuilder::new().layer(layer).map_request(wrap).service(channel);
    tonic::client::Grpc::new(service)
}

/// Calls a method with these messages, and gives those that come back, or the status.
async fn call(stub: &mut Stub, path: &'static str, messages: &[&'static str]) -> Result<Vec<String>, Code> {
    stub.ready().await.expect("a connection");
    let messages: Vec<_> = messages.iter().map(|text| (*text).to_owned()).collect();
    let request = Request::new(tokio_stream::iter(messages));
    let answer = stub.streaming(request, PathAndQuery::from_static(path), Text).await;
    let mut stream = answer.map_err(|status| status.code())?.into_inner();
    let mut answers = Vec::new();
    while let Some(text) = stream.message().await.map_err(|status| status.code())? {
        answers.push(text);
    }
    Ok(answers)
}

fn ended(method: &'static str, given: &[(&'static str, &'static str)]) -> Vec<KeyValue> {
    let mut attributes = vec![KeyValue::new("rpc.system.name", "grpc"), KeyValue::new("rpc.method", method)];
    attributes.extend(given.iter().map(|(key, value)| KeyValue::new(*key, *value)));
    attributes
}

/// As a client records it.
fn called(address: SocketAddr, mut attributes: Vec<KeyValue>) -> Vec<KeyValue> {
    attributes.push(KeyValue::new("server.address", "echo.example"));
    attributes.push(KeyValue::new("server.port", i64::from(address.port())));
    attributes
}

/// Waits until the server has recorded all of its calls, which it does after the client has its answer.
async fn settled(recorded: &Recorded) -> Snapshot {
    loop {
        let snapshot = Snapshot::of(&recorded.metrics);
        if snapshot.sum("rpc.server.active_calls", &[KeyValue::new("rpc.system.name", "grpc")]) == 0.0 {
            return snapshot;
        }
        tokio::task::yield_now().await;
    }
}

const SERVER: &str = "rpc.server.call.duration";
const CLIENT: &str = "rpc.client.call.duration";

#[tokio::test]
async fn streams_are_counted_on_both_ends_of_one_trace() {
    let mut recorded = Recorded::new();
    let address = serve(GrpcServerLayer::new(&recorded.meter()).with_tracer(recorded.tracer)).await;
    let mut stub = client(&recorded, address).await;
    let answers = call(&mut stub, "/it.Echo/Stream", &["one", "", "three"]).await;
    assert_eq!(answers.expect("they come back"), ["one", "", "three"]);

    let snapshot = settled(&recorded).await;
    let ok = ended("it.Echo/Stream", &[("rpc.response.status_code", "OK")]);
    assert_eq!(snapshot.histogram(SERVER, &ok).count, 1);
    assert_eq!(snapshot.histogram(CLIENT, &called(address, ok)).count, 1);
    for end in ["rpc.server.messages", "rpc.client.messages"] {
        for way in ["SENT", "RECEIVED"] {
            let attributes = ended("it.Echo/Stream", &[("rpc.message.type", way)]);
            assert_eq!(snapshot.sum(end, &attributes), 3.0, "{end} {way}");
        }
    }
    let spans = recorded.spans();
    let of = |kind| spans.iter().find(|span| span.kind == kind).expect("a span of this kind");
    let (client, server) = (of(SpanKind::Client), of(SpanKind::Server));
    assert_eq!((server.trace_id, server.parent_span_id), (client.trace_id, client.span_id));
    for span in [client, server] {
        assert_eq!((span.name.as_str(), &span.status), ("it.Echo/Stream", &None));
        assert_eq!(attribute(span, "rpc.method"), Some("it.Echo/Stream"));
        assert_eq!(attribute(span, "rpc.response.status_code"), Some("OK"));
    }
}

#[tokio::test]
async fn a_status_is_an_error_of_whom_it_blames() {
    let recorded = Recorded::new();
    let layer = GrpcServerLayer::new(&recorded.meter()).with_methods(["it.Echo/Refuse"]);
    let address = serve(layer.with_tracer(recorded.tracer)).await;
    let mut stub = client(&recorded, address).await;
    assert_eq!(call(&mut stub, "/it.Echo/Refuse", &["one"]).await, Err(Code::NotFound));
    let snapshot = settled(&recorded).await;
    let status = ("rpc.response.status_code", "NOT_FOUND");
    assert_eq!(snapshot.histogram(SERVER, &ended("it.Echo/Refuse", &[status])).count, 1);
    let of_client = called(address, ended("it.Echo/Refuse", &[status, ("error.type", "NOT_FOUND")]));
    assert_eq!(snapshot.histogram(CLIENT, &of_client).count, 1);
}

#[tokio::test]
async fn methods_that_a_stranger_makes_up_are_other() {
    let recorded = Recorded::new();
    let address = serve(GrpcServerLayer::new(&recorded.meter())).await;
    let mut stub = client(&recorded, address).await;
    for path in ["/it.Echo/Made", "/it.Echo/Up", "/no.Service/Here"] {
        assert_eq!(call(&mut stub, path, &[]).await, Err(Code::Unimplemented));
    }
    let snapshot = settled(&recorded).await;
    let other = [("rpc.response.status_code", "UNIMPLEMENTED"), ("error.type", "UNIMPLEMENTED")];
    assert_eq!(snapshot.histogram(SERVER, &ended("_OTHER", &other)).count, 3);
}

#[tokio::test]
async fn a_call_that_is_given_up_was_cancelled_on_both_ends() {
    let recorded = Recorded::new();
    let layer = GrpcServerLayer::new(&recorded.meter()).with_methods(["it.Echo/Never"]);
    let address = serve(layer).await;
    let mut stub = client(&recorded, address).await;
    let active = || {
        let all = Snapshot::of(&recorded.metrics);
        all.names().contains(&"rpc.server.active_calls")
            && all.sum("rpc.server.active_calls", &[KeyValue::new("rpc.system.name", "grpc")]) == 1.0
    };
    tokio::select! {
        answer = call(&mut stub, "/it.Echo/Never", &["one"]) => unreachable!("{answer:?}"),
        () = async { while !active() { tokio::task::yield_now().await } } => {}
    }
    let snapshot = settled(&recorded).await;
    let cancelled = ended("it.Echo/Never", &[("error.type", "cancelled")]);
    assert_eq!(snapshot.histogram(SERVER, &cancelled).count, 1);
    assert_eq!(snapshot.histogram(CLIENT, &called(address, cancelled)).count, 1);
}
