//! The propagator of the process: W3C's until somebody sets one, and then that one, for everybody.

use std::collections::HashMap;

use opentelemetry::global;
use throughline_core::propagation::{
    BaggageExt as _, BaggageItem, Format, Propagators, TraceContextExt as _, extract_context,
    extract_from_headers, global_propagators, inject_context, inject_into_headers, set_global_propagators,
};

type Headers = HashMap<String, String>;

const PARENT: &str = "00-12345678901234567890123456789012-1234567890123456-01";

fn injected() -> Headers {
    let mut headers = Headers::new();
    inject_into_headers(&mut headers);
    headers
}

#[test]
fn there_is_one() {
    let received = Headers::from([
        ("traceparent".to_owned(), PARENT.to_owned()),
        ("baggage".to_owned(), "a=1".to_owned()),
    ]);
    assert_eq!(injected(), Headers::new(), "nothing is current");
    let context = extract_from_headers(&received);
    assert!(context.span().span_context().is_remote());
    let guard = context.attach();
    assert_eq!(injected(), received, "W3C's, as long as nobody has set any");
    let unchanged = extract_context(&Headers::new());
    assert_eq!(unchanged.span().span_context().trace_id().to_string(), "12345678901234567890123456789012");
    assert_eq!(global_propagators(), Propagators::default());

    global::set_text_map_propagator(Format::B3);
    assert_eq!(injected().into_keys().collect::<Vec<_>>(), ["b3"], "whoever set it");

    set_global_propagators(Propagators::none());
    assert_eq!(injected(), Headers::new(), "none is none");

    set_global_propagators(Propagators::new([Format::Baggage, Format::XRay]));
    let mut names: Vec<_> = injected().into_keys().collect();
    names.sort();
    assert_eq!(names, ["baggage", "x-amzn-trace-id"]);
    let fields = global::get_text_map_propagator(|propagator| propagator.fields().count());
    assert_eq!(fields, 2, "OpenTelemetry's API has the same");
    assert_eq!(global_propagators().formats(), [Format::Baggage, Format::XRay]);

    drop(guard);
    let context = extract_context(&injected()).with_baggage([BaggageItem::new("b", "2")]);
    let mut headers = Headers::new();
    inject_context(&context, &mut headers);
    assert_eq!(headers, Headers::from([("baggage".to_owned(), "b=2".to_owned())]));
}
