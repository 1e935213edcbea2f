//! How much one span or log record may carry. What is over is dropped and counted in the record itself.

/// The limits of a span. The defaults are the specification's
/// ([span limits](https://opentelemetry.io/docs/specs/otel/trace/sdk/#span-limits)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "plain settings; updated with `..Default::default()`")]
pub struct SpanLimits {
    /// Attributes of a span (`OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT`).
    pub attributes: u32,
    /// Bytes of a string value, which is cut there (`OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT`). The specification
    /// counts characters; a limit in bytes is met by every string that meets the same limit in characters, or less.
    pub value_bytes: u32,
    /// Events of a span (`OTEL_SPAN_EVENT_COUNT_LIMIT`).
    pub events: u32,
    /// Links of a span (`OTEL_SPAN_LINK_COUNT_LIMIT`).
    pub links: u32,
    /// Attributes of an event (`OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT`).
    pub attributes_per_event: u32,
    /// Attributes of a link (`OTEL_LINK_ATTRIBUTE_COUNT_LIMIT`).
    pub attributes_per_link: u32,
}

impl Default for SpanLimits {
    fn default() -> Self {
        Self {
            attributes: 128,
            value_bytes: u32::MAX,
            events: 128,
            links: 128,
            attributes_per_event: 128,
            attributes_per_link: 128,
        }
    }
}

/// The limits of a log record. The defaults are the specification's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "plain settings; updated with `..Default::default()`")]
pub struct LogLimits {
    /// Attributes of a record (`OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT`).
    pub attributes: u32,
    /// Bytes of a string value and of the body, which are cut there (`OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT`).
    pub value_bytes: u32,
}

impl Default for LogLimits {
    fn default() -> Self {
        Self { attributes: 128, value_bytes: u32::MAX }
    }
}
