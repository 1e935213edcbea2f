//! Spans of the OpenTelemetry SDK, as its documentation shows: with a processor that does nothing, and with its batch
//! processor and an exporter that does nothing.

use std::hint::black_box;
use std::time::Duration;

use opentelemetry::trace::{Span as _, TraceContextExt as _, Tracer as _, TracerProvider as _};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{
    BatchSpanProcessor, Sampler, SdkTracer, SdkTracerProvider, Span, SpanData, SpanExporter, SpanProcessor,
};

use crate::harness::Candidate;

const NO_OP: &str = "opentelemetry_sdk (no-op processor)";
const BATCH: &str = "opentelemetry_sdk (batch processor)";

#[derive(Debug)]
struct Nothing;

impl SpanProcessor for Nothing {
    fn on_start(&self, _span: &mut Span, _context: &Context) {}

    fn on_end(&self, span: SpanData) {
        black_box(span);
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _timeout: Duration) -> OTelSdkResult {
        Ok(())
    }
}

impl SpanExporter for Nothing {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        black_box(batch);
        Ok(())
    }
}

pub fn provider(batch: bool, sampler: Sampler) -> SdkTracerProvider {
    let builder = SdkTracerProvider::builder().with_sampler(sampler);
    if batch {
        builder.with_span_processor(BatchSpanProcessor::builder(Nothing).build()).build()
    } else {
        builder.with_span_processor(Nothing).build()
    }
}

fn attributes() -> [KeyValue; 3] {
    [
        KeyValue::new("http.route", black_box("/cart/{id}")),
        KeyValue::new("http.request.method", black_box("GET")),
        KeyValue::new("http.response.status_code", black_box(200)),
    ]
}

pub fn root(tracer: &SdkTracer) {
    let builder = tracer.span_builder("request").with_attributes(attributes());
    tracer.build_with_context(builder, &Context::new()).end();
}

fn child(tracer: &SdkTracer) {
    let builder = tracer.span_builder("query").with_attributes(attributes());
    tracer.build(builder).end();
}

fn roots(name: &str, batch: bool, sampler: Sampler) -> Candidate {
    let provider = provider(batch, sampler);
    let tracer = provider.tracer("bench");
    Candidate::repeating(name, move || {
        let _alive = &provider;
        root(&tracer);
    })
}

fn children(name: &str, batch: bool, sampler: Sampler) -> Candidate {
    let provider = provider(batch, sampler);
    let tracer = provider.tracer("bench");
    Candidate::new(name, move |times| {
        let _alive = &provider;
        let _entered = Context::current_with_span(tracer.start("parent")).attach();
        (0..times).for_each(|_| child(&tracer));
    })
}

pub fn child_entered() -> Candidate {
    let provider = provider(false, Sampler::AlwaysOn);
    let tracer = provider.tracer("bench");
    Candidate::new(NO_OP, move |times| {
        let _alive = &provider;
        let _entered = Context::current_with_span(tracer.start("parent")).attach();
        for _ in 0..times {
            let builder = tracer.span_builder("query").with_attributes(attributes());
            let _child = Context::current_with_span(tracer.build(builder)).attach();
        }
    })
}

pub fn root_sampled() -> [Candidate; 2] {
    [roots(NO_OP, false, Sampler::AlwaysOn), roots(BATCH, true, Sampler::AlwaysOn)]
}

pub fn child_sampled() -> [Candidate; 2] {
    [children(NO_OP, false, Sampler::AlwaysOn), children(BATCH, true, Sampler::AlwaysOn)]
}

pub fn root_unsampled() -> Candidate {
    roots("opentelemetry_sdk", false, Sampler::AlwaysOff)
}

pub fn child_unsampled() -> Candidate {
    children("opentelemetry_sdk", false, Sampler::ParentBased(Box::new(Sampler::AlwaysOff)))
}
