//! The context of a trace in the `_meta` of a message's `params`.
//!
//! Keys are the headers of the propagators that are in use, without prefix: `traceparent`, `tracestate` and `baggage` unless
//! told otherwise. Used by [`Endpoint`](super::Endpoint); of use alone where somebody else makes the spans.

use serde_json::{Map, Value};
use throughline_core::propagation::{Context, ReadCarrier, WriteCarrier, extract_context, inject_context};

/// A `_meta` object as a carrier of contexts.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_structs, reason = "a name for what it holds")]
pub struct Meta<M>(pub M);

impl ReadCarrier for Meta<&Map<String, Value>> {
    fn read<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        self.0.get(name).and_then(Value::as_str).map(str::as_bytes).into_iter()
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

impl WriteCarrier for Meta<&mut Map<String, Value>> {
    fn write(&mut self, name: &str, value: &str) {
        self.0.insert(name.to_owned(), value.into());
    }

    fn remove(&mut self, name: &str) {
        self.0.remove(name);
    }
}

/// The current context with what a `_meta` holds, read with the propagators of the process.
pub fn extract(meta: &Map<String, Value>) -> Context {
    extract_context(&Meta(meta))
}

/// Writes a context into a `_meta`, with the propagators of the process.
pub fn inject(context: &Context, meta: &mut Map<String, Value>) {
    inject_context(context, &mut Meta(meta));
}
