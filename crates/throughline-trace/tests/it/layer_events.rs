//! Events: log records, span events, or both.

use std::error::Error;

use throughline_trace::layer::{Events, Targets};
use throughline_trace::sampler::Sampler;
use throughline_trace::{SpanId, TraceFlags, TraceId, testing};
use tracing::level_filters::LevelFilter;
use tracing::{Level, info_span};
use tracing_log::log;

use crate::support::{Layered, named, pairs};

fn with_events(events: Events) -> Layered {
    Layered::new(Sampler::default(), |layer| layer.with_events(events))
}

#[test]
fn an_event_is_a_log_record() {
    let log = Layered::sampled().one_log(|| {
        let who = "you";
        tracing::info!(k = 1, text = "t", debugged = ?Some(1), "hello {who}");
    });
    assert_eq!(log.body.as_deref(), Some("hello you"));
    assert_eq!((log.severity_number, &*log.severity_text), (9, "INFO"));
    assert_eq!(log.attributes, pairs(&[("k", "1"), ("text", "t"), ("debugged", "Some(1)")]));
    assert_eq!((log.trace_id, log.span_id), (TraceId::INVALID, SpanId::INVALID));
    assert_eq!((&*log.event_name, &*log.scope), ("", "it"));
    // What is recorded as it happens happened when it was observed.
    assert!(log.observed.as_nanos() > 0);
    assert_eq!(log.time, Some(log.observed));
}

#[test]
fn levels_are_severities() {
    let mut layered = Layered::sampled();
    layered.within(|| {
        tracing::trace!("m");
        tracing::debug!("m");
        tracing::info!("m");
        tracing::warn!("m");
        tracing::error!("m");
    });
    let logs = testing::logs(&mut layered.logs);
    let severities: Vec<_> = logs.iter().map(|log| (log.severity_number, &*log.severity_text)).collect();
    assert_eq!(severities, [(1, "TRACE"), (5, "DEBUG"), (9, "INFO"), (13, "WARN"), (17, "ERROR")]);
}

#[test]
fn a_log_record_belongs_to_its_span() {
    let mut layered = Layered::sampled();
    layered.within(|| {
        let other = info_span!("other");
        let _a = info_span!("a").entered();
        tracing::info!("current");
        tracing::info!(parent: &other, "explicit");
        tracing::info!(parent: None, "none");
    });
    let logs = testing::logs(&mut layered.logs);
    let spans = layered.finished();
    for (log, span) in [(&logs[0], named(&spans, "a")), (&logs[1], named(&spans, "other"))] {
        assert_eq!((log.trace_id, log.span_id), (span.trace_id, span.span_id));
        assert!(log.flags.is_sampled());
    }
    assert_eq!((logs[2].trace_id, logs[2].flags), (TraceId::INVALID, TraceFlags::NOT_SAMPLED));
}

#[test]
fn a_log_record_of_an_unsampled_trace_says_so() {
    let mut trace = TraceId::INVALID;
    let log = Layered::unsampled().one_log(|| {
        let _a = info_span!("a").entered();
        let _b = info_span!("b").entered();
        trace = throughline_trace::current_span().expect("a").trace_id();
        tracing::info!("m");
    });
    assert_eq!((log.trace_id, log.flags.is_sampled()), (trace, false));
}

#[test]
fn a_log_record_says_where_it_comes_from_if_asked() {
    let layered = Layered::new(Sampler::default(), |layer| layer.with_location(true).with_target(true));
    let log = layered.one_log(|| tracing::info!(target: "shop", "m"));
    let keys: Vec<_> = log.attributes.iter().map(|(key, _)| &**key).collect();
    assert_eq!(keys, ["target", "code.file.path", "code.line.number", "code.module.name"]);
    assert_eq!(log.attributes[0].1, "shop");
}

#[test]
fn an_event_that_was_named_has_its_name() {
    let log = Layered::sampled().one_log(|| tracing::event!(name: "cart.paid", Level::INFO, k = 1));
    assert_eq!((&*log.event_name, log.body), ("cart.paid", None));
}

