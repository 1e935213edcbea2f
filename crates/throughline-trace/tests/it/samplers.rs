//! Who is sampled: every branch, consistently between processes, at the asked rate, changeable.

use std::sync::Arc;
use std::time::Duration;

use opentelemetry::trace::TraceContextExt as _;
use opentelemetry::{Context, KeyValue};
use throughline_trace::sampler::{
    Decision, ParentBased, Ratio, Rule, Rules, Sampler, Sampling, SamplingInput, ShouldSample,
};
use throughline_trace::{SpanContext, SpanId, SpanKind, TraceFlags, TraceId, TraceState, testing};

use crate::support::{manual_clock, only, parent, provider, sampled};

#[test]
fn parent_based_has_five_branches() {
    let parents = [
        SpanContext::NONE,
        parent(true, true),
        parent(false, true),
        parent(true, false),
        parent(false, false),
    ];
    let decisions = |sampler: &Sampler| parents.each_ref().map(|parent| sampled(sampler.clone(), parent));
    let (on, off) = (Sampler::always_on(), Sampler::always_off());
    let default = |root: &Sampler| ParentBased::new(root.clone());
    let table: [(Sampler, [bool; 5]); 8] = [
        (default(&on).into(), [true, true, false, true, false]),
        (default(&off).into(), [false, true, false, true, false]),
        (default(&on).with_remote_sampled(off.clone()).into(), [true, false, false, true, false]),
        (default(&on).with_remote_not_sampled(on.clone()).into(), [true, true, true, true, false]),
        (default(&on).with_local_sampled(off.clone()).into(), [true, true, false, false, false]),
        (default(&on).with_local_not_sampled(on.clone()).into(), [true, true, false, true, true]),
        (on.clone(), [true; 5]),
        (off.clone(), [false; 5]),
    ];
    for (sampler, expected) in table {
        assert_eq!(decisions(&sampler), expected, "{sampler:?}");
    }
}

/// Trace ids whose random bits are spread evenly.
fn evenly(count: u64) -> impl Iterator<Item = SpanContext> {
    (0..count).map(move |n| {
        let random = (u128::from(n) << 56) / u128::from(count);
        SpanContext::new(
            TraceId::from(1 << 100 | random),
            SpanId::from(1),
            TraceFlags::NOT_SAMPLED,
            true,
            TraceState::NONE,
        )
    })
}

#[test]
fn ratios_are_kept_and_nested() {
    let decide = |ratio: f64| -> Vec<bool> {
        let (provider, _reader) = provider(|builder| builder.with_sampler(Sampler::ratio(ratio)));
        let tracer = provider.tracer("it");
        let is_sampled =
            |parent| tracer.span("s").with_parent_span(&parent).start().span_context().is_sampled();
        evenly(1 << 14).map(is_sampled).collect()
    };
    let ratios = [0.0, 0.001, 0.1, 0.5, 0.9, 1.0];
    let decisions = ratios.map(decide);
    for (ratio, decided) in ratios.iter().zip(&decisions) {
        let share = decided.iter().filter(|sampled| **sampled).count() as f64 / decided.len() as f64;
        assert!((share - ratio).abs() < 0.0005, "{share} instead of {ratio}");
    }
    for pair in decisions.windows(2) {
        assert!(
            pair[0].iter().zip(&pair[1]).all(|(fewer, more)| !fewer || *more),
            "who samples less samples a subset"
        );
    }
}

#[test]
fn roots_are_sampled_at_the_ratio_with_their_own_ids() {
    let (provider, mut reader) =
        provider(|builder| builder.with_sampler(Sampler::parent_based(Sampler::ratio(0.25))));
    let tracer = provider.tracer("it");
    let (mut sampled, mut highest) = (0, false);
    for _ in 0..10_000 {
        let span = tracer.span("s").start();
        let random = u128::from_be_bytes(span.span_context().trace_id().to_bytes()) & ((1 << 56) - 1);
        assert_eq!(span.span_context().is_sampled(), random >= 3 << 54);
        sampled += u32::from(span.span_context().is_sampled());
        highest |= random >= 15 << 52;
    }
    // Six standard deviations.
    assert!((2240..2760).contains(&sampled) && highest, "{sampled}");
    assert_eq!(testing::spans(&mut reader).len(), sampled as usize);
}

