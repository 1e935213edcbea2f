//! What is recorded, and how much of it: samplers, limits, filters, and what the layer adds.

use throughline::opentelemetry::trace::{SpanContext, Status, TraceFlags, TraceState};
use throughline::trace::KeepErrors;
use throughline::trace::layer::TelemetryLayer;
use throughline::trace::sampler::Sampler;
use throughline::{
    KeyValue, LogConfig, LogLimits, SamplingStrategy, SpanLimits, TelemetryConfig, TelemetryProviders,
    TraceConfig,
};

use crate::receiver::{Received, Receiver, pairs};
use crate::{end, record_spans, start, to, within};

/// How many of these spans arrive with this sampling.
fn arriving(sampling: impl Into<Sampler>, record: impl FnOnce(&TelemetryProviders)) -> usize {
    let receiver = Receiver::start();
    let telemetry = start(to(&receiver).with_traces(TraceConfig::new().with_sampling(sampling)));
    record(&telemetry);
    end(telemetry);
    receiver.spans().len()
}

/// The caller's span.
fn caller(sampled: bool) -> SpanContext {
    let flags = if sampled { TraceFlags::SAMPLED } else { TraceFlags::NOT_SAMPLED };
    SpanContext::new((0xAB << 120 | 0xCD).into(), 0xEF.into(), flags, true, TraceState::NONE)
}

#[test]
fn samplers_decide_what_arrives() {
    const MANY: usize = 400;
    let roots = |telemetry: &TelemetryProviders| record_spans(telemetry, MANY);
    let child_of = |sampled: bool| {
        move |telemetry: &TelemetryProviders| {
            let tracer = telemetry.tracer_provider().tracer("it");
            drop(tracer.span("child").with_parent_span(&caller(sampled)).start());
        }
    };
    let ratio = |ratio| SamplingStrategy::TraceIdRatio { ratio };
    let under = |root| SamplingStrategy::ParentBased { root: Box::new(root) };
    assert_eq!(arriving(SamplingStrategy::AlwaysOn, roots), MANY);
    assert_eq!(arriving(SamplingStrategy::AlwaysOff, roots), 0);
    assert_eq!(arriving(ratio(0.0), roots), 0);
    assert_eq!(arriving(ratio(1.0), roots), MANY);
    // Beyond these bounds once in more than 10^20 runs.
    assert!((100..300).contains(&arriving(ratio(0.5), roots)));
    assert_eq!(arriving(under(SamplingStrategy::AlwaysOff), roots), 0);
    assert_eq!(arriving(under(SamplingStrategy::AlwaysOff), child_of(true)), 1);
    assert_eq!(arriving(under(SamplingStrategy::AlwaysOn), child_of(false)), 0);
    assert_eq!(arriving(under(SamplingStrategy::AlwaysOn), roots), MANY);
    let limited = arriving(SamplingStrategy::RateLimited { traces_per_second: 0.001 }, roots);
    assert!(limited <= 1, "{limited}");
}

#[test]
fn the_sampler_is_changed_while_running() {
    let receiver = Receiver::start();
    let telemetry = start(to(&receiver));
    record_spans(&telemetry, 1);
    telemetry.tracer_provider().sampler().set(SamplingStrategy::AlwaysOff.into());
    record_spans(&telemetry, 1);
    end(telemetry);
    assert_eq!(receiver.spans().len(), 1);
}

#[test]
fn failed_traces_are_kept_if_asked() {
    for (keep, expected) in [(None, 0), (Some(KeepErrors::default()), 1)] {
        let receiver = Receiver::start();
        let mut traces = TraceConfig::new().with_sampling(SamplingStrategy::AlwaysOff);
        if let Some(keep) = keep {
            traces = traces.with_keep_errors(keep);
        }
        let telemetry = start(to(&receiver).with_traces(traces));
        let tracer = telemetry.tracer_provider().tracer("it");
        drop(tracer.span("fine").start());
        tracer.span("failed").start().set_status(Status::error("no stock"));
        end(telemetry);
        assert_eq!(receiver.spans().len(), expected);
    }
}

