//! What is over a limit is left out and counted where it is missing.

use opentelemetry::{Array, KeyValue, Value};
use throughline_trace::SpanLimits;

use crate::support::{only, pairs, parent, provider};

#[test]
fn counts_and_lengths() {
    let limits = SpanLimits {
        attributes: 2,
        value_bytes: 3,
        events: 1,
        links: 1,
        attributes_per_event: 1,
        attributes_per_link: 0,
    };
    let (provider, mut reader) = provider(|builder| builder.with_limits(limits));
    let texts = Value::Array(Array::String(vec!["abcdef".into(), "é é".into()]));
    let mut span = provider.tracer("it").span("longer than three").with_attribute("a", "ab€").start();
    span.set_attributes(&[KeyValue::new("b", texts), KeyValue::new("c", 1)]);
    span.set_attribute("a", "replaced");
    let two = [KeyValue::new("x", 1), KeyValue::new("y", 2)];
    span.add_event("first", &two);
    span.add_event("second", &two);
    span.add_link(&parent(true, true), &two);
    span.add_link(&parent(true, false), &());
    span.end();

    let seen = only(&mut reader);
    assert_eq!(seen.name, "longer than three", "names have no limit");
    assert_eq!(seen.attributes, pairs(&[("b", r#"["abc","é "]"#), ("a", "rep")]));
    assert_eq!(seen.dropped_attributes, 1);
    assert_eq!((seen.events.len(), seen.dropped_events), (1, 1));
    assert_eq!(
        (seen.events[0].attributes.clone(), seen.events[0].dropped_attributes),
        (pairs(&[("x", "1")]), 1)
    );
    assert_eq!((seen.links.len(), seen.dropped_links), (1, 1));
    assert_eq!((seen.links[0].attributes.len(), seen.links[0].dropped_attributes), (0, 2));
    assert!(seen.links[0].is_remote);
}

#[test]
fn the_defaults_are_the_specifications() {
    let (provider, mut reader) = provider(|builder| builder);
    let mut span = provider.tracer("it").span("s").start();
    for n in 0..130 {
        span.set_attribute(&format!("key{n}"), n);
        span.add_event("e", &());
        span.add_link(&parent(true, true), &());
    }
    span.end();
    let seen = only(&mut reader);
    assert_eq!((seen.attributes.len(), seen.dropped_attributes), (128, 2));
    assert_eq!((seen.events.len(), seen.dropped_events), (128, 2));
    assert_eq!((seen.links.len(), seen.dropped_links), (128, 2));
}