#[test]
fn an_error_in_an_event_is_described() {
    let error = std::io::Error::other("broken");
    let log = Layered::sampled().one_log(|| {
        tracing::error!(error = &error as &(dyn Error + 'static), "failed");
    });
    assert_eq!(log.attributes[0], ("error".to_owned(), "broken".to_owned()));
    assert_eq!(log.attributes[1], ("exception.type".to_owned(), "Custom".to_owned()));
    assert_eq!(log.attributes[2], ("exception.message".to_owned(), "broken".to_owned()));
}

#[test]
fn events_of_the_log_crate_keep_their_own_metadata() {
    let record = log::Record::builder()
        .args(format_args!("hello"))
        .level(log::Level::Warn)
        .target("their::target")
        .file(Some("their.rs"))
        .line(Some(7))
        .module_path(Some("their"))
        .build();
    let layered = Layered::new(Sampler::default(), |layer| layer.with_location(true).with_target(true));
    let log = layered.one_log(|| tracing_log::format_trace(&record).expect("it is dispatched"));
    assert_eq!((log.body.as_deref(), log.severity_number), (Some("hello"), 13));
    let expected = [
        ("target", "their::target"),
        ("code.file.path", "their.rs"),
        ("code.line.number", "7"),
        ("code.module.name", "their"),
    ];
    assert_eq!((log.attributes, &*log.event_name), (pairs(&expected), ""));
}

#[test]
fn events_are_filtered_by_level_and_target() {
    let filter = Targets::new().with_default(LevelFilter::WARN).with_target("chatty", LevelFilter::OFF);
    let mut layered = Layered::new(Sampler::default(), |layer| layer.with_event_filter(filter));
    let log = |level, target: &str| {
        let record = log::Record::builder().args(format_args!("log")).level(level).target(target).build();
        tracing_log::format_trace(&record).expect("it is dispatched");
    };
    layered.within(|| {
        tracing::warn!("seen");
        tracing::info!("too low");
        tracing::error!(target: "chatty::inner", "unwanted");
        log(log::Level::Error, "chatty");
        log(log::Level::Info, "other");
        log(log::Level::Error, "other");
        info_span!("spans are another matter").in_scope(|| ());
    });
    let bodies: Vec<_> = testing::logs(&mut layered.logs).into_iter().filter_map(|log| log.body).collect();
    assert_eq!(bodies, ["seen", "log"]);
    assert_eq!(layered.finished().len(), 1);
}

#[test]
fn events_become_what_is_set() {
    for (events, logs, span_events) in [(Events::Logs, 2, 0), (Events::InSpans, 0, 1), (Events::Both, 2, 1)] {
        let mut layered = with_events(events);
        layered.within(|| {
            tracing::info!("outside");
            info_span!("a").in_scope(|| tracing::info!(k = 1, "inside"));
        });
        assert_eq!(testing::logs(&mut layered.logs).len(), logs, "{events:?}");
        let span = &layered.finished()[0];
        assert_eq!(span.events.len(), span_events, "{events:?}");
        if let Some(event) = span.events.first() {
            assert_eq!((&*event.name, &event.attributes), ("inside", &pairs(&[("k", "1")])));
            assert!(event.time >= span.start && event.time <= span.end);
        }
    }
}

#[test]
fn span_events_reach_spans_of_opentelemetry() {
    use opentelemetry::trace::Tracer as _;
    let layered = with_events(Events::InSpans);
    let tracer = layered.tracer;
    let span = layered.one_span(|| tracer.in_span("otel", |_| tracing::info!("inside")));
    assert_eq!(span.events[0].name, "inside");
}

#[test]
fn an_error_in_a_span_event_makes_it_an_exception() {
    let error = std::io::Error::other("broken");
    let span = with_events(Events::InSpans).one_span(|| {
        let _a = info_span!("a").entered();
        tracing::warn!(error = &error as &(dyn Error + 'static), "failed");
    });
    assert_eq!(span.events[0].name, "exception");
    assert!(span.events[0].attributes.contains(&("exception.message".to_owned(), "broken".to_owned())));
    assert!(span.events[0].attributes.contains(&("message".to_owned(), "failed".to_owned())));
    assert_eq!(span.status, None);
}

#[test]
fn an_event_of_level_error_fails_its_span_unless_told_otherwise() {
    for on in [true, false] {
        let layered = Layered::new(Sampler::default(), |layer| layer.with_status_from_errors(on));
        let span = layered.one_span(|| info_span!("a").in_scope(|| tracing::error!("failed")));
        assert_eq!(span.status, on.then(|| (false, "failed".to_owned())));
    }
}
