//! The cases of the W3C's test suite for `tracestate`, by its names, and what they leave open.

use throughline_core::propagation::{
    Context, Format, Rejected, SpanContext, TRACESTATE_BYTES_MAX, TRACESTATE_SENT_MAX, TraceContextExt as _,
    TraceState,
};

use crate::support::{header_map, inject, remote, span};

const TRACEPARENT: (&str, &str) = ("traceparent", "00-12345678901234567890123456789012-1234567890123456-00");

/// The state that is read beside a valid `traceparent`, as one header.
fn read(states: &[&str]) -> String {
    read_named(&states.iter().map(|state| ("tracestate", *state)).collect::<Vec<_>>())
}

fn read_named(states: &[(&str, &str)]) -> String {
    let headers: Vec<_> = [TRACEPARENT].into_iter().chain(states.iter().copied()).collect();
    let found = span(Format::TraceContext, &headers).expect("the trace goes on whatever its state");
    let in_map = Format::TraceContext.extract_span_context(&header_map(&headers));
    assert_eq!(in_map.as_ref(), Some(&found), "whatever the carrier");
    found.trace_state().header()
}

#[track_caller]
fn discards(name: &str, states: &[&str]) {
    let before = Rejected::TraceState.count();
    assert_eq!(read(states), "", "{name}");
    assert!(Rejected::TraceState.count() > before, "{name} is counted");
}

/// What is sent for a state.
fn sent(state: TraceState) -> Option<String> {
    let context = Context::new().with_remote_span_context(remote(0, state));
    let headers = inject(Format::TraceContext, &context);
    headers.into_iter().find(|(name, _)| name == "tracestate").map(|(_, value)| value)
}

fn state(members: &[(&str, &str)]) -> TraceState {
    TraceState::from_key_value(members.iter().copied()).expect("valid members")
}

#[test]
fn tracestate_included_traceparent_missing() {
    assert_eq!(span(Format::TraceContext, &[("tracestate", "foo=1")]), None);
    assert_eq!(span(Format::TraceContext, &[("tracestate", "foo=1,bar=2")]), None);
    assert_eq!(span(Format::TraceContext, &[("traceparent", "wrong"), ("tracestate", "foo=1")]), None);
}

#[test]
fn tracestate_included_traceparent_included() {
    assert_eq!(read(&["foo=1,bar=2"]), "foo=1,bar=2");
}

#[test]
fn tracestate_header_name() {
    assert_eq!(read_named(&[("trace-state", "foo=1")]), "");
    assert_eq!(read_named(&[("trace.state", "foo=1")]), "");
    for name in ["TraceState", "TrAcEsTaTe", "TRACESTATE"] {
        assert_eq!(read_named(&[(name, "foo=1")]), "foo=1", "{name}");
    }
}

#[test]
fn tracestate_empty_header() {
    let before = Rejected::TraceState.count();
    assert_eq!(read(&[""]), "");
    assert_eq!(read(&["foo=1", ""]), "foo=1");
    assert_eq!(read(&["", "foo=1"]), "foo=1");
    assert_eq!(read(&[" \t,, ,foo=1,\t"]), "foo=1");
    assert_eq!(sent(TraceState::default()), None, "an empty header is not sent");
    assert_eq!(Rejected::TraceState.count(), before, "empty members are valid");
}

#[test]
fn tracestate_multiple_headers_different_keys() {
    assert_eq!(read(&["foo=1,bar=2", "rojo=1,congo=2", "baz=3"]), "foo=1,bar=2,rojo=1,congo=2,baz=3");
}

#[test]
fn tracestate_duplicated_keys() {
    discards("in one header", &["foo=1,foo=1"]);
    discards("in one header", &["foo=1,foo=2"]);
    discards("in two headers", &["foo=1", "foo=1"]);
    discards("in two headers", &["foo=1", "foo=2"]);
}

