//! The fields of a span, written into its record as they are visited: the way that most spans take, since few samplers
//! want to see attributes.
//!
//! Called by `spans.rs`. The keys, and which fields are no attributes, are known of the callsite (`site.rs`). Formatting a
//! field runs code of users, so nothing is locked, and the record is not in the table yet.

use std::error::Error;
use std::fmt::{self, Write as _};

use throughline_core::attribute::ValueRef;
use tracing::field::Field;

use super::site::Site;
use super::thread::Thread;
use super::visit::Values;
use crate::recording::Adding;

/// Writes attributes.
pub(super) struct Written<'a, 'b> {
    pub(super) adding: &'a mut Adding<'b>,
    pub(super) site: &'a Site,
    pub(super) thread: &'a Thread,
    /// Whether one of the fields was an error.
    pub(super) has_error: bool,
}

impl Values for Written<'_, '_> {
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

    fn error(&mut self, _error: &(dyn Error + 'static)) {
        self.has_error = true;
    }
}
