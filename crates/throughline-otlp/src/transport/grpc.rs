//! OTLP over gRPC: one unary call for each request.
//!
//! A call is a `POST` over HTTP/2 whose body is the request after a head of five bytes, and whose outcome is in the
//! trailers ([protocol](https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md)). That is little enough to write
//! here, and lets a request that was compressed once go out as it is, at every attempt. `connection.rs` has the
//! connection, of the same kind and with the same errors as that of `http.rs`; `retry.rs` bounds the time.

use std::fmt;
use std::time::Duration;

use bytes::{BufMut as _, Bytes, BytesMut};
use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, TE};
use http::{Method, Request, StatusCode, Version};
use http_body_util::{BodyExt as _, Limited};
use throughline_core::grpc::code_name;
use throughline_core::{base64, percent};

use super::connect::Connect;
use super::connection::{Body, Connection, body};
use super::headers::Headers;
use super::message::{Accepted, protobuf_partial_success, retry_delay, shown};
use super::refusal;
use crate::compression::decompress;
use crate::config::{BuildError, Compression, OtlpConfig};
use crate::endpoint::Endpoint;
use crate::error::{ExportError, Refusal};
use crate::transport::RESPONSE_BYTES_MAX;

const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
const GRPC_MESSAGE: HeaderName = HeaderName::from_static("grpc-message");
const GRPC_DETAILS: HeaderName = HeaderName::from_static("grpc-status-details-bin");
const GRPC_ENCODING: HeaderName = HeaderName::from_static("grpc-encoding");
const GRPC_ACCEPT_ENCODING: HeaderName = HeaderName::from_static("grpc-accept-encoding");
const GRPC_TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");

/// The longest time that can be said in milliseconds, eight digits: more than a day.
const TIMEOUT_MS_MAX: u128 = 99_999_999;

/// Calls one method of one endpoint.
#[derive(Debug)]
pub(crate) struct GrpcTransport {
    headers: Headers,
    compression: Compression,
    connection: Connection,
}

impl GrpcTransport {
    /// A transport that connects when it is first used.
    pub(super) fn new(config: &OtlpConfig, connector: Box<dyn Connect>) -> Result<Self, BuildError> {
        let connection = Connection::new(config, connector)?;
        Ok(Self { headers: Headers::new(config)?, compression: config.compression, connection })
    }

    pub(super) fn endpoint(&self) -> &Endpoint {
        self.connection.endpoint()
    }

    pub(super) fn headers(&mut self) -> &mut Headers {
        &mut self.headers
    }

    /// Sends one request and reads the answer. `within` is what the peer is told about the caller's patience.
    pub(super) async fn send(&mut self, message: Bytes, within: Duration) -> Result<Accepted, ExportError> {
        let request = self.request(message, within);
        let (open, response) = self.connection.exchange(request).await?;
        let (head, body) = response.into_parts();
        let answer = match Limited::new(body, RESPONSE_BYTES_MAX).collect().await {
            Ok(body) => {
                self.connection.keep(open);
                Answer {
                    trailers: body.trailers().cloned(),
                    status: head.status,
                    headers: head.headers,
                    body: body.to_bytes(),
                }
            }
            Err(error) => match error.downcast::<hyper::Error>() {
                Ok(error) => return Err(self.connection.broken(*error, open.seen())),
                Err(_) => return Err(self.too_long()),
            },
        };
        answer.into_result(self.endpoint())
    }

    fn request(&mut self, message: Bytes, within: Duration) -> Request<Body> {
        let mut headers = self.headers.current();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
        headers.insert(TE, HeaderValue::from_static("trailers"));
        headers.insert(GRPC_ACCEPT_ENCODING, HeaderValue::from_static("identity,gzip"));
        let timeout = format!("{}m", within.as_millis().clamp(1, TIMEOUT_MS_MAX));
        headers.insert(GRPC_TIMEOUT, HeaderValue::try_from(timeout).expect("digits and a letter"));
        if let Some(name) = self.compression.name() {
            headers.insert(GRPC_ENCODING, HeaderValue::from_static(name));
        }
        let mut request = Request::new(body(frame_head(self.compression, message.len()), message));
        *request.method_mut() = Method::POST;
        *request.version_mut() = Version::HTTP_2;
        *request.uri_mut() = self.endpoint().uri().clone();
        *request.headers_mut() = headers;
        request
    }

