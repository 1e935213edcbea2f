//! Fields by type, for all who look at them: a value that has a type of ours as that, any other as text.
//!
//! `fields.rs` and `written.rs` are shown fields by it.

use std::error::Error;
use std::fmt;

use throughline_core::attribute::ValueRef;
use tracing::field::{Field, Visit};

/// Who is shown fields.
pub(super) trait Values {
    /// A value with a type of its own.
    fn value(&mut self, field: &Field, value: ValueRef<'_>);

    /// A value that has none. Formatting it may run code of users.
    fn formatted(&mut self, field: &Field, text: fmt::Arguments<'_>);

    /// A text.
    fn text(&mut self, field: &Field, text: &str) {
        self.value(field, ValueRef::Str(text));
    }

    /// An error, which is shown as a formatted value, too.
    fn error(&mut self, error: &(dyn Error + 'static));
}

/// Shows fields to such a one.
pub(super) struct Typed<V>(pub(super) V);

impl<V: Values> Visit for Typed<V> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.0.value(field, ValueRef::F64(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.0.value(field, ValueRef::I64(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        match i64::try_from(value) {
            Ok(value) => self.0.value(field, ValueRef::I64(value)),
            Err(_) => self.0.formatted(field, format_args!("{value}")),
        }
    }

    fn record_i128(&mut self, field: &Field, value: i128) {
        self.0.formatted(field, format_args!("{value}"));
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        self.0.formatted(field, format_args!("{value}"));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.0.value(field, ValueRef::Bool(value));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.text(field, value);
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        self.0.error(value);
        self.0.formatted(field, format_args!("{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.formatted(field, format_args!("{value:?}"));
    }
}
