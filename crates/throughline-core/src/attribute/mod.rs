//! Attributes: keys and values on a measurement, a scope or a resource.
//!
//! They arrive as anything that implements [`Attributes`] (a slice of [`KeyValue`], a struct with
//! `#[derive(Attributes)]`), are looked at through a [`Visitor`] without being copied, and are kept as an
//! [`AttributeSet`]: sorted by key, each key once, in one allocation, so that two equal sets are equal bytes.
//!
//! Called by the engine's series lookup (`throughline-metrics/src/series.rs`) and by every exporter.
//! Specification: [attributes](https://opentelemetry.io/docs/specs/otel/common/#attribute).

mod compare;
mod encoder;
mod set;

pub use compare::Order;
pub use encoder::{AttributeEncoder, Encoded};
pub use set::{AttributeSet, Iter};

use std::fmt;

use opentelemetry::{Array, KeyValue, StringValue, Value};

use crate::definition::AttributeDef;

/// One attribute value, borrowed from wherever it lives.
#[derive(Clone, Copy, Debug, PartialEq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "plain data: the specification's value types, matched by exporters"
)]
pub enum ValueRef<'a> {
    /// A string.
    Str(&'a str),
    /// A boolean.
    Bool(bool),
    /// A signed integer.
    I64(i64),
    /// A float; two are the same attribute when their bits are.
    F64(f64),
    /// A homogeneous array.
    Array(ArrayRef<'a>),
}

impl<'a> From<&'a Value> for ValueRef<'a> {
    #[inline]
    fn from(value: &'a Value) -> Self {
        match value {
            Value::String(v) => ValueRef::Str(v.as_str()),
            Value::Bool(v) => ValueRef::Bool(*v),
            Value::I64(v) => ValueRef::I64(*v),
            Value::F64(v) => ValueRef::F64(*v),
            Value::Array(v) => ValueRef::Array(ArrayRef::from(v)),
            // `Value` is non-exhaustive; a kind that a later API adds is named rather than lost.
            _ => ValueRef::Str("<unsupported attribute value>"),
        }
    }
}

/// The text that Prometheus labels, consoles and messages show: strings as they are, arrays as JSON
/// ([specification](https://opentelemetry.io/docs/specs/otel/common/#anyvalue-representation-for-non-otlp-protocols)).
impl fmt::Display for ValueRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ValueRef::Str(v) => f.write_str(v),
            ValueRef::Bool(v) => v.fmt(f),
            ValueRef::I64(v) => v.fmt(f),
            ValueRef::F64(v) => v.fmt(f),
            ValueRef::Array(v) => v.fmt(f),
        }
    }
}

/// A borrowed array value: elements of one scalar type.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ArrayRef<'a>(Elements<'a>);

