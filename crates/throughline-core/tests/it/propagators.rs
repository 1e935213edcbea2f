//! Several formats together, and the text of `OTEL_PROPAGATORS`.

use throughline_core::propagation::{
    BaggageExt as _, BaggageItem, Context, Format, Propagators, PropagatorsError, TextMapPropagator,
    TraceContextExt as _,
};

use crate::support::{Pairs, context, pairs};

fn parsed(text: &str) -> Vec<Format> {
    text.parse::<Propagators>().expect("known names").formats().to_vec()
}

#[test]
fn names_are_read() {
    assert_eq!(parsed("tracecontext,baggage,b3,b3multi,jaeger,xray"), Format::ALL);
    assert_eq!(parsed(" b3 ,, tracecontext\t"), [Format::B3, Format::TraceContext], "in their order");
    assert_eq!(parsed("b3,baggage,b3"), [Format::B3, Format::Baggage], "each once");
    assert_eq!(parsed("none"), []);
    assert_eq!(parsed(""), [Format::TraceContext, Format::Baggage]);
    assert_eq!(parsed(" , "), Propagators::default().formats());
    for format in Format::ALL {
        assert_eq!(parsed(format.name()), [format]);
    }
}

#[test]
fn errors_say_what_would_be_right() {
    let error = |text: &str| text.parse::<Propagators>().unwrap_err();
    let unknown = error("tracecontext,ottrace");
    assert_eq!(
        unknown.to_string(),
        "unknown propagator `ottrace`: known are tracecontext, baggage, b3, b3multi, jaeger, xray and none"
    );
    assert!(
        matches!(error("TraceContext"), PropagatorsError::Unknown { name, .. } if name == "TraceContext")
    );
    assert_eq!(error("none,b3"), PropagatorsError::NoneAmongOthers);
    assert_eq!(error("b3,none").to_string(), "propagator `none` stands alone, not among others");
    assert!(error(&"x".repeat(10_000)).to_string().len() < 200, "a long name is not repeated in full");
}

#[test]
fn they_are_shown_as_they_are_read() {
    for text in ["none", "b3", "tracecontext,baggage", "xray,jaeger,b3multi"] {
        assert_eq!(text.parse::<Propagators>().unwrap().to_string(), text);
    }
}

#[test]
fn all_are_written_and_the_headers_are_those_that_are_named() {
    let all: Propagators = Format::ALL.into_iter().collect();
    let full = context(1).with_baggage([BaggageItem::new("a", "1")]);
    let mut headers = Pairs::new();
    all.inject(&full, &mut headers);
    let named: Vec<&str> = all.fields().collect();
    for (name, _) in &headers {
        assert!(named.contains(&name.as_str()) || name == "uberctx-a", "{name}");
    }
    assert_eq!(headers.len(), 9, "{headers:?}");
    for format in Format::ALL {
        assert!(format.fields().all(|field| format.headers().contains(&field) && named.contains(&field)));
    }
}

#[test]
fn the_last_trace_counts_and_wrong_ones_do_not() {
    let propagators = Propagators::new([Format::TraceContext, Format::B3, Format::Baggage]);
    let parent = ("traceparent", "00-12345678901234567890123456789012-1234567890123456-01");
    let trace = |headers: &[(&str, &str)]| {
        let context = propagators.extract(&Context::new(), headers);
        let alone = propagators.extract_span_context(headers);
        assert_eq!(alone.as_ref(), Some(context.span().span_context()));
        context.span().span_context().trace_id()
    };
    let zipkin = ("b3", "00000000000000000000000000000001-0000000000000001-d");
    assert_eq!(trace(&[parent, zipkin]), 1.into());
    assert_eq!(trace(&[parent, ("b3", "wrong")]), crate::support::TRACE.into());
    assert_eq!(trace(&[parent, ("b3", "0")]), crate::support::TRACE.into(), "a decision is no trace");
}

#[test]
fn none_does_nothing() {
    let none = Propagators::none();
    let headers = pairs(&[("traceparent", "00-12345678901234567890123456789012-1234567890123456-01")]);
    assert!(!none.extract(&Context::new(), &headers).has_active_span());
    let mut sent = Pairs::new();
    none.inject(&context(1), &mut sent);
    assert!(sent.is_empty());
    assert_eq!(none.fields().count(), 0);
}