#[test]
fn tracestate_all_allowed_characters() {
    let key: String = ('a'..='z').chain('0'..='9').chain("_-*/".chars()).collect();
    let value: String = (' '..='~').filter(|c| !matches!(c, ',' | '=')).collect();
    for key in [key.clone(), format!("{key}@a-z0-9_-*/"), format!("0{key}")] {
        let member = format!("{key}={value}");
        assert_eq!(read(&[&member]), member);
        assert_eq!(sent(state(&[(&key, &value)])), Some(member));
    }
}

#[test]
fn tracestate_ows_handling() {
    for text in ["foo=1 \t , \t bar=2, \t baz=3", "foo=1\t \t,\t \tbar=2,\t \tbaz=3"] {
        assert_eq!(read(&[text]), "foo=1,bar=2,baz=3");
    }
    for text in [" foo=1", "\tfoo=1", "foo=1 ", "foo=1\t", "\t foo=1 \t"] {
        assert_eq!(read(&[text]), "foo=1");
    }
    assert_eq!(read(&["foo= 1"]), "foo= 1", "a space before a value belongs to it");
}

#[test]
fn tracestate_key_illegal_characters() {
    for text in ["foo =1", "FOO=1", "foo.bar=1", "_foo=1", "-foo=1", "*foo=1", "/foo=1", "f\u{e9}=1", "=1"] {
        discards("key_illegal_characters", &[text, "bar=2"]);
    }
}

#[test]
fn tracestate_key_illegal_vendor_format() {
    for text in ["foo@=1,bar=2", "@foo=1,bar=2", "foo@@bar=1,bar=2", "foo@bar@baz=1,bar=2", "@=1", "a@_b=1"] {
        discards("key_illegal_vendor_format", &[text]);
    }
    assert_eq!(read(&["foo@bar=1,0tenant@0system=2"]), "foo@bar=1,0tenant@0system=2");
}

#[test]
fn tracestate_members_that_are_no_pairs() {
    for text in ["foo", "foo=", "foo=1,bar", "foo=1=2", "foo=a\u{e9}", "foo= ", "foo=1\t2", "foo=1;bar=2=3"] {
        discards("not a pair", &[text]);
    }
}

#[test]
fn tracestate_member_count_limit() {
    let list = |count: usize| (1..=count).map(|at| format!("bar{at:02}={at:02}")).collect::<Vec<_>>();
    assert_eq!(read(&[&list(32).join(",")]), list(32).join(","));
    let split = list(32);
    let split: Vec<String> = split.chunks(10).map(|chunk| chunk.join(",")).collect();
    assert_eq!(read(&split.iter().map(String::as_str).collect::<Vec<_>>()), list(32).join(","));
    discards("33 members", &[&list(33).join(",")]);
    assert_eq!(
        read(&[&format!("{},,,", list(32).join(",,"))]),
        list(32).join(","),
        "empty ones do not count"
    );
}

#[test]
fn tracestate_key_length_limit() {
    let read_beside_foo = |key: String| read(&["foo=1", &format!("{key}=1")]);
    assert_eq!(read_beside_foo("z".repeat(256)), format!("foo=1,{}=1", "z".repeat(256)));
    assert_eq!(read_beside_foo("z".repeat(257)), "");
    assert_eq!(
        read_beside_foo(format!("{}@{}", "t".repeat(241), "v".repeat(13))),
        format!("foo=1,{}@{}=1", "t".repeat(241), "v".repeat(13))
    );
    assert_eq!(read_beside_foo(format!("{}@v", "t".repeat(242))), "");
    assert_eq!(read_beside_foo(format!("t@{}", "v".repeat(15))), "");
}

/// Valid, and more than OpenTelemetry's type takes: the day it does, this test asks for the exception to go.
#[test]
fn a_system_id_of_fourteen_characters_is_left_out_alone() {
    let key = format!("{}@{}", "t".repeat(241), "v".repeat(14));
    assert!(TraceState::from_key_value([(key.as_str(), "1")]).is_err(), "the API holds it now");
    let before = Rejected::TraceStateMember.count();
    assert_eq!(read(&["foo=1", &format!("{key}=1"), "bar=2"]), "foo=1,bar=2");
    assert!(Rejected::TraceStateMember.count() > before);
}

