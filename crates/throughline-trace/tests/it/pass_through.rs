//! What callers said goes on to those who are called, whatever becomes of the spans in between.

use std::collections::HashMap;

use opentelemetry::trace::{TraceContextExt as _, Tracer as _};
use throughline_core::propagation::{Propagators, extract_from_headers};
use throughline_trace::layer::SpanExt as _;
use throughline_trace::sampler::Sampler;
use throughline_trace::{Context, SpanContext, TracerProvider, current_span, in_context};
use tracing::{Dispatch, info_span};
use tracing_subscriber::layer::SubscriberExt as _;

type Headers = HashMap<String, String>;

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

fn received(flags: &str) -> Headers {
    [
        ("traceparent", format!("00-{TRACE}-b7ad6b7169203331-{flags}")),
        ("tracestate", "vendor=x,other=y".to_owned()),
        ("baggage", "tenant=blue;ttl=60".to_owned()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}

/// What would be sent now.
fn sent() -> Headers {
    let mut headers = Headers::new();
    Propagators::default().inject(&Context::current(), &mut headers);
    headers
}

/// What is sent from inside of spans of all three ways to make them.
fn sent_from_within(provider: TracerProvider, received: &Headers) -> Vec<Headers> {
    let tracer = provider.tracer("it");
    let layer = throughline_trace::layer::TelemetryLayer::builder().with_tracer(tracer).build();
    let dispatch = Dispatch::new(tracing_subscriber::registry().with(layer));
    tracing::dispatcher::with_default(&dispatch, || {
        let caller = extract_from_headers(received);
        let late = info_span!("request");
        assert!(late.set_parent(&caller));
        let mut all = vec![late.in_scope(sent)];
        let _caller = caller.attach();
        all.push(info_span!("outer").in_scope(|| info_span!("inner").in_scope(sent)));
        all.push(tracer.in_span("otel", |_| tracer.in_span("inner", |_| sent())));
        all.push(in_context!(&tracer.span("own").start(), sent()));
        all.push(tracer.in_span("otel", |_| info_span!("tracing").in_scope(sent)));
        all
    })
}

#[test]
fn a_program_that_records_nothing_is_not_on_the_way() {
    for flags in ["00", "01"] {
        for sampler in [Sampler::default(), Sampler::always_off(), Sampler::always_on()] {
            let provider = TracerProvider::builder().with_sampler(sampler).without_recording().build();
            let mut reader = provider.reader().expect("the first reader");
            for sent in sent_from_within(provider, &received(flags)) {
                assert_eq!(sent, received(flags));
            }
            assert!(throughline_trace::testing::spans(&mut reader).is_empty());
            assert_eq!(provider.drops(), []);
        }
    }
}

#[test]
fn a_trace_that_is_sampled_out_stays_the_callers() {
    let provider = TracerProvider::default();
    let mut reader = provider.reader().expect("the first reader");
    for mut sent in sent_from_within(provider, &received("00")) {
        let parent = sent.insert("traceparent".to_owned(), String::new()).expect("a parent");
        assert!(parent.starts_with(&format!("00-{TRACE}-")) && parent.ends_with("-00"), "{parent}");
        let mut expected = received("00");
        expected.insert("traceparent".to_owned(), String::new());
        assert_eq!(sent, expected);
    }
    assert!(throughline_trace::testing::spans(&mut reader).is_empty());
}

#[test]
fn a_root_that_is_not_recorded_is_sampled_as_the_sampler_says() {
    for (sampler, sampled) in [(Sampler::default(), true), (Sampler::always_off(), false)] {
        let provider = TracerProvider::builder().with_sampler(sampler).without_recording().build();
        let tracer = provider.tracer("it");
        let layer = throughline_trace::layer::TelemetryLayer::builder().with_tracer(tracer).build();
        let dispatch = Dispatch::new(tracing_subscriber::registry().with(layer));
        let [root, child] = tracing::dispatcher::with_default(&dispatch, || {
            info_span!("root").in_scope(|| {
                let root = current_span().expect("the root");
                assert!(!Context::current().span().is_recording());
                [root, info_span!("child").in_scope(|| current_span().expect("it, too"))]
            })
        });
        assert!(root.is_valid());
        assert_eq!(root.is_sampled(), sampled);
        assert_eq!(root, child, "nobody has the child, so nobody is told of it");
    }
}

/// Callers and the current context both count as parents; ids that are handed over count as well.
#[test]
fn a_span_that_is_handed_its_parent_is_that_parent() {
    let provider = TracerProvider::builder().without_recording().build();
    let caller = extract_from_headers(&received("01"));
    let parent: SpanContext = caller.span().span_context().clone();
    let tracer = provider.tracer("it");
    for span in
        [tracer.span("a").with_parent(&caller).start(), tracer.span("a").with_parent_span(&parent).start()]
    {
        assert_eq!(*span.span_context(), parent);
        assert!(!span.is_recording());
    }
}
