//! Stop 7 in the life of an increment: from plain data to the bytes of OTLP requests.
//!
//! `exporter/metrics.rs` calls [`Encoder`], which cuts a collection into requests of bounded size: `metrics.rs` writes
//! protobuf, `json.rs` JSON. `exporter/records.rs` gives spans and log records to `requests.rs`, which gathers what
//! `traces.rs` and `logs.rs` write of each. `common.rs` and `json_text.rs` have what all signals share. Nothing here
//! knows where the bytes go.

mod cache;
mod common;
mod json;
mod json_text;
mod logs;
mod metrics;
mod requests;
mod traces;

pub use json::JsonEncoder;
pub use metrics::ProtobufEncoder;
pub use requests::{EncodedRequest, LogEncoder, SpanEncoder};

use std::ops::Range;

use throughline_metrics::data::{Collection, Metric, ScopeMetrics};

use crate::config::Protocol;

/// A request is cut in parts above this size, before compression: gRPC servers refuse more than 4 MiB unless they are
/// configured, and what is lost when a request is refused stays small. A single point is never cut.
pub(crate) const REQUEST_BYTES_MAX: usize = 4 << 20;

/// Encodes in the configured protocol.
#[derive(Debug)]
pub(crate) enum Encoder {
    Protobuf(Box<ProtobufEncoder>),
    Json(JsonEncoder),
}

impl Encoder {
    pub(crate) fn new(protocol: Protocol) -> Self {
        match protocol {
            Protocol::HttpProtobuf | Protocol::Grpc => Self::Protobuf(Box::default()),
            Protocol::HttpJson => Self::Json(JsonEncoder::default()),
        }
    }

    /// Shows the collection to `sink` as one or more requests, in order, each with its number of points.
    pub(crate) fn encode(
        &mut self,
        collection: &Collection,
        request_bytes_max: usize,
        sink: &mut dyn FnMut(&[u8], usize),
    ) {
        let points = 0..point_count(collection);
        self.encode_in_parts(collection, points, request_bytes_max, sink);
        if let Self::Protobuf(encoder) = self {
            encoder.end_collection();
        }
    }

    /// Tries the whole; when that is too large, as many equal parts as should fit, each tried in the same way.
    fn encode_in_parts(
        &mut self,
        collection: &Collection,
        points: Range<usize>,
        request_bytes_max: usize,
        sink: &mut dyn FnMut(&[u8], usize),
    ) {
        if points.is_empty() {
            return;
        }
        let bytes = match self {
            Self::Protobuf(encoder) => encoder.encode_part(collection, points.clone()),
            Self::Json(encoder) => encoder.encode_part(collection, points.clone()),
        };
        if bytes.len() <= request_bytes_max || points.len() == 1 {
            return sink(bytes, points.len());
        }
        let parts = bytes.len() / request_bytes_max.max(1) + 1;
        let part_len = points.len().div_ceil(parts).min(points.len() - 1);
        for start in points.clone().step_by(part_len) {
            let part = start..points.end.min(start + part_len);
            self.encode_in_parts(collection, part, request_bytes_max, sink);
        }
    }
}

pub(crate) fn point_count(collection: &Collection) -> usize {
    collection.scopes.iter().map(scope_point_count).sum()
}

fn scope_point_count(scope: &ScopeMetrics) -> usize {
    scope.metrics.iter().map(|metric| metric.data.len()).sum()
}

/// The scopes that have some of these points, each with those that are its own.
fn scopes_in(
    collection: &Collection,
    points: Range<usize>,
) -> impl Iterator<Item = (&ScopeMetrics, Range<usize>)> {
    parts(&collection.scopes, scope_point_count, points)
}

/// The metrics that have some of these points, each with those that are its own.
fn metrics_in(scope: &ScopeMetrics, points: Range<usize>) -> impl Iterator<Item = (&Metric, Range<usize>)> {
    parts(&scope.metrics, |metric| metric.data.len(), points)
}

fn parts<T>(
    items: &[T],
    len: impl Fn(&T) -> usize,
    points: Range<usize>,
) -> impl Iterator<Item = (&T, Range<usize>)> {
    let mut next = 0;
    items.iter().filter_map(move |item| {
        let (start, end) = (next, next + len(item));
        next = end;
        let part = points.start.clamp(start, end) - start..points.end.clamp(start, end) - start;
        (!part.is_empty()).then_some((item, part))
    })
}

#[cfg(test)]
mod tests;
