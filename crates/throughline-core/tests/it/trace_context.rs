//! The cases of the W3C's test suite for Trace Context, by its names, against a service that extracts, begins a span and
//! injects; and what they leave open.

use http::HeaderMap;
use throughline_core::propagation::{
    Context, Format, Rejected, SpanContext, TraceContextExt as _, TraceFlags, TraceState, WriteCarrier,
};

use crate::support::{TRACE, child, extract, header_map, inject, pairs, remote, span};

const TRACEPARENT: &str = "00-12345678901234567890123456789012-1234567890123456-01";

/// What a service answers to its caller's headers with: the headers of its own calls.
fn service(headers: &[(&str, &str)]) -> HeaderMap {
    let received = Format::TraceContext.extract(&Context::new(), &header_map(headers));
    let sent_for_pairs = answer(&Format::TraceContext.extract(&Context::new(), headers));
    let sent = answer(&received);
    assert_eq!(sent, sent_for_pairs, "whatever the carrier: {headers:?}");
    sent
}

fn answer(received: &Context) -> HeaderMap {
    let own = Context::new().with_remote_span_context(child(received.span().span_context()));
    let mut sent = HeaderMap::new();
    Format::TraceContext.inject(&own, &mut sent);
    sent
}

/// The trace id and the parent id of an answer, which has to be a valid one.
fn parts(sent: &HeaderMap) -> (String, String) {
    let headers: Vec<_> = sent.get_all("traceparent").iter().collect();
    assert_eq!(headers.len(), 1, "one traceparent: {headers:?}");
    let header = headers[0].to_str().expect("text");
    let fields: Vec<&str> = header.split('-').collect();
    let [version, trace, parent, flags] = fields.try_into().expect("four fields");
    let is_hex = |text: &str, length| {
        text.len() == length && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    };
    assert!(version == "00" && is_hex(trace, 32) && is_hex(parent, 16) && is_hex(flags, 2), "{header}");
    assert!(trace.bytes().any(|byte| byte != b'0') && parent.bytes().any(|byte| byte != b'0'), "{header}");
    (trace.to_owned(), parent.to_owned())
}

#[track_caller]
fn inherits(name: &str, headers: &[(&str, &str)]) {
    let (trace, parent) = parts(&service(headers));
    assert_eq!(trace, format!("{TRACE:032x}"), "{name}: {headers:?}");
    assert_ne!(parent, "1234567890123456", "{name}: a span of its own: {headers:?}");
}

#[track_caller]
fn restarts(name: &str, headers: &[(&str, &str)]) {
    let before = Rejected::TraceParent.count();
    let (trace, _) = parts(&service(headers));
    assert_eq!(trace, format!("{:032x}", 0xaaaa), "{name}: {headers:?}");
    assert!(Rejected::TraceParent.count() > before, "{name} is counted: {headers:?}");
}

#[test]
fn traceparents_that_are_inherited() {
    for (name, value) in [
        ("traceparent_included_tracestate_missing", TRACEPARENT),
        ("traceparent_version_0xcc", "cc-12345678901234567890123456789012-1234567890123456-01"),
        (
            "traceparent_version_0xcc",
            "cc-12345678901234567890123456789012-1234567890123456-01-what-the-future-will-be-like",
        ),
        ("traceparent_version_0xcc", "cc-12345678901234567890123456789012-1234567890123456-01-"),
        ("traceparent_version_0x01", "01-12345678901234567890123456789012-1234567890123456-ff"),
        ("traceparent_version_0xfe", "fe-12345678901234567890123456789012-1234567890123456-00"),
        ("traceparent_ows_handling", " 00-12345678901234567890123456789012-1234567890123456-01"),
        ("traceparent_ows_handling", "\t00-12345678901234567890123456789012-1234567890123456-01"),
        ("traceparent_ows_handling", "00-12345678901234567890123456789012-1234567890123456-01 "),
        ("traceparent_ows_handling", "00-12345678901234567890123456789012-1234567890123456-01\t"),
        ("traceparent_ows_handling", "\t 00-12345678901234567890123456789012-1234567890123456-01 \t"),
    ] {
        inherits(name, &[("traceparent", value)]);
    }
}

