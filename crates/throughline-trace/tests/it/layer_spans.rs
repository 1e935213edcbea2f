//! Tracing spans: who is whose parent, on any thread, and what is not recorded.

use std::thread;

use opentelemetry::Context;
use opentelemetry::trace::{TraceContextExt as _, Tracer as _};
use throughline_trace::layer::{SpanExt as _, Targets};
use throughline_trace::sampler::Sampler;
use throughline_trace::{SpanContext, SpanId, Status, TraceFlags, current_span, testing};
use tracing::level_filters::LevelFilter;
use tracing::{Instrument as _, Span, info_span};

use crate::support::{Layered, assert_chain, named, parent};

#[test]
fn spans_nest_in_each_other() {
    let mut layered = Layered::sampled();
    layered.within(|| {
        let _a = info_span!("a").entered();
        let b = info_span!("b").entered();
        info_span!("c").in_scope(|| ());
        drop(b);
        info_span!("d").in_scope(|| ());
    });
    let spans = layered.finished();
    assert_eq!(spans.len(), 4);
    assert_chain(&spans, &["a", "b", "c"]);
    assert_chain(&spans, &["a", "d"]);
    assert_eq!(named(&spans, "a").parent_span_id, SpanId::INVALID);
    assert!(named(&spans, "a").start <= named(&spans, "b").start);
    assert!(named(&spans, "b").end <= named(&spans, "a").end);
}

#[test]
fn tracing_nests_in_opentelemetry_and_the_other_way_round() {
    let mut layered = Layered::sampled();
    let tracer = layered.tracer;
    layered.within(|| {
        let _a = info_span!("tracing a").entered();
        tracer.in_span("otel b", |_| {
            let _c = info_span!("tracing c").entered();
            let own = tracer.span("own d").start();
            let _d = own.enter();
            info_span!("tracing e").in_scope(|| ());
        });
    });
    let spans = layered.finished();
    assert_chain(&spans, &["tracing a", "otel b", "tracing c", "own d", "tracing e"]);
}

#[test]
fn the_current_context_is_the_span() {
    let layered = Layered::sampled();
    let mut seen = SpanContext::NONE;
    let span = layered.one_span(|| {
        assert_eq!(current_span(), None);
        let entered = info_span!("a").entered();
        seen = Context::current().span().span_context().clone();
        assert_eq!(current_span().as_ref(), Some(&seen));
        assert_eq!(entered.context().span().span_context(), &seen);
        drop(entered);
        assert_eq!(current_span(), None);
    });
    assert_eq!((span.trace_id, span.span_id), (seen.trace_id(), seen.span_id()));
    assert!(seen.is_sampled() && !seen.is_remote());
}

#[test]
fn what_is_said_of_the_current_span_reaches_it() {
    let other = parent(true, false);
    let span = Layered::sampled().one_span(|| {
        let _a = info_span!("a").entered();
        let context = Context::current();
        let current = context.span();
        assert!(current.is_recording());
        current.set_attribute(opentelemetry::KeyValue::new("k", 1));
        current.add_event("happened", vec![]);
        current.add_link(other.clone(), vec![]);
        current.set_status(Status::error("bad"));
        current.update_name("b");
    });
    assert_eq!(span.name, "b");
    assert_eq!(span.attributes, [("k".to_owned(), "1".to_owned())]);
    assert_eq!(span.events[0].name, "happened");
    assert!(span.events[0].time >= span.start && span.events[0].time <= span.end);
    assert_eq!(span.links[0].span_id, other.span_id());
    assert_eq!(span.status, Some((false, "bad".to_owned())));
}

#[test]
fn a_kept_context_does_not_keep_the_span_open() {
    let mut layered = Layered::sampled();
    let context = layered.within(|| info_span!("a").in_scope(Context::current));
    assert_eq!(layered.finished().len(), 1);
    assert!(!context.span().is_recording());
    context.span().set_attribute(opentelemetry::KeyValue::new("late", 1));
    assert!(layered.finished().is_empty());
}

#[test]
fn a_span_ended_through_its_context_is_exported_once() {
    let mut layered = Layered::sampled();
    layered.within(|| {
        let span = info_span!("a").entered();
        Context::current().span().end();
        span.record("late", 1);
    });
    assert_eq!(layered.finished().len(), 1);
}

