//! Baggage as attributes of spans: what was named, and nothing else.

use opentelemetry::trace::Tracer as _;
use throughline_core::propagation::{BaggageExt as _, BaggageItem};
use throughline_trace::layer::SpanExt as _;
use throughline_trace::sampler::{Sampler, Sampling, SamplingInput, ShouldSample};
use throughline_trace::{Context, Enter as _, TracerProvider, TracerProviderBuilder, testing};
use tracing::info_span;
use tracing_subscriber::layer::SubscriberExt as _;

use crate::support::{named, pairs, parent, provider};

fn allowing(builder: TracerProviderBuilder) -> TracerProviderBuilder {
    builder.with_baggage_attributes(["tenant", "user.id"])
}

/// A context with baggage of which one item is not for everybody's eyes.
fn with_tenant(tenant: &'static str) -> Context {
    Context::new().with_baggage([BaggageItem::new("tenant", tenant), BaggageItem::new("card", "4711")])
}

fn within_tracing<R>(provider: TracerProvider, work: impl FnOnce() -> R) -> R {
    let layer = throughline_trace::layer::TelemetryLayer::builder()
        .with_tracer(provider.tracer("it"))
        .with_target(false)
        .with_location(false)
        .build();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), work)
}

#[test]
fn named_items_become_attributes_however_a_span_is_made() {
    let (provider, mut reader) = provider(allowing);
    let tracer = provider.tracer("it");
    within_tracing(provider, || {
        let _entered = with_tenant("blue").enter();
        drop(tracer.span("own").start());
        drop(tracer.span("of ids").with_parent_span(&parent(true, true)).start());
        drop(tracer.start("otel"));
        info_span!("tracing").in_scope(|| info_span!("child").in_scope(|| ()));
    });
    let elsewhere = with_tenant("red");
    drop(tracer.span("own, elsewhere").with_parent(&elsewhere).start());
    drop(tracer.start_with_context("otel, elsewhere", &elsewhere));
    let spans = testing::spans(&mut reader);
    assert_eq!(spans.len(), 7);
    for span in &spans {
        let tenant = if span.name.ends_with("elsewhere") { "red" } else { "blue" };
        assert_eq!(span.attributes, pairs(&[("tenant", tenant)]), "{}", span.name);
    }
}

#[test]
fn nothing_is_taken_unless_it_is_named() {
    let (provider, mut reader) = provider(|builder| builder);
    let _entered = with_tenant("blue").enter();
    drop(provider.tracer("it").span("own").start());
    assert_eq!(testing::spans(&mut reader)[0].attributes, []);
}

#[test]
fn what_a_span_starts_with_wins() {
    let (provider, mut reader) = provider(allowing);
    let tracer = provider.tracer("it");
    within_tracing(provider, || {
        let _entered = with_tenant("blue").enter();
        drop(tracer.span("own").with_attribute("tenant", "mine").start());
        info_span!("tracing", tenant = "mine").in_scope(|| ());
    });
    for span in testing::spans(&mut reader) {
        assert_eq!(span.attributes, pairs(&[("tenant", "mine")]), "{}", span.name);
    }
}

#[test]
fn a_parent_that_comes_later_brings_its_baggage() {
    use throughline_core::propagation::TraceContextExt as _;
    let (provider, mut reader) = provider(allowing);
    within_tracing(provider, || {
        let request = info_span!("request", k = 1);
        assert!(request.set_parent(&with_tenant("blue").with_remote_span_context(parent(true, true))));
        request.in_scope(|| info_span!("child").in_scope(|| ()));
    });
    let spans = testing::spans(&mut reader);
    assert_eq!(named(&spans, "request").attributes, pairs(&[("k", "1"), ("tenant", "blue")]));
    assert_eq!(named(&spans, "child").attributes, pairs(&[("tenant", "blue")]));
}

#[test]
fn samplers_see_it() {
    #[derive(Debug)]
    struct Blue;
    impl ShouldSample for Blue {
        fn sample(&self, span: &SamplingInput<'_>) -> Sampling {
            let mut is_blue = false;
            span.attributes.each(&mut |key, value| is_blue |= key == "tenant" && value.to_string() == "blue");
            Sampling::of(is_blue)
        }
    }
    let (provider, mut reader) = provider(|builder| allowing(builder).with_sampler(Sampler::custom(Blue)));
    for tenant in ["blue", "red"] {
        drop(provider.tracer("it").span(tenant).with_parent(&with_tenant(tenant)).start());
    }
    let names: Vec<_> = testing::spans(&mut reader).into_iter().map(|span| span.name).collect();
    assert_eq!(names, ["blue"]);
}