#[test]
fn traceparents_that_are_not() {
    for (name, value) in [
        ("version_0x00", "00-12345678901234567890123456789012-1234567890123456-01."),
        (
            "version_0x00",
            "00-12345678901234567890123456789012-1234567890123456-01-what-the-future-will-be-like",
        ),
        ("version_0x00", "00-12345678901234567890123456789012-1234567890123456-01-"),
        (
            "version_0xcc",
            "cc-12345678901234567890123456789012-1234567890123456-01.what-the-future-will-be-like",
        ),
        ("version_0xcc, too short", "cc-12345678901234567890123456789012-1234567890123456-0"),
        ("version_0xcc, flags too long", "cc-12345678901234567890123456789012-1234567890123456-011"),
        ("version_0xff", "ff-12345678901234567890123456789012-1234567890123456-01"),
        ("version_0xff", "ff-12345678901234567890123456789012-1234567890123456-01-more"),
        ("version_illegal_characters", ".0-12345678901234567890123456789012-1234567890123456-01"),
        ("version_illegal_characters", "0.-12345678901234567890123456789012-1234567890123456-01"),
        ("version upper case", "CC-12345678901234567890123456789012-1234567890123456-01"),
        ("version_too_long", "000-12345678901234567890123456789012-1234567890123456-01"),
        ("version_too_long", "0000-12345678901234567890123456789012-1234567890123456-01"),
        ("version_too_short", "0-12345678901234567890123456789012-1234567890123456-01"),
        ("trace_id_all_zero", "00-00000000000000000000000000000000-1234567890123456-01"),
        ("trace_id_illegal_characters", "00-.2345678901234567890123456789012-1234567890123456-01"),
        ("trace_id_illegal_characters", "00-1234567890123456789012345678901.-1234567890123456-01"),
        ("trace_id upper case", "00-1234567890123456789012345678901A-1234567890123456-01"),
        ("trace_id beyond ASCII", "00-é345678901234567890123456789012-1234567890123456-01"),
        ("trace_id_too_long", "00-123456789012345678901234567890123-1234567890123456-01"),
        ("trace_id_too_short", "00-1234567890123456789012345678901-1234567890123456-01"),
        ("parent_id_all_zero", "00-12345678901234567890123456789012-0000000000000000-01"),
        ("parent_id_illegal_characters", "00-12345678901234567890123456789012-.234567890123456-01"),
        ("parent_id_illegal_characters", "00-12345678901234567890123456789012-123456789012345.-01"),
        ("parent_id upper case", "00-12345678901234567890123456789012-123456789012345A-01"),
        ("parent_id_too_long", "00-12345678901234567890123456789012-12345678901234567-01"),
        ("parent_id_too_short", "00-12345678901234567890123456789012-123456789012345-01"),
        ("trace_flags_illegal_characters", "00-12345678901234567890123456789012-1234567890123456-.0"),
        ("trace_flags_illegal_characters", "00-12345678901234567890123456789012-1234567890123456-0."),
        ("trace_flags upper case", "00-12345678901234567890123456789012-1234567890123456-0A"),
        ("trace_flags_too_long", "00-12345678901234567890123456789012-1234567890123456-001"),
        ("trace_flags_too_short", "00-12345678901234567890123456789012-1234567890123456-1"),
        ("other separators", "00_12345678901234567890123456789012_1234567890123456_01"),
        ("two in one header", &format!("{TRACEPARENT},{TRACEPARENT}")),
        ("empty", ""),
        ("blank", " \t "),
        ("whitespace inside", "00- 2345678901234567890123456789012-1234567890123456-01"),
    ] {
        restarts(name, &[("traceparent", value)]);
    }
}

#[test]
fn traceparent_duplicated() {
    let other = "00-12345678901234567890123456789011-1234567890123456-01";
    restarts("different", &[("traceparent", other), ("traceparent", TRACEPARENT)]);
    restarts("the same", &[("traceparent", TRACEPARENT), ("traceparent", TRACEPARENT)]);
    restarts("one of them empty", &[("traceparent", TRACEPARENT), ("traceparent", "")]);
}

#[test]
fn both_traceparent_and_tracestate_missing() {
    assert_eq!(parts(&service(&[])).0, format!("{:032x}", 0xaaaa));
    assert_eq!(span(Format::TraceContext, &[]), None);
}

#[test]
fn traceparent_header_name() {
    for name in ["trace-parent", "trace.parent", "traceparent-", "xtraceparent"] {
        assert_eq!(span(Format::TraceContext, &[(name, TRACEPARENT)]), None, "{name}");
    }
    for name in ["TraceParent", "TrAcEpArEnT", "TRACEPARENT"] {
        inherits("traceparent_header_name_valid_casing", &[(name, TRACEPARENT)]);
    }
}