#[test]
fn explicit_parents_are_taken() {
    let mut layered = Layered::sampled();
    layered.within(|| {
        let a = info_span!("a");
        let _b = info_span!("b").entered();
        let c = info_span!(parent: &a, "c");
        c.in_scope(|| info_span!("d").in_scope(|| ()));
        let root = info_span!(parent: None, "root");
        root.in_scope(|| info_span!("under root").in_scope(|| ()));
    });
    let spans = layered.finished();
    assert_chain(&spans, &["a", "c", "d"]);
    assert_chain(&spans, &["root", "under root"]);
    assert_eq!(named(&spans, "root").parent_span_id, SpanId::INVALID);
    assert_ne!(named(&spans, "root").trace_id, named(&spans, "b").trace_id);
}

#[test]
fn a_remote_context_is_the_parent() {
    let remote = parent(true, true);
    let span = Layered::unsampled().one_span(|| {
        let _entered = Context::new().with_remote_span_context(remote.clone()).attach();
        info_span!("a").in_scope(|| ());
    });
    assert_eq!((span.trace_id, span.parent_span_id), (remote.trace_id(), remote.span_id()));
    assert!(span.parent_is_remote);
}

#[test]
fn set_parent_asks_the_sampler_again() {
    for (own, remote_sampled) in [(true, true), (true, false), (false, true), (false, false)] {
        let mut layered = if own { Layered::sampled() } else { Layered::unsampled() };
        let remote = parent(remote_sampled, true);
        layered.within(|| {
            let a = info_span!("a", k = 1);
            assert!(a.set_parent(&Context::new().with_remote_span_context(remote.clone())));
            let entered = a.entered();
            let current = current_span().expect("a");
            assert_eq!((current.trace_id(), current.is_sampled()), (remote.trace_id(), remote_sampled));
            info_span!("b").in_scope(|| ());
            assert!(!entered.set_parent(&Context::new()), "it is entered");
        });
        let spans = layered.finished();
        assert_eq!(spans.len(), if remote_sampled { 2 } else { 0 }, "root sampled: {own}");
        if remote_sampled {
            assert_chain(&spans, &["a", "b"]);
            let a = named(&spans, "a");
            assert_eq!((a.trace_id, a.parent_span_id), (remote.trace_id(), remote.span_id()));
            assert_eq!(a.attributes, [("k".to_owned(), "1".to_owned())]);
            assert!(a.parent_is_remote);
        }
    }
}

#[test]
fn set_parent_comes_too_late_when_there_are_children() {
    let mut layered = Layered::sampled();
    let remote = Context::new().with_remote_span_context(parent(true, true));
    layered.within(|| {
        let a = info_span!("a");
        let b = info_span!(parent: &a, "b");
        assert!(!a.set_parent(&remote));
        assert!(b.set_parent(&remote));
        assert!(!info_span!("c").set_parent(&Context::new()), "there is no span");
    });
    assert_eq!(layered.finished().len(), 3);
}

