//! B3 in both forms: `openzipkin/b3-propagation`'s rules, one by one.

use throughline_core::propagation::{
    Context, Format, Rejected, Sampling, SpanContext, TraceContextExt as _, TraceFlags, TraceState,
};

use crate::support::{child, context, extract, inject, pairs, remote, span};

const IDS: &str = "12345678901234567890123456789012-1234567890123456";

/// The caller's flags and its decision, where the header is valid.
fn read(header: &str) -> (Option<SpanContext>, Option<Sampling>) {
    let context = extract(Format::B3, &[("b3", header)]);
    (span(Format::B3, &[("b3", header)]), Sampling::of(&context))
}

fn several(headers: &[(&str, &str)]) -> (Option<SpanContext>, Option<Sampling>) {
    let context = extract(Format::B3Multi, headers);
    (span(Format::B3Multi, headers), Sampling::of(&context))
}

const TRACE: (&str, &str) = ("X-B3-TraceId", "12345678901234567890123456789012");
const SPAN: (&str, &str) = ("X-B3-SpanId", "1234567890123456");

#[test]
fn every_state_is_read() {
    let sampled = Some(remote(1, TraceState::NONE));
    let unsampled = Some(remote(0, TraceState::NONE));
    assert_eq!(read(&format!("{IDS}-1")), (sampled.clone(), None));
    assert_eq!(read(&format!("{IDS}-0")), (unsampled.clone(), None));
    assert_eq!(read(&format!("{IDS}-d")), (sampled.clone(), Some(Sampling::Debug)));
    assert_eq!(read(IDS), (unsampled.clone(), Some(Sampling::Defer)));
    assert_eq!(read(&format!("{IDS}-1-0000000000000001")), (sampled.clone(), None));
    assert_eq!(read(&format!(" {IDS}-1\t")), (sampled.clone(), None));

    for (state, expected) in [
        (&[("X-B3-Sampled", "1")][..], (sampled.clone(), None)),
        (&[("X-B3-Sampled", "true")], (sampled.clone(), None)),
        (&[("X-B3-Sampled", "0")], (unsampled.clone(), None)),
        (&[("X-B3-Sampled", "false")], (unsampled.clone(), None)),
        (&[("X-B3-Flags", "1")], (sampled.clone(), Some(Sampling::Debug))),
        (&[("X-B3-Flags", "1"), ("X-B3-Sampled", "0")], (sampled.clone(), Some(Sampling::Debug))),
        (&[("X-B3-Flags", "0"), ("X-B3-Sampled", "1")], (sampled, None)),
        (&[("X-B3-ParentSpanId", "0000000000000001")], (unsampled.clone(), Some(Sampling::Defer))),
        (&[], (unsampled, Some(Sampling::Defer))),
    ] {
        let headers: Vec<_> = [TRACE, SPAN].into_iter().chain(state.iter().copied()).collect();
        assert_eq!(several(&headers), expected, "{headers:?}");
    }
}

#[test]
fn trace_ids_of_64_bits_get_zeros() {
    let expected =
        SpanContext::new(0x1234_u128.into(), 1_u64.into(), TraceFlags::SAMPLED, true, TraceState::NONE);
    assert_eq!(read("0000000000001234-0000000000000001-1").0, Some(expected.clone()));
    let headers =
        [("x-b3-traceid", "0000000000001234"), ("x-b3-spanid", "0000000000000001"), ("x-b3-sampled", "1")];
    assert_eq!(several(&headers).0, Some(expected.clone()));
    let sent = inject(Format::B3, &Context::new().with_remote_span_context(expected));
    assert_eq!(sent, pairs(&[("b3", "00000000000000000000000000001234-0000000000000001-1")]));
}

#[test]
fn what_is_not_valid_is_refused_and_counted() {
    let long = format!("{IDS}-1-0000000000000001-");
    for header in [
        "",
        "2",
        "dd",
        "D",
        "-",
        "1-",
        "12345678901234567890123456789012",
        "12345678901234567890123456789012-",
        "00000000000000000000000000000000-1234567890123456-1",
        "12345678901234567890123456789012-0000000000000000-1",
        "0000000000000000-1234567890123456-1",
        "1234567890123456789012345678901-1234567890123456-1",
        "12345678901234567890123456789012-123456789012345-1",
        "1234567890123456789012345678901g-1234567890123456-1",
        "1234567890123456789012345678901A-1234567890123456-1",
        "12345678901234567890123456789012-1234567890123456-",
        "12345678901234567890123456789012-1234567890123456-2",
        "12345678901234567890123456789012-1234567890123456-true",
        "12345678901234567890123456789012-1234567890123456-1-1",
        "12345678901234567890123456789012-1234567890123456-1-000000000000000g",
        &long,
        &"1".repeat(10_000),
    ] {
        let before = Rejected::B3.count();
        assert_eq!(read(header), (None, None), "{header}");
        assert!(Rejected::B3.count() > before, "{header}");
    }
    for headers in [
        &[TRACE][..],
        &[SPAN],
        &[TRACE, SPAN, ("X-B3-Sampled", "2")],
        &[TRACE, SPAN, ("X-B3-Sampled", "1"), ("X-B3-Sampled", "1")],
        &[TRACE, TRACE, SPAN],
        &[("X-B3-TraceId", "1"), SPAN],
        &[TRACE, ("X-B3-SpanId", "1")],
        &[("b3", "1"), ("b3", "1")],
    ] {
        let before = Rejected::B3.count();
        assert_eq!(several(headers), (None, None), "{headers:?}");
        assert!(Rejected::B3.count() > before, "{headers:?}");
    }
}

