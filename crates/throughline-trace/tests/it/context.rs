//! The current span, on threads, in futures, and for metrics.

use std::future::Future;
use std::pin::pin;
use std::task::{Context as TaskContext, Poll, Waker};

use opentelemetry::trace::TraceContextExt as _;
use throughline_metrics::{MeterProvider, TemporalityPreference, data::MetricData};
use throughline_trace::{
    Context, Enter as _, Span, SpanContext, Tracer, in_context, propagate_context, spawn_thread, testing,
    with_context,
};

use crate::support::provider;

fn current() -> SpanContext {
    Context::current().span().span_context().clone()
}

fn child_of(tracer: Tracer, parent: &Span) -> bool {
    let child = tracer.span("child").start();
    child.span_context().trace_id() == parent.span_context().trace_id()
}

#[test]
fn spans_nest_while_entered() {
    let (provider, mut reader) = provider(|builder| builder);
    let tracer = provider.tracer("it");
    let outer = tracer.span("outer").start();
    assert!(!child_of(tracer, &outer));
    let entered = outer.enter();
    assert_eq!(current(), *outer.span_context());
    let inner = tracer.span("inner").start();
    let alone = in_context!(&inner, {
        assert_eq!(current(), *inner.span_context());
        tracer.span("alone").with_no_parent().start()
    });
    assert_eq!(current(), *outer.span_context());
    drop((alone, inner));
    drop(entered);
    assert_eq!(current(), SpanContext::NONE);
    drop(outer);
    let seen = testing::spans(&mut reader);
    let parent = |name: &str| seen.iter().find(|span| span.name == name).unwrap().parent_span_id;
    let id = |name: &str| seen.iter().find(|span| span.name == name).unwrap().span_id;
    assert_eq!(parent("inner"), id("outer"));
    assert_eq!(parent("alone"), throughline_trace::SpanId::INVALID);
}

/// Not ready at first, as a future that waits for something.
async fn twice() {
    let mut polled = false;
    std::future::poll_fn(
        |_| if std::mem::replace(&mut polled, true) { Poll::Ready(()) } else { Poll::Pending },
    )
    .await;
}

#[test]
fn futures_carry_their_context_across_threads() {
    let (provider, _reader) = provider(|builder| builder);
    let tracer = provider.tracer("it");
    let span = tracer.span("s").start();
    let expected = span.span_context().clone();
    let check = |expected: SpanContext| async move {
        assert_eq!(current(), expected);
        twice().await;
        assert_eq!(current(), expected);
    };
    let given = with_context(span.context(), check(expected.clone()));
    let propagated = in_context!(&span, propagate_context(check(expected)));
    for future in [given, propagated] {
        let mut future = Box::pin(future);
        let mut task = TaskContext::from_waker(Waker::noop());
        assert!(future.as_mut().poll(&mut task).is_pending());
        assert_eq!(current(), SpanContext::NONE);
        let ready = std::thread::spawn(move || {
            let mut task = TaskContext::from_waker(Waker::noop());
            future.as_mut().poll(&mut task).is_ready()
        });
        assert!(ready.join().unwrap());
    }
    let _pinned = pin!(twice());
}

#[test]
fn threads_start_in_the_context_of_their_parent() {
    let (provider, _reader) = provider(|builder| builder);
    let span = provider.tracer("it").span("s").start();
    let seen = in_context!(&span, spawn_thread(current)).join().unwrap();
    assert_eq!(seen, *span.span_context());
}

#[test]
fn suppressed_telemetry_makes_no_spans() {
    let (provider, mut reader) = provider(|builder| builder);
    let _suppressed = Context::enter_telemetry_suppressed_scope();
    let span = provider.tracer("it").span("s").start();
    assert!(!span.is_recording() && !span.span_context().is_valid());
    drop(span);
    assert!(testing::spans(&mut reader).is_empty());
}

#[test]
fn a_span_can_be_handed_over_to_the_context() {
    let (provider, _reader) = provider(|builder| builder);
    let span = provider.tracer("it").span("s").start();
    let expected = span.span_context().clone();
    let context = span.context();
    drop(span);
    let entered = context.enter();
    assert_eq!(current(), expected);
    drop(entered);
}

#[test]
fn measurements_in_a_sampled_span_carry_it() {
    let (provider, _reader) = provider(|builder| builder);
    let meters = MeterProvider::default();
    let counter = meters.meter("it").u64_counter("c").build();
    let span = provider.tracer("it").span("s").start();
    in_context!(&span, counter.add(1, &[]));
    let mut reader = meters.reader(TemporalityPreference::Cumulative);
    let collection = reader.collect();
    let MetricData::Sum { points, .. } = &collection.scopes[0].metrics[0].data else { panic!("a sum") };
    let ids: Vec<_> =
        points.at(0).exemplars.iter().map(|exemplar| (exemplar.trace_id, exemplar.span_id)).collect();
    let context = span.span_context();
    assert_eq!(ids, [(context.trace_id().to_bytes(), context.span_id().to_bytes())]);
}
