//! Spans from their start to the bytes of an OTLP request, all on one thread: what a span costs in all, but for the wire.

use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use opentelemetry::Context;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::transform::common::tonic::ResourceAttributesWithSchema;
use opentelemetry_proto::transform::trace::tonic::group_spans_by_resource_and_scope;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider, Span, SpanData, SpanProcessor};
use prost::Message as _;
use throughline_core::Resource;
use throughline_otlp::{Protocol, SpanEncoder};

use super::{otel_trace, throughline_trace};
use crate::harness::{Candidate, OURS};

/// A batch, as exporters send it.
const BATCH: u64 = 512;

/// Does `record` so many times, and `encode` after each batch.
fn in_batches(times: u64, mut record: impl FnMut(), mut encode: impl FnMut()) {
    let mut left = times;
    while left > 0 {
        let now = left.min(BATCH);
        (0..now).for_each(|_| record());
        encode();
        left -= now;
    }
}

pub fn ours() -> Candidate {
    let (provider, tracer, reader) =
        throughline_trace::provider(::throughline_trace::sampler::Sampler::always_on());
    let encoder = SpanEncoder::new(Protocol::HttpProtobuf, &Resource::default());
    let exporter = Mutex::new((reader, encoder));
    let exported = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&exported);
    let run = move |times| {
        let (reader, encoder) = &mut *exporter.lock().unwrap_or_else(PoisonError::into_inner);
        let encode = || {
            reader.drain(BATCH as usize, |span| assert!(encoder.add(&span).is_none()));
            if let Some(request) = black_box(encoder.finish()) {
                count.fetch_add(request.records, Ordering::Relaxed);
            }
        };
        in_batches(times, || throughline_trace::root(tracer), encode);
    };
    Candidate::new(OURS, run).with_recorded(move || {
        let dropped: u64 = provider.drops().iter().map(|(_, count)| count).sum();
        exported.load(Ordering::Relaxed) + dropped
    })
}

/// Keeps what ended, as the SDK's batch processor does in its channel.
#[derive(Clone, Debug, Default)]
struct Keep(Arc<Mutex<Vec<SpanData>>>);

impl Keep {
    fn take(&self) -> Vec<SpanData> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl SpanProcessor for Keep {
    fn on_start(&self, _span: &mut Span, _context: &Context) {}

    fn on_end(&self, span: SpanData) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(span);
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _timeout: Duration) -> OTelSdkResult {
        Ok(())
    }
}

pub fn sdk() -> Candidate {
    let kept = Keep::default();
    let provider = SdkTracerProvider::builder()
        .with_sampler(Sampler::AlwaysOn)
        .with_span_processor(kept.clone())
        .build();
    let tracer = provider.tracer("bench");
    let resource = ResourceAttributesWithSchema::from(&opentelemetry_sdk::Resource::builder_empty().build());
    let exported = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&exported);
    let run = move |times| {
        let _alive = &provider;
        let encode = || {
            let spans = kept.take();
            count.fetch_add(spans.len() as u64, Ordering::Relaxed);
            let resource_spans = group_spans_by_resource_and_scope(spans, &resource);
            black_box(ExportTraceServiceRequest { resource_spans }.encode_to_vec());
        };
        in_batches(times, || otel_trace::root(&tracer), encode);
    };
    Candidate::new("opentelemetry_sdk + proto", run).with_recorded(move || exported.load(Ordering::Relaxed))
}