#[test]
fn a_decision_may_come_without_a_trace() {
    for (header, decision) in [("0", Sampling::Deny), ("1", Sampling::Accept), ("d", Sampling::Debug)] {
        assert_eq!(read(header), (None, Some(decision)));
        let received = extract(Format::B3, &[("b3", header)]);
        assert_eq!(inject(Format::B3, &received), pairs(&[("b3", header)]), "and is passed on");
    }
    assert_eq!(several(&[("X-B3-Sampled", "0")]), (None, Some(Sampling::Deny)));
    assert_eq!(several(&[("X-B3-Flags", "1")]), (None, Some(Sampling::Debug)));
    let denied = extract(Format::B3Multi, &[("X-B3-Sampled", "0")]);
    assert_eq!(inject(Format::B3Multi, &denied), pairs(&[("x-b3-sampled", "0")]));
    let own = denied.with_remote_span_context(child(&SpanContext::NONE));
    assert_eq!(Sampling::of(&own), None, "a span of our own says it itself");
    assert!(inject(Format::B3, &Context::new()).is_empty());
    assert!(inject(Format::B3Multi, &Context::new()).is_empty());
}

#[test]
fn both_forms_are_read_and_the_single_header_comes_first() {
    let one = ("b3", "00000000000000000000000000000001-0000000000000001-1");
    for format in [Format::B3, Format::B3Multi] {
        assert_eq!(span(format, &[one, TRACE, SPAN]).unwrap().trace_id(), 1.into());
        assert_eq!(span(format, &[("b3", "wrong"), TRACE, SPAN]), Some(remote(0, TraceState::NONE)));
        assert_eq!(span(format, &[TRACE, SPAN]), Some(remote(0, TraceState::NONE)));
    }
}

#[test]
fn both_forms_are_written() {
    assert_eq!(inject(Format::B3, &context(1)), pairs(&[("b3", &format!("{IDS}-1"))]));
    assert_eq!(inject(Format::B3, &context(0)), pairs(&[("b3", &format!("{IDS}-0"))]));
    assert_eq!(
        inject(Format::B3Multi, &context(1)),
        pairs(&[("x-b3-sampled", "1"), ("x-b3-spanid", SPAN.1), ("x-b3-traceid", TRACE.1)])
    );
}

#[test]
fn debug_goes_on_for_the_whole_trace_and_a_deferred_decision_until_somebody_decides() {
    let debug = extract(Format::B3, &[("b3", &format!("{IDS}-d"))]);
    let own = debug.with_remote_span_context(child(debug.span().span_context()));
    assert_eq!(inject(Format::B3, &own)[0].1, "12345678901234567890123456789012-000000000000bbbb-d");
    assert_eq!(
        inject(Format::B3Multi, &own),
        pairs(&[("x-b3-flags", "1"), ("x-b3-spanid", "000000000000bbbb"), ("x-b3-traceid", TRACE.1)])
    );

    let deferred = extract(Format::B3, &[("b3", IDS)]);
    assert_eq!(inject(Format::B3, &deferred), pairs(&[("b3", IDS)]));
    assert_eq!(inject(Format::B3Multi, &deferred).len(), 2);
    let own = deferred.with_remote_span_context(child(deferred.span().span_context()));
    assert_eq!(inject(Format::B3, &own)[0].1, "12345678901234567890123456789012-000000000000bbbb-0");
}

#[test]
fn a_new_trace_does_not_inherit_the_decision_of_another() {
    let debug = extract(Format::B3, &[("b3", &format!("{IDS}-d"))]);
    let next = Format::B3.extract(&debug, &pairs(&[("b3", &format!("{IDS}-0"))]));
    assert_eq!(inject(Format::B3, &next), pairs(&[("b3", &format!("{IDS}-0"))]));
}

#[test]
fn headers_of_the_previous_hop_do_not_contradict() {
    let mut headers = pairs(&[
        ("X-B3-TraceId", "1"),
        ("X-B3-SpanId", "2"),
        ("X-B3-ParentSpanId", "3"),
        ("X-B3-Flags", "1"),
    ]);
    Format::B3Multi.inject(&context(0), &mut headers);
    headers.sort();
    assert_eq!(headers, pairs(&[("x-b3-sampled", "0"), ("x-b3-spanid", SPAN.1), ("x-b3-traceid", TRACE.1)]));
}
