//! Random trees of spans, made through all three ways in, over threads and tasks, with futures that are cancelled and
//! work that panics: every span that was started is exported once, under the right parent, or not at all when its trace
//! is not sampled.

use std::collections::{HashMap, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Mutex;
use std::task::{Context as Waiting, Poll, Waker};
use std::thread;

use opentelemetry::Context;
use opentelemetry::trace::{FutureExt as _, TraceContextExt as _, Tracer as _};
use proptest::prelude::*;
use throughline_trace::sampler::Sampler;
use throughline_trace::{DropReason, SpanContext, SpanId, Tracer, current_span, with_context};
use tracing::{Dispatch, Instrument as _, info_span};

use crate::support::{Layered, provider};

/// Who makes a span.
#[derive(Clone, Copy, Debug)]
enum Api {
    Tracing,
    /// A tracing span that the layer leaves out.
    Filtered,
    OpenTelemetry,
    Own,
}

/// How its work is run.
#[derive(Clone, Copy, Debug)]
enum Run {
    Here,
    OnThread,
    AsTask,
    /// A task that is dropped after so many polls.
    AsCancelledTask(usize),
    /// Panics after its children.
    Panicking,
}

#[derive(Clone, Debug)]
struct Node {
    api: Api,
    run: Run,
    children: Vec<Self>,
}

fn node() -> impl Strategy<Value = Node> {
    let api = prop_oneof![
        3 => Just(Api::Tracing),
        1 => Just(Api::Filtered),
        2 => Just(Api::OpenTelemetry),
        2 => Just(Api::Own)
    ];
    let run = prop_oneof![
        4 => Just(Run::Here),
        1 => Just(Run::OnThread),
        2 => Just(Run::AsTask),
        1 => (0_usize..4).prop_map(Run::AsCancelledTask),
        1 => Just(Run::Panicking)
    ];
    let leaf = (api, run).prop_map(|(api, run)| Node { api, run, children: Vec::new() });
    leaf.clone().prop_recursive(4, 24, 4, move |inner| {
        (leaf.clone(), prop::collection::vec(inner, 0..4))
            .prop_map(|(node, children)| Node { children, ..node })
    })
}

/// A span that was started, as its own code saw it.
struct Started {
    context: SpanContext,
    parent: SpanContext,
    is_filtered: bool,
}

struct World {
    tracer: Tracer,
    dispatch: Dispatch,
    started: Mutex<Vec<Started>>,
}

impl World {
    /// To be called where the span is current.
    fn note(&self, api: Api, parent: &SpanContext) -> SpanContext {
        let current = current_span().unwrap_or(SpanContext::NONE);
        let is_filtered = matches!(api, Api::Filtered);
        let started = Started { context: current.clone(), parent: parent.clone(), is_filtered };
        self.started.lock().expect("nobody panics with it").push(started);
        current
    }

    fn run(&self, node: &Node, parent: &SpanContext) {
        match node.run {
            Run::Here => self.span(node, parent, false),
            Run::Panicking => {
                let work = || self.span(node, parent, true);
                assert!(catch_unwind(AssertUnwindSafe(work)).is_err());
            }
            Run::OnThread => {
                let context = Context::current();
                thread::scope(|scope| {
                    scope.spawn(|| {
                        tracing::dispatcher::with_default(&self.dispatch, || {
                            let _attached = context.attach();
                            self.span(node, parent, false);
                        });
                    });
                });
            }
            Run::AsTask => self.poll_on_threads(self.task(node, parent), usize::MAX),
            Run::AsCancelledTask(polls) => self.poll_on_threads(self.task(node, parent), polls),
        }
    }

    fn span(&self, node: &Node, parent: &SpanContext, panics: bool) {
        let inside = || {
            let current = self.note(node.api, parent);
            for child in &node.children {
                self.run(child, &current);
            }
            if panics {
                std::panic::resume_unwind(Box::new("on purpose"));
            }
        };
        match node.api {
            Api::Tracing => info_span!("tracing").in_scope(inside),
            Api::Filtered => info_span!(target: "filtered", "filtered").in_scope(inside),
            Api::OpenTelemetry => self.tracer.in_span("otel", |_| inside()),
            Api::Own => {
                let span = self.tracer.span("own").start();
                let _entered = span.enter();
                inside();
            }
        }
    }

    /// The node as a future that waits before and after each child. Its span is made here and now.
    fn task<'a>(
        &'a self,
        node: &'a Node,
        parent: &'a SpanContext,
    ) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>> {
        let inside = async move {
            let current = self.note(node.api, parent);
            for child in &node.children {
                std::future::poll_fn(crate::support::pending_once()).await;
                match child.run {
                    Run::AsTask => self.task(child, &current).await,
                    _ => self.run(child, &current),
                }
            }
        };
        match node.api {
            Api::Tracing => Box::pin(inside.instrument(info_span!("tracing"))),
            Api::Filtered => Box::pin(inside.instrument(info_span!(target: "filtered", "filtered"))),
            Api::OpenTelemetry => {
                let context = Context::current_with_span(self.tracer.start("otel"));
                Box::pin(inside.with_context(context))
            }
            Api::Own => {
                let span = self.tracer.span("own").start();
                Box::pin(with_context(span.context(), async move {
                    let _open = span;
                    inside.await;
                }))
            }
        }
    }

    /// Polls it, each time on another thread, up to so many times.
    ///
    /// A span of a task that is never polled is started all the same: it is seen here.
    fn poll_on_threads(&self, mut task: Pin<Box<dyn Future<Output = ()> + Send + '_>>, polls: usize) {
        // Where a task is polled nothing is current but what it brings along; a filtered span brings its parent.
        for _ in 0..polls {
            let poll = || task.as_mut().poll(&mut Waiting::from_waker(Waker::noop()));
            let polled = thread::scope(|scope| {
                let thread = scope.spawn(|| tracing::dispatcher::with_default(&self.dispatch, poll));
                thread.join().expect("it does not panic")
            });
            if polled == Poll::Ready(()) {
                break;
            }
        }
        tracing::dispatcher::with_default(&self.dispatch, || drop(task));
    }
}