#[derive(Clone, Copy, Debug, PartialEq)]
enum Elements<'a> {
    Bool(&'a [bool]),
    I64(&'a [i64]),
    F64(&'a [f64]),
    Str(&'a [StringValue]),
    /// As kept in an [`AttributeSet`].
    Encoded(set::EncodedArray<'a>),
}

impl<'a> ArrayRef<'a> {
    /// Calls `f` with each element, in order. Elements are never arrays.
    pub fn for_each(&self, mut f: impl FnMut(ValueRef<'a>)) {
        match self.0 {
            Elements::Bool(v) => v.iter().for_each(|v| f(ValueRef::Bool(*v))),
            Elements::I64(v) => v.iter().for_each(|v| f(ValueRef::I64(*v))),
            Elements::F64(v) => v.iter().for_each(|v| f(ValueRef::F64(*v))),
            Elements::Str(v) => v.iter().for_each(|v| f(ValueRef::Str(v.as_str()))),
            Elements::Encoded(v) => v.for_each(f),
        }
    }

    /// Appends the elements to `out`, in a form of this crate's own, for [`decode`](Self::decode) in the same process.
    /// Strings are cut to `text_max` bytes, at the start of a character.
    pub fn encode(&self, out: &mut Vec<u8>, text_max: usize) {
        self.for_each(|element| match element {
            ValueRef::Str(text) => set::write_element(out, ValueRef::Str(cut(text, text_max))),
            other => set::write_element(out, other),
        });
    }

    /// The array that [`encode`](Self::encode) wrote. Reading the elements panics when it wrote something else.
    pub fn decode(bytes: &'a [u8]) -> Self {
        ArrayRef(Elements::Encoded(set::EncodedArray::new(bytes)))
    }
}

/// As much of a text as fits in so many bytes without cutting a character.
pub fn cut(text: &str, bytes_max: usize) -> &str {
    if text.len() <= bytes_max {
        return text;
    }
    let end = (0..=bytes_max).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    text.get(..end).unwrap_or_default()
}

impl<'a> From<&'a Array> for ArrayRef<'a> {
    fn from(array: &'a Array) -> Self {
        ArrayRef(match array {
            Array::Bool(v) => Elements::Bool(v),
            Array::I64(v) => Elements::I64(v),
            Array::F64(v) => Elements::F64(v),
            Array::String(v) => Elements::Str(v),
            _ => Elements::Bool(&[]),
        })
    }
}

impl fmt::Display for ArrayRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[")?;
        let mut result = Ok(());
        let mut separator = "";
        self.for_each(|element| {
            result = result.and_then(|()| {
                f.write_str(separator)?;
                match element {
                    ValueRef::Str(text) => write_json_string(f, text),
                    other => other.fmt(f),
                }
            });
            separator = ",";
        });
        result?;
        f.write_str("]")
    }
}

fn write_json_string(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    f.write_str("\"")?;
    for c in text.chars() {
        match c {
            '"' => f.write_str("\\\"")?,
            '\\' => f.write_str("\\\\")?,
            c if c.is_control() => write!(f, "\\u{:04x}", u32::from(c))?,
            c => write!(f, "{c}")?,
        }
    }
    f.write_str("\"")
}

/// Sees each attribute of a set, in the order the caller gave them.
pub trait Visitor {
    /// Sees one attribute. The same key may come again: the last one counts.
    fn attribute(&mut self, key: &str, value: ValueRef<'_>);

    /// Sees an attribute whose value is a text that lives as long as the program, so that where it stands says what it
    /// is. To most visitors it is an attribute like others.
    #[inline]
    fn literal(&mut self, key: &str, value: &'static str) {
        self.attribute(key, ValueRef::Str(value));
    }

    /// Learns that the set lacks this attribute, which others of its shape have. Nothing to most visitors.
    #[inline]
    fn absent(&mut self, _key: &str) {}
}

/// Anything that can say its attributes: the argument of every recording call.
///
/// Implemented for `[KeyValue]` and what holds one, for `()` (none), and by `#[derive(Attributes)]`. An implementation
/// must visit the same attributes each time it is asked; it is called on the recording path, so it should not allocate.
/// By hand, [`Shape`](Self::Shape) and [`visit`](Self::visit) are enough for sets of which nothing is known beforehand.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a set of attributes",
    note = "attributes are `&[KeyValue::new(…), …]`, `&()` for none, or a struct with `#[derive(Attributes)]`"
)]
pub trait Attributes {
    /// The type with its lifetimes replaced by `'static`: what sets that differ only in how long they borrow have in
    /// common. An instrument takes every set of its attributes' shape.
    ///
    /// Types of one shape must agree on what they say about their keys, and number equal sets alike.
    type Shape: ?Sized + 'static;

    /// What is known at compile time about the keys, for the catalogue. Empty when nothing is.
    const DEFINITIONS: &'static [AttributeDef] = &[];

    /// How many sets have a number, and are found by it without hashing: every possible one when all values are
    /// bounded; otherwise none, or, for slices, the empty set alone.
    const NUMBERED: usize = 0;

    /// Whether every set of this shape has the keys of [`DEFINITIONS`](Self::DEFINITIONS), each once, sorted, and
    /// visits them in that order. Then the engine looks at the values alone to tell sets apart.
    const FIXED_KEYS: bool = false;

    /// Whether sets may lack some of the fixed keys, and then visit these as [absent](Visitor::absent).
    const OPTIONAL_KEYS: bool = false;

    /// This set's number: below [`NUMBERED`](Self::NUMBERED), or anything else when it has none.
    #[inline]
    fn number(&self) -> usize {
        usize::MAX
    }

    /// Shows each attribute to the visitor.
    fn visit<V: Visitor>(&self, visitor: &mut V);
}

/// What an implementation of [`Attributes`] consists of that leaves everything to another.
macro_rules! forward {
    ($to:ty, |$set:ident| $inner:expr) => {
        type Shape = <$to as Attributes>::Shape;

        const DEFINITIONS: &'static [AttributeDef] = <$to>::DEFINITIONS;
        const NUMBERED: usize = <$to>::NUMBERED;
        const FIXED_KEYS: bool = <$to>::FIXED_KEYS;
        const OPTIONAL_KEYS: bool = <$to>::OPTIONAL_KEYS;

        #[inline]
        fn number(&self) -> usize {
            let $set = self;
            <$to>::number($inner)
        }

        #[inline]
        fn visit<V: Visitor>(&self, visitor: &mut V) {
            let $set = self;
            <$to>::visit($inner, visitor);
        }
    };
}

/// No attributes.
impl Attributes for () {
    type Shape = Self;

    const NUMBERED: usize = 1;

    #[inline]
    fn number(&self) -> usize {
        0
    }

    #[inline]
    fn visit<V: Visitor>(&self, _visitor: &mut V) {}
}

impl Attributes for [KeyValue] {
    type Shape = Self;

    const NUMBERED: usize = 1;

    #[inline]
    fn number(&self) -> usize {
        if self.is_empty() { 0 } else { usize::MAX }
    }

    #[inline]
    fn visit<V: Visitor>(&self, visitor: &mut V) {
        for KeyValue { key, value, .. } in self {
            match value {
                Value::String(v) => visitor.attribute(key.as_str(), ValueRef::Str(v.as_str())),
                other => visitor.attribute(key.as_str(), other_value(other)),
            }
        }
    }
}

/// A value that is not a string; apart, so that the code for strings has nothing left to decide, and by value, so that
/// what the visitor holds can stay in registers.
#[inline(never)]
fn other_value(value: &Value) -> ValueRef<'_> {
    ValueRef::from(value)
}

impl<const LEN: usize> Attributes for [KeyValue; LEN] {
    forward!([KeyValue], |set| set.as_slice());
}

impl Attributes for Vec<KeyValue> {
    forward!([KeyValue], |set| set.as_slice());
}

impl<A: Attributes + ?Sized> Attributes for &A {
    forward!(A, |set| *set);
}

/// The number of sets that fields of these numbers of values make; `None` when one of them is not known.
///
/// For `#[derive(Attributes)]`. A product that does not fit is not known either.
pub const fn product(cardinalities: &[Option<usize>]) -> Option<usize> {
    let mut product: usize = 1;
    let mut at = 0;
    while at < cardinalities.len() {
        let Some(cardinality) = cardinalities[at] else { return None };
        let Some(next) = product.checked_mul(cardinality) else { return None };
        product = next;
        at += 1;
    }
    Some(product)
}

/// A type whose values can be an attribute: what a field of a `#[derive(Attributes)]` struct may be.
///
/// Implemented for strings, integers, floats and booleans, for an `Option` of them, and by `#[derive(AttributeValue)]`
/// on enums without fields, whose variants then are a closed set of values.
pub trait AttributeValue {
    /// How many values there are, when that is known.
    const CARDINALITY: Option<usize>;

    /// The values, when they are names; for the catalogue.
    const NAMES: &'static [&'static str];

    /// This value's number, below [`CARDINALITY`](Self::CARDINALITY).
    fn index(&self) -> usize;

    /// Whether a value can be absent: an `Option`.
    const OPTIONAL: bool = false;

    /// The value to record; `None` when it is absent.
    fn value(&self) -> Option<ValueRef<'_>>;

    /// Shows the value, once, as the attribute of this key, to the visitor. Values that are literals say so here.
    #[inline]
    fn visit<V: Visitor>(&self, key: &str, visitor: &mut V) {
        match self.value() {
            Some(value) => visitor.attribute(key, value),
            None => visitor.absent(key),
        }
    }
}

