//! Random spans, compared with a model of what they should be.

use opentelemetry::{Array, KeyValue, StringValue, Value};
use proptest::prelude::*;
use throughline_core::Timestamp;
use throughline_core::attribute::ValueRef;
use throughline_trace::testing::Attributes;
use throughline_trace::{SpanContext, SpanLimits, Status, TraceFlags, TraceState};

use crate::support::{only, provider};

#[derive(Clone, Debug)]
enum Step {
    Attribute(String, Value),
    Event(String, u64, Vec<(String, Value)>),
    Link(u64, Vec<(String, Value)>),
    Name(String),
    Error(String),
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        ".{0,40}".prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        prop::collection::vec(any::<i64>(), 0..4).prop_map(|v| Value::Array(v.into())),
        prop::collection::vec(".{0,5}", 0..3)
            .prop_map(|v| Value::Array(Array::String(v.into_iter().map(StringValue::from).collect()))),
    ]
}

fn attributes() -> impl Strategy<Value = Vec<(String, Value)>> {
    prop::collection::vec(("[a-c]{0,2}", value()), 0..6)
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => ("[a-e]{0,20}", value()).prop_map(|(key, value)| Step::Attribute(key, value)),
        2 => (".{0,20}", any::<u64>(), attributes()).prop_map(|(n, t, a)| Step::Event(n, t, a)),
        2 => (1..=u64::MAX, attributes()).prop_map(|(id, a)| Step::Link(id, a)),
        1 => ".{0,30}".prop_map(Step::Name),
        1 => ".{0,30}".prop_map(Step::Error),
    ]
}

prop_compose! {
    fn limits()(counts in any::<[u8; 5]>(), value_bytes in prop_oneof![Just(u32::MAX), 0..8_u32]) -> SpanLimits {
        let [attributes, events, links, attributes_per_event, attributes_per_link] =
            counts.map(|count| u32::from(count % 8));
        SpanLimits { attributes, value_bytes, events, links, attributes_per_event, attributes_per_link }
    }
}

/// As the specification has it: the last of equal keys, up to a limit, texts cut.
#[derive(Default)]
struct Model {
    attributes: Attributes,
    dropped: u32,
}

impl Model {
    fn add(&mut self, key: &str, value: &Value, count_max: u32, value_max: u32) {
        self.attributes.retain(|(known, _)| known != key);
        if key.is_empty() || self.attributes.len() >= count_max as usize {
            self.dropped += 1;
        } else {
            self.attributes.push((key.to_owned(), ValueRef::from(&cut(value, value_max)).to_string()));
        }
    }

    fn of(attributes: &[(String, Value)], count_max: u32, value_max: u32) -> Self {
        let mut model = Self::default();
        for (key, value) in attributes {
            model.add(key, value, count_max, value_max);
        }
        model
    }
}

fn cut_text(text: &str, max: u32) -> String {
    let mut cut = String::new();
    for c in text.chars() {
        if cut.len() + c.len_utf8() > max as usize {
            break;
        }
        cut.push(c);
    }
    cut
}

fn cut(value: &Value, max: u32) -> Value {
    match value {
        Value::String(text) => Value::from(cut_text(text.as_str(), max)),
        Value::Array(Array::String(texts)) => {
            let texts = texts.iter().map(|text| StringValue::from(cut_text(text.as_str(), max)));
            Value::Array(Array::String(texts.collect()))
        }
        other => other.clone(),
    }
}

fn key_values(attributes: &[(String, Value)]) -> Vec<KeyValue> {
    attributes.iter().map(|(key, value)| KeyValue::new(key.clone(), value.clone())).collect()
}

fn link(id: u64) -> SpanContext {
    let state =
        if id % 2 == 0 { TraceState::NONE } else { TraceState::from_key_value([("k", id)]).expect("valid") };
    SpanContext::new(u128::from(id).into(), id.into(), TraceFlags::new(id as u8), id % 3 == 0, state)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn what_was_said_is_what_is_seen(steps in prop::collection::vec(step(), 0..40), limits in limits()) {
        let (provider, mut reader) = provider(|builder| builder.with_limits(limits));
        let mut span = provider.tracer("it").span("first").start();
        let (mut own, mut name, mut status) = (Model::default(), "first", None);
        let (mut events, mut links) = (Vec::new(), Vec::new());
        for step in &steps {
            match step {
                Step::Attribute(key, value) => {
                    span.set_attribute(key, value.clone());
                    own.add(key, value, limits.attributes, limits.value_bytes);
                }
                Step::Event(name, time, attributes) => {
                    span.add_event_at(name, Timestamp::from_nanos(*time), key_values(attributes).as_slice());
                    let model = Model::of(attributes, limits.attributes_per_event, limits.value_bytes);
                    events.push((name.clone(), *time, model.attributes, model.dropped));
                }
                Step::Link(id, attributes) => {
                    span.add_link(&link(*id), key_values(attributes).as_slice());
                    let model = Model::of(attributes, limits.attributes_per_link, limits.value_bytes);
                    links.push((link(*id), model.attributes, model.dropped));
                }
                Step::Name(text) => {
                    span.update_name(text);
                    name = text;
                }
                Step::Error(text) => {
                    span.set_status(Status::error(text.clone()));
                    status = Some((false, text.clone()));
                }
            }
        }
        span.end();

        let seen = only(&mut reader);
        prop_assert_eq!(&seen.name, name);
        prop_assert_eq!(seen.status, status);
        prop_assert_eq!((seen.attributes, seen.dropped_attributes), (own.attributes, own.dropped));
        prop_assert_eq!(seen.dropped_events as usize, events.len().saturating_sub(limits.events as usize));
        prop_assert_eq!(seen.dropped_links as usize, links.len().saturating_sub(limits.links as usize));
        events.truncate(limits.events as usize);
        let seen_events: Vec<_> = seen.events.into_iter()
            .map(|event| (event.name, event.time.as_nanos(), event.attributes, event.dropped_attributes)).collect();
        prop_assert_eq!(seen_events, events);
        links.truncate(limits.links as usize);
        let seen_links: Vec<_> = seen.links.into_iter().map(|link| {
            let state = link.trace_state.parse::<TraceState>().unwrap();
            let context = SpanContext::new(link.trace_id, link.span_id, link.flags, link.is_remote, state);
            (context, link.attributes, link.dropped_attributes)
        }).collect();
        prop_assert_eq!(seen_links, links);
    }
}