/// Records spans in vain until this thread's ring has no room for another.
fn fill_ring(layered: &Layered) {
    let text = "x".repeat(4000);
    for text in [&*text, ""] {
        loop {
            let before = layered.traces.drops();
            drop(layered.tracer.span("filling").with_attribute("text", text).start());
            if layered.traces.drops() != before {
                break;
            }
        }
    }
}

/// As a tree is started with no room left for the spans that end on this thread: each is exported once under its parent,
/// or counted, with the reason.
fn check_full(tree: &Node) {
    let mut layered = Layered::sampled();
    fill_ring(&layered);
    let dropped_before = dropped(&layered);
    let world =
        World { tracer: layered.tracer, dispatch: layered.dispatch.clone(), started: Mutex::default() };
    layered.within(|| world.span(tree, &SpanContext::NONE, false));
    let reasons = layered.traces.drops();
    assert!(reasons.iter().all(|(reason, _)| *reason == DropReason::RingFull), "{reasons:?}");
    let dropped = dropped(&layered) - dropped_before;
    let finished = layered.finished();
    let exported = finished.iter().filter(|span| span.name != "filling");
    let exported: HashMap<_, _> = exported.map(|span| (span.span_id, span)).collect();
    let started = world.started.into_inner().expect("nobody panics with it");
    for Started { context, parent, .. } in &started {
        if let Some(span) = exported.get(&context.span_id()) {
            assert_eq!(span.parent_span_id, parent.span_id());
        }
    }
    let (counted, started) = (exported.len() as u64 + dropped, started.len() as u64);
    let unseen = cancelled_at_once(tree) as u64;
    assert!((started..=started + unseen).contains(&counted), "{counted} of {started} and {unseen}");
    assert!(dropped > 0, "the root at least");
}

fn dropped(layered: &Layered) -> u64 {
    layered.traces.drops().iter().map(|(_, count)| count).sum()
}

fn without_filtered(node: Node) -> Node {
    let api = if matches!(node.api, Api::Filtered) { Api::Tracing } else { node.api };
    Node { api, children: node.children.into_iter().map(without_filtered).collect(), ..node }
}

