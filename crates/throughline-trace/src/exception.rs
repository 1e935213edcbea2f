//! Errors as events of a span, as the semantic conventions have them.
//!
//! Specification: [exceptions](https://opentelemetry.io/docs/specs/semconv/exceptions/exceptions-spans/).

use std::any::type_name;
use std::backtrace::Backtrace;
use std::error::Error;
use std::fmt::Write as _;

use opentelemetry::trace::TraceContextExt as _;
use opentelemetry::{Context, KeyValue};
use throughline_core::attribute::{Attributes, ValueRef, Visitor};

use crate::local;
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

/// Adds the event `exception` to the current span, whoever made it; see [`Span::record_exception`]. Whether it did: false
/// when no span is current, when it is not recorded, and in the scope of [`Span::enter`], where the current context knows
/// no more than the ids. Allocates.
///
/// ```
/// use throughline_trace::record_exception;
///
/// if let Err(error) = "seven".parse::<u8>() {
///     record_exception(&error);
/// }
/// ```
pub fn record_exception<E: Error + ?Sized>(error: &E) -> bool {
    if !local::is_alive() {
        return false;
    }
    let context = Context::current();
    let span = context.span();
    if !span.is_recording() {
        return false;
    }
    span.add_event("exception", Exception::new(error, None).into_key_values());
    true
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

    fn into_key_values(self) -> Vec<KeyValue> {
        let texts = self.texts().map(|(key, text)| KeyValue::new(key, text.to_owned()));
        texts.into_iter().filter(|pair| !pair.value.as_str().is_empty()).collect()
    }

    fn texts(&self) -> [(&'static str, &str); 3] {
        let Self { type_name, message, trace } = self;
        [("exception.type", type_name), ("exception.message", message), ("exception.stacktrace", trace)]
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
    type Shape = [KeyValue];

    fn visit<V: Visitor>(&self, visitor: &mut V) {
        for (key, text) in self.texts() {
            if !text.is_empty() {
                visitor.attribute(key, ValueRef::Str(text));
            }
        }
    }
}
