//! Reads the peer's answer: taken, taken in part, or refused, and whether trying again can help.
//!
//! Answers are protobuf or JSON messages of OTLP, plain text (Prometheus), or nothing at all (Prometheus on success).
//! They come from strangers: whatever cannot be read is tolerated, and never changes what the HTTP status says, with
//! one exception: a page of HTML with status 200 does not come from an OTLP receiver.

use bytes::Bytes;
use http::StatusCode;
use http::header::{CONTENT_TYPE, LOCATION, RETRY_AFTER};
use http::response::Parts;
use throughline_core::Timestamp;

use crate::endpoint::Endpoint;
use crate::error::ExportError;
use crate::retry::{is_retryable_status, parse_retry_after};

pub(super) const PROTOBUF: &str = "application/x-protobuf";
pub(super) const JSON: &str = "application/json";

/// The most of an answer's text that is shown.
const SHOWN_CHARS_MAX: usize = 300;

/// The peer took the request, perhaps not all of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Accepted {
    /// How many points, spans or log records it refused.
    pub(crate) rejected_items: u64,
    /// What it says about that, or a warning.
    pub(crate) message: String,
}

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
            return Err(ExportError::permanent(message).with_hint(Some(PATH_HINT)));
        }
        Ok(self.accepted())
    }

    fn accepted(&self) -> Accepted {
        let read = self.body.as_deref().and_then(|body| match body {
            [] => Some(Accepted::default()),
            _ if self.is_json() => json_partial_success(body),
            _ => protobuf_partial_success(body),
        });
        read.unwrap_or_else(|| Accepted {
            rejected_items: 0,
            message: "its answer cannot be read as that of an OTLP receiver".to_owned(),
        })
    }

    fn refusal(&self, endpoint: &Endpoint, now: Timestamp) -> ExportError {
        let status = self.head.status;
        let text = self.error_text();
        let location = self.header(LOCATION.as_str()).filter(|_| status.is_redirection());
        let location = location.map(|location| format!(" (to {})", shown(location))).unwrap_or_default();
        let separator = if text.is_empty() { "" } else { ": " };
        let message = format!("{endpoint} answered {status}{location}{separator}{text}");
        let retry_after = self.header(RETRY_AFTER.as_str()).and_then(|value| parse_retry_after(value, now));
        if is_retryable_status(status.as_u16()) {
            ExportError::transient(message).with_retry_after(retry_after)
        } else {
            ExportError::permanent(message).with_hint(hint(status, &text))
        }
    }

    /// The message of a `google.rpc.Status`, or the text as it is.
    fn error_text(&self) -> String {
        let body = self.body.as_deref().unwrap_or_default();
        let message = if self.is_json() {
            json_status_message(body)
        } else if self.has_content_type(PROTOBUF) {
            Fields(body).flatten().find_map(|field| field.text(2))
        } else {
            None
        };
        shown(&message.unwrap_or_else(|| String::from_utf8_lossy(body).into_owned()))
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

const PATH_HINT: &str = "check the path: a Collector listens at `/v1/traces`, `/v1/metrics` and `/v1/logs`, \
                         Prometheus at `/api/v1/otlp/v1/metrics`, for metrics alone";

/// How to mend a refusal, as far as it can be told.
fn hint(status: StatusCode, text: &str) -> Option<&'static str> {
    match status.as_u16() {
        300..=399 => Some("redirects are not followed; set the endpoint to where the receiver is"),
        401 | 403 => Some("check the configured headers: the receiver wants other credentials"),
        404 if text.contains("otlp") => Some("start Prometheus with `--web.enable-otlp-receiver`"),
        404 | 405 => Some(PATH_HINT),
        413 => Some("the receiver takes only smaller requests; lower the request size or raise its limit"),
        415 => Some("the receiver does not take this encoding; try the other protocol"),
        500 if text.contains("invalid temporality") => {
            Some("this Prometheus takes only cumulative temporality, and refuses the whole request")
        }
        400 | 500 if text.contains("too old sample") || text.contains("out of order") => {
            Some("Prometheus takes older samples only within `out_of_order_time_window`")
        }
        _ => None,
    }
}

/// One line, of bounded length, without control characters.
fn shown(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut short: String = line.chars().filter(|c| !c.is_control()).take(SHOWN_CHARS_MAX).collect();
    if short.len() < line.len() {
        short.push('…');
    }
    short
}

/// The count of a partial success, which each signal names by its own items.
const REJECTED: [&str; 3] = ["rejectedDataPoints", "rejectedSpans", "rejectedLogRecords"];

/// A 64-bit integer: a string of digits, or a number.
fn json_count(value: &serde_json::Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

fn json_partial_success(body: &[u8]) -> Option<Accepted> {
    let response: serde_json::Value = serde_json::from_slice(body).ok()?;
    let partial = &response.as_object()?.get("partialSuccess").unwrap_or(&serde_json::Value::Null);
    let rejected_items = REJECTED.iter().find_map(|key| json_count(&partial[*key])).unwrap_or(0);
    let message = shown(partial["errorMessage"].as_str().unwrap_or_default());
    Some(Accepted { rejected_items, message })
}

fn json_status_message(body: &[u8]) -> Option<String> {
    let status: serde_json::Value = serde_json::from_slice(body).ok()?;
    status["message"].as_str().map(str::to_owned)
}

/// `ExportMetricsServiceResponse` and its like for the other signals: field 1 is the partial success, with the count in field 1 and the text in field 2.
fn protobuf_partial_success(body: &[u8]) -> Option<Accepted> {
    let mut accepted = Accepted::default();
    for field in Fields(body) {
        if let (1, Value::Bytes(partial)) = (field?.number, field?.value) {
            for field in Fields(partial) {
                let field = field?;
                match (field.number, field.value) {
                    (1, Value::Number(count)) => {
                        accepted.rejected_items = u64::try_from(count as i64).unwrap_or(0);
                    }
                    (2, Value::Bytes(text)) => accepted.message = shown(&String::from_utf8_lossy(text)),
                    _ => {}
                }
            }
        }
    }
    Some(accepted)
}

/// The fields of a protobuf message; `None` ends it where it cannot be read.
struct Fields<'a>(&'a [u8]);

#[derive(Clone, Copy)]
struct Field<'a> {
    number: u64,
    value: Value<'a>,
}

#[derive(Clone, Copy)]
enum Value<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

impl<'a> Iterator for Fields<'a> {
    type Item = Option<Field<'a>>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_none() {
            self.0 = &[];
        }
        Some(field)
    }
}

impl<'a> Fields<'a> {
    fn field(&mut self) -> Option<Field<'a>> {
        let key = self.varint()?;
        let value = match key & 7 {
            0 => Value::Number(self.varint()?),
            1 => Value::Bytes(self.take(8)?),
            2 => {
                let length = self.varint()?;
                Value::Bytes(self.take(usize::try_from(length).ok()?)?)
            }
            5 => Value::Bytes(self.take(4)?),
            _ => return None,
        };
        Some(Field { number: key >> 3, value })
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.take(1)?[0];
            value |= u64::from(byte & 0x7F) << shift;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }

    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }
}

impl Field<'_> {
    fn text(self, number: u64) -> Option<String> {
        match self.value {
            Value::Bytes(text) if self.number == number => Some(String::from_utf8_lossy(text).into_owned()),
            _ => None,
        }
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
