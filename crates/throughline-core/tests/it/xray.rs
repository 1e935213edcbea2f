//! AWS X-Ray's header.

use throughline_core::propagation::{
    Context, Format, Rejected, Sampling, SpanContext, TraceContextExt as _, TraceState,
};

use crate::support::{child, context, extract, inject, pairs, remote, span};

const ROOT: &str = "Root=1-12345678-901234567890123456789012";

fn read(header: &str) -> Option<SpanContext> {
    span(Format::XRay, &[("X-Amzn-Trace-Id", header)])
}

#[test]
fn fields_are_read_in_any_order() {
    let sampled = Some(remote(1, TraceState::NONE));
    for header in [
        format!("{ROOT};Parent=1234567890123456;Sampled=1"),
        format!("Sampled=1; Parent=1234567890123456 ;{ROOT}"),
        format!(
            "Self=1-67891234-12456789abcdef012345678;{ROOT};Parent=1234567890123456;Sampled=1;Lineage=a:1|b:2"
        ),
        format!(" {ROOT} ; Parent = 1234567890123456 ; Sampled = 1 ; "),
    ] {
        assert_eq!(read(&header), sampled, "{header}");
    }
    assert_eq!(read(&format!("{ROOT};Parent=1234567890123456;Sampled=0")), Some(remote(0, TraceState::NONE)));
}

#[test]
fn a_deferred_decision_goes_on_until_somebody_decides() {
    for header in
        [format!("{ROOT};Parent=1234567890123456"), format!("{ROOT};Parent=1234567890123456;Sampled=?")]
    {
        let received = extract(Format::XRay, &[("x-amzn-trace-id", &header)]);
        assert_eq!(Sampling::of(&received), Some(Sampling::Defer));
        assert!(inject(Format::XRay, &received)[0].1.ends_with("Sampled=?"));
        let own = received.with_remote_span_context(child(received.span().span_context()));
        assert!(inject(Format::XRay, &own)[0].1.ends_with("Sampled=0"));
    }
}

#[test]
fn a_root_alone_is_valid_and_names_no_span() {
    let before = Rejected::XRay.count();
    assert_eq!(read(ROOT), None);
    assert_eq!(read(&format!("{ROOT};Sampled=1")), None);
    assert_eq!(Rejected::XRay.count(), before);
}

#[test]
fn what_is_not_valid_is_refused_and_counted() {
    for header in [
        "",
        ";",
        "Parent=1234567890123456",
        "Root",
        "Root=",
        "Root=2-12345678-901234567890123456789012;Parent=1234567890123456",
        "Root=1-12345678-90123456789012345678901;Parent=1234567890123456",
        "Root=1-12345678_901234567890123456789012;Parent=1234567890123456",
        "Root=1-1234567g-901234567890123456789012;Parent=1234567890123456",
        "Root=1-00000000-000000000000000000000000;Parent=1234567890123456",
        "Root=1-12345678-901234567890123456789012;Parent=0000000000000000",
        "Root=1-12345678-901234567890123456789012;Parent=123456789012345",
        "Root=1-12345678-901234567890123456789012;Parent=1234567890123456;Sampled=2",
        "Root=1-12345678-901234567890123456789012;Parent=1234567890123456;junk",
        &format!("{ROOT};Parent=1234567890123456;{}", "x=1;".repeat(300)),
    ] {
        let before = Rejected::XRay.count();
        assert_eq!(read(header), None, "{header}");
        assert!(Rejected::XRay.count() > before, "{header}");
    }
}

#[test]
fn traces_are_written() {
    let expected = format!("{ROOT};Parent=1234567890123456;Sampled=1");
    assert_eq!(inject(Format::XRay, &context(1)), pairs(&[("x-amzn-trace-id", &expected)]));
    assert!(inject(Format::XRay, &context(0))[0].1.ends_with("Sampled=0"));
    assert!(inject(Format::XRay, &Context::new()).is_empty());
}
