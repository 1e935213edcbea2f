//! Jaeger's headers.

use throughline_core::propagation::{
    BaggageExt as _, BaggageItem, Context, Format, Rejected, Sampling, SpanContext, TraceContextExt as _,
    TraceFlags, TraceState, baggage_items,
};

use crate::support::{child, context, extract, header_map, inject, pairs, remote, span};

const HEADER: &str = "12345678901234567890123456789012:1234567890123456:0:1";

fn read(header: &str) -> Option<SpanContext> {
    span(Format::Jaeger, &[("uber-trace-id", header)])
}

#[test]
fn traces_are_read() {
    let sampled = Some(remote(1, TraceState::NONE));
    for header in [
        HEADER,
        "12345678901234567890123456789012:1234567890123456:abcdef:01",
        "12345678901234567890123456789012%3A1234567890123456%3a0%3A1",
        " 12345678901234567890123456789012:1234567890123456:0:1 ",
        "12345678901234567890123456789012:1234567890123456::1",
        "12345678901234567890123456789012:1234567890123456:0:9",
    ] {
        assert_eq!(read(header), sampled, "{header}");
    }
    let short =
        SpanContext::new(0xab_u128.into(), 0xcd_u64.into(), TraceFlags::NOT_SAMPLED, true, TraceState::NONE);
    assert_eq!(read("AB:cD:0:0"), Some(short), "zeros may be missing, and the case is free");
}

#[test]
fn what_is_not_valid_is_refused_and_counted() {
    for header in [
        "",
        ":::",
        "0:1:0:1",
        "1:0:0:1",
        "1:1:0",
        "1:1:0:1:1",
        "1:1:0:",
        "1:1:0:100",
        "1:1:0:g",
        "1:1:0:+1",
        "g:1:0:1",
        "1:g:0:1",
        "1:1:g:1",
        "1:1:00000000000000001:1",
        "123456789012345678901234567890123:1:0:1",
        "1:12345678901234567:0:1",
        "%FF:1:0:1",
        &"1".repeat(10_000),
    ] {
        let before = Rejected::Jaeger.count();
        assert_eq!(read(header), None, "{header}");
        assert!(Rejected::Jaeger.count() > before, "{header}");
    }
    assert_eq!(span(Format::Jaeger, &[("uber-trace-id", HEADER), ("uber-trace-id", HEADER)]), None);
}

#[test]
fn traces_are_written_with_all_their_digits() {
    assert_eq!(inject(Format::Jaeger, &context(1)), pairs(&[("uber-trace-id", HEADER)]));
    assert!(inject(Format::Jaeger, &context(0))[0].1.ends_with(":0:0"));
    assert!(inject(Format::Jaeger, &Context::new()).is_empty());
}

#[test]
fn debug_goes_on_for_the_whole_trace() {
    let debug = extract(Format::Jaeger, &[("uber-trace-id", "1:1:0:3")]);
    assert_eq!(Sampling::of(&debug), Some(Sampling::Debug));
    let own = debug.with_remote_span_context(child(debug.span().span_context()));
    assert!(inject(Format::Jaeger, &own)[0].1.ends_with(":000000000000bbbb:0:3"));
    assert!(inject(Format::B3, &own)[0].1.ends_with("-d"), "in another format too");
}

#[test]
fn baggage_has_a_header_for_each_item() {
    let received =
        [("uberctx-tenant", "%C3%87atal%20H"), ("Uberctx-Plan", "gold"), ("uber", "x"), ("uberctx-", "x")];
    for context in
        [extract(Format::Jaeger, &received), Format::Jaeger.extract(&Context::new(), &header_map(&received))]
    {
        let mut items: Vec<_> = baggage_items(&context)
            .map(|item| (item.key().to_lowercase(), item.value().to_owned()))
            .collect();
        items.sort();
        assert_eq!(items, pairs(&[("plan", "gold"), ("tenant", "Çatal H")]));
    }
    let context =
        Context::new().with_baggage([BaggageItem::new("tenant", "Çatal H\n"), BaggageItem::new("a", "1")]);
    assert_eq!(
        inject(Format::Jaeger, &context),
        pairs(&[("uberctx-a", "1"), ("uberctx-tenant", "%C3%87atal%20H%0A")])
    );
}

#[test]
fn baggage_has_limits() {
    let before = Rejected::BaggageMember.count();
    let many = pairs(&[("uberctx-long", &"x".repeat(8193)), ("uberctx-bad", "a\nb"), ("uberctx-ok", "1")]);
    let context = Format::Jaeger.extract(&Context::new(), &many);
    assert_eq!(baggage_items(&context).collect::<Vec<_>>(), [BaggageItem::new("ok", "1")]);
    assert!(Rejected::BaggageMember.count() >= before + 2);
    let long =
        Context::new().with_baggage([BaggageItem::new("a", "é".repeat(2000)), BaggageItem::new("b", "1")]);
    assert_eq!(inject(Format::Jaeger, &long), pairs(&[("uberctx-b", "1")]), "too long once it is encoded");
    let many: Vec<(String, String)> = (0..200).map(|at| (format!("uberctx-k{at}"), "v".into())).collect();
    let context = Format::Jaeger.extract(&Context::new(), &many);
    assert_eq!(context.baggage().len(), 64);
}
