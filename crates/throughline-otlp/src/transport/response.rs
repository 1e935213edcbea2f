//! Reads the peer's answer: taken, taken in part, or refused, and whether trying again can help.
//!
//! Answers are protobuf or JSON messages of OTLP, plain text (Prometheus), or nothing at all (Prometheus on success).
//! They come from strangers: whatever cannot be read is tolerated, and never changes what the HTTP status says, with
//! one exception: a page of HTML with status 200 does not come from an OTLP receiver.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, LOCATION, RETRY_AFTER};
use http::response::Parts;
use throughline_core::Timestamp;

use super::message::{
    Accepted, json_partial_success, json_status_message, protobuf_partial_success, protobuf_status_message,
    shown,
};
use super::refusal::{self, PATH_HINT};
use crate::endpoint::Endpoint;
use crate::error::{ExportError, Refusal};
use crate::retry::{is_retryable_status, parse_retry_after};

pub(super) const PROTOBUF: &str = "application/x-protobuf";
pub(super) const JSON: &str = "application/json";

/// An answer as it came.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) head: Parts,
    /// `None` when it broke off or was too long.
    pub(super) body: Option<Bytes>,
}

impl Answer {
    /// Whether all of it was read, so that the connection is free for the next request.
    pub(super) fn is_complete(&self) -> bool {
        self.body.is_some()
    }

    pub(super) fn into_result(self, endpoint: &Endpoint, now: Timestamp) -> Result<Accepted, ExportError> {
        if !self.head.status.is_success() {
            return Err(self.refusal(endpoint, now));
        }
        if self.has_content_type("text/html") {
            let message = format!("{endpoint} answered with a page of HTML, which is no OTLP receiver");
            return Err(ExportError::permanent(Refusal::Whole, message).with_hint(Some(PATH_HINT)));
        }
        Ok(self.accepted())
    }

    fn accepted(&self) -> Accepted {
        let read = self.body.as_deref().and_then(|body| match body {
            [] => Some(Accepted::default()),
            _ if self.is_json() => json_partial_success(body),
            _ => protobuf_partial_success(body),
        });
        read.unwrap_or_else(Accepted::unreadable)
    }

    fn refusal(&self, endpoint: &Endpoint, now: Timestamp) -> ExportError {
        let status = self.head.status;
        let text = self.error_text();
        let line = shown(&text);
        let location = self.header(LOCATION.as_str()).filter(|_| status.is_redirection());
        let location = location.map(|location| format!(" (to {})", shown(location))).unwrap_or_default();
        let separator = if line.is_empty() { "" } else { ": " };
        let message = format!("{endpoint} answered {status}{location}{separator}{line}");
        let retry_after = self.header(RETRY_AFTER.as_str()).and_then(|value| parse_retry_after(value, now));
        if is_retryable_status(status.as_u16()) {
            ExportError::transient(message).with_retry_after(retry_after)
        } else {
            let (refusal, hint) = refusal::of_http(status, &text);
            ExportError::permanent(refusal, message).with_hint(hint)
        }
    }

    /// The message of a `google.rpc.Status`, or the text as it is.
    fn error_text(&self) -> String {
        let body = self.body.as_deref().unwrap_or_default();
        let message = if self.is_json() {
            json_status_message(body)
        } else if self.has_content_type(PROTOBUF) {
            protobuf_status_message(body)
        } else {
            None
        };
        message.unwrap_or_else(|| String::from_utf8_lossy(body).into_owned())
    }

    fn is_json(&self) -> bool {
        self.has_content_type(JSON)
    }

    fn has_content_type(&self, expected: &str) -> bool {
        let value = self.header(CONTENT_TYPE.as_str()).unwrap_or_default();
        value.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case(expected)
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.head.headers.get(name)?.to_str().ok()
    }
}

#[cfg(test)]
mod tests {
    use http::Response;
    use proptest::prelude::*;
    use throughline_core::protobuf::Writer;

    use super::*;

    fn answer(status: u16, content_type: &str, body: &[u8]) -> Answer {
        let response = Response::builder().status(status).header("content-type", content_type);
        let (head, ()) = response.body(()).unwrap().into_parts();
        Answer { head, body: Some(Bytes::copy_from_slice(body)) }
    }

