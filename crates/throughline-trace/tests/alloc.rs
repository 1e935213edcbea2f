//! A span of usual size costs no allocation once a thread is warm, nor does taking it out, nor a log record.
#![expect(unsafe_code, reason = "a global allocator that counts cannot be written without")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use opentelemetry::KeyValue;
use throughline_core::attribute::ValueRef;
use throughline_trace::sampler::Sampler;
use throughline_trace::{LogRecord, LoggerProvider, Status, TracerProvider};

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

// SAFETY: every call is passed on to the system's allocator as it came; counting touches a thread-local without a
// destructor, which neither allocates nor can be gone.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller keeps the contract, which is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract, which is the same.
        unsafe { System.dealloc(ptr, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Runs `work` until everything is warm, and then checks that it allocates nothing.
#[track_caller]
fn assert_free(what: &str, mut work: impl FnMut(usize)) {
    (0..400).for_each(&mut work);
    let before = ALLOCATIONS.get();
    (0..1000).for_each(&mut work);
    assert_eq!(ALLOCATIONS.get() - before, 0, "{what}");
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
