//! Reads the messages of an answer: what was taken in part, and the status of what was refused.
//!
//! They come from strangers: whatever cannot be read is tolerated. `response.rs` reads them out of HTTP, `grpc.rs` out of
//! gRPC.

use std::time::Duration;

use throughline_core::protobuf::{Fields, Value};

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

impl Accepted {
    /// An answer that cannot be read says at least that the request was taken.
    pub(super) fn unreadable() -> Self {
        Self {
            rejected_items: 0,
            message: "its answer cannot be read as that of an OTLP receiver".to_owned(),
        }
    }
}

/// One line, of bounded length, without control characters.
pub(super) fn shown(text: &str) -> String {
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

pub(super) fn json_partial_success(body: &[u8]) -> Option<Accepted> {
    let response: serde_json::Value = serde_json::from_slice(body).ok()?;
    let partial = &response.as_object()?.get("partialSuccess").unwrap_or(&serde_json::Value::Null);
    let rejected_items = REJECTED.iter().find_map(|key| json_count(&partial[*key])).unwrap_or(0);
    let message = shown(partial["errorMessage"].as_str().unwrap_or_default());
    Some(Accepted { rejected_items, message })
}

pub(super) fn json_status_message(body: &[u8]) -> Option<String> {
    let status: serde_json::Value = serde_json::from_slice(body).ok()?;
    status["message"].as_str().map(str::to_owned)
}

/// `ExportMetricsServiceResponse`, and those of the other signals: field 1 is the partial success, with the count in field 1 and the text in field 2.
pub(super) fn protobuf_partial_success(body: &[u8]) -> Option<Accepted> {
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

/// The text of a `google.rpc.Status`.
pub(super) fn protobuf_status_message(body: &[u8]) -> Option<String> {
    Fields(body).flatten().find_map(|field| field.text(2))
}

/// How long a `google.rpc.Status` asks to wait: the `google.rpc.RetryInfo` among its details. One that cannot be read, or
/// is negative, is none.
pub(super) fn retry_delay(status: &[u8]) -> Option<Duration> {
    let details = Fields(status).flatten().filter_map(|field| field.bytes(3));
    let info = details.filter_map(|any| {
        let name = Fields(any).flatten().find_map(|field| field.text(1))?;
        let is_retry_info = name.rsplit('/').next() == Some("google.rpc.RetryInfo");
        is_retry_info.then(|| Fields(any).flatten().find_map(|field| field.bytes(2)).unwrap_or_default())
    });
    info.map(|info| {
        let delay = Fields(info).flatten().find_map(|field| field.bytes(1)).unwrap_or_default();
        let number = |place| Fields(delay).flatten().find_map(|field| field.number(place)).unwrap_or(0);
        let (seconds, nanos) = (u64::try_from(number(1) as i64).ok()?, u32::try_from(number(2) as i64).ok()?);
        Some(Duration::new(seconds, nanos.min(999_999_999)))
    })
    .next()
    .flatten()
}

#[cfg(test)]
mod tests {
    use throughline_core::protobuf::Writer;

    use super::*;

    fn status(type_url: &str, seconds: i64, nanos: i64) -> Vec<u8> {
        let mut writer = Writer::default();
        writer.uint(1, 8);
        writer.string(2, "busy");
        for (name, is_wanted) in [("type.googleapis.com/google.rpc.DebugInfo", false), (type_url, true)] {
            writer.message(3, |any| {
                any.string(1, name);
                any.message(2, |info| {
                    if is_wanted {
                        info.message(1, |delay| {
                            delay.int(1, seconds);
                            delay.int(2, nanos);
                        });
                    }
                });
            });
        }
        writer.take()
    }

    #[test]
    fn a_delay_is_found_among_the_details() {
        const NAME: &str = "type.googleapis.com/google.rpc.RetryInfo";
        for (name, seconds, nanos, expected) in [
            (NAME, 3, 500_000_000, Some(Duration::from_millis(3500))),
            (NAME, 0, 0, Some(Duration::ZERO)),
            ("google.rpc.RetryInfo", 1, 0, Some(Duration::from_secs(1))),
            (NAME, -1, 0, None),
            (NAME, 1, -5, None),
            ("type.googleapis.com/google.rpc.Help", 1, 0, None),
        ] {
            assert_eq!(retry_delay(&status(name, seconds, nanos)), expected, "{name} {seconds} {nanos}");
        }
        assert_eq!(retry_delay(b"\xff\xff"), None);
        assert_eq!(retry_delay(b""), None);
        assert_eq!(protobuf_status_message(&status(NAME, 1, 0)).as_deref(), Some("busy"));
    }

    #[test]
    fn long_texts_are_cut_and_control_characters_left_out() {
        assert_eq!(shown(&"x".repeat(5000)).chars().count(), SHOWN_CHARS_MAX + 1);
        assert_eq!(shown("a\n b\tc\u{7}"), "a b c…");
    }
}
