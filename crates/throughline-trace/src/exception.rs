//! Errors as events of a span, as the semantic conventions have them.
//!
//! Specification: [exceptions](https://opentelemetry.io/docs/specs/semconv/exceptions/exceptions-spans/).

use std::any::type_name;
use std::backtrace::Backtrace;
use std::error::Error;
use std::fmt::Write as _;

use throughline_core::attribute::{Attributes, ValueRef, Visitor};

use crate::span::Span;

/// Causes of causes that are listed; a chain that is longer may have no end.
const CAUSES_MAX: usize = 32;

impl Span {
    /// Adds the event `exception`: the error's type, its message, and the chain of its causes.
    ///
    /// The type is known when the error is passed as itself; of a `&dyn Error` there is only what its `Debug` output
    /// begins with. The status is left alone: not every error is a failure of the span. Allocates.
    pub fn record_exception<E: Error + ?Sized>(&mut self, error: &E) {
        if self.is_recording() {
            self.add_event("exception", &Exception::new(error, None));
        }
    }

    /// As [`record_exception`](Self::record_exception), with a backtrace of this call. Capturing one takes
    /// milliseconds.
    pub fn record_exception_with_backtrace<E: Error + ?Sized>(&mut self, error: &E) {
        if self.is_recording() {
            self.add_event("exception", &Exception::new(error, Some(&Backtrace::force_capture())));
        }
    }
}

/// An error, described.
#[derive(Debug)]
pub(crate) struct Exception {
    type_name: String,
    message: String,
    trace: String,
}

impl Exception {
    pub(crate) fn new<E: Error + ?Sized>(error: &E, backtrace: Option<&Backtrace>) -> Self {
        let mut trace = String::new();
        let mut cause = error.source();
        for _ in 0..CAUSES_MAX {
            let Some(error) = cause else { break };
            let _infallible = writeln!(trace, "caused by: {error}");
            cause = error.source();
        }
        if let Some(backtrace) = backtrace {
            let _infallible = write!(trace, "{backtrace}");
        }
        Self { type_name: name(error), message: error.to_string(), trace }
    }
}

/// The type's name: the compiler's, or the first word of the `Debug` output where the type is not known.
fn name<E: Error + ?Sized>(error: &E) -> String {
    let known = type_name::<E>();
    if !known.starts_with("dyn ") {
        return known.to_owned();
    }
    let debug = format!("{error:?}");
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    debug.chars().take_while(|c| is_part(*c)).collect()
}

impl Attributes for Exception {
    type Shape = [opentelemetry::KeyValue];

    fn visit<V: Visitor>(&self, visitor: &mut V) {
        let Self { type_name, message, trace } = self;
        for (key, text) in
            [("exception.type", type_name), ("exception.message", message), ("exception.stacktrace", trace)]
        {
            if !text.is_empty() {
                visitor.attribute(key, ValueRef::Str(text));
            }
        }
    }
}
