//! Names of metrics that many services have, so that one dashboard fits all of them.
//!
//! Those of HTTP are OpenTelemetry's semantic conventions; those that begin with `processor.` are for programs that process
//! streams of events. Durations are in seconds, as Prometheus wants them.
//!
//! ```
//! use throughline::{KeyValue, MetricsRecorder, metric_attributes, metric_names};
//!
//! let recorder = MetricsRecorder::new();
//! let kind = [KeyValue::new(metric_attributes::EVENT_TYPE, "feedback")];
//! recorder.record_counter("processor", metric_names::EVENTS_PROCESSED, 1, kind);
//! ```

/// Events that were processed; a counter.
pub const EVENTS_PROCESSED: &str = "processor.events.processed";
/// Events that were dropped; a counter.
pub const EVENTS_DROPPED: &str = "processor.events.dropped";
/// How long an event took to process, in seconds; a histogram.
pub const PROCESSING_DURATION: &str = "processor.processing.duration";
/// How long an aggregation took, in seconds; a histogram.
pub const AGGREGATION_DURATION: &str = "processor.aggregation.duration";
/// How long an operation on the state took, in seconds; a histogram.
pub const STATE_OPERATION_DURATION: &str = "processor.state.operation.duration";
/// Windows that were triggered; a counter.
pub const WINDOW_TRIGGERS: &str = "processor.window.triggers";
/// Events that were there before; a counter.
pub const DEDUPLICATION_COUNT: &str = "processor.deduplication.count";
/// How far the watermark is behind, in seconds; a gauge.
pub const WATERMARK_LAG: &str = "processor.watermark.lag";

/// How long HTTP requests took to answer, in seconds; a histogram.
pub const HTTP_SERVER_REQUEST_DURATION: &str = "http.server.request.duration";
/// HTTP requests that are being answered; an up-down counter.
pub const HTTP_SERVER_ACTIVE_REQUESTS: &str = "http.server.active_requests";
/// How long HTTP requests of this program took, in seconds; a histogram.
pub const HTTP_CLIENT_REQUEST_DURATION: &str = "http.client.request.duration";