#[test]
fn a_context_given_as_parent_is_current_inside() {
    #[derive(Debug, PartialEq)]
    struct Tenant(&'static str);
    let layered = Layered::sampled();
    layered.one_span(|| {
        let span = info_span!("a");
        let context = Context::new().with_value(Tenant("t")).with_remote_span_context(parent(true, true));
        span.set_parent(&context);
        span.in_scope(|| assert_eq!(Context::current().get(), Some(&Tenant("t"))));
    });
}

#[test]
fn children_of_an_unsampled_span_are_not_sampled_wherever_they_are_entered() {
    let mut layered = Layered::unsampled();
    let dispatch = layered.dispatch.clone();
    layered.within(|| {
        let root = info_span!("root").entered();
        let trace = current_span().expect("the root").trace_id();
        let child = info_span!("child");
        let grandchild = child.in_scope(|| info_span!("grandchild"));
        // On another thread nothing is current.
        let elsewhere = thread::spawn(move || {
            tracing::dispatcher::with_default(&dispatch, || {
                grandchild.in_scope(|| info_span!("inner").in_scope(current_span))
            })
        });
        let elsewhere = elsewhere.join().expect("it does not panic").expect("a span");
        assert_eq!((elsewhere.trace_id(), elsewhere.is_sampled()), (trace, false));
        // And here, within a trace that is sampled.
        let _other = Context::new().with_remote_span_context(parent(true, true)).attach();
        let inside = child.in_scope(|| info_span!("inner").in_scope(current_span)).expect("a span");
        assert_eq!((inside.trace_id(), inside.is_sampled()), (trace, false));
        assert_eq!(child.context().span().span_context().trace_id(), trace);
        drop(root);
    });
    assert!(layered.finished().is_empty());
}

#[test]
fn an_explicit_child_of_an_unsampled_span_is_not_sampled() {
    let mut layered = Layered::unsampled();
    layered.within(|| {
        let root = info_span!("root");
        info_span!(parent: &root, "child").in_scope(|| info_span!("grandchild").in_scope(|| ()));
    });
    assert!(layered.finished().is_empty());
}

#[test]
fn filtered_spans_are_left_out_between_their_parents_and_children() {
    let filter = Targets::new().with_default(LevelFilter::INFO);
    let mut layered = Layered::new(Sampler::default(), |layer| layer.with_span_filter(filter));
    let dispatch = layered.dispatch.clone();
    layered.within(|| {
        let _a = info_span!("a").entered();
        let hidden = tracing::debug_span!("hidden");
        hidden.in_scope(|| info_span!("b").in_scope(|| ()));
        let explicit = tracing::debug_span!(parent: &hidden, "hidden, too");
        info_span!(parent: &explicit, "c").in_scope(|| ());
        let elsewhere = thread::spawn(move || {
            tracing::dispatcher::with_default(&dispatch, || {
                hidden.in_scope(|| info_span!("d").in_scope(|| ()));
            });
        });
        elsewhere.join().expect("it does not panic");
        let root = tracing::debug_span!(parent: None, "hidden root");
        root.in_scope(|| info_span!("root").in_scope(|| ()));
    });
    let spans = layered.finished();
    assert_eq!(spans.len(), 5, "{spans:#?}");
    for child in ["b", "c", "d"] {
        assert_chain(&spans, &["a", child]);
    }
    assert_eq!(named(&spans, "root").parent_span_id, SpanId::INVALID);
}

#[test]
fn filters_change_while_the_program_runs() {
    let (traces, mut reader) = crate::support::provider(|builder| builder);
    let layer = throughline_trace::layer::TelemetryLayer::builder().with_tracer(traces.tracer("it")).build();
    let switch = layer.span_filter();
    let span = || info_span!("a").in_scope(|| ());
    use tracing_subscriber::layer::SubscriberExt as _;
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
        span();
        switch.set(Targets::new().with_target("other", LevelFilter::TRACE));
        span();
        assert_eq!(testing::spans(&mut reader).len(), 1);
        switch.set(Targets::new().with_target(module_path!(), LevelFilter::INFO));
        span();
        assert_eq!(testing::spans(&mut reader).len(), 1);
    });
}

#[test]
fn a_span_is_entered_on_several_threads_at_once() {
    let mut layered = Layered::sampled();
    let dispatch = layered.dispatch.clone();
    layered.within(|| {
        let shared = info_span!("shared");
        let _here = shared.clone().entered();
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    tracing::dispatcher::with_default(&dispatch, || {
                        shared.in_scope(|| info_span!("child").in_scope(|| ()));
                    });
                });
            }
        });
    });
    let spans = layered.finished();
    let parent = named(&spans, "shared").span_id;
    assert_eq!(spans.iter().filter(|span| span.parent_span_id == parent).count(), 4);
}

#[test]
fn a_span_is_entered_twice_and_left_in_any_order() {
    let mut layered = Layered::sampled();
    layered.within(|| {
        let (a, b) = (info_span!("a"), info_span!("b"));
        let a_once = a.clone().entered();
        let b_once = b.entered();
        let a_twice = a.entered();
        info_span!("under a").in_scope(|| ());
        // As in the registry, what is left is what was entered last.
        drop(a_once);
        info_span!("under b").in_scope(|| ());
        drop(a_twice);
        info_span!("under b, too").in_scope(|| ());
        drop(b_once);
        assert_eq!(current_span(), None);
    });
    let spans = layered.finished();
    assert_eq!(named(&spans, "under a").parent_span_id, named(&spans, "a").span_id);
    for name in ["under b", "under b, too"] {
        assert_eq!(named(&spans, name).parent_span_id, named(&spans, "b").span_id);
    }
}

#[test]
fn a_parent_may_be_let_go_before_its_children() {
    let mut layered = Layered::sampled();
    layered.within(|| {
        let a = info_span!("a");
        let b = a.in_scope(|| info_span!("b"));
        drop(a);
        b.in_scope(|| ());
    });
    assert_chain(&layered.finished(), &["a", "b"]);
}

#[test]
fn or_current_gives_the_current_span() {
    let mut layered = Layered::sampled();
    layered.within(|| {
        let _a = info_span!("a").entered();
        Span::none().or_current().in_scope(|| info_span!("b").in_scope(|| ()));
    });
    assert_chain(&layered.finished(), &["a", "b"]);
}