    fn endpoint() -> Endpoint {
        Endpoint::verbatim("http://h:4318/v1/metrics").unwrap()
    }

    fn result(answer: Answer) -> Result<Accepted, ExportError> {
        answer.into_result(&endpoint(), Timestamp::default())
    }

    fn partial(rejected: i64, message: &str) -> Vec<u8> {
        let mut writer = Writer::default();
        writer.message(1, |writer| {
            writer.int(1, rejected);
            writer.string(2, message);
        });
        writer.take()
    }

    #[test]
    fn success_is_read_in_every_form() {
        let taken = |rejected_items, message: &str| Accepted { rejected_items, message: message.to_owned() };
        for (content_type, body, expected) in [
            ("", &b""[..], taken(0, "")),
            (PROTOBUF, b"", taken(0, "")),
            (PROTOBUF, &partial(0, ""), taken(0, "")),
            (PROTOBUF, &partial(3, "bad"), taken(3, "bad")),
            (PROTOBUF, &partial(-3, "bad"), taken(0, "bad")),
            ("application/json; charset=utf-8", br#"{"partialSuccess":{}}"#, taken(0, "")),
            (JSON, b"{}", taken(0, "")),
            (JSON, br#"{"partialSuccess":{"rejectedDataPoints":"3","errorMessage":"bad"}}"#, taken(3, "bad")),
            (JSON, br#"{"partialSuccess":{"rejectedDataPoints":3}}"#, taken(3, "")),
            (JSON, br#"{"partialSuccess":{"rejectedSpans":"4","errorMessage":"bad"}}"#, taken(4, "bad")),
            (JSON, br#"{"partialSuccess":{"rejectedLogRecords":5}}"#, taken(5, "")),
            (JSON, b"garbage", taken(0, "its answer cannot be read as that of an OTLP receiver")),
            ("", b"\xff\xff", taken(0, "its answer cannot be read as that of an OTLP receiver")),
        ] {
            assert_eq!(result(answer(200, content_type, body)).unwrap(), expected, "{content_type} {body:?}");
        }
        let html = result(answer(200, "text/html; charset=utf-8", b"<html>")).unwrap_err();
        assert!(!html.is_retryable());
    }

    #[test]
    fn refusals_say_what_the_peer_said_and_how_to_mend_it() {
        let mut status = Writer::default();
        status.uint(1, 3);
        status.string(2, "no such tenant");
        for (code, content_type, body, retryable, expected) in [
            (400, PROTOBUF, status.as_bytes(), false, "answered 400 Bad Request: no such tenant"),
            (400, JSON, br#"{"message":"bad"}"#, false, "answered 400 Bad Request: bad"),
            (503, "text/plain", b"Service\n Unavailable", true, "Service Unavailable: Service Unavailable"),
            (
                500,
                "text/plain; charset=utf-8",
                b"invalid temporality and type combination for metric \"a\"\n",
                false,
                "this Prometheus takes only cumulative temporality",
            ),
            (500, "text/plain", b"too old sample", false, "out_of_order_time_window"),
            (404, "text/plain", b"404 page not found", false, "Prometheus at `/api/v1/otlp/v1/metrics`"),
            (
                404,
                "text/plain",
                b"otlp write receiver needs to be enabled with --web.enable-otlp-receiver",
                false,
                "start Prometheus with `--web.enable-otlp-receiver`",
            ),
            (401, "", b"", false, "wants other credentials"),
            (413, "", b"", false, "smaller requests"),
            (599, "", b"", false, "answered 599"),
        ] {
            let error = result(answer(code, content_type, body)).unwrap_err();
            assert_eq!(error.is_retryable(), retryable, "{code}");
            assert!(error.describe().contains(expected), "{}", error.describe());
        }
    }

    #[test]
    fn long_texts_are_cut() {
        let error = result(answer(400, "text/plain", &[b'x'; 5000])).unwrap_err();
        assert!(error.describe().len() < 400, "{}", error.describe());
    }

    proptest! {
        #[test]
        fn any_bytes_are_tolerated(
            status in 200_u16..600,
            kind in prop_oneof![Just(PROTOBUF), Just(JSON), Just("")],
            body: Vec<u8>,
        ) {
            let outcome = result(answer(status, kind, &body));
            prop_assert_eq!(outcome.is_ok(), status < 300);
        }
    }
}
