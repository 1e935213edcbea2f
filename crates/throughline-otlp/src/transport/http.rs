//! OTLP over HTTP/1.1: one `POST` for each request.
//!
//! `retry.rs` calls [`HttpTransport::send`] through `mod.rs` with a request body and bounds its time. `connection.rs` has
//! the connection, `response.rs` reads answers. Needs a tokio runtime, of any flavour.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, HOST, HeaderMap, HeaderValue, PROXY_AUTHORIZATION};
use http::{Method, Request, Response, Uri};
use http_body_util::{BodyExt as _, Collected, Limited};
use hyper::body::Incoming;
use throughline_core::Clock;
use tokio::time::timeout;

use super::RESPONSE_BYTES_MAX;
use super::connect::Connect;
use super::connection::{Body, Connection, body};
use super::headers::Headers;
use super::message::Accepted;
use super::response::{self, Answer};
use crate::config::{BuildError, OtlpConfig, Protocol};
use crate::endpoint::Endpoint;
use crate::error::ExportError;

/// How long the rest of an answer may take once its head is there.
const BODY_TIMEOUT: Duration = Duration::from_secs(2);

/// Sends requests to one endpoint.
#[derive(Debug)]
pub(crate) struct HttpTransport {
    headers: Headers,
    /// Those that follow from the endpoint and the encoding.
    own_headers: HeaderMap,
    /// What requests ask for: path and query, or before a proxy the whole URL.
    request_target: Uri,
    clock: Arc<dyn Clock>,
    connection: Connection,
}

impl HttpTransport {
    /// A transport that connects when it is first used.
    pub(super) fn new(
        config: &OtlpConfig,
        connector: Box<dyn Connect>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, BuildError> {
        let connection = Connection::new(config, connector)?;
        let mut own_headers = own_headers(config);
        let uri = config.endpoint.uri();
        let mut request_target = uri.path_and_query().cloned().map(Into::into).unwrap_or_default();
        if let Some(proxy) = connection.dialer().forwarding_proxy() {
            request_target = uri.clone();
            own_headers.extend(proxy.authorization.clone().map(|value| (PROXY_AUTHORIZATION, value)));
        }
        Ok(Self { headers: Headers::new(config)?, own_headers, request_target, clock, connection })
    }

    pub(super) fn endpoint(&self) -> &Endpoint {
        self.connection.endpoint()
    }

    pub(super) fn headers(&mut self) -> &mut Headers {
        &mut self.headers
    }

    /// Sends one request and reads the answer.
    pub(super) async fn send(&mut self, body: Bytes) -> Result<Accepted, ExportError> {
        let request = self.request(body);
        let (open, response) = self.connection.exchange(request).await?;
        let answer = read(response).await;
        if answer.is_complete() {
            self.connection.keep(open);
        }
        answer.into_result(self.endpoint(), self.clock.now())
    }

    fn request(&mut self, bytes: Bytes) -> Request<Body> {
        let mut request = Request::new(body(Bytes::new(), bytes));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.request_target.clone();
        let headers = request.headers_mut();
        *headers = self.own_headers.clone();
        // The configured ones win where both may be set: the host's name.
        headers.extend(self.headers.current());
        request
    }
}

/// Reads the answer's body. The status has already said whether the request was taken, so a body that does not come is
/// given up rather than waited for: waiting would end in sending the request a second time.
async fn read(response: Response<Incoming>) -> Answer {
    let (head, body) = response.into_parts();
    let body = timeout(BODY_TIMEOUT, Limited::new(body, RESPONSE_BYTES_MAX).collect()).await;
    let body = body.ok().and_then(Result::ok).map(Collected::to_bytes);
    Answer { head, body }
}

fn own_headers(config: &OtlpConfig) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let authority = config.endpoint.uri().authority().map_or("", |authority| authority.as_str());
    headers.insert(HOST, HeaderValue::from_str(authority).expect("an authority is allowed in headers"));
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type(config.protocol)));
    if let Some(name) = config.compression.name() {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static(name));
    }
    headers
}

const fn content_type(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::HttpProtobuf | Protocol::Grpc => response::PROTOBUF,
        Protocol::HttpJson => response::JSON,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Compression;

    #[test]
    fn requests_say_where_they_go_and_what_they_are() {
        let config = |url| OtlpConfig::new(Endpoint::verbatim(url).expect("a URL"));
        let headers = own_headers(&config("http://[::1]:4318/x"));
        assert_eq!(headers["host"], "[::1]:4318");
        assert_eq!(headers["content-type"], "application/x-protobuf");
        assert!(!headers.contains_key("content-encoding"));
        let compressed =
            config("http://h").with_protocol(Protocol::HttpJson).with_compression(Compression::Gzip);
        let headers = own_headers(&compressed);
        assert_eq!(headers["host"], "h");
        assert_eq!(headers["content-type"], "application/json");
        assert_eq!(headers["content-encoding"], "gzip");
    }
}
