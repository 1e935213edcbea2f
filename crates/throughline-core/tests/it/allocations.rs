//! What extracting and injecting allocate.
#![expect(unsafe_code, reason = "a global allocator that counts cannot be written without")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use http::HeaderMap;
use throughline_core::propagation::{
    BaggageExt as _, BaggageItem, Context, Format, Propagators, SpanContext, TraceContextExt as _,
    TraceState, baggage_items,
};

use crate::support::{header_map, remote};

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

/// How often this thread allocates in `run`.
fn allocations<T>(run: impl FnOnce() -> T) -> u64 {
    let before = ALLOCATIONS.get();
    let result = run();
    let count = ALLOCATIONS.get() - before;
    drop(result);
    count
}

const TRACEPARENT: (&str, &str) = ("traceparent", "00-12345678901234567890123456789012-1234567890123456-01");

#[test]
fn a_span_context_is_extracted_without_allocating() {
    let propagators = Propagators::default();
    for headers in [
        &[TRACEPARENT][..],
        &[],
        &[TRACEPARENT, ("tracestate", "")],
        &[TRACEPARENT, ("tracestate", "wrong")],
        &[TRACEPARENT, TRACEPARENT],
        &[("traceparent", "00-xyz")],
        &[("traceparent", "cc-12345678901234567890123456789012-1234567890123456-01-more")],
        &[("host", "example.com"), ("accept", "*/*")],
    ] {
        let map = header_map(headers);
        assert_eq!(allocations(|| Format::TraceContext.extract_span_context(&map)), 0, "{headers:?}");
        assert_eq!(allocations(|| propagators.extract_span_context(&map)), 0, "{headers:?}");
        assert_eq!(allocations(|| Format::TraceContext.extract_span_context(headers)), 0, "{headers:?}");
    }
    for (format, headers) in [
        (Format::B3, [("b3", "12345678901234567890123456789012-1234567890123456-1")]),
        (
            Format::XRay,
            [("x-amzn-trace-id", "Root=1-12345678-901234567890123456789012;Parent=1234567890123456")],
        ),
    ] {
        let map = header_map(&headers);
        assert_eq!(allocations(|| format.extract_span_context(&map)), 0, "{format}");
    }
}

#[test]
fn a_context_is_extracted_with_the_one_allocation_that_it_is_made_of() {
    let context = Context::new();
    let map = header_map(&[TRACEPARENT, ("host", "example.com")]);
    let propagators = Propagators::default();
    assert_eq!(allocations(|| propagators.extract(&context, &map)), 1);
    assert_eq!(allocations(|| propagators.extract(&context, &HeaderMap::new())), 0);
}

#[test]
fn injecting_allocates_what_the_map_does() {
    let span = remote(1, TraceState::NONE);
    let mut map = header_map(&[TRACEPARENT]);
    assert_eq!(
        allocations(|| Format::TraceContext.inject_span_context(&span, &mut map)),
        1,
        "the header's value"
    );
    assert_eq!(allocations(|| Format::TraceContext.inject_span_context(&SpanContext::NONE, &mut map)), 0);
    let context = Context::new().with_remote_span_context(span);
    let propagators = Propagators::default();
    assert_eq!(allocations(|| propagators.inject(&context, &mut map)), 1);
}

#[test]
fn baggage_is_shown_without_allocating() {
    let context = Context::new().with_baggage([BaggageItem::new("a", "1").with_metadata("p")]);
    assert_eq!(allocations(|| baggage_items(&context).map(|item| item.value().len()).sum::<usize>()), 0);
}