fn check(tree: &Node, sampled: bool) {
    let sampler = if sampled { Sampler::default() } else { Sampler::parent_based(Sampler::always_off()) };
    let filter = throughline_trace::layer::Targets::new()
        .with_default(tracing::level_filters::LevelFilter::TRACE)
        .with_target("filtered", tracing::level_filters::LevelFilter::OFF);
    let mut layered = Layered::new(sampler, |layer| layer.with_span_filter(filter));
    let world =
        World { tracer: layered.tracer, dispatch: layered.dispatch.clone(), started: Mutex::default() };
    layered.within(|| {
        // A root of its own, so that a filtered one is not without parent.
        let root = Node { api: Api::Tracing, run: Run::Here, children: vec![tree.clone()] };
        world.span(&root, &SpanContext::NONE, false);
        assert_eq!(current_span(), None);
    });

    let finished = layered.finished();
    let exported: HashMap<SpanId, _> = finished.iter().map(|span| (span.span_id, span)).collect();
    assert_eq!(exported.len(), finished.len(), "each is exported once");
    let started = world.started.into_inner().expect("nobody panics with it");
    let trace = started[0].context.trace_id();
    for Started { context, parent, is_filtered } in &started {
        assert_eq!((context.trace_id(), context.is_sampled()), (trace, sampled));
        let span = exported.get(&context.span_id());
        if *is_filtered {
            assert_eq!(context.span_id(), parent.span_id(), "what is current is still the parent");
        } else if sampled {
            let span = span.expect("it is exported");
            assert_eq!((span.trace_id, span.parent_span_id), (trace, parent.span_id()));
        }
    }
    // Tasks that were never polled have spans, too, which nobody was in.
    let unseen = exported.keys().filter(|id| !started.iter().any(|span| span.context.span_id() == **id));
    assert!(unseen.count() <= cancelled_at_once(tree));
    assert!(sampled || exported.is_empty());
}

fn cancelled_at_once(node: &Node) -> usize {
    let own = usize::from(matches!(node.run, Run::AsCancelledTask(0)));
    own + node.children.iter().map(cancelled_at_once).sum::<usize>()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn every_span_is_exported_once_under_its_parent(tree in node(), sampled in prop::bool::weighted(0.8)) {
        check(&tree, sampled);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]

    #[test]
    fn where_there_is_no_room_every_span_is_exported_or_counted(tree in node()) {
        check_full(&without_filtered(tree));
    }
}

#[test]
fn a_filtered_task_of_an_unsampled_span_of_opentelemetry_keeps_that_for_its_parent() {
    let task = |api| Node { api, run: Run::AsTask, children: Vec::new() };
    for api in [Api::Filtered, Api::Tracing] {
        check(&Node { api: Api::OpenTelemetry, run: Run::Here, children: vec![task(api)] }, false);
    }
}

/// Spans that are started, handed on, entered and ended on any thread, by more threads than there are buckets for.
#[test]
fn spans_of_many_threads_are_all_exported_or_counted() {
    const THREADS: usize = 8;
    const SPANS: usize = 500;
    let (traces, mut reader) = provider(|builder| builder);
    let layer = throughline_trace::layer::TelemetryLayer::builder().with_tracer(traces.tracer("it")).build();
    use tracing_subscriber::layer::SubscriberExt as _;
    let dispatch = Dispatch::new(tracing_subscriber::registry().with(layer));
    let handed = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                tracing::dispatcher::with_default(&dispatch, || {
                    for _ in 0..SPANS {
                        let span = info_span!("handed on");
                        span.in_scope(|| info_span!("inside").in_scope(|| ()));
                        handed.lock().expect("nobody panics").push(span);
                        let other = handed.lock().expect("nobody panics").swap_remove(0);
                        other.in_scope(|| info_span!("inside").in_scope(|| ()));
                        if other.id().is_some_and(|id| id.into_u64() % 3 == 0) {
                            handed.lock().expect("nobody panics").push(other);
                        }
                    }
                });
            });
        }
    });
    tracing::dispatcher::with_default(&dispatch, || handed.into_inner().expect("nobody panics").clear());
    let spans = throughline_trace::testing::spans(&mut reader);
    let outer: HashSet<_> =
        spans.iter().filter(|span| span.name == "handed on").map(|span| span.span_id).collect();
    let dropped: u64 = traces.drops().iter().map(|(_, count)| count).sum();
    assert_eq!(spans.len() as u64 + dropped, (THREADS * SPANS * 3) as u64);
    if dropped == 0 {
        assert_eq!(outer.len(), THREADS * SPANS);
        assert!(
            spans
                .iter()
                .filter(|span| span.name == "inside")
                .all(|span| outer.contains(&span.parent_span_id))
        );
    }
}