impl AttributeValue for bool {
    const CARDINALITY: Option<usize> = Some(2);
    const NAMES: &'static [&'static str] = &["false", "true"];

    #[inline]
    fn index(&self) -> usize {
        usize::from(*self)
    }

    #[inline]
    fn value(&self) -> Option<ValueRef<'_>> {
        Some(ValueRef::Bool(*self))
    }
}

macro_rules! unbounded_value {
    ($($type:ty => |$v:ident| $value:expr;)*) => {$(
        impl AttributeValue for $type {
            const CARDINALITY: Option<usize> = None;
            const NAMES: &'static [&'static str] = &[];

            #[inline]
            fn index(&self) -> usize {
                0
            }

            #[inline]
            fn value(&self) -> Option<ValueRef<'_>> {
                let $v = self;
                Some($value)
            }
        }
    )*};
}

unbounded_value! {
    str => |v| ValueRef::Str(v);
    String => |v| ValueRef::Str(v);
    i8 => |v| ValueRef::I64(i64::from(*v));
    i16 => |v| ValueRef::I64(i64::from(*v));
    i32 => |v| ValueRef::I64(i64::from(*v));
    i64 => |v| ValueRef::I64(*v);
    u8 => |v| ValueRef::I64(i64::from(*v));
    u16 => |v| ValueRef::I64(i64::from(*v));
    u32 => |v| ValueRef::I64(i64::from(*v));
    f64 => |v| ValueRef::F64(*v);
    StringValue => |v| ValueRef::Str(v.as_str());
    Value => |v| ValueRef::from(v);
}

impl<T: AttributeValue + ?Sized> AttributeValue for &T {
    const CARDINALITY: Option<usize> = T::CARDINALITY;
    const NAMES: &'static [&'static str] = T::NAMES;
    const OPTIONAL: bool = T::OPTIONAL;

    #[inline]
    fn index(&self) -> usize {
        T::index(self)
    }

    #[inline]
    fn value(&self) -> Option<ValueRef<'_>> {
        T::value(self)
    }

    #[inline]
    fn visit<V: Visitor>(&self, key: &str, visitor: &mut V) {
        T::visit(self, key, visitor);
    }
}

/// An attribute that a set may lack, such as the error type of what went well.
impl<T: AttributeValue> AttributeValue for Option<T> {
    const CARDINALITY: Option<usize> = match T::CARDINALITY {
        Some(values) => Some(values + 1),
        None => None,
    };
    const NAMES: &'static [&'static str] = T::NAMES;
    const OPTIONAL: bool = true;

    #[inline]
    fn index(&self) -> usize {
        self.as_ref().map_or(0, |value| value.index() + 1)
    }

    #[inline]
    fn value(&self) -> Option<ValueRef<'_>> {
        self.as_ref()?.value()
    }

    #[inline]
    fn visit<V: Visitor>(&self, key: &str, visitor: &mut V) {
        match self {
            Some(value) => value.visit(key, visitor),
            None => visitor.absent(key),
        }
    }
}

#[cfg(test)]
mod tests;
