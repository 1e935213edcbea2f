//! What is said of a span is what the exporter sees.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use opentelemetry::{Array, KeyValue, Value};
use throughline_core::clock::Clock as _;
use throughline_trace::testing;
use throughline_trace::{Span, SpanContext, SpanKind, Status, TraceFlags, TracerProvider};

use crate::support::{manual_clock, only, pairs, parent, provider};

#[test]
fn a_span_has_everything_it_was_given() {
    let clock = manual_clock();
    let (provider, mut reader) = provider(|builder| builder.with_clock(clock.clone()));
    let started = clock.now();
    let remote = parent(true, true);
    let mut span = provider
        .tracer("shop")
        .span("checkout")
        .with_kind(SpanKind::Server)
        .with_parent_span(&remote)
        .with_attribute("text", "é")
        .with_attribute("number", 7)
        .with_attributes(&[KeyValue::new("flag", true), KeyValue::new("float", 0.5)])
        .with_link(parent(true, false))
        .start();
    let context = span.span_context().clone();
    clock.advance(Duration::from_nanos(10));
    span.add_event("paid", &[KeyValue::new("amount", 3)]);
    span.set_attribute("list", Value::Array(Array::I64(vec![1, 2])));
    span.add_link(&parent(false, true), &[KeyValue::new("why", "retry")]);
    span.set_status(Status::error("no money"));
    span.update_name("GET /checkout");
    clock.advance(Duration::from_nanos(5));
    span.end();

    let seen = only(&mut reader);
    assert_eq!((seen.trace_id, seen.span_id), (context.trace_id(), context.span_id()));
    assert_eq!((seen.parent_span_id, seen.parent_is_remote), (remote.span_id(), true));
    assert_eq!(seen.trace_id, remote.trace_id());
    assert_eq!(
        (seen.name.as_str(), seen.kind, seen.scope.as_str()),
        ("GET /checkout", SpanKind::Server, "shop")
    );
    assert_eq!(seen.start, started);
    assert_eq!(seen.end, started + Duration::from_nanos(15));
    assert_eq!(seen.status, Some((false, "no money".to_owned())));
    let expected = [("text", "é"), ("number", "7"), ("flag", "true"), ("float", "0.5"), ("list", "[1,2]")];
    assert_eq!(seen.attributes, pairs(&expected));
    assert_eq!(seen.events.len(), 1);
    assert_eq!(seen.events[0].name, "paid");
    assert_eq!(seen.events[0].time, started + Duration::from_nanos(10));
    assert_eq!(seen.events[0].attributes, pairs(&[("amount", "3")]));
    let links: Vec<_> = seen.links.iter().map(|link| (link.flags, link.is_remote)).collect();
    assert_eq!(links, [(TraceFlags::SAMPLED, false), (TraceFlags::NOT_SAMPLED, true)]);
    assert_eq!(seen.links[1].attributes, pairs(&[("why", "retry")]));
}

#[test]
fn the_last_of_equal_keys_counts() {
    let (provider, mut reader) = provider(|builder| builder);
    let mut span = provider.tracer("it").span("s").with_attribute("a", 1).with_attribute("b", 2).start();
    span.add_event("e", &[KeyValue::new("a", 1), KeyValue::new("a", 2)]);
    span.set_attribute("a", "three");
    span.end();
    let seen = only(&mut reader);
    assert_eq!(seen.attributes, pairs(&[("b", "2"), ("a", "three")]));
    assert_eq!(seen.events[0].attributes, pairs(&[("a", "2")]));
    assert_eq!(seen.dropped_attributes, 0);
}

#[test]
fn a_span_ends_once_when_told_or_dropped() {
    let (provider, mut reader) = provider(|builder| builder);
    let tracer = provider.tracer("it");
    drop(tracer.span("dropped").start());
    let mut span = tracer.span("ended").start();
    span.end();
    assert!(!span.is_recording());
    span.set_attribute("late", true);
    span.end();
    drop(span);
    let seen = testing::spans(&mut reader);
    assert_eq!(seen.iter().map(|span| span.name.as_str()).collect::<Vec<_>>(), ["dropped", "ended"]);
    assert!(seen[1].attributes.is_empty());
}

#[test]
fn times_that_are_given_are_kept_and_no_span_ends_before_it_started() {
    let clock = manual_clock();
    let (provider, mut reader) = provider(|builder| builder.with_clock(clock.clone()));
    let tracer = provider.tracer("it");
    let (earlier, later) = (clock.now() + Duration::from_secs(1), clock.now() + Duration::from_secs(2));
    tracer.span("given").with_start(earlier).start().end_at(later);
    tracer.span("backwards").with_start(later).start().end_at(earlier);
    tracer.span("future").with_start(later).start().end();
    let times: Vec<_> = testing::spans(&mut reader).iter().map(|span| (span.start, span.end)).collect();
    assert_eq!(times, [(earlier, later), (later, later), (later, later)]);
}

