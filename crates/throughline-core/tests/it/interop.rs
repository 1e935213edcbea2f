//! What ours injects the OpenTelemetry SDK's propagators extract, and the other way round.

use std::collections::HashMap;

use opentelemetry_sdk::propagation::{BaggagePropagator, TraceContextPropagator};
use proptest::prelude::*;
use throughline_core::propagation::{
    BaggageExt as _, BaggageItem, Context, Format, SpanContext, TextMapPropagator, TraceContextExt as _,
    TraceFlags, TraceState, baggage_items,
};

type Headers = HashMap<String, String>;

/// Span contexts whose state is short enough to be sent in full.
fn spans() -> impl Strategy<Value = SpanContext> {
    let key = "[a-z][a-z0-9_*/-]{0,10}(@[a-z][a-z0-9_*/-]{0,10})?";
    let state = prop::collection::hash_map(key, "[ -+--<>-~]{0,10}[!-+--<>-~]", 0..8);
    (1..=u128::MAX, 1..=u64::MAX, 0..=1_u8, state).prop_map(|(trace, span, flags, state)| {
        let state = TraceState::from_key_value(state).expect("valid members");
        SpanContext::new(trace.into(), span.into(), TraceFlags::new(flags), true, state)
    })
}

/// Items without what the SDK loses: it does not encode percent signs, and trims what it reads.
fn items() -> impl Strategy<Value = Vec<(String, String)>> {
    let value = "([^%\\s\\p{Cc}][^%\\p{Cc}]{0,8})?[^%\\s\\p{Cc}]";
    prop::collection::hash_map("[a-zA-Z0-9._-]{1,12}", value, 0..12)
        .prop_map(|items| items.into_iter().collect())
}

fn sorted(context: &Context) -> Vec<(String, String)> {
    let mut items: Vec<_> =
        baggage_items(context).map(|item| (item.key().to_owned(), item.value().to_owned())).collect();
    items.sort();
    items
}

proptest! {
    #[test]
    fn they_read_what_we_write_and_we_read_what_they_write(span in spans()) {
        let context = Context::new().with_remote_span_context(span.clone());
        let theirs = TraceContextPropagator::new();
        let (mut by_us, mut by_them) = (Headers::new(), Headers::new());
        Format::TraceContext.inject(&context, &mut by_us);
        theirs.inject_context(&context, &mut by_them);
        let read_by_them = theirs.extract_with_context(&Context::new(), &by_us);
        let read_by_them = read_by_them.span().span_context().clone();
        prop_assert_eq!(&read_by_them, &span);
        prop_assert_eq!(Format::TraceContext.extract_span_context(&by_them), Some(span));
    }

    #[test]
    fn baggage_too(items in items()) {
        let pairs = items.iter().map(|(key, value)| BaggageItem::new(key, value));
        let context = Context::new().with_baggage(pairs);
        let theirs = BaggagePropagator::new();
        let (mut by_us, mut by_them) = (Headers::new(), Headers::new());
        Format::Baggage.inject(&context, &mut by_us);
        theirs.inject_context(&context, &mut by_them);
        let read_by_them = theirs.extract_with_context(&Context::new(), &by_us);
        let read_by_us = Format::Baggage.extract(&Context::new(), &by_them);
        prop_assert_eq!(sorted(&read_by_them), sorted(&context));
        prop_assert_eq!(sorted(&read_by_us), sorted(&context));
    }

    /// Ours is the stricter one: whatever ours accepts, theirs reads as the same trace.
    #[test]
    fn a_header_that_we_accept_they_read_alike(header in "[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}(-.{0,5})?") {
        let headers = Headers::from([("traceparent".to_owned(), header)]);
        if let Some(ours) = Format::TraceContext.extract_span_context(&headers) {
            let context = TraceContextPropagator::new().extract_with_context(&Context::new(), &headers);
            let theirs = context.span().span_context().clone();
            prop_assert_eq!((theirs.trace_id(), theirs.span_id()), (ours.trace_id(), ours.span_id()));
            prop_assert_eq!(theirs.is_sampled(), ours.is_sampled());
        }
    }
}