#[test]
fn the_threshold_goes_along_in_the_trace_state() {
    // The specification's table, and its rule for rounding.
    let table = [
        (1.0, "0"),
        (0.5, "8"),
        (0.25, "c"),
        (1.0 / 3.0, "aaab"),
        (0.1, "e666"),
        (0.01, "fd70a"),
        (0.001, "ffbe77"),
        (0.0001, "fff9724"),
    ];
    for (ratio, header) in table {
        assert_eq!(Ratio::new(ratio).header(), header, "{ratio}");
        assert!((Ratio::new(ratio).as_f64() / ratio - 1.0).abs() < 1e-3);
    }
    let (provider, mut reader) =
        provider(|builder| builder.with_sampler(Sampler::parent_based(Sampler::ratio(1.0))));
    let tracer = provider.tracer("it");
    let root = tracer.span("root").start();
    tracer.span("child").with_parent_span(root.span_context()).start().end();
    drop(root);
    let seen = testing::spans(&mut reader);
    assert_eq!(seen.iter().map(|span| span.trace_state.as_str()).collect::<Vec<_>>(), ["ot=th:0"; 2]);
}

#[test]
fn explicit_randomness_counts_instead_of_the_trace_id() {
    let with_state = |state: &str| {
        let trace = TraceId::from(1 << 100 | 0xFF << 48);
        let state = state.parse::<TraceState>().unwrap();
        SpanContext::new(trace, SpanId::from(1), TraceFlags::NOT_SAMPLED, true, state)
    };
    assert!(sampled(Sampler::ratio(0.5), &with_state("a=b")));
    assert!(!sampled(Sampler::ratio(0.5), &with_state("ot=rv:7fffffffffffff")));
    assert!(sampled(Sampler::ratio(0.5), &with_state("ot=rv:80000000000000")));

    let (provider, mut reader) = provider(|builder| builder.with_sampler(Sampler::ratio(0.5)));
    let parent = with_state("a=b,ot=rv:ffffffffffffff;th:0");
    provider.tracer("it").span("s").with_parent_span(&parent).start().end();
    assert_eq!(only(&mut reader).trace_state, "ot=th:8;rv:ffffffffffffff,a=b");
}

#[test]
fn a_rate_is_kept_over_time() {
    let clock = manual_clock();
    let sampler = Sampler::rate_limited(10.0, clock.clone());
    let (provider, _reader) = provider(|builder| builder.with_sampler(Sampler::parent_based(sampler)));
    let tracer = provider.tracer("it");
    let of =
        |spans: usize| (0..spans).filter(|_| tracer.span("s").start().span_context().is_sampled()).count();
    assert_eq!(of(100), 10, "one second's worth at once");
    clock.advance(Duration::from_millis(250));
    assert_eq!(of(100), 2);
    clock.advance(Duration::from_millis(50));
    assert_eq!(of(100), 1);
    clock.advance(Duration::from_secs(3600));
    assert_eq!(of(100), 10);
    assert!(sampled(Sampler::parent_based(Sampler::rate_limited(0.0, clock)), &parent(true, true)));
}

#[test]
fn the_first_rule_that_fits_decides() {
    let rules = Rules::otherwise(Sampler::always_off())
        .with(Rule::new(Sampler::always_off()).name("GET /health*").kind(SpanKind::Server))
        .with(Rule::new(Sampler::always_on()).attribute("tenant", "test-*").attribute("n", "1"))
        .with(Rule::new(Sampler::always_on()).kind(SpanKind::Server));
    let (provider, _reader) = provider(|builder| builder.with_sampler(rules));
    let tracer = provider.tracer("it");
    let is_sampled = |name: &str, kind: SpanKind, attributes: &[KeyValue]| {
        tracer.span(name).with_kind(kind).with_attributes(attributes).start().span_context().is_sampled()
    };
    let both = [KeyValue::new("n", 1), KeyValue::new("tenant", "test-7")];
    assert!(!is_sampled("GET /health/live", SpanKind::Server, &both));
    assert!(is_sampled("GET /health/live", SpanKind::Client, &both));
    assert!(!is_sampled("GET /health/live", SpanKind::Client, &both[..1]));
    assert!(is_sampled("GET /", SpanKind::Server, &[]));
    assert!(!is_sampled("GET /", SpanKind::Internal, &[]));
}

