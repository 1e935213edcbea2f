//! The fields of a span, written into its record as they are visited: the way that most spans take, since few samplers
//! want to see attributes.
//!
//! Called by `spans.rs`. The keys, and which fields are no attributes, are known of the callsite (`site.rs`). Formatting a
//! field runs code of users, so nothing is locked, and the record is not in the table yet.

use std::error::Error;
use std::fmt::{self, Write as _};

use throughline_core::attribute::ValueRef;
use tracing::field::{Field, Visit};

use super::site::Site;
use super::thread::Thread;
use crate::recording::Adding;

/// Writes attributes.
pub(super) struct Written<'a, 'b> {
    pub(super) adding: &'a mut Adding<'b>,
    pub(super) site: &'a Site,
    pub(super) thread: &'a Thread,
    /// Whether one of the fields was an error.
    pub(super) has_error: bool,
}

impl Written<'_, '_> {
    #[inline]
    fn value(&mut self, field: &Field, value: ValueRef<'_>) {
        if let Some(Some(key)) = self.site.keys.get(field.index()) {
            self.adding.attribute_of(*key, value);
        }
    }

    fn formatted(&mut self, field: &Field, text: fmt::Arguments<'_>) {
        let thread = self.thread;
        if self.site.keys.get(field.index()).is_some_and(Option::is_some) {
            thread.with_text(|buffer| {
                // What a broken `Debug` has written until it fails is better than nothing.
                let _incomplete = buffer.write_fmt(text);
                self.value(field, ValueRef::Str(buffer));
            });
        }
    }
}

impl Visit for Written<'_, '_> {
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

    fn record_i128(&mut self, field: &Field, value: i128) {
        self.formatted(field, format_args!("{value}"));
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        self.formatted(field, format_args!("{value}"));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.value(field, ValueRef::Bool(value));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.value(field, ValueRef::Str(value));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        self.has_error = true;
        self.formatted(field, format_args!("{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.formatted(field, format_args!("{value:?}"));
    }
}
