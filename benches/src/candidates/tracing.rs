//! Spans through `tracing` and through the OpenTelemetry API: its registry alone, with our layer, and with
//! tracing-opentelemetry and the SDK.

use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use ::tracing::dispatcher::{self, Dispatch};
use ::tracing::info_span;
use opentelemetry::trace::{TraceContextExt as _, Tracer as _, TracerProvider as _};
use opentelemetry::{Context, KeyValue};
use throughline_trace::Tracer;
use throughline_trace::layer::{TelemetryLayer, TelemetryLayerBuilder};
use throughline_trace::sampler::Sampler;
use tracing_subscriber::layer::{Layer, SubscriberExt as _};
use tracing_subscriber::registry as new_registry;

use super::{otel_trace, throughline_trace as own};
use crate::harness::{Candidate, OURS};

const BATCH: u64 = 512;

fn span() {
    let span = info_span!(
        "query",
        http.route = black_box("/cart/{id}"),
        http.request.method = black_box("GET"),
        http.response.status_code = black_box(200),
    );
    let _entered = span.entered();
}

/// Spans, all in one that stays open if `in_parent`.
fn spans(dispatch: &Dispatch, in_parent: bool, times: u64) {
    // Whatever another candidate left current is not theirs.
    let _fresh = Context::new().attach();
    dispatcher::with_default(dispatch, || {
        let _parent = in_parent.then(|| info_span!("parent").entered());
        (0..times).for_each(|_| span());
    });
}

fn layered(tracer: Tracer, set: fn(TelemetryLayerBuilder) -> TelemetryLayerBuilder) -> Dispatch {
    let layer = set(TelemetryLayer::builder().with_tracer(tracer)).build();
    Dispatch::new(new_registry().with(layer))
}

/// Hears of everything, and does nothing.
struct Idle;

impl<S: ::tracing::Subscriber> Layer<S> for Idle {}

/// What `tracing` and its registry take for any layer. Without a layer, the registry would never let go of a span.
pub fn registry() -> Candidate {
    let dispatch = Dispatch::new(new_registry().with(Idle));
    Candidate::new("tracing, with a layer that does nothing", move |times| spans(&dispatch, true, times))
}

fn sampled(name: &str, set: fn(TelemetryLayerBuilder) -> TelemetryLayerBuilder) -> Candidate {
    let made = own::background(Sampler::always_on());
    let dispatch = layered(made.tracer, set);
    let parents = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&parents);
    Candidate::new(name, move |times| {
        spans(&dispatch, true, times);
        count.fetch_add(1, Ordering::Relaxed);
    })
    .with_recorded(move || made.counted() - parents.load(Ordering::Relaxed))
}

pub fn child_sampled() -> Candidate {
    sampled(OURS, |layer| layer)
}

/// With nothing but the fields.
pub fn child_sampled_bare() -> Candidate {
    sampled(&format!("{OURS} (no target, no location)"), |layer| {
        layer.with_target(false).with_location(false)
    })
}

/// Checked by the count of operations, of which none may be recorded.
fn nothing(sampler: Sampler, in_parent: bool) -> Candidate {
    let (provider, tracer, reader) = own::provider(sampler);
    let dispatch = layered(tracer, |layer| layer);
    let reader = Mutex::new(reader);
    let times = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&times);
    Candidate::new(OURS, move |times| {
        spans(&dispatch, in_parent, times);
        count.fetch_add(times, Ordering::Relaxed);
    })
    .with_recorded(move || {
        let recorded = reader.lock().expect("nobody panics").pending() as u64;
        let dropped: u64 = provider.drops().iter().map(|(_, count)| count).sum();
        times.load(Ordering::Relaxed) - recorded - dropped
    })
}

pub fn root_unsampled() -> Candidate {
    nothing(Sampler::parent_based(Sampler::always_off()), false)
}

pub fn child_unsampled() -> Candidate {
    nothing(Sampler::parent_based(Sampler::always_off()), true)
}