#[test]
fn spans_are_cut_to_their_limits() {
    let receiver = Receiver::start();
    let limits = SpanLimits {
        attributes: 1,
        value_bytes: 3,
        events: 1,
        links: 1,
        attributes_per_event: 0,
        attributes_per_link: 0,
    };
    let telemetry = start(to(&receiver).with_traces(TraceConfig::new().with_limits(limits)));
    let mut span = telemetry.tracer_provider().tracer("it").span("work").start();
    let two = [KeyValue::new("a", "long text"), KeyValue::new("b", 2)];
    span.set_attributes(&two[..]);
    for _ in 0..2 {
        span.add_event("e", &two[..]);
        span.add_link(&caller(true), &two[..]);
    }
    drop(span);
    end(telemetry);
    let span = &receiver.spans()[0];
    assert_eq!(pairs(&span.attributes), [("a".to_owned(), "lon".to_owned())]);
    let dropped = [span.dropped_attributes_count, span.dropped_events_count, span.dropped_links_count];
    assert_eq!((dropped, span.events.len(), span.links.len()), ([1; 3], 1, 1));
    let inner = [span.events[0].dropped_attributes_count, span.links[0].dropped_attributes_count];
    assert_eq!(inner, [2, 2]);
}

#[test]
fn log_records_are_cut_to_their_limits() {
    let receiver = Receiver::start();
    let limits = LogLimits { attributes: 1, value_bytes: 4 };
    let telemetry = start(to(&receiver).with_logs(LogConfig::new().with_limits(limits)));
    within(&telemetry, || tracing::info!(target: "shop", a = "long text", b = 2, "a long message"));
    end(telemetry);
    let record = &receiver.logs()[0];
    assert_eq!(record.attributes.len(), 1);
    assert!(record.dropped_attributes_count > 0);
    let body = serde_json::to_value(&record.body).expect("JSON");
    assert_eq!(body["stringValue"], "a lo");
}

#[test]
fn log_records_have_the_time_of_the_event_and_are_filtered() {
    let receiver = Receiver::start();
    let telemetry = start(to(&receiver).with_logs(LogConfig::new().with_filter("warn,shop=debug")));
    within(&telemetry, || {
        tracing::info!("too low");
        tracing::debug!(target: "shop", "of the shop");
        telemetry.set_log_filter("error").expect("a good filter");
        tracing::debug!(target: "shop", "no longer");
        tracing::error!("still");
    });
    end(telemetry);
    let records = receiver.logs();
    assert_eq!(records.iter().map(|record| record.severity_number).collect::<Vec<_>>(), [5, 17]);
    for record in records {
        assert!(record.time_unix_nano > 0 && record.time_unix_nano == record.observed_time_unix_nano);
    }
}

/// The keys that the layer gives a span and a log record.
fn added(set_up: impl FnOnce(TelemetryConfig) -> TelemetryConfig) -> [Vec<String>; 2] {
    let receiver = Receiver::start();
    let telemetry = start(set_up(to(&receiver)));
    within(&telemetry, || tracing::info_span!("work").in_scope(|| tracing::info!("m")));
    end(telemetry);
    let requests = receiver.all();
    let keys = |attributes: &[_]| pairs(attributes).into_iter().map(|(key, _)| key).collect();
    let span = requests.iter().flat_map(Received::spans).map(|span| keys(&span.attributes)).next();
    let log = requests.iter().flat_map(Received::logs).map(|log| keys(&log.attributes)).next();
    [span.expect("a span"), log.expect("a log record")]
}

#[test]
fn what_the_layer_adds_is_switched_on_and_off() {
    let none: [Vec<String>; 2] = Default::default();
    let bare = || TelemetryLayer::builder().with_target(false).with_location(false);
    assert_eq!(added(|config| config.with_layer(bare())), none);
    let location = ["code.file.path", "code.line.number", "code.module.name"];
    let thread = ["thread.id", "thread.name"];
    for (layer, span, log) in [
        (bare().with_target(true), &["target"][..], &["target"][..]),
        (bare().with_location(true), &location, &location),
        (bare().with_thread(true), &thread, &thread),
        // Log records have a severity.
        (bare().with_level(true), &["level"], &[]),
        (bare().with_timing(true), &["busy_ns", "idle_ns"], &[]),
    ] {
        assert_eq!(added(|config| config.with_layer(layer)), [span, log]);
    }
}
