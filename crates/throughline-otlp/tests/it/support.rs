//! What the tests of spans and log records share: random values, and the messages they should become, built without
//! any of our encoding.

use opentelemetry_proto::tonic::common::v1 as proto;
use opentelemetry_proto::tonic::common::v1::any_value::Value as ProtoValue;
use proptest::prelude::*;
use throughline_core::attribute::ValueRef;
use throughline_core::{InstrumentationScope, KeyValue, Resource, Value};
use throughline_trace::data::AttributesRef;
use throughline_trace::{SpanContext, TraceFlags, TraceState};

pub(crate) fn any_value() -> BoxedStrategy<Value> {
    let text = prop_oneof![".{0,20}", Just("x".repeat(300))];
    // Judges of JSON read only finite floats.
    let float = any::<f64>().prop_filter("finite", |float| float.is_finite());
    prop_oneof![
        text.prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        float.prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        prop::collection::vec(any::<i64>(), 0..4).prop_map(|items| Value::Array(items.into())),
        prop::collection::vec(any::<bool>(), 0..4).prop_map(|items| Value::Array(items.into())),
        prop::collection::vec(".{0,5}", 0..3).prop_map(|items| {
            let items: Vec<_> = items.into_iter().map(opentelemetry::StringValue::from).collect();
            Value::Array(items.into())
        }),
    ]
    .boxed()
}

pub(crate) fn any_attributes() -> impl Strategy<Value = Vec<KeyValue>> {
    let pair = ("[a-e]{1,3}|.{1,200}", any_value()).prop_map(|(key, value)| KeyValue::new(key, value));
    prop::collection::vec(pair, 0..6)
}

/// Another span, local or in another process.
pub(crate) fn any_context() -> impl Strategy<Value = SpanContext> {
    let states = prop::sample::select(vec!["", "a=1", "vendor=x,other=y"]);
    (1..=u128::MAX, 1..=u64::MAX, any::<u8>(), any::<bool>(), states).prop_map(
        |(trace, span, flags, is_remote, state)| {
            let state: TraceState = state.parse().expect("a good state");
            SpanContext::new(trace.into(), span.into(), TraceFlags::new(flags), is_remote, state)
        },
    )
}

/// Three scopes: one with all it can have, one with a name alone, one without even that.
pub(crate) fn scopes() -> [InstrumentationScope; 3] {
    let full = InstrumentationScope::builder("shop")
        .with_version("1.2")
        .with_schema_url("https://example.org/schema")
        .with_attributes([KeyValue::new("team", "blue"), KeyValue::new("shard", 7)]);
    [full.build(), InstrumentationScope::builder("plain").build(), InstrumentationScope::builder("").build()]
}

pub(crate) fn resource() -> Resource {
    Resource::new([KeyValue::new("service.name", "shop"), KeyValue::new("process.pid", 42)])
}

pub(crate) fn proto_resource() -> opentelemetry_proto::tonic::resource::v1::Resource {
    let attributes =
        vec![key_value("process.pid", ValueRef::I64(42)), key_value("service.name", ValueRef::Str("shop"))];
    opentelemetry_proto::tonic::resource::v1::Resource { attributes, ..Default::default() }
}

pub(crate) fn proto_scope(scope: &InstrumentationScope) -> proto::InstrumentationScope {
    let attributes = scope.attributes().map(|pair| key_value(pair.key.as_str(), ValueRef::from(&pair.value)));
    proto::InstrumentationScope {
        name: scope.name().to_owned(),
        version: scope.version().unwrap_or_default().to_owned(),
        attributes: attributes.collect(),
        ..Default::default()
    }
}

pub(crate) fn proto_attributes(attributes: AttributesRef<'_>) -> Vec<proto::KeyValue> {
    attributes.iter().map(|(key, value)| key_value(key, value)).collect()
}

fn key_value(key: &str, value: ValueRef<'_>) -> proto::KeyValue {
    proto::KeyValue { key: key.to_owned(), value: Some(proto_value(value)), ..Default::default() }
}

pub(crate) fn proto_value(value: ValueRef<'_>) -> proto::AnyValue {
    let value = match value {
        ValueRef::Str(text) => ProtoValue::StringValue(text.to_owned()),
        ValueRef::Bool(truth) => ProtoValue::BoolValue(truth),
        ValueRef::I64(number) => ProtoValue::IntValue(number),
        ValueRef::F64(number) => ProtoValue::DoubleValue(number),
        ValueRef::Array(array) => {
            let mut values = Vec::new();
            array.for_each(|element| values.push(proto_value(element)));
            ProtoValue::ArrayValue(proto::ArrayValue { values })
        }
    };
    proto::AnyValue { value: Some(value) }
}
