//! The OpenTelemetry trace API on this recorder.

use std::time::{Duration, SystemTime};

use opentelemetry::trace::{Event, Link, Span as _, SpanBuilder, TraceContextExt as _, Tracer as _};
use opentelemetry::{Context, InstrumentationScope, KeyValue};
use throughline_core::Timestamp;
use throughline_trace::sampler::Sampler;
use throughline_trace::{SpanId, SpanKind, Status, TraceFlags, testing};

use crate::support::{assert_chain, only, pairs, parent, provider};

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

#[test]
fn the_builder_is_honoured_in_full() {
    let (traces, mut reader) = provider(|builder| builder);
    let linked = parent(true, true);
    let mut event = Event::with_name("first");
    event.attributes = vec![KeyValue::new("e", 1)];
    event.dropped_attributes_count = 3;
    event.timestamp = at(11);
    let mut builder = SpanBuilder::from_name("a")
        .with_kind(SpanKind::Consumer)
        .with_start_time(at(10))
        .with_attributes([KeyValue::new("k", "v")])
        .with_links(vec![Link::new(linked.clone(), vec![KeyValue::new("l", 1)], 2)]);
    builder.events = Some(vec![event]);
    let remote = parent(true, true);
    let context = Context::new().with_remote_span_context(remote.clone());
    let mut span = traces.tracer("it").build_with_context(builder, &context);
    span.add_event_with_timestamp("second", at(12), vec![]);
    span.set_status(Status::error("bad"));
    span.end_with_timestamp(at(20));

    let span = only(&mut reader);
    assert_eq!((&*span.name, span.kind), ("a", SpanKind::Consumer));
    assert_eq!((span.start, span.end), (Timestamp::from(at(10)), Timestamp::from(at(20))));
    assert_eq!(span.attributes, pairs(&[("k", "v")]));
    assert_eq!((&*span.events[0].name, span.events[0].time), ("first", Timestamp::from(at(11))));
    assert_eq!((&span.events[0].attributes, span.events[0].dropped_attributes), (&pairs(&[("e", "1")]), 3));
    assert_eq!((&*span.events[1].name, span.events[1].time), ("second", Timestamp::from(at(12))));
    let link = &span.links[0];
    assert_eq!((link.span_id, &link.attributes), (linked.span_id(), &pairs(&[("l", "1")])));
    assert_eq!(link.dropped_attributes, 2);
    assert_eq!((span.trace_id, span.parent_span_id), (remote.trace_id(), remote.span_id()));
    assert_eq!(span.status, Some((false, "bad".to_owned())));
}

#[test]
fn a_span_does_what_it_is_told() {
    let (traces, mut reader) = provider(|builder| builder);
    tell(traces.tracer("it").start("a"));

    let span = only(&mut reader);
    assert_eq!((&*span.name, &span.attributes), ("b", &pairs(&[("k", "2"), ("l", "3")])));
    assert_eq!(span.events[0].attributes, pairs(&[("x", "true")]));
    assert_eq!(span.events[1].name, "exception");
    assert_eq!(span.links.len(), 1);
}

/// As code that does not know whose span it is.
fn tell(mut span: impl opentelemetry::trace::Span) {
    assert!(span.is_recording());
    span.set_attribute(KeyValue::new("k", 1));
    span.set_attributes([KeyValue::new("k", 2), KeyValue::new("l", 3)]);
    span.add_event("e", vec![KeyValue::new("x", true)]);
    span.record_error(&std::io::Error::other("broken"));
    span.add_link(parent(true, false), vec![]);
    span.update_name("b");
    span.end();
    span.set_attribute(KeyValue::new("late", 1));
    assert!(!span.is_recording());
}

#[test]
fn times_read_by_the_api_agree_with_those_of_the_span() {
    let (traces, mut reader) = provider(|builder| builder);
    let tracer = traces.tracer("it");
    for _ in 0..100 {
        let context = Context::new().with_span(tracer.start("boxed"));
        context.span().add_event("now", vec![]);
        context.span().end();
    }
    for span in testing::spans(&mut reader) {
        assert!(span.start <= span.events[0].time && span.events[0].time <= span.end, "{span:?}");
        assert!(span.start < span.end, "{span:?}");
    }
}

#[test]
fn scopes_are_told_apart() {
    let (traces, mut reader) = provider(|builder| builder);
    let scope = InstrumentationScope::builder("lib").with_version("1").with_schema_url("https://x").build();
    traces.tracer_with_scope(scope.clone()).start("a").end();
    let mut seen = Vec::new();
    reader.drain(1, |span| seen.push(span.scope.scope.clone()));
    assert_eq!(seen, [scope]);
}

#[test]
fn spans_nest_through_the_context() {
    let (traces, mut reader) = provider(|builder| builder);
    let tracer = traces.tracer("it");
    tracer.in_span("a", |_| {
        tracer.in_span("b", |context| {
            let own = traces.tracer("it").span("c").with_parent(&context).start();
            let _entered = own.enter();
            tracer.start("d").end();
        });
    });
    assert_chain(&testing::spans(&mut reader), &["a", "b", "c", "d"]);
}

#[test]
fn samplers_are_asked() {
    let (traces, mut reader) = provider(|builder| builder.with_sampler(Sampler::default()));
    let tracer = traces.tracer("it");
    for (sampled, expected) in [(true, 1), (false, 0)] {
        let remote = Context::new().with_remote_span_context(parent(sampled, true));
        let span = tracer.start_with_context("a", &remote);
        assert_eq!(opentelemetry::trace::Span::span_context(&span).is_sampled(), sampled);
        drop(span);
        assert_eq!(testing::spans(&mut reader).len(), expected);
    }
}

#[test]
fn an_invalid_parent_is_none() {
    let (traces, mut reader) = provider(|builder| builder);
    let context = Context::new().with_remote_span_context(throughline_trace::SpanContext::NONE);
    traces.tracer("it").start_with_context("a", &context).end();
    let span = only(&mut reader);
    assert_eq!(span.parent_span_id, SpanId::INVALID);
    assert!(span.flags & TraceFlags::SAMPLED == TraceFlags::SAMPLED);
}

#[test]
fn a_suppressed_parent_context_suppresses() {
    let (traces, mut reader) = provider(|builder| builder);
    let context = Context::new().with_telemetry_suppressed();
    let span = traces.tracer("it").start_with_context("a", &context);
    assert!(!span.is_recording());
    drop(span);
    assert!(testing::spans(&mut reader).is_empty());
}
