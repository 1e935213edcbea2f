//! The fields of an event that are no measurements, as attributes: looked at where they are, without a copy.

use std::cell::Cell;
use std::fmt::{self, Write as _};

use throughline_core::attribute::{Attributes, ValueRef, Visitor};
use tracing::Event;
use tracing::field::{Field, Visit};

use super::site::Site;

/// The attributes of a measurement.
pub(super) struct EventAttributes<'a> {
    pub(super) event: &'a Event<'a>,
    pub(super) site: &'a Site,
}

impl Attributes for EventAttributes<'_> {
    type Shape = EventAttributes<'static>;

    fn visit<V: Visitor>(&self, visitor: &mut V) {
        self.event.record(&mut Shown { visitor, site: self.site });
    }
}

/// The name as it was written: `r#type` is `type`.
pub(super) fn name(field: &Field) -> &'static str {
    let name = field.name();
    name.strip_prefix("r#").unwrap_or(name)
}

/// Shows fields to a visitor.
struct Shown<'a, V> {
    visitor: &'a mut V,
    site: &'a Site,
}

thread_local! {
    /// Room to format values in.
    static TEXT: Cell<String> = const { Cell::new(String::new()) };
}

impl<V: Visitor> Shown<'_, V> {
    fn value(&mut self, field: &Field, value: ValueRef<'_>) {
        if self.site.is_attribute(field) {
            self.visitor.attribute(name(field), value);
        }
    }

    /// Formats a value, which may record in turn: then it has other room.
    fn formatted(&mut self, field: &Field, value: fmt::Arguments<'_>) {
        if !self.site.is_attribute(field) {
            return;
        }
        let mut text = TEXT.try_with(Cell::take).unwrap_or_default();
        text.clear();
        // What a broken `Debug` has written until it fails is better than nothing.
        let _incomplete = text.write_fmt(value);
        self.value(field, ValueRef::Str(&text));
        let _gone_when_the_thread_ends = TEXT.try_with(|kept| kept.set(text));
    }
}

impl<V: Visitor> Visit for Shown<'_, V> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.value(field, ValueRef::F64(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.value(field, ValueRef::I64(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        match i64::try_from(value) {
            Ok(value) => self.value(field, ValueRef::I64(value)),
            Err(_) => self.formatted(field, format_args!("{value}")),
        }
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.value(field, ValueRef::Bool(value));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.value(field, ValueRef::Str(value));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.formatted(field, format_args!("{value:?}"));
    }
}