/// Batches of spans, taken out by the same thread.
fn whole(batch: impl Fn(Tracer) -> Box<dyn Fn(u64) + Send + Sync>) -> Candidate {
    let (_, tracer, reader) = own::provider(Sampler::always_on());
    let batch = batch(tracer);
    let reader = Arc::new(Mutex::new(reader));
    let taken = Arc::new(AtomicU64::new(0));
    let (count, batches) = (Arc::clone(&taken), Arc::new(AtomicU64::new(0)));
    let parents = Arc::clone(&batches);
    Candidate::new(OURS, move |times| {
        let mut reader = reader.lock().expect("nobody panics");
        let mut left = times;
        while left > 0 {
            let now = left.min(BATCH);
            batch(now);
            parents.fetch_add(1, Ordering::Relaxed);
            let drained = reader.drain(usize::MAX, |span| {
                black_box(span.span_id);
            });
            count.fetch_add(drained as u64, Ordering::Relaxed);
            left -= now;
        }
    })
    .with_recorded(move || taken.load(Ordering::Relaxed) - batches.load(Ordering::Relaxed))
}

pub fn child_whole() -> Candidate {
    whole(|tracer| {
        let dispatch = layered(tracer, |layer| layer);
        Box::new(move |times| spans(&dispatch, true, times))
    })
}

fn otel_child(tracer: Tracer) {
    let builder = opentelemetry::trace::Tracer::span_builder(&tracer, "query").with_attributes([
        KeyValue::new("http.route", black_box("/cart/{id}")),
        KeyValue::new("http.request.method", black_box("GET")),
        KeyValue::new("http.response.status_code", black_box(200)),
    ]);
    tracer.build(builder).end();
}

fn otel_children(tracer: Tracer, times: u64) {
    let _fresh = Context::new().attach();
    let _entered =
        Context::current_with_span(opentelemetry::trace::Tracer::start(&tracer, "parent")).attach();
    (0..times).for_each(|_| otel_child(tracer));
}

/// Our spans through the OpenTelemetry API.
pub fn otel_child_sampled() -> Candidate {
    let made = own::background(Sampler::always_on());
    let tracer = made.tracer;
    let parents = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&parents);
    Candidate::new(format!("{OURS} (OpenTelemetry API)"), move |times| {
        otel_children(tracer, times);
        count.fetch_add(1, Ordering::Relaxed);
    })
    .with_recorded(move || made.counted() - parents.load(Ordering::Relaxed))
}

pub fn otel_child_whole() -> Candidate {
    whole(|tracer| Box::new(move |times| otel_children(tracer, times)))
}

fn peer(sampler: opentelemetry_sdk::trace::Sampler, in_parent: bool) -> Candidate {
    let provider = otel_trace::provider(false, sampler);
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("bench"));
    let dispatch = Dispatch::new(new_registry().with(layer));
    Candidate::new("tracing-opentelemetry + opentelemetry_sdk", move |times| {
        let _alive = &provider;
        spans(&dispatch, in_parent, times);
    })
}

pub fn peer_child_sampled() -> Candidate {
    peer(opentelemetry_sdk::trace::Sampler::AlwaysOn, true)
}

/// With nothing but the fields.
pub fn peer_child_sampled_bare() -> Candidate {
    let provider = otel_trace::provider(false, opentelemetry_sdk::trace::Sampler::AlwaysOn);
    let layer = tracing_opentelemetry::layer()
        .with_tracer(provider.tracer("bench"))
        .with_location(false)
        .with_target(false)
        .with_threads(false)
        .with_tracked_inactivity(false);
    let dispatch = Dispatch::new(new_registry().with(layer));
    Candidate::new("tracing-opentelemetry + opentelemetry_sdk (nothing added)", move |times| {
        let _alive = &provider;
        spans(&dispatch, true, times);
    })
}

pub fn peer_root_unsampled() -> Candidate {
    peer(unsampled(), false)
}

pub fn peer_child_unsampled() -> Candidate {
    peer(unsampled(), true)
}

fn unsampled() -> opentelemetry_sdk::trace::Sampler {
    opentelemetry_sdk::trace::Sampler::ParentBased(Box::new(opentelemetry_sdk::trace::Sampler::AlwaysOff))
}
