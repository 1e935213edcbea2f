//! Over gRPC, judged by tonic and the official service.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::service::TowerToHyperService;
use opentelemetry_proto::tonic::collector::metrics::v1::metrics_service_server::{
    MetricsService, MetricsServiceServer,
};
use opentelemetry_proto::tonic::collector::metrics::v1::{
    ExportMetricsPartialSuccess, ExportMetricsServiceRequest, ExportMetricsServiceResponse,
};
use throughline_otlp::{Compression, Endpoint, OtlpConfig, Signal};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tonic::codec::CompressionEncoding;
use tonic::metadata::MetadataMap;
use tonic::{Code, Request, Response, Status};

use crate::exporter::Exporter;
use crate::server::{HttpReceiver, listen, names};

type Answer = Result<ExportMetricsServiceResponse, Status>;

/// Notes requests, and answers as scripted, then with success.
#[derive(Clone, Debug, Default)]
pub(crate) struct Receiver(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    answers: VecDeque<Answer>,
    requests: Vec<(MetadataMap, ExportMetricsServiceRequest)>,
}

#[tonic::async_trait]
impl MetricsService for Receiver {
    async fn export(
        &self,
        request: Request<ExportMetricsServiceRequest>,
    ) -> Result<Response<ExportMetricsServiceResponse>, Status> {
        let mut state = self.0.lock().expect("no panic");
        let (metadata, _, message) = request.into_parts();
        state.requests.push((metadata, message));
        state
            .answers
            .pop_front()
            .unwrap_or_else(|| Ok(ExportMetricsServiceResponse::default()))
            .map(Response::new)
    }
}

impl Receiver {
    fn answering(answers: impl IntoIterator<Item = Answer>) -> Self {
        let receiver = Self::default();
        receiver.0.lock().expect("no panic").answers.extend(answers);
        receiver
    }

    pub(crate) fn requests(&self) -> Vec<(MetadataMap, ExportMetricsServiceRequest)> {
        self.0.lock().expect("no panic").requests.clone()
    }

    pub(crate) async fn listen(self) -> SocketAddr {
        listen(move |stream| self.clone().serve(stream)).await
    }

    /// Serves one connection until it is closed, with answers that are compressed as requests are.
    pub(crate) async fn serve(self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
        let service = MetricsServiceServer::new(self)
            .accept_compressed(CompressionEncoding::Gzip)
            .send_compressed(CompressionEncoding::Gzip);
        let connection = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
            .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
        // A client that goes away is its own business.
        drop(connection.await);
    }
}

fn config(address: SocketAddr) -> OtlpConfig {
    let url = format!("http://{address}");
    OtlpConfig::new(Endpoint::grpc(&url, Signal::Metrics, false).expect("a URL"))
}

#[tokio::test]
async fn what_is_recorded_arrives_with_its_metadata() {
    for compression in [Compression::None, Compression::Gzip] {
        let receiver = Receiver::default();
        let config = config(receiver.clone().listen().await);
        let exporter = Exporter::start(config.with_header("x-tenant", "blue").with_compression(compression));
        exporter.delivers().await;
        exporter.delivers().await;
        let requests = receiver.requests();
        assert_eq!(requests.len(), 2);
        let (metadata, request) = &requests[0];
        assert_eq!(names(request), ["requests"]);
        let text = |name| metadata.get(name).expect(name).to_str().expect("text").to_owned();
        assert_eq!(text("x-tenant"), "blue");
        assert!(text("user-agent").starts_with("throughline/"));
        // What one attempt may take, in milliseconds.
        assert_eq!(text("grpc-timeout"), "5000m");
    }
}

#[tokio::test]
async fn partial_success_is_counted_also_when_the_answer_is_compressed() {
    let partial_success = Some(ExportMetricsPartialSuccess {
        rejected_data_points: 1,
        error_message: "out of bounds ".repeat(10),
    });
    let receiver = Receiver::answering([Ok(ExportMetricsServiceResponse { partial_success })]);
    let exporter = Exporter::start(config(receiver.listen().await).with_compression(Compression::Gzip));
    exporter.fails_with(&["refused 1 of 1 points: out of bounds"]).await;
}

#[tokio::test]
async fn what_is_refused_says_why_and_what_helps() {
    for (status, expected) in [
        (
            Status::unimplemented("unknown service"),
            &["UNIMPLEMENTED: unknown service", "pipeline for this signal"][..],
        ),
        (
            Status::unauthenticated("wer bist du – ü?"),
            &["UNAUTHENTICATED: wer bist du – ü?", "other credentials"],
        ),
        (Status::invalid_argument("bad"), &["INVALID_ARGUMENT: bad"]),
        (Status::new(Code::Unavailable, "100% busy"), &["UNAVAILABLE: 100% busy"]),
    ] {
        let exporter = Exporter::start(config(Receiver::answering([Err(status)]).listen().await));
        exporter.fails_with(expected).await;
        exporter.delivers().await;
    }
}

#[tokio::test]
async fn a_receiver_of_http_is_told_from_one_of_grpc() {
    // What a server of Go answers to the beginning of HTTP/2.
    let address = listen(|mut stream| async move {
        stream.read_u8().await.expect("a request");
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n").await.expect("a client");
        while stream.read_u8().await.is_ok() {}
    })
    .await;
    Exporter::start(config(address))
        .fails_with(&["the receiver speaks HTTP/1.1, not gRPC", "port 4317"])
        .await;

    // One of hyper closes without a word.
    let http = HttpReceiver::default();
    let address = listen(move |stream| http.clone().serve(stream)).await;
    let exporter = Exporter::start(config(address));
    exporter.fails_with(&["does a receiver of OTLP over gRPC listen there? It usually has port 4317"]).await;

    let address = Receiver::default().listen().await;
    let endpoint = Endpoint::base(&format!("http://{address}"), Signal::Metrics).expect("a URL");
    let exporter = Exporter::start(OtlpConfig::new(endpoint));
    exporter.fails_with(&["the peer does not speak HTTP/1.1 but HTTP/2, as gRPC does", "port 4318"]).await;
}

#[tokio::test]
async fn a_connection_that_is_gone_is_opened_again() {
    let receiver = Receiver::default();
    let (serving, (close, closed)) = (receiver.clone(), tokio::sync::watch::channel(0));
    let address = listen(move |stream| {
        let (receiver, mut closed) = (serving.clone(), closed.clone());
        async move {
            closed.mark_unchanged();
            tokio::select! {
                () = receiver.serve(stream) => {}
                _ = closed.changed() => {}
            }
        }
    });
    let exporter = Exporter::start_with(&["requests"], config(address.await));
    for round in 1..=3 {
        exporter.delivers().await;
        close.send_replace(round);
    }
    assert_eq!(receiver.requests().len(), 3);
}
