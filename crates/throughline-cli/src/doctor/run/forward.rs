//! Passes requests on to the server that the application would have asked, and brings its answers back, both as they came.

use std::path::PathBuf;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::header::{CONNECTION, CONTENT_LENGTH, HOST, TRANSFER_ENCODING, UPGRADE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, Request, StatusCode, Version};
use http_body_util::{BodyExt as _, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::time::timeout;

use super::proxy::Reply;
use crate::doctor::address::Address;
use crate::http::{causes, tls};

/// As the exporters' own, unless `OTEL_EXPORTER_OTLP_TIMEOUT` says otherwise.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// Answers of receivers are a few bytes.
const ANSWER_BYTES_MAX: usize = 4 << 20;

/// A server that requests are passed on to.
#[derive(Debug)]
pub(super) struct Server {
    address: Address,
    http1: Client<HttpsConnector<HttpConnector>, Body>,
    http2: Client<HttpsConnector<HttpConnector>, Body>,
}

impl Server {
    /// Trusts the certificates in these files as well as the system's.
    pub(super) fn new(address: Address, roots: &[PathBuf]) -> Self {
        let connector = || HttpsConnectorBuilder::new().with_tls_config(tls(roots)).https_or_http();
        let client = || Client::builder(TokioExecutor::new());
        let http1 = client().build(connector().enable_http1().build());
        let http2 = client().http2_only(true).build(connector().enable_http2().build());
        Self { address, http1, http2 }
    }

    pub(super) fn origin(&self) -> String {
        self.address.origin()
    }

    /// Asks it what the application asked. When it does not answer, the reply says so, and can be tried again.
    pub(super) async fn ask(&self, head: &Parts, body: Bytes) -> Reply {
        let asked = timeout(ANSWER_WITHIN, self.request(head, body)).await;
        match asked.unwrap_or_else(|_elapsed| Err(format!("no answer within {} s", ANSWER_WITHIN.as_secs())))
        {
            Ok(reply) => reply,
            Err(error) => {
                let text = format!("{}: {error}", self.address);
                Reply::of(StatusCode::SERVICE_UNAVAILABLE, "text/plain", text.into())
            }
        }
    }

    async fn request(&self, head: &Parts, body: Bytes) -> Result<Reply, String> {
        let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
        let mut request = Request::builder().method(head.method.clone()).uri(self.address.origin() + path);
        if let Some(headers) = request.headers_mut() {
            *headers = end_to_end(&head.headers);
        }
        let client = if head.version == Version::HTTP_2 { &self.http2 } else { &self.http1 };
        let request = request.body(Body::from(body)).map_err(|error| error.to_string())?;
        let response = client.request(request).await.map_err(|error| causes(&error))?;
        let (head, body) = response.into_parts();
        let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await.map_err(|error| error.to_string())?;
        let headers = end_to_end(&head.headers);
        let trailers = body.trailers().cloned();
        Ok(Reply { status: head.status, headers, body: body.to_bytes(), trailers })
    }
}

/// Without what the ends of each connection say for themselves.
fn end_to_end(headers: &HeaderMap) -> HeaderMap {
    let mut headers = headers.clone();
    for name in OF_THE_CONNECTION {
        headers.remove(name);
    }
    headers
}

const OF_THE_CONNECTION: [HeaderName; 5] = [CONNECTION, CONTENT_LENGTH, HOST, TRANSFER_ENCODING, UPGRADE];