    #[cold]
    fn too_long(&self) -> ExportError {
        ExportError::transient(format!("the answer of {} is far too long for one of OTLP", self.endpoint()))
    }
}

/// Whether the message is compressed, and its length.
fn frame_head(compression: Compression, len: usize) -> Bytes {
    let mut head = BytesMut::with_capacity(5);
    head.put_u8(u8::from(compression.name().is_some()));
    head.put_u32(u32::try_from(len).expect("requests are limited to far less than 4 GiB"));
    head.freeze()
}

/// An answer as it came.
#[derive(Debug)]
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
    trailers: Option<HeaderMap>,
}

impl Answer {
    fn into_result(self, endpoint: &Endpoint) -> Result<Accepted, ExportError> {
        let Some((code, outcome)) = self.outcome() else { return Err(self.not_grpc(endpoint)) };
        if code == Code::OK {
            return Ok(self.message().unwrap_or_else(Accepted::unreadable));
        }
        let text = outcome.get(GRPC_MESSAGE).map(HeaderValue::as_bytes).unwrap_or_default();
        let text = percent::decode_lossy(text).into_owned();
        let details = outcome.get(GRPC_DETAILS).and_then(|value| base64::decode(value.to_str().ok()?));
        let delay = details.and_then(|details| retry_delay(&details));
        Err(refused(endpoint, code, &text, delay))
    }

    /// The code, and where it stands: in the trailers, or in the head of an answer that is nothing else.
    fn outcome(&self) -> Option<(Code, &HeaderMap)> {
        let mut places = self.trailers.iter().chain([&self.headers]);
        places.find_map(|place| Some((Code::parse(place.get(GRPC_STATUS)?)?, place)))
    }

    fn message(&self) -> Option<Accepted> {
        let Some((head, message)) = self.body.split_at_checked(5) else {
            return self.body.is_empty().then(Accepted::default);
        };
        match head[0] {
            0 => protobuf_partial_success(message),
            _ => {
                let encoding = self.headers.get(GRPC_ENCODING)?.to_str().ok()?;
                protobuf_partial_success(&decompress(encoding, message, RESPONSE_BYTES_MAX)?)
            }
        }
    }

    /// No status of gRPC: something in between has answered, such as a proxy.
    #[cold]
    fn not_grpc(&self, endpoint: &Endpoint) -> ExportError {
        let text = shown(&String::from_utf8_lossy(&self.body));
        let separator = if text.is_empty() { "" } else { ": " };
        let message = format!("{endpoint} answered {}, not gRPC{separator}{text}", self.status);
        match Code::of_http(self.status) {
            Code::UNAVAILABLE => ExportError::transient(message),
            code => {
                let (refusal, hint) = refusal::of_grpc(code, &text);
                ExportError::permanent(
                    if refusal == Refusal::Splittable { Refusal::Whole } else { refusal },
                    message,
                )
                .with_hint(hint.or(Some("does a receiver of OTLP over gRPC listen there?")))
            }
        }
    }
}

fn refused(endpoint: &Endpoint, code: Code, text: &str, delay: Option<Duration>) -> ExportError {
    let (line, separator) = (shown(text), if text.is_empty() { "" } else { ": " });
    let message = format!("{endpoint} answered {code}{separator}{line}");
    if code.is_retryable(delay.is_some()) {
        return ExportError::transient(message).with_retry_after(delay);
    }
    let (refusal, hint) = refusal::of_grpc(code, text);
    ExportError::permanent(refusal, message).with_hint(hint)
}

/// A status code of gRPC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Code(u16);

impl Code {
    pub(super) const OK: Self = Self(0);
    pub(super) const CANCELLED: Self = Self(1);
    pub(super) const UNKNOWN: Self = Self(2);
    pub(super) const INVALID_ARGUMENT: Self = Self(3);
    pub(super) const DEADLINE_EXCEEDED: Self = Self(4);
    pub(super) const PERMISSION_DENIED: Self = Self(7);
    pub(super) const RESOURCE_EXHAUSTED: Self = Self(8);
    pub(super) const ABORTED: Self = Self(10);
    pub(super) const OUT_OF_RANGE: Self = Self(11);
    pub(super) const UNIMPLEMENTED: Self = Self(12);
    pub(super) const INTERNAL: Self = Self(13);
    pub(super) const UNAVAILABLE: Self = Self(14);
    pub(super) const DATA_LOSS: Self = Self(15);
    pub(super) const UNAUTHENTICATED: Self = Self(16);

