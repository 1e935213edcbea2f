//! One HTTP/1.1 connection to the peer, kept open between exports and opened again when it is gone.
//!
//! `retry.rs` calls [`HttpTransport::send`] with a request body and bounds its time; dropping the future closes the
//! connection, because the answer to a request given up would be taken for that of the next. Needs a tokio runtime,
//! of any flavour.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{
    AUTHORIZATION, CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderMap, HeaderName,
    HeaderValue, TRANSFER_ENCODING, USER_AGENT,
};
use http::{Method, Request, Response};
use http_body_util::{BodyExt as _, Collected, Full, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use throughline_core::Clock;
use tokio::time::timeout;

use super::connect::Connect;
use super::response::{self, Accepted, Answer};
use crate::config::{BuildError, Compression, OtlpConfig, Protocol};
use crate::endpoint::Endpoint;
use crate::error::ExportError;

/// The most of an answer that is read. Answers are some hundred bytes; the limit is the one other exporters have.
const RESPONSE_BYTES_MAX: usize = 4 << 20;

/// How long the rest of an answer may take once its head is there.
const BODY_TIMEOUT: Duration = Duration::from_secs(2);

const USER_AGENT_VALUE: &str = concat!("throughline/", env!("CARGO_PKG_VERSION"));

/// Headers that follow from the request and cannot be configured.
const RESERVED: [HeaderName; 5] =
    [CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING];

/// Sends requests to one endpoint.
#[derive(Debug)]
pub(crate) struct HttpTransport {
    endpoint: Endpoint,
    /// The headers of every request.
    headers: HeaderMap,
    connector: Box<dyn Connect>,
    clock: Arc<dyn Clock>,
    connection: Option<SendRequest<Full<Bytes>>>,
}

impl HttpTransport {
    /// A transport that connects when it is first used.
    pub(crate) fn new(
        config: &OtlpConfig,
        connector: Box<dyn Connect>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, BuildError> {
        let endpoint = config.endpoint.clone();
        let headers = headers(config)?;
        Ok(Self { endpoint, headers, connector, clock, connection: None })
    }

    pub(crate) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Sends one request and reads the answer.
    pub(crate) async fn send(&mut self, body: Bytes) -> Result<Accepted, ExportError> {
        let (connection, response) = self.exchange(body).await?;
        let answer = read(response).await;
        if answer.is_complete() {
            self.connection = Some(connection);
        }
        answer.into_result(&self.endpoint, self.clock.now())
    }

    /// Sends on the open connection; when that turns out to have been closed before anything was sent, on a new one.
    async fn exchange(
        &mut self,
        body: Bytes,
    ) -> Result<(SendRequest<Full<Bytes>>, Response<Incoming>), ExportError> {
        let mut request = self.request(body);
        if let Some(mut connection) = self.reusable().await {
            match connection.try_send_request(request).await {
                Ok(response) => return Ok((connection, response)),
                Err(mut error) => match error.take_message() {
                    Some(unsent) => request = unsent,
                    None => return Err(self.broken(error.into_error())),
                },
            }
        }
        let mut connection = self.connect().await?;
        match connection.send_request(request).await {
            Ok(response) => Ok((connection, response)),
            Err(error) => Err(self.broken(error)),
        }
    }

    /// The open connection, unless the peer has closed it since.
    async fn reusable(&mut self) -> Option<SendRequest<Full<Bytes>>> {
        let mut connection = self.connection.take()?;
        connection.ready().await.is_ok().then_some(connection)
    }

    fn request(&self, body: Bytes) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = Method::POST;
        *request.headers_mut() = self.headers.clone();
        // A request to the server itself names only path and query.
        let target = self.endpoint.uri().path_and_query().cloned();
        *request.uri_mut() = target.map(Into::into).unwrap_or_default();
        request
    }

    async fn connect(&self) -> Result<SendRequest<Full<Bytes>>, ExportError> {
        let stream = self.connector.connect(self.endpoint.host(), self.endpoint.port()).await;
        let stream = stream.map_err(|error| self.unreachable(error))?;
        let (sender, connection) =
            handshake(TokioIo::new(stream)).await.map_err(|error| self.broken(error))?;
        // Ends when the sender is dropped or the peer closes; whatever it fails with, the sender reports.
        drop(tokio::spawn(connection));
        Ok(sender)
    }

    #[cold]
    fn unreachable(&self, error: std::io::Error) -> ExportError {
        let hint = (error.kind() == std::io::ErrorKind::ConnectionRefused)
            .then_some("nothing listens there: is the receiver running, and is the port the right one?");
        ExportError::transient(format!("cannot connect to {}", self.endpoint))
            .with_source(error)
            .with_hint(hint)
    }

    #[cold]
    fn broken(&self, error: hyper::Error) -> ExportError {
        let hint = error.is_parse().then_some("the peer does not speak HTTP/1.1; port 4317 is that of gRPC");
        let message = format!("the connection to {} ended without an answer", self.endpoint);
        ExportError::transient(message).with_source(error).with_hint(hint)
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

/// The headers of every request: our own, then the configured ones.
fn headers(config: &OtlpConfig) -> Result<HeaderMap, BuildError> {
    let mut headers = HeaderMap::new();
    headers.insert(HOST, host_header(&config.endpoint)?);
    headers.insert(USER_AGENT, HeaderValue::from_static(USER_AGENT_VALUE));
    if let Some((user, password)) = config.endpoint.credentials() {
        let value = format!("Basic {}", base64(format!("{user}:{password}").as_bytes()));
        headers.insert(AUTHORIZATION, secret("authorization", &value)?);
    }
    for (name, value) in &config.headers {
        let (name, value) = configured_header(name, value)?;
        headers.insert(name, value);
    }
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type(config.protocol)));
    if config.compression == Compression::Gzip {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    Ok(headers)
}

fn host_header(endpoint: &Endpoint) -> Result<HeaderValue, BuildError> {
    let authority = endpoint.uri().authority().map_or("", |authority| authority.as_str());
    secret("host", authority)
}

fn configured_header(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), BuildError> {
    let error = |problem| BuildError::Header { name: name.to_owned(), problem };
    let parsed: HeaderName = name.parse().map_err(|_invalid| error("has a name that HTTP does not allow"))?;
    if RESERVED.contains(&parsed) {
        return Err(error("follows from the request and cannot be set; leave it out"));
    }
    Ok((parsed, secret(name, value)?))
}

/// A value that is kept out of debug output.
fn secret(name: &str, value: &str) -> Result<HeaderValue, BuildError> {
    let problem = "has a value that HTTP does not allow: control characters";
    let invalid = |_| BuildError::Header { name: name.to_owned(), problem };
    let mut value = HeaderValue::from_bytes(value.as_bytes()).map_err(invalid)?;
    value.set_sensitive(true);
    Ok(value)
}

const fn content_type(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::HttpProtobuf => response::PROTOBUF,
        Protocol::HttpJson => response::JSON,
    }
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let byte = |place: usize| u32::from(chunk.get(place).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for place in 0..4_u32 {
            let letter = LETTERS[(bits >> (18 - 6 * place) & 63) as usize];
            text.push(if place as usize > chunk.len() { '=' } else { char::from(letter) });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn built(config: &OtlpConfig) -> Result<HeaderMap, String> {
        headers(config).map_err(|error| error.to_string())
    }

    fn config(url: &str) -> OtlpConfig {
        OtlpConfig::new(Endpoint::verbatim(url).unwrap())
    }

    #[test]
    fn every_request_has_these_headers() {
        let headers = built(&config("http://[::1]:4318/x").with_header("X-Tenant", "blue")).unwrap();
        assert_eq!(headers["host"], "[::1]:4318");
        assert_eq!(headers["content-type"], "application/x-protobuf");
        assert_eq!(headers["user-agent"], USER_AGENT_VALUE);
        assert_eq!(headers["x-tenant"], "blue");
        assert!(!headers.contains_key("content-encoding"));
        let compressed =
            config("http://h").with_protocol(Protocol::HttpJson).with_compression(Compression::Gzip);
        let headers = built(&compressed).unwrap();
        assert_eq!(headers["host"], "h");
        assert_eq!(headers["content-type"], "application/json");
        assert_eq!(headers["content-encoding"], "gzip");
    }

    #[test]
    fn credentials_become_basic_authentication_unless_a_header_is_set() {
        let with_user = config("http://Aladdin:open%20sesame@h/x");
        let headers = built(&with_user).unwrap();
        assert_eq!(headers["authorization"], "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
        assert!(!format!("{headers:?}").contains("QWxh"));
        let headers = built(&with_user.with_header("Authorization", "Bearer x")).unwrap();
        assert_eq!(headers["authorization"], "Bearer x");
    }

    #[test]
    fn headers_that_cannot_be_sent_are_named_without_their_value() {
        for (name, value, expected) in [
            ("a b", "secret", "the OTLP header `a b` has a name that HTTP does not allow"),
            ("a", "sec\nret", "the OTLP header `a` has a value that HTTP does not allow"),
            ("Content-Type", "x", "the OTLP header `Content-Type` follows from the request"),
        ] {
            let error = built(&config("http://h").with_header(name, value)).expect_err(name);
            assert!(error.starts_with(expected), "{error}");
        }
    }

    #[test]
    fn base64_is_padded() {
        for (text, expected) in
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg==")]
        {
            assert_eq!(base64(text.as_bytes()), expected);
        }
    }
}
