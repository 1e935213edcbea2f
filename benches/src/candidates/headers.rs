//! Propagation: each library's way from the headers of a request to the caller's span, and back.
//!
//! Extracting answers with the span id, zero when there is none: that keeps the compiler from leaving it out, and the
//! correctness check compares it.

use std::hint::black_box;

use http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::Context;
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt as _};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use throughline_core::propagation::{Format, HeaderCarrier};

use super::limit::headers as limit;
use crate::harness::{Candidate, LIMIT, OURS};

pub const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// What a request usually brings.
pub fn request(with: &[(&'static str, &'static str)]) -> HeaderMap {
    let usual = [
        ("host", "shop.example.com"),
        ("user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"),
        ("accept", "application/json"),
        ("accept-encoding", "gzip, br"),
        ("content-type", "application/json"),
        ("content-length", "1234"),
        ("x-request-id", "6f1c0f0e-6f43-4f43-9b0f-0d6f3a0c9f21"),
    ];
    let pairs = usual.iter().chain(with);
    pairs.map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect()
}

/// From headers to a span id.
pub type Extract = fn(&HeaderMap) -> u64;

pub const EXTRACT: &[(&str, Extract)] = &[
    (LIMIT, |headers| limit::extract(headers).map_or(0, |(_, span, _)| span)),
    (OURS, |headers| {
        let span = Format::TraceContext.extract_span_context(headers);
        span.map_or(0, |span| number(span.span_id()))
    }),
    ("throughline (to a Context)", |headers| {
        span_of(&Format::TraceContext.extract(&Context::new(), headers))
    }),
    ("throughline (OpenTelemetry API)", |headers| {
        span_of(&Format::TraceContext.extract_with_context(&Context::new(), &HeaderCarrier(headers)))
    }),
    ("opentelemetry_sdk", |headers| {
        span_of(&TraceContextPropagator::new().extract_with_context(&Context::new(), &SdkExtractor(headers)))
    }),
];

fn span_of(context: &Context) -> u64 {
    number(context.span().span_context().span_id())
}

fn number(span: SpanId) -> u64 {
    u64::from_be_bytes(span.to_bytes())
}

/// From a span to headers.
pub type Inject = fn() -> Box<dyn Fn(&mut HeaderMap)>;

pub const INJECT: &[(&str, Inject)] = &[
    (LIMIT, || {
        let ids = limit::extract(&request(&[("traceparent", PARENT)])).expect("it is valid");
        Box::new(move |headers| limit::inject(black_box(ids), headers))
    }),
    (OURS, || {
        let span = span();
        Box::new(move |headers| Format::TraceContext.inject_span_context(black_box(&span), headers))
    }),
    ("throughline (from a Context)", || {
        let context = context();
        Box::new(move |headers| Format::TraceContext.inject(black_box(&context), headers))
    }),
    ("throughline (OpenTelemetry API)", || {
        let context = context();
        Box::new(move |headers| {
            Format::TraceContext.inject_context(black_box(&context), &mut HeaderCarrier(headers));
        })
    }),
    ("opentelemetry_sdk", || {
        let context = context();
        Box::new(move |headers| {
            TraceContextPropagator::new().inject_context(black_box(&context), &mut SdkInjector(headers));
        })
    }),
];

fn span() -> SpanContext {
    let headers = request(&[("traceparent", PARENT)]);
    Format::TraceContext.extract_span_context(&headers).expect("it is valid")
}

fn context() -> Context {
    Context::new().with_remote_span_context(span())
}

pub fn extracting(name: &str, extract: Extract, headers: HeaderMap) -> Candidate {
    Candidate::repeating(name, move || {
        black_box(extract(black_box(&headers)));
    })
}

/// Into the headers of one request, again and again: the first time it is added, later it is replaced.
pub fn injecting(name: &str, make: Inject) -> Candidate {
    Candidate::new(name, move |times| {
        let inject = make();
        let mut headers = request(&[]);
        for _ in 0..times {
            inject(black_box(&mut headers));
        }
    })
}

/// As in opentelemetry-http.
struct SdkExtractor<'a>(&'a HeaderMap);

impl Extractor for SdkExtractor<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).and_then(|value| value.to_str().ok())
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(HeaderName::as_str).collect()
    }
}

/// As in opentelemetry-http.
struct SdkInjector<'a>(&'a mut HeaderMap);

impl Injector for SdkInjector<'_> {
    fn set(&mut self, key: &str, value: String) {
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(key.as_bytes()), HeaderValue::from_str(&value))
        {
            self.0.insert(name, value);
        }
    }
}