#[test]
fn tracestate_value_length_limit() {
    let member = |length: usize| format!("foo={}", "x".repeat(length));
    assert_eq!(read(&[&member(256)]), member(256));
    discards("257 characters", &[&member(257)]);
}

#[test]
fn the_longest_valid_list_is_read_and_nothing_longer_looked_at() {
    let longest: Vec<String> =
        (0..32).map(|at| format!("{}{at:02}={}", "k".repeat(254), "v".repeat(256))).collect();
    let longest = longest.join(",");
    assert_eq!(longest.len(), TRACESTATE_BYTES_MAX);
    assert_eq!(read(&[&longest]), longest);
    discards("one character more", &[&format!("{longest} ")]);
    discards("many headers", &vec![" "; TRACESTATE_BYTES_MAX + 1]);
}

#[test]
fn an_own_member_goes_to_the_front() {
    let read = span(Format::TraceContext, &[TRACEPARENT, ("tracestate", "congo=1,rojo=2")]).unwrap();
    let own = read.trace_state().insert("rojo", "3").unwrap();
    assert_eq!(sent(own).unwrap(), "rojo=3,congo=1");

    let full: Vec<String> = (0..32).map(|at| format!("v{at}=1")).collect();
    let read = span(Format::TraceContext, &[TRACEPARENT, ("tracestate", &full.join(","))]).unwrap();
    let own = read.trace_state().insert("rojo", "3").unwrap();
    assert_eq!(sent(own).unwrap(), format!("rojo=3,{}", full[..31].join(",")), "the last one makes room");
}

#[test]
fn what_is_too_long_to_be_sent_loses_large_members_first_and_then_the_last() {
    let (large, small) = ("x".repeat(125), "x".repeat(124)); // 129 and 128 characters with the key and `=`
    let all = state(&[
        ("k01", &small),
        ("k02", &large),
        ("k03", &small),
        ("k04", &large),
        ("k05", &small),
        ("k06", "1"),
    ]);
    let sent = sent(all).unwrap();
    assert_eq!(sent, format!("k01={small},k03={small},k05={small},k06=1"));
    assert!(sent.len() <= TRACESTATE_SENT_MAX);

    let many: Vec<(String, String)> = (0..30).map(|at| (format!("k{at:02}"), "x".repeat(20))).collect();
    let all = TraceState::from_key_value(many.clone()).unwrap();
    let sent = self::sent(all).unwrap();
    let kept: Vec<String> = many.iter().take(20).map(|(key, value)| format!("{key}={value}")).collect();
    assert_eq!(sent, kept.join(","), "20 members of 25 characters with their comma");

    let exact = state(&[("a", &"x".repeat(256)), ("b", &"x".repeat(251))]);
    assert_eq!(self::sent(exact).unwrap().len(), TRACESTATE_SENT_MAX, "exactly as much as is sent");
}

#[test]
fn members_that_would_break_the_header_are_not_sent() {
    let hostile = state(&[("a", "1"), ("b", "x\r\nset-cookie: y"), ("c", "é"), ("d", ""), ("e", "2")]);
    assert_eq!(sent(hostile).unwrap(), "a=1,e=2");
    assert_eq!(sent(state(&[("a", "\n")])), None);
}

#[test]
fn a_wrong_state_leaves_the_trace_as_it_is() {
    let found = span(Format::TraceContext, &[TRACEPARENT, ("tracestate", "foo@=1")]).unwrap();
    assert_eq!(
        found,
        SpanContext::new(found.trace_id(), found.span_id(), found.trace_flags(), true, TraceState::NONE)
    );
    assert!(found.is_valid());
}
