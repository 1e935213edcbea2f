//! Log records arrive with everything, and with the span they were recorded in.

use std::time::Duration;

use opentelemetry::KeyValue;
use throughline_core::attribute::ValueRef;
use throughline_core::clock::Clock as _;
use throughline_trace::{DropReason, LogRecord, LoggerProvider, in_context, testing};

use crate::support::{manual_clock, pairs, parent, provider};

#[test]
fn a_record_has_everything_it_was_given() {
    let clock = manual_clock();
    let provider = LoggerProvider::builder().with_clock(clock.clone()).build();
    let mut reader = provider.reader().unwrap();
    let happened = clock.now();
    clock.advance(Duration::from_secs(1));
    let span = parent(true, false);
    let record = LogRecord {
        time: Some(happened),
        severity_number: 17,
        severity_text: "ERROR",
        body: Some(ValueRef::Str("it broke")),
        event_name: "broken",
        span: Some(&span),
    };
    let many: Vec<_> = (0..130).map(|n| KeyValue::new(format!("key{n}"), n)).collect();
    provider.logger("shop").record(&record, &[KeyValue::new("a", 1), KeyValue::new("a", 2)]);
    provider.logger("shop").record(&LogRecord::default(), many.as_slice());
    let seen = testing::logs(&mut reader);
    assert_eq!((seen[0].time, seen[0].observed), (Some(happened), clock.now()));
    assert_eq!((seen[0].severity_number, seen[0].severity_text.as_str()), (17, "ERROR"));
    assert_eq!((seen[0].body.as_deref(), seen[0].event_name.as_str()), (Some("it broke"), "broken"));
    assert_eq!((seen[0].trace_id, seen[0].span_id), (span.trace_id(), span.span_id()));
    assert_eq!((seen[0].flags, seen[0].scope.as_str()), (span.trace_flags(), "shop"));
    assert_eq!(seen[0].attributes, pairs(&[("a", "2")]));
    assert_eq!((seen[1].time, seen[1].body.as_deref()), (None, None));
    assert_eq!((seen[1].attributes.len(), seen[1].dropped_attributes), (128, 2));
}

#[test]
fn the_current_span_is_the_one_it_belongs_to() {
    let (tracers, _reader) = provider(|builder| builder);
    let loggers = LoggerProvider::default();
    let mut reader = loggers.reader().unwrap();
    let logger = loggers.logger("it");
    let span = tracers.tracer("it").span("s").start();
    in_context!(&span, logger.record(&LogRecord::default(), &()));
    logger.record(&LogRecord::default(), &());
    let seen = testing::logs(&mut reader);
    assert_eq!(
        (seen[0].trace_id, seen[0].span_id),
        (span.span_context().trace_id(), span.span_context().span_id())
    );
    assert_eq!(seen[1].trace_id, throughline_trace::TraceId::INVALID);
}

#[test]
fn a_flood_of_records_does_not_push_out_spans() {
    let (tracers, mut spans) = provider(|builder| builder);
    let loggers = LoggerProvider::default();
    let mut reader = loggers.reader().unwrap();
    let logger = loggers.logger("it");
    let body = "x".repeat(1000);
    let record = LogRecord { body: Some(ValueRef::Str(&body)), ..LogRecord::default() };
    (0..3000).for_each(|_| logger.record(&record, &()));
    tracers.tracer("it").span("s").start().end();
    assert_eq!(testing::spans(&mut spans).len(), 1);
    let seen = testing::logs(&mut reader).len() as u64;
    assert_eq!(loggers.drops(), [(DropReason::RingFull, 3000 - seen)]);
}
