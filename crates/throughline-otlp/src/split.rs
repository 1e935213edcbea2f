//! Cuts a request in two, when a peer refuses all of it because of some of it.
//!
//! `exporter/mod.rs` calls [`halves`] when an answer says [`Refusal::Splittable`](crate::error::Refusal), and sends each
//! half by itself. Requests of all signals have the same shape: resources, in them scopes, in them items (metrics, spans,
//! log records). Works on protobuf; JSON is not cut.

use std::ops::Range;

use bytes::Bytes;
use throughline_core::protobuf::{Fields, Writer};

use crate::compression::{compress, decompress};
use crate::config::{Compression, Protocol};
use crate::endpoint::Signal;

/// One half.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Half {
    /// As it goes out.
    pub(crate) body: Bytes,
    /// How many points, spans or log records are in it.
    pub(crate) items: u64,
}

/// More than any request has before compression.
const REQUEST_BYTES_MAX: usize = 64 << 20;

/// From a request to its items: the number of the field at each level.
const PATH: [u64; 3] = [1, 2, 2];

/// Cuts a request; `None` when it has but one item, or cannot be read.
pub(crate) fn halves(
    body: &[u8],
    protocol: Protocol,
    compression: Compression,
    signal: Signal,
) -> Option<[Half; 2]> {
    if protocol == Protocol::HttpJson {
        return None;
    }
    let decompressed = compression.name().map(|name| decompress(name, body, REQUEST_BYTES_MAX));
    let request = match &decompressed {
        None => body,
        Some(request) => request.as_deref()?,
    };
    let middle = match count(request, &PATH)? {
        0 | 1 => return None,
        items => items / 2,
    };
    let half = |items: Range<usize>| {
        let mut cut = Cut { items, next: 0, count: 0, signal };
        let request = cut.message(request, &PATH)?;
        Some(Half { body: compress(compression, request.as_bytes()), items: cut.count })
    };
    Some([half(0..middle)?, half(middle..usize::MAX)?])
}

/// How many points are in a metric: each kind of metric has them in its first field.
fn points_of_metric(metric: &[u8]) -> u64 {
    const KINDS: [u64; 5] = [5, 7, 9, 10, 11];
    let kinds = Fields(metric).flatten().filter(|field| KINDS.contains(&field.number));
    let points = kinds.flat_map(|field| Fields(field.bytes(field.number).unwrap_or_default()).flatten());
    points.filter(|field| field.number == 1).count() as u64
}

/// How many items a message has; `None` when it cannot be read.
fn count(message: &[u8], path: &[u64]) -> Option<usize> {
    let Some((first, rest)) = path.split_first() else { return Some(1) };
    Fields(message).try_fold(0, |items, field| {
        let field = field?;
        Some(if field.number == *first { items + count(field.bytes(*first)?, rest)? } else { items })
    })
}

/// Copies a request with some of its items.
struct Cut {
    items: Range<usize>,
    next: usize,
    /// How many points, spans or log records were taken.
    count: u64,
    signal: Signal,
}

impl Cut {
    /// A message with the items that are wanted; `None` when it has none of them.
    fn message(&mut self, message: &[u8], path: &[u64]) -> Option<Writer> {
        let (first, rest) = path.split_first()?;
        let mut out = Writer::default();
        let mut is_empty = true;
        for field in Fields(message).flatten() {
            match field.bytes(*first) {
                None => out.raw(field.written),
                Some(item) if rest.is_empty() => {
                    if self.takes(item) {
                        out.raw(field.written);
                        is_empty = false;
                    }
                }
                Some(inner) => {
                    if let Some(inner) = self.message(inner, rest) {
                        out.bytes(u32::try_from(*first).ok()?, inner.as_bytes());
                        is_empty = false;
                    }
                }
            }
        }
        (!is_empty).then_some(out)
    }