#[test]
fn follows_from_is_a_link() {
    let mut layered = Layered::sampled();
    layered.within(|| {
        let (cause, effect) = (info_span!("cause"), info_span!("effect"));
        effect.follows_from(&cause);
    });
    let spans = layered.finished();
    let link = &named(&spans, "effect").links[0];
    let cause = named(&spans, "cause");
    assert_eq!((link.trace_id, link.span_id), (cause.trace_id, cause.span_id));
}

#[test]
fn nothing_is_recorded_while_telemetry_is_suppressed() {
    let mut layered = Layered::sampled();
    let tracer = layered.tracer;
    layered.within(|| {
        let outside = info_span!("outside");
        let _suppressed = Context::enter_telemetry_suppressed_scope();
        info_span!("tracing").in_scope(|| tracing::info!("event"));
        info_span!(parent: None, "root").in_scope(|| ());
        info_span!(parent: &outside, "child").in_scope(|| ());
        outside.in_scope(|| {
            assert!(Context::is_current_telemetry_suppressed());
            info_span!("inside").in_scope(|| tracing::info!("event"));
        });
        drop(tracer.start("otel"));
        drop(tracer.span("own").start());
    });
    let spans = layered.finished();
    assert_eq!(spans.iter().map(|span| &*span.name).collect::<Vec<_>>(), ["outside"]);
    assert!(testing::logs(&mut layered.logs).is_empty());
}

#[test]
fn futures_carry_their_span() {
    let mut layered = Layered::sampled();
    layered.within(|| {
        let work = async {
            info_span!("before").in_scope(|| ());
            std::future::poll_fn(crate::support::pending_once()).await;
            info_span!("after").in_scope(|| ());
        };
        crate::support::block_on(work.instrument(info_span!("task")));
        assert_eq!(current_span(), None);
    });
    let spans = layered.finished();
    assert_chain(&spans, &["task", "before"]);
    assert_chain(&spans, &["task", "after"]);
}

#[test]
fn busy_and_idle_time_add_up() {
    let layered = Layered::new(Sampler::default(), |layer| layer.with_timing(true));
    let span = layered.one_span(|| {
        let span = info_span!("a");
        span.in_scope(|| ());
        span.in_scope(|| ());
    });
    let value = |key: &str| {
        let (_, value) = span.attributes.iter().find(|(k, _)| k == key).expect("it is there");
        value.parse::<u64>().expect("a number")
    };
    let took = (span.end - span.start).as_nanos() as u64;
    assert!(value("busy_ns") > 0 && value("busy_ns") <= took);
    assert!(value("busy_ns") + value("idle_ns") <= took);
}

#[test]
fn an_exception_reaches_the_current_span_whoever_made_it() {
    let layered = Layered::sampled();
    let tracer = layered.tracer;
    let error = "seven".parse::<u8>().expect_err("it is no number");
    assert!(!throughline_trace::record_exception(&error), "no span is current");
    let mut layered = layered;
    layered.within(|| {
        info_span!("tracing").in_scope(|| assert!(throughline_trace::record_exception(&error)));
        tracer.in_span("otel", |_| {
            assert!(throughline_trace::record_exception(&error as &dyn std::error::Error));
        });
        let own = tracer.span("own").start();
        let _entered = own.enter();
        assert!(!throughline_trace::record_exception(&error), "only its ids are known there");
    });
    let spans = layered.finished();
    for (name, type_name) in [("tracing", "core::num::error::ParseIntError"), ("otel", "ParseIntError")] {
        let event = &named(&spans, name).events[0];
        assert_eq!(event.name, "exception");
        let expected =
            [("exception.type", type_name), ("exception.message", "invalid digit found in string")];
        assert_eq!(event.attributes, crate::support::pairs(&expected));
    }
}

#[test]
fn keep_errors_goes_through_the_layer() {
    let (traces, mut reader) = crate::support::provider(|builder| {
        builder
            .with_sampler(Sampler::parent_based(Sampler::always_off()))
            .with_keep_errors(throughline_trace::KeepErrors::default())
    });
    let layer = throughline_trace::layer::TelemetryLayer::builder().with_tracer(traces.tracer("it")).build();
    use tracing_subscriber::layer::SubscriberExt as _;
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
        for fails in [false, true] {
            let _root = info_span!("root", fails).entered();
            let _child = info_span!("child").entered();
            if fails {
                tracing::error!("failed");
            }
        }
    });
    let spans = testing::spans(&mut reader);
    assert_eq!(spans.len(), 2, "{spans:#?}");
    assert_chain(&spans, &["root", "child"]);
    assert_eq!(named(&spans, "child").status, Some((false, "failed".to_owned())));
    assert!(spans.iter().all(|span| span.flags & TraceFlags::SAMPLED == TraceFlags::NOT_SAMPLED));
}
