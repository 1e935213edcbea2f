//! What all signals share in protobuf: attributes, resource and scope.
//!
//! Field numbers are those of `opentelemetry/proto/common/v1/common.proto` and `resource/v1/resource.proto`.

use throughline_core::attribute::ValueRef;
use throughline_core::protobuf::{Writer, varint_len};
use throughline_core::{AttributeSet, InstrumentationScope, Resource};
use throughline_trace::data::{AttributesRef, BytesRef};

/// A `Resource` message as field `field`.
pub(super) fn resource(writer: &mut Writer, field: u32, resource: &Resource) {
    writer.message(field, |writer| attributes(writer, 1, resource.attributes()));
}

/// An `InstrumentationScope` message as field `field`.
pub(super) fn scope(writer: &mut Writer, field: u32, scope: &InstrumentationScope) {
    writer.message(field, |writer| {
        string(writer, 1, scope.name());
        string(writer, 2, scope.version().unwrap_or_default());
        for pair in scope.attributes() {
            key_value(writer, 3, pair.key.as_str(), ValueRef::from(&pair.value));
        }
    });
}

/// Each attribute as a `KeyValue` message, all as field `field`.
pub(super) fn attributes(writer: &mut Writer, field: u32, attributes: &AttributeSet) {
    for (key, value) in attributes {
        key_value(writer, field, key, value);
    }
}

/// A `string` field, left out when it is empty.
pub(super) fn string(writer: &mut Writer, field: u32, value: &str) {
    if !value.is_empty() {
        writer.string(field, value);
    }
}

/// A number, left out when it is zero.
pub(super) fn count(writer: &mut Writer, field: u32, value: u32) {
    if value != 0 {
        writer.uint(field, u64::from(value));
    }
}

/// Each attribute of a span or log record as a `KeyValue` message, all as field `field`.
#[inline]
pub(super) fn recorded_attributes(writer: &mut Writer, field: u32, attributes: AttributesRef<'_>) {
    for (key, value) in attributes.iter_bytes() {
        recorded_attribute(writer, field, key, value);
    }
}

/// Keys and strings below these lengths leave room for what stands around them in a message of one-byte lengths.
const SHORT_KEY: usize = 64;
const SHORT_TEXT: usize = 56;

/// Most attributes are short: what stands around key and value is then written as two pieces of known bytes, instead of
/// as the fields of three messages.
#[inline]
fn recorded_attribute(writer: &mut Writer, field: u32, key: &[u8], value: BytesRef<'_>) {
    let (tag, length) = ((field << 3 | 2) as u8, key.len() as u8);
    match value {
        BytesRef::Str(text) if key.len() < SHORT_KEY && text.len() < SHORT_TEXT => {
            let value = text.len() as u8;
            writer.raw(&[tag, length + value + 6, 0x0A, length]);
            writer.raw(key);
            writer.raw(&[0x12, value + 2, 0x0A, value]);
            writer.raw(text);
        }
        BytesRef::Other(ValueRef::I64(number)) if key.len() < SHORT_KEY => {
            let value = varint_len(number as u64) as u8;
            writer.raw(&[tag, length + value + 5, 0x0A, length]);
            writer.raw(key);
            writer.raw(&[0x12, value + 1, 0x18]);
            writer.varint(number as u64);
        }
        _ => long_attribute(writer, field, key, value),
    }
}

fn long_attribute(writer: &mut Writer, field: u32, key: &[u8], value: BytesRef<'_>) {
    writer.message(field, |writer| {
        writer.bytes(1, key);
        writer.message(2, |writer| match value {
            BytesRef::Str(text) => writer.bytes(1, text),
            BytesRef::Other(value) => any_value(writer, value),
        });
    });
}

fn key_value(writer: &mut Writer, field: u32, key: &str, value: ValueRef<'_>) {
    writer.message(field, |writer| {
        writer.string(1, key);
        writer.message(2, |writer| any_value(writer, value));
    });
}

/// The fields of an `AnyValue` message.
pub(super) fn any_value(writer: &mut Writer, value: ValueRef<'_>) {
    match value {
        ValueRef::Str(v) => writer.string(1, v),
        ValueRef::Bool(v) => writer.uint(2, u64::from(v)),
        ValueRef::I64(v) => writer.int(3, v),
        ValueRef::F64(v) => writer.double(4, v),
        ValueRef::Array(v) => writer.message(5, |writer| {
            v.for_each(|element| writer.message(1, |writer| any_value(writer, element)));
        }),
    }
}