#[test]
fn the_systems_clock_is_the_time_of_day() {
    let (provider, mut reader) = provider(|builder| builder);
    let clock = throughline_core::SystemClock;
    let before = clock.now();
    let mut span = provider.tracer("it").span("s").start();
    span.add_event("e", &());
    span.end();
    let seen = only(&mut reader);
    let after = clock.now();
    let tolerance = Duration::from_millis(100);
    assert!(seen.start <= seen.end && seen.start <= seen.events[0].time && seen.events[0].time <= seen.end);
    assert!(
        before <= seen.start + tolerance && seen.end <= after + tolerance,
        "{before:?} {seen:?} {after:?}"
    );
}

#[test]
fn ok_is_final_and_unset_changes_nothing() {
    let (provider, mut reader) = provider(|builder| builder);
    let status = |statuses: &[Status]| {
        let mut span = provider.tracer("it").span("s").start();
        for status in statuses {
            span.set_status(status.clone());
        }
        span
    };
    drop(status(&[]));
    drop(status(&[Status::error("a"), Status::error("b")]));
    drop(status(&[Status::error("a"), Status::Unset]));
    drop(status(&[Status::error("a"), Status::Ok, Status::error("b")]));
    let seen: Vec<_> = testing::spans(&mut reader).into_iter().map(|span| span.status).collect();
    let error = |text: &str| Some((false, text.to_owned()));
    assert_eq!(seen, [None, error("b"), error("a"), Some((true, String::new()))]);
}

#[derive(Debug)]
struct Broken(Option<Box<Self>>);

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "broken{}", if self.0.is_some() { " outside" } else { " inside" })
    }
}

impl Error for Broken {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.as_deref().map(|error| error as _)
    }
}

#[test]
fn exceptions_have_type_message_and_causes() {
    let (provider, mut reader) = provider(|builder| builder);
    let error = Broken(Some(Box::new(Broken(None))));
    let mut span = provider.tracer("it").span("s").start();
    span.record_exception(&error);
    span.record_exception(&error as &dyn Error);
    span.record_exception_with_backtrace(&error);
    span.end();
    let seen = only(&mut reader);
    let event = |place: usize| {
        assert_eq!(seen.events[place].name, "exception");
        let attributes: Vec<_> =
            seen.events[place].attributes.iter().map(|(_, value)| value.as_str()).collect();
        <[&str; 3]>::try_from(attributes).unwrap()
    };
    assert_eq!(event(0), ["it::spans::Broken", "broken outside", "caused by: broken inside\n"]);
    assert_eq!(event(1)[0], "Broken");
    let [_, _, trace] = event(2);
    assert!(
        trace.starts_with("caused by: broken inside\n") && trace.contains("exceptions_have_type"),
        "{trace}"
    );
    assert_eq!(seen.status, None);
}

#[test]
fn a_large_span_arrives_whole() {
    let (provider, mut reader) = provider(|builder| builder);
    let long = "x".repeat(100_000);
    provider.tracer("it").span("large").with_attribute("long", long.as_str()).start().end();
    let seen = only(&mut reader);
    assert_eq!(seen.attributes, pairs(&[("long", &long)]));
}

#[test]
fn what_no_record_can_hold_is_counted_in_the_span() {
    let (provider, mut reader) = provider(|builder| builder);
    let huge = "x".repeat(2 << 20);
    let mut span = provider.tracer("it").span("s").start();
    span.set_attribute("huge", huge.as_str());
    span.set_attribute("small", 1);
    span.set_attribute("", "no key");
    span.end();
    let seen = only(&mut reader);
    assert_eq!((seen.attributes, seen.dropped_attributes), (pairs(&[("small", "1")]), 2));
}

#[test]
fn without_a_provider_nothing_is_recorded() {
    let span = throughline_trace::SpanBuilder::new("nobody's").start();
    assert!(!span.is_recording());
    assert_eq!(*span.span_context(), SpanContext::NONE);
}

#[test]
fn spans_go_to_other_threads_and_end_there() {
    let (provider, mut reader) = provider(|builder| builder);
    let span: Span = provider.tracer("it").span("s").start();
    std::thread::spawn(move || drop(span)).join().unwrap();
    assert_eq!(only(&mut reader).name, "s");
}

#[test]
fn scopes_are_told_apart_by_number() {
    let provider = TracerProvider::default();
    let mut reader = provider.reader().unwrap();
    for name in ["a", "b", "a"] {
        provider.tracer(name).span("s").start().end();
    }
    let mut seen = Vec::new();
    reader.drain(10, |span| seen.push((span.scope.number, span.scope.scope.name().to_owned())));
    assert_eq!(seen, [(0, "a".to_owned()), (1, "b".to_owned()), (0, "a".to_owned())]);
}

#[test]
fn ids_are_never_zero_and_never_the_same() {
    let (provider, mut reader) = provider(|builder| builder);
    let tracer = provider.tracer("it");
    let work = move || (0..1000).for_each(|_| tracer.span("s").with_no_parent().start().end());
    let threads: Vec<_> = (0..4).map(|_| std::thread::spawn(work)).collect();
    for thread in threads {
        thread.join().unwrap();
    }
    let seen = testing::spans(&mut reader);
    let traces: std::collections::HashSet<_> = seen.iter().map(|span| span.trace_id).collect();
    let spans: std::collections::HashSet<_> = seen.iter().map(|span| span.span_id).collect();
    assert_eq!((traces.len(), spans.len()), (4000, 4000));
    assert!(seen.iter().all(|span| span.flags == TraceFlags::new(3)), "sampled and random");
}
