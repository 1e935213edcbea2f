//! What an answer means: taken, taken in part, or refused, in the words that `doctor/refusal.rs` knows.

use axum::http::HeaderMap;
use serde_json::Value;
use throughline::core::grpc::code_name;
use throughline::core::percent;
use throughline::core::protobuf::{Fields, Value as Field};

use super::decode::Encoding;
use super::proxy::{GRPC_STATUS, Reply};
use super::recording::Answer;

/// Of what a server says.
const SHOWN_CHARS_MAX: usize = 300;

pub(super) fn of(encoding: &Encoding, reply: &Reply) -> Answer {
    let refused = |refusal| Answer { refusal: Some(refusal), ..Answer::default() };
    if !reply.status.is_success() {
        return refused(format!("answered {}{}", reply.status, after_colon(&text(reply))));
    }
    if !encoding.is_grpc() {
        let is_html = header(&reply.headers, "content-type").starts_with("text/html");
        return if is_html {
            refused("answered with a page of HTML".to_owned())
        } else {
            partial(&reply.body)
        };
    }
    // A reply without a message has its status among the headers.
    let trailers = reply.trailers.as_ref().filter(|trailers| trailers.contains_key(GRPC_STATUS));
    let trailers = trailers.unwrap_or(&reply.headers);
    match header(trailers, GRPC_STATUS.as_str()) {
        "0" => partial(reply.body.get(5..).unwrap_or_default()),
        code => {
            let name = code.parse().ok().and_then(code_name).unwrap_or("no status of gRPC");
            let message = percent::decode_lossy(header(trailers, "grpc-message").as_bytes());
            refused(format!("answered {name}{}", after_colon(&message)))
        }
    }
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

fn after_colon(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let line: String = line.chars().filter(|c| !c.is_control()).take(SHOWN_CHARS_MAX).collect();
    if line.is_empty() { line } else { format!(": {line}") }
}

/// The message of a `google.rpc.Status`, or the text as it is.
fn text(reply: &Reply) -> String {
    let content_type = header(&reply.headers, "content-type");
    let message = if content_type.starts_with("application/json") {
        let status: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
        status["message"].as_str().map(str::to_owned)
    } else if content_type.starts_with("application/x-protobuf") {
        Fields(&reply.body).flatten().find_map(|field| field.text(2))
    } else {
        None
    };
    message.unwrap_or_else(|| String::from_utf8_lossy(&reply.body).into_owned())
}

/// Of a request that was taken, what was not. What cannot be read says nothing of it.
fn partial(body: &[u8]) -> Answer {
    if body.first() == Some(&b'{') {
        let answer: Value = serde_json::from_slice(body).unwrap_or_default();
        let partial = &answer["partialSuccess"];
        let count = |key: &&str| partial[*key].as_u64().or_else(|| partial[*key].as_str()?.parse().ok());
        let rejected = ["rejectedDataPoints", "rejectedSpans", "rejectedLogRecords"].iter().find_map(count);
        let message = partial["errorMessage"].as_str().unwrap_or_default().to_owned();
        return Answer { refusal: None, rejected: rejected.unwrap_or(0), message };
    }
    let mut answer = Answer::default();
    let partial = Fields(body).flatten().find_map(|field| field.bytes(1)).unwrap_or_default();
    for field in Fields(partial).flatten() {
        match (field.number, field.value) {
            (1, Field::Number(count)) => answer.rejected = u64::try_from(count as i64).unwrap_or(0),
            (2, Field::Bytes(text)) => answer.message = String::from_utf8_lossy(text).into_owned(),
            _ => {}
        }
    }
    answer
}

#[cfg(test)]
mod tests {
    use axum::body::Bytes;
    use axum::http::{HeaderName, HeaderValue, StatusCode};

    use super::*;

    fn answer(protocol: &str, status: u16, headers: &[(&str, &str)], body: &'static [u8]) -> Answer {
        let encoding = Encoding { protocol: protocol.to_owned(), compression: "none".to_owned() };
        let headers = headers.iter().map(|(name, value)| {
            (HeaderName::try_from(*name).unwrap(), HeaderValue::try_from(*value).unwrap())
        });
        let (status, body) = (StatusCode::from_u16(status).unwrap(), Bytes::from_static(body));
        of(&encoding, &Reply { status, headers: headers.collect(), body, trailers: None })
    }

    #[test]
    fn answers_are_read_in_all_protocols() {
        let refusal = |answer: Answer| answer.refusal.unwrap();
        assert_eq!(refusal(answer("http/json", 404, &[], b"not\n here")), "answered 404 Not Found: not here");
        let html = [("content-type", "text/html")];
        assert!(refusal(answer("http/protobuf", 200, &html, b"<html>")).contains("page of HTML"));
        let denied = [("grpc-status", "16"), ("grpc-message", "no%20token")];
        assert_eq!(refusal(answer("grpc", 200, &denied, b"")), "answered UNAUTHENTICATED: no token");
        assert_eq!(refusal(answer("grpc", 200, &[], b"")), "answered no status of gRPC");
        for (protocol, headers, body) in [
            ("http/json", &[][..], &br#"{"partialSuccess":{"rejectedSpans":"3","errorMessage":"no"}}"#[..]),
            ("http/protobuf", &[], b"\x0a\x06\x08\x03\x12\x02no"),
            ("grpc", &[("grpc-status", "0")], b"\0\0\0\0\x08\x0a\x06\x08\x03\x12\x02no"),
        ] {
            let expected = Answer { refusal: None, rejected: 3, message: "no".to_owned() };
            assert_eq!(answer(protocol, 200, headers, body), expected, "{protocol}");
        }
        assert_eq!(answer("http/protobuf", 200, &[], b""), Answer::default());
    }
}