/// Samples spans that start with `wanted=true` and records the others; makes spans itself, as a sampler may.
#[derive(Debug)]
struct Own;

impl ShouldSample for Own {
    fn sample(&self, span: &SamplingInput<'_>) -> Sampling {
        let mut wanted = false;
        span.attributes.each(&mut |key, value| wanted |= key == "wanted" && value.to_string() == "true");
        let _entered = Context::new().with_remote_span_context(parent(true, true)).attach();
        let decision = if wanted { Decision::Sample } else { Decision::Record };
        let trace_state = TraceState::from_key_value([("own", "1")]).ok();
        Sampling { decision, trace_state, attributes: vec![KeyValue::new("links", span.links.len() as i64)] }
    }
}

#[test]
fn a_sampler_of_ones_own_decides_records_and_adds() {
    let (provider, mut reader) = provider(|builder| builder.with_sampler(Sampler::custom(Own)));
    let tracer = provider.tracer("it");
    let recorded = tracer.span("recorded").start();
    assert!(recorded.is_recording() && !recorded.span_context().is_sampled());
    drop(recorded);
    tracer.span("wanted").with_attribute("wanted", true).with_link(parent(true, true)).start().end();
    let seen = only(&mut reader);
    assert_eq!((seen.name.as_str(), seen.trace_state.as_str()), ("wanted", "own=1"));
    assert!(seen.attributes.contains(&("links".to_owned(), "1".to_owned())));
}

#[test]
fn the_sampler_can_be_changed_while_running() {
    let (provider, _reader) = provider(|builder| builder);
    let tracer = provider.tracer("it");
    let is_sampled = || tracer.span("s").start().span_context().is_sampled();
    let switch = provider.sampler();
    assert!(is_sampled());
    switch.set(Sampler::always_off());
    assert!(!is_sampled());
    switch.set(Sampler::rate_limited(1.0, manual_clock()));
    assert!(is_sampled() && !is_sampled());
    switch.set(Sampler::always_on());
    assert!(is_sampled());
    assert_eq!(switch.current().to_string(), "AlwaysOnSampler");
}

#[test]
fn samplers_are_named_as_in_the_environment() {
    let table = [
        ("always_on", None, "AlwaysOnSampler"),
        ("always_off", Some("0.5"), "AlwaysOffSampler"),
        ("traceidratio", Some("0.5"), "TraceIdRatioBased{0.5}"),
        ("traceidratio", None, "TraceIdRatioBased{1}"),
        ("parentbased_always_on", None, "ParentBased{AlwaysOnSampler}"),
        ("parentbased_always_off", None, "ParentBased{AlwaysOffSampler}"),
        ("parentbased_traceidratio", Some(" 0.25 "), "ParentBased{TraceIdRatioBased{0.25}}"),
    ];
    for (name, argument, expected) in table {
        assert_eq!(Sampler::parse(name, argument).unwrap().to_string(), expected);
    }
    for (name, argument, message) in [
        ("ratio", None, "unknown sampler `ratio`"),
        ("traceidratio", Some("2"), "the sampler's ratio `2` is not a number from 0 to 1"),
        ("traceidratio", Some("half"), "`half`"),
        ("traceidratio", Some("NaN"), "`NaN`"),
    ] {
        let error = Sampler::parse(name, argument).unwrap_err().to_string();
        assert!(error.contains(message), "{error}");
    }
}

#[test]
fn unsampled_spans_have_ids_to_pass_on() {
    let (provider, mut reader) = provider(|builder| builder.with_sampler(Sampler::always_off()));
    let tracer = provider.tracer("it");
    let root = tracer.span("root").start();
    let child = tracer.span("child").with_parent_span(root.span_context()).start();
    assert!(root.span_context().is_valid() && child.span_context().is_valid());
    assert_eq!(root.span_context().trace_id(), child.span_context().trace_id());
    assert_ne!(root.span_context().span_id(), child.span_context().span_id());
    drop((root, child));
    assert!(testing::spans(&mut reader).is_empty());
    assert!(Arc::new(provider).drops().is_empty());
}