    fn takes(&mut self, item: &[u8]) -> bool {
        let is_wanted = self.items.contains(&self.next);
        self.next += 1;
        if is_wanted {
            self.count += if self.signal == Signal::Metrics { points_of_metric(item) } else { 1 };
        }
        is_wanted
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
    use opentelemetry_proto::tonic::common::v1::InstrumentationScope;
    use opentelemetry_proto::tonic::metrics::v1::{
        Gauge, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, metric,
    };
    use opentelemetry_proto::tonic::resource::v1::Resource;
    use proptest::prelude::*;
    use prost::Message as _;

    use super::*;

    fn metric(name: usize, points: usize) -> Metric {
        let data_points = vec![NumberDataPoint::default(); points];
        let data = Some(metric::Data::Gauge(Gauge { data_points }));
        Metric { name: name.to_string(), data, ..Metric::default() }
    }

    /// A request of resources of scopes of metrics, of so many points each.
    fn request(resources: &[Vec<Vec<usize>>]) -> ExportMetricsServiceRequest {
        let mut name = 0;
        let mut scope = |points: &Vec<usize>| ScopeMetrics {
            scope: Some(InstrumentationScope { name: "scope".to_owned(), ..InstrumentationScope::default() }),
            metrics: points
                .iter()
                .map(|points| {
                    name += 1;
                    metric(name, *points)
                })
                .collect(),
            schema_url: "scope's".to_owned(),
        };
        let resource_metrics = resources.iter().map(|scopes| ResourceMetrics {
            resource: Some(Resource::default()),
            scope_metrics: scopes.iter().map(&mut scope).collect(),
            schema_url: "resource's".to_owned(),
        });
        ExportMetricsServiceRequest { resource_metrics: resource_metrics.collect() }
    }

    fn metrics(request: &ExportMetricsServiceRequest) -> Vec<Metric> {
        let scopes = request.resource_metrics.iter().flat_map(|resource| &resource.scope_metrics);
        scopes.flat_map(|scope| scope.metrics.clone()).collect()
    }

    proptest! {
        #[test]
        fn halves_have_all_items_in_order_and_keep_what_is_around_them(
            resources in proptest::collection::vec(
                proptest::collection::vec(proptest::collection::vec(1_usize..4, 0..4), 0..4), 0..4),
            compression in prop_oneof![Just(Compression::None), Just(Compression::Gzip)],
        ) {
            let whole = request(&resources);
            let all = metrics(&whole);
            let body = compress(compression, whole.encode_to_vec());
            let cut = halves(&body, Protocol::Grpc, compression, Signal::Metrics);
            prop_assert_eq!(cut.is_some(), all.len() > 1);
            let Some(cut) = cut else { return Ok(()) };
            let read = cut.clone().map(|half| {
                let bytes = compression.name()
                    .map_or_else(|| Some(half.body.to_vec()), |name| decompress(name, &half.body, 1 << 20));
                ExportMetricsServiceRequest::decode(&bytes.expect("readable")[..]).expect("valid protobuf")
            });
            let [first, second] = read.each_ref().map(metrics);
            prop_assert_eq!(first.len(), all.len() / 2);
            prop_assert_eq!([first, second].concat(), all);
            for (half, request) in cut.iter().zip(&read) {
                let points: usize = metrics(request).iter().map(|metric| match &metric.data {
                    Some(metric::Data::Gauge(gauge)) => gauge.data_points.len(),
                    _ => 0,
                }).sum();
                prop_assert_eq!(half.items, points as u64);
                for resource in &request.resource_metrics {
                    prop_assert!(resource.resource.is_some() && resource.schema_url == "resource's");
                    for scope in &resource.scope_metrics {
                        prop_assert!(scope.schema_url == "scope's" && !scope.metrics.is_empty());
                    }
                }
            }
        }

        #[test]
        fn any_bytes_are_tolerated(body: Vec<u8>) {
            for compression in [Compression::None, Compression::Gzip] {
                halves(&body, Protocol::HttpProtobuf, compression, Signal::Metrics);
            }
        }
    }

    #[test]
    fn json_is_not_cut() {
        let body = request(&[vec![vec![1, 1]]]).encode_to_vec();
        assert_eq!(halves(&body, Protocol::HttpJson, Compression::None, Signal::Metrics), None);
    }
}
