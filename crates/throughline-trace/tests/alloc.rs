//! A span of usual size costs no allocation once a thread is warm, nor does taking it out, nor a log record.

#[path = "../../throughline-core/tests/it/counting.rs"]
mod counting;

use opentelemetry::KeyValue;
use throughline_core::attribute::ValueRef;
use throughline_trace::sampler::Sampler;
use throughline_trace::{LogRecord, LoggerProvider, Status, TracerProvider};

use counting::allocations;

/// Runs `work` until everything is warm, and then checks that it allocates nothing.
#[track_caller]
fn assert_free(what: &str, mut work: impl FnMut(usize)) {
    (0..400).for_each(&mut work);
    let count = allocations(|| (0..1000).for_each(&mut work));
    assert_eq!(count, 0, "{what}");
}

#[test]
fn spans() {
    let provider = TracerProvider::default();
    let mut reader = provider.reader().unwrap();
    let tracer = provider.tracer("it");
    let owned = [KeyValue::new("key", "value".to_owned())];
    assert_free("a root with three attributes", |n| {
        let builder =
            tracer.span("s").with_attribute("a", "text").with_attribute("b", 1).with_attribute("c", 0.5);
        drop(builder.start());
        if n % 100 == 0 {
            reader.drain(usize::MAX, |span| assert_eq!(span.attributes.iter().count(), 3));
        }
    });
    let parent = tracer.span("parent").start();
    let _entered = parent.enter();
    assert_free("a child with everything", |n| {
        let mut span = tracer.span("s").with_attributes(&owned).start();
        span.set_attribute("key", "another");
        span.add_event("event", &owned);
        span.add_link(parent.span_context(), &owned);
        span.set_status(Status::Ok);
        span.update_name("name");
        span.end();
        if n % 100 == 0 {
            reader.drain(usize::MAX, |_| {});
        }
    });
    provider.sampler().set(Sampler::always_off());
    assert_free("not sampled", |_| drop(tracer.span("s").with_attribute("a", "text").start()));
}

#[test]
fn log_records() {
    let provider = LoggerProvider::default();
    let mut reader = provider.reader().unwrap();
    let logger = provider.logger("it");
    let attributes = [KeyValue::new("key", "value")];
    let record =
        LogRecord { body: Some(ValueRef::Str("message")), severity_text: "INFO", ..LogRecord::default() };
    assert_free("a log record", |n| {
        logger.record(&record, &attributes);
        if n % 100 == 0 {
            reader.drain(usize::MAX, |_| {});
        }
    });
}
