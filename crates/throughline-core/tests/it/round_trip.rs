//! What is written is read as it was, in every format; and what is read is written so that it is read as the same.

use proptest::prelude::*;
use throughline_core::propagation::{
    BaggageExt as _, BaggageItem, Context, Format, Propagators, SpanContext, TraceContextExt as _,
    TraceFlags, TraceState, baggage_items,
};

use crate::support::Pairs;

/// Every format that carries a trace.
const TRACES: [Format; 5] = [Format::TraceContext, Format::B3, Format::B3Multi, Format::Jaeger, Format::XRay];

fn found(context: &Context) -> (SpanContext, Vec<(String, String, String)>) {
    let mut items: Vec<_> = baggage_items(context)
        .map(|item| (item.key().to_owned(), item.value().to_owned(), item.metadata().to_owned()))
        .collect();
    items.sort();
    (context.span().span_context().clone(), items)
}

proptest! {
    #[test]
    fn spans_come_back(trace in 1..=u128::MAX, span in 1..=u64::MAX, flags in 0..=1_u8) {
        let sent = SpanContext::new(trace.into(), span.into(), TraceFlags::new(flags), true, TraceState::NONE);
        for format in TRACES {
            let mut headers = Pairs::new();
            format.inject_span_context(&sent, &mut headers);
            prop_assert_eq!(format.extract_span_context(&headers), Some(sent.clone()), "{}", format);
        }
    }

    #[test]
    fn states_come_back(members in prop::collection::vec(("[a-z0-9][a-z0-9_*/-]{0,9}", "[ -+--<>-~]{0,9}[!-+--<>-~]"), 0..20)) {
        let mut state = TraceState::NONE;
        for (key, value) in members {
            state = state.insert(key, value).unwrap();
        }
        let sent = SpanContext::new(1.into(), 1.into(), TraceFlags::SAMPLED, true, state);
        let mut headers = Pairs::new();
        Format::TraceContext.inject_span_context(&sent, &mut headers);
        prop_assert_eq!(Format::TraceContext.extract_span_context(&headers), Some(sent));
    }

    #[test]
    fn baggage_comes_back(
        items in prop::collection::hash_map("[!#$%&'*+.^_`|~0-9a-zA-Z-]{1,9}", ("\\PC{0,9}|.{0,9}", "([a-z]{1,4}(=[a-z]{0,4})?(;[a-z]{1,4}){0,2})?"), 0..20)
    ) {
        let items = items.iter().map(|(key, (value, metadata))| BaggageItem::new(key, value).with_metadata(metadata));
        let sent = Context::new().with_baggage(items);
        let mut headers = Pairs::new();
        Format::Baggage.inject(&sent, &mut headers);
        let received = Format::Baggage.extract(&Context::new(), &headers);
        prop_assert_eq!(found(&received), found(&sent));
    }

    /// Arbitrary bytes, or a valid header with a few bytes changed, never do harm; what is understood is stable.
    #[test]
    fn whatever_is_read_is_written_so_that_it_is_read_as_the_same(
        header in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..200),
            "[0-9a-f]{1,33}[-:][0-9a-f]{1,17}[-:][0-9a-d]{1,3}([-:][0-9a-f]{1,17})?".prop_map(String::into_bytes),
            "(00|cc)-[0-9a-f]{32}-[0-9a-f]{16}-0[0-9](-.{0,9})?".prop_map(String::into_bytes),
            "(Root=1-[0-9a-f]{8}-[0-9a-f]{24}|Parent=[0-9a-f]{16}|Sampled=[01?]|[;=a]){1,4}".prop_map(String::into_bytes),
            "([a-c@=,; \t%0-9]|%[0-9A-F]{2}){0,60}".prop_map(String::into_bytes),
        ],
    ) {
        for format in Format::ALL {
            for name in format.headers().iter().chain(&["uberctx-key"]) {
                let valid = ("traceparent", b"00-12345678901234567890123456789012-1234567890123456-00".to_vec());
                let headers = if *name == "tracestate" { vec![valid, (*name, header.clone())] } else { vec![(*name, header.clone())] };
                let first = format.extract(&Context::new(), &headers);
                let mut sent = Pairs::new();
                format.inject(&first, &mut sent);
                let second = format.extract(&Context::new(), &sent);
                prop_assert_eq!(found(&first), found(&second), "{}: {}", format, name);
                let mut again = Pairs::new();
                format.inject(&second, &mut again);
                sent.sort();
                again.sort();
                prop_assert_eq!(sent, again);
            }
        }
    }

    #[test]
    fn any_text_is_propagators_or_an_error(text in "\\PC{0,30}|[a-z0-9, ]{0,30}") {
        if let Ok(propagators) = text.parse::<Propagators>() {
            prop_assert_eq!(propagators.to_string().parse(), Ok(propagators));
        }
    }
}
