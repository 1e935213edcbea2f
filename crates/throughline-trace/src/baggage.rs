//! Baggage as attributes: the items that an allow-list names, of the context that a span starts in.
//!
//! Asked for in `provider.rs`; used by `builder.rs` and, where a span gets another parent, by `layer/spans.rs`. Baggage comes
//! from strangers, so nothing of it is recorded that was not named.

use opentelemetry::baggage::BaggageExt as _;
use opentelemetry::{Context, Key};
use throughline_core::attribute::{Attributes, ValueRef, Visitor};

use crate::provider::Shared;

/// The allowed items of a context's baggage.
pub(crate) struct FromBaggage<'a> {
    allowed: &'static [Key],
    context: Option<&'a Context>,
}

impl<'a> FromBaggage<'a> {
    pub(crate) fn new(shared: &'static Shared, context: Option<&'a Context>) -> Self {
        Self { allowed: &shared.baggage, context }
    }
}

impl Attributes for FromBaggage<'_> {
    type Shape = [opentelemetry::KeyValue];

    fn visit<V: Visitor>(&self, visitor: &mut V) {
        let Some(context) = self.context else { return };
        for key in self.allowed {
            if let Some(value) = context.baggage().get(key) {
                visitor.attribute(key.as_str(), ValueRef::Str(value.as_str()));
            }
        }
    }
}
