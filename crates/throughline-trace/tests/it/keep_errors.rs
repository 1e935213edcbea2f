//! Traces that the sampler left out are kept when they fail, and nothing waits without bounds.

use std::time::Duration;

use throughline_trace::sampler::Sampler;
use throughline_trace::{
    DropReason, KeepErrors, SpanContext, SpanReader, Status, TraceState, Tracer, TracerProvider,
    TracerProviderBuilder, testing,
};

use crate::support::{manual_clock, parent, provider};

fn keeping(keep: KeepErrors) -> impl FnOnce(TracerProviderBuilder) -> TracerProviderBuilder {
    move |builder| builder.with_sampler(Sampler::parent_based(Sampler::always_off())).with_keep_errors(keep)
}

fn names(reader: &mut SpanReader) -> Vec<String> {
    testing::spans(reader).into_iter().map(|span| span.name).collect()
}

/// A trace of a root and two children, the second of which may fail.
fn trace(tracer: Tracer, fails: bool) {
    let root = tracer.span("root").start();
    tracer.span("first").with_parent_span(root.span_context()).start().end();
    let mut second = tracer.span("second").with_parent_span(root.span_context()).start();
    if fails {
        second.set_status(Status::error("no"));
    }
}

#[test]
fn a_trace_is_kept_when_a_span_of_it_failed() {
    let (provider, mut reader) = provider(keeping(KeepErrors::default()));
    let tracer = provider.tracer("it");
    trace(tracer, false);
    assert!(names(&mut reader).is_empty());
    assert_eq!(provider.discarded(), 3);
    trace(tracer, true);
    let seen = testing::spans(&mut reader);
    assert_eq!(seen.iter().map(|span| span.name.as_str()).collect::<Vec<_>>(), ["first", "second", "root"]);
    assert!(seen.iter().all(|span| !span.flags.is_sampled()));
    assert_eq!((provider.discarded(), provider.drops()), (3, vec![]));
}

#[test]
fn a_trace_is_kept_when_its_first_span_took_long() {
    let clock = manual_clock();
    let keep = KeepErrors { slower_than: Some(Duration::from_secs(1)), ..KeepErrors::default() };
    let (provider, mut reader) = provider(|builder| keeping(keep)(builder).with_clock(clock.clone()));
    let tracer = provider.tracer("it");
    for millis in [1000, 1001] {
        let mut root = tracer.span("root").with_parent_span(&remote(millis)).start();
        let mut child = tracer.span("child").with_parent_span(root.span_context()).start();
        clock.advance(Duration::from_millis(millis));
        child.end();
        root.end();
    }
    assert_eq!(names(&mut reader), ["child", "root"]);
    assert_eq!(provider.discarded(), 2);
}

fn remote(trace: u64) -> SpanContext {
    let parent = parent(false, true);
    SpanContext::new(
        u128::from(trace).into(),
        parent.span_id(),
        parent.trace_flags(),
        true,
        parent.trace_state().clone(),
    )
}

#[test]
fn late_spans_follow_the_decision() {
    let (provider, mut reader) = provider(keeping(KeepErrors::default()));
    let tracer = provider.tracer("it");
    for (trace, fails) in [(1, true), (2, false)] {
        let mut root = tracer.span("root").with_parent_span(&remote(trace)).start();
        let mut late = tracer.span("late").with_parent_span(root.span_context()).start();
        if fails {
            root.set_status(Status::error(""));
        }
        root.end();
        let kept = |name: &str| if fails { vec![name.to_owned()] } else { vec![] };
        assert_eq!(names(&mut reader), kept("root"));
        late.end();
        assert_eq!(names(&mut reader), kept("late"));
    }
    assert_eq!(provider.discarded(), 2);
    let mut failing = tracer.span("fails after all").with_parent_span(&remote(2)).start();
    failing.set_status(Status::error(""));
    failing.end();
    assert_eq!(names(&mut reader), ["fails after all"]);
}

#[test]
fn sampled_traces_do_not_wait() {
    let (provider, mut reader) = provider(keeping(KeepErrors::default()));
    let tracer = provider.tracer("it");
    tracer.span("child").with_parent_span(&parent(true, false)).start().end();
    assert_eq!(names(&mut reader), ["child"]);
}

fn child_of_nothing(provider: TracerProvider, trace: u64) {
    let local = SpanContext::new(
        u128::from(trace).into(),
        1.into(),
        parent(false, false).trace_flags(),
        false,
        TraceState::NONE,
    );
    provider.tracer("it").span("child").with_parent_span(&local).start().end();
}

#[test]
fn what_waits_too_long_is_dropped_and_counted() {
    let clock = manual_clock();
    let keep = KeepErrors { age_max: Duration::from_secs(5), ..KeepErrors::default() };
    let (provider, mut reader) = provider(|builder| keeping(keep)(builder).with_clock(clock.clone()));
    child_of_nothing(provider, 1);
    assert!(names(&mut reader).is_empty());
    clock.advance(Duration::from_secs(5));
    child_of_nothing(provider, 2);
    assert!(names(&mut reader).is_empty());
    assert!(provider.drops().is_empty());
    clock.advance(Duration::from_secs(1));
    assert!(names(&mut reader).is_empty());
    assert_eq!(provider.drops(), [(DropReason::KeepTooOld, 1)]);
    drop(reader);
    assert_eq!(provider.drops(), [(DropReason::Closed, 1), (DropReason::KeepTooOld, 1)]);
}

#[test]
fn the_oldest_traces_go_when_there_is_no_room() {
    let keep = KeepErrors { bytes_max: 2000, ..KeepErrors::default() };
    let (provider, mut reader) = provider(keeping(keep));
    (1..=100).for_each(|trace| child_of_nothing(provider, trace));
    assert!(names(&mut reader).is_empty());
    let dropped = provider.drops();
    assert!(matches!(dropped[..], [(DropReason::KeepBufferFull, 80..=99)]), "{dropped:?}");
    let local =
        SpanContext::new(100.into(), 1.into(), parent(false, false).trace_flags(), false, TraceState::NONE);
    let mut failing = provider.tracer("it").span("failing").with_parent_span(&local).start();
    failing.set_status(Status::error(""));
    failing.end();
    assert_eq!(names(&mut reader), ["child", "failing"]);
}
