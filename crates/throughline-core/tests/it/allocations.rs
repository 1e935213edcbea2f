//! What extracting and injecting allocate.

use http::HeaderMap;
use throughline_core::propagation::{
    BaggageExt as _, BaggageItem, Context, Format, Propagators, SpanContext, TraceContextExt as _,
    TraceState, baggage_items,
};

use crate::counting::allocations;
use crate::support::{header_map, remote};

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