    fn parse(value: &HeaderValue) -> Option<Self> {
        value.to_str().ok()?.parse().ok().map(Self)
    }

    /// What a status of HTTP means where one of gRPC should be
    /// ([mapping](https://github.com/grpc/grpc/blob/master/doc/http-grpc-status-mapping.md)).
    fn of_http(status: StatusCode) -> Self {
        match status.as_u16() {
            400 => Self::INTERNAL,
            401 => Self::UNAUTHENTICATED,
            403 => Self::PERMISSION_DENIED,
            404 => Self::UNIMPLEMENTED,
            429 | 502 | 503 | 504 => Self::UNAVAILABLE,
            _ => Self::UNKNOWN,
        }
    }

    /// Whether a request that was answered with this may be sent again
    /// ([specification](https://opentelemetry.io/docs/specs/otlp/#failures)).
    fn is_retryable(self, has_retry_info: bool) -> bool {
        match self {
            Self::CANCELLED
            | Self::DEADLINE_EXCEEDED
            | Self::ABORTED
            | Self::OUT_OF_RANGE
            | Self::UNAVAILABLE
            | Self::DATA_LOSS => true,
            Self::RESOURCE_EXHAUSTED => has_retry_info,
            _ => false,
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match code_name(self.0) {
            Some(name) => f.write_str(name),
            None => write!(f, "the unknown code {}", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::endpoint::Signal;

    fn endpoint() -> Endpoint {
        Endpoint::grpc("http://h:4317", Signal::Metrics, false).expect("a URL")
    }

    #[test]
    fn only_the_listed_codes_are_tried_again() {
        let retryable = |has_retry_info| -> Vec<u16> {
            (0..20).filter(|code| Code(*code).is_retryable(has_retry_info)).collect()
        };
        assert_eq!(retryable(false), [1, 4, 10, 11, 14, 15]);
        assert_eq!(retryable(true), [1, 4, 8, 10, 11, 14, 15]);
    }

    #[test]
    fn what_stands_in_between_is_told_from_grpc() {
        for (status, retryable) in [
            (200, false),
            (400, false),
            (404, false),
            (429, true),
            (500, false),
            (502, true),
            (503, true),
            (504, true),
        ] {
            let answer = Answer {
                status: StatusCode::from_u16(status).expect("a status"),
                headers: HeaderMap::new(),
                body: Bytes::from_static(b"<html>"),
                trailers: None,
            };
            let error = answer.into_result(&endpoint()).expect_err("no status");
            assert_eq!(error.is_retryable(), retryable, "{status}");
            assert!(error.describe().contains("not gRPC: <html>"), "{}", error.describe());
        }
    }

    #[test]
    fn unknown_codes_are_shown_as_numbers() {
        assert_eq!(Code(99).to_string(), "the unknown code 99");
        assert_eq!(Code::UNAVAILABLE.to_string(), "UNAVAILABLE");
        assert_eq!(Code::UNAUTHENTICATED.to_string(), "UNAUTHENTICATED");
    }

    proptest! {
        #[test]
        fn any_answer_is_tolerated(
            code in proptest::option::of("[0-9]{1,3}|x"),
            message in "[ -~]{0,40}",
            details in "[A-Za-z0-9+/]{0,40}",
            encoding in prop_oneof![Just("gzip"), Just("zstd"), Just("x")],
            body: Vec<u8>,
        ) {
            let mut trailers = HeaderMap::new();
            if let Some(code) = &code {
                trailers.insert(GRPC_STATUS, HeaderValue::from_str(code).expect("digits"));
            }
            trailers.insert(GRPC_MESSAGE, HeaderValue::from_str(&message).expect("ASCII"));
            trailers.insert(GRPC_DETAILS, HeaderValue::from_str(&details).expect("ASCII"));
            let mut headers = HeaderMap::new();
            headers.insert(GRPC_ENCODING, HeaderValue::from_static(encoding));
            let answer =
                Answer { status: StatusCode::OK, headers, body: body.into(), trailers: Some(trailers) };
            let is_ok = code.is_some_and(|code| code.parse() == Ok(0));
            prop_assert_eq!(answer.into_result(&endpoint()).is_ok(), is_ok);
        }
    }
}