#[test]
fn a_long_header_of_a_later_version_is_read_and_a_huge_one_is_not() {
    let padded =
        |length: usize| format!("cc{}-{}", TRACEPARENT.trim_start_matches("00"), "x".repeat(length - 56));
    inherits("512 characters", &[("traceparent", &padded(512))]);
    restarts("513 characters", &[("traceparent", &padded(513))]);
}

#[test]
fn flags_that_are_known_are_kept_and_others_are_zero() {
    for flags in 0..=u8::MAX {
        for version in ["00", "01", "fe"] {
            let header = format!("{version}-12345678901234567890123456789012-1234567890123456-{flags:02x}");
            let span = span(Format::TraceContext, &[("traceparent", &header)]).unwrap();
            assert_eq!(span.trace_flags(), TraceFlags::new(flags & 0x03), "{header}");
            assert_eq!(span.is_sampled(), flags & 1 == 1);
            assert!(span.is_remote());
        }
        let sent = inject(
            Format::TraceContext,
            &Context::new().with_remote_span_context(remote(flags, TraceState::NONE)),
        );
        assert!(sent[0].1.ends_with(&format!("-{:02x}", flags & 0x03)), "{sent:?}");
    }
}

#[test]
fn multiple_requests_with_valid_traceparent() {
    let received = extract(Format::TraceContext, &[("traceparent", TRACEPARENT)]);
    let parent = received.span().span_context().clone();
    let answers: Vec<_> = (1..=3)
        .map(|id| {
            let own =
                SpanContext::new(parent.trace_id(), id.into(), parent.trace_flags(), false, TraceState::NONE);
            parts(&answer_of(own))
        })
        .collect();
    assert!(answers.iter().all(|(trace, _)| *trace == format!("{TRACE:032x}")));
    assert_eq!(answers.iter().map(|(_, parent)| parent).collect::<std::collections::HashSet<_>>().len(), 3);
}

fn answer_of(own: SpanContext) -> HeaderMap {
    let mut sent = HeaderMap::new();
    Format::TraceContext.inject(&Context::new().with_remote_span_context(own), &mut sent);
    sent
}

#[test]
fn what_a_previous_hop_left_is_replaced() {
    let mut headers = header_map(&[
        ("traceparent", "00-99999999999999999999999999999999-9999999999999999-00"),
        ("traceparent", "00-99999999999999999999999999999998-9999999999999998-00"),
        ("tracestate", "stale=1"),
        ("tracestate", "stale2=1"),
    ]);
    let mut list = pairs(&[("TraceParent", "stale"), ("TRACESTATE", "stale=1"), ("other", "kept")]);
    let context = Context::new().with_remote_span_context(remote(1, TraceState::NONE));
    Format::TraceContext.inject(&context, &mut headers);
    Format::TraceContext.inject(&context, &mut list);
    assert_eq!(headers, header_map(&[("traceparent", TRACEPARENT)]));
    assert_eq!(list, pairs(&[("other", "kept"), ("traceparent", TRACEPARENT)]));
}

#[test]
fn without_a_span_the_headers_stay_as_they_are() {
    let received = header_map(&[("traceparent", TRACEPARENT), ("tracestate", "a=1")]);
    let mut headers = received.clone();
    Format::TraceContext.inject(&Context::new(), &mut headers);
    Format::TraceContext.inject_span_context(&SpanContext::NONE, &mut headers);
    assert_eq!(headers, received);
}

#[test]
fn a_context_keeps_its_span_when_the_header_is_wrong() {
    let own = Context::new().with_remote_span_context(child(&SpanContext::NONE));
    let headers = pairs(&[("traceparent", "wrong")]);
    let context = Format::TraceContext.extract(&own, &headers);
    assert_eq!(context.span().span_context(), own.span().span_context());
}

#[test]
fn nothing_is_written_for_half_a_span_context() {
    for (trace, id) in [(0, 1), (1, 0)] {
        let half =
            SpanContext::new(u128::into(trace), u64::into(id), TraceFlags::SAMPLED, true, TraceState::NONE);
        let mut headers = HeaderMap::new();
        for format in Format::ALL {
            format.inject_span_context(&half, &mut headers);
            WriteCarrier::remove(&mut headers, "absent");
        }
        assert!(headers.is_empty());
    }
}
