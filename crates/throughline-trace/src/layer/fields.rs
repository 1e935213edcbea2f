//! The fields of spans and events: most are attributes; some say something of the span itself.
//!
//! | field of a span | is |
//! |---|---|
//! | `otel.name` | its name |
//! | `otel.kind` | its kind: `server`, `client`, `producer`, `consumer` or `internal` |
//! | `otel.status_code` | its status: `ok` or `error` |
//! | `otel.status_description` | the status of an error, with this description |
//! | any `&dyn Error` | an attribute with its message, and an event `exception` |
//!
//! Called by `spans.rs` and `events.rs`. Formatting a field runs code of users, so nothing is locked or borrowed.

use std::cell::Cell;
use std::error::Error;
use std::fmt::{self, Write as _};

use opentelemetry::trace::{SpanKind, Status};
use opentelemetry::{KeyValue, Value};
use throughline_core::attribute::{Attributes, ValueRef, Visitor};
use tracing::field::Field;
use tracing::{Metadata, span};

use super::settings::Settings;
use super::site::{Description, Site, describe};
use super::thread::Thread;
use super::visit::{Typed, Values};
use super::written::Written;
use crate::exception::Exception;
use crate::recording::Adding;

const NAME: &str = "otel.name";
const KIND: &str = "otel.kind";
const STATUS_CODE: &str = "otel.status_code";
const STATUS_DESCRIPTION: &str = "otel.status_description";
/// The field that every event with a text has.
const MESSAGE: &str = "message";

/// Whether a field of this name says something of the span itself.
#[inline]
pub(super) fn is_convention(name: &str) -> bool {
    name.starts_with("otel.") && [NAME, KIND, STATUS_CODE, STATUS_DESCRIPTION].contains(&name)
}

/// Who wants what of the fields.
trait Sink {
    /// Whether it wants attributes.
    const ATTRIBUTES: bool;
    /// Whether it wants what is no attribute.
    const SPECIAL: bool;

    fn attribute(&mut self, _key: &'static str, _value: ValueRef<'_>) {}
    fn special(&mut self, _key: &'static str, _text: &str) {}
    fn error(&mut self, _error: &(dyn Error + 'static)) {}
}

/// Where the fields stand.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Span,
    Event,
    /// An event of the `log` crate, whose fields `log.…` are its metadata.
    LogCrate,
}

/// Shows the fields to a sink.
struct Fields<'a, S> {
    sink: &'a mut S,
    thread: &'a Thread,
    place: Place,
}

impl<S: Sink> Fields<'_, S> {
    #[inline]
    fn is_special(&self, name: &str) -> bool {
        match self.place {
            Place::Span => is_convention(name),
            Place::Event => name == MESSAGE,
            Place::LogCrate => name == MESSAGE || name.starts_with("log."),
        }
    }
}

impl<S: Sink> Values for Fields<'_, S> {
    #[inline]
    fn value(&mut self, field: &Field, value: ValueRef<'_>) {
        let name = name(field);
        if S::ATTRIBUTES && !self.is_special(name) {
            self.sink.attribute(name, value);
        }
    }

    fn formatted(&mut self, field: &Field, text: fmt::Arguments<'_>) {
        let wanted = if self.is_special(name(field)) { S::SPECIAL } else { S::ATTRIBUTES };
        if wanted {
            let thread = self.thread;
            thread.with_text(|buffer| {
                // What a broken `Debug` has written until it fails is better than nothing.
                let _incomplete = buffer.write_fmt(text);
                self.text(field, buffer);
            });
        }
    }

    fn text(&mut self, field: &Field, text: &str) {
        let name = name(field);
        if !self.is_special(name) {
            self.value(field, ValueRef::Str(text));
        } else if S::SPECIAL {
            self.sink.special(name, text);
        }
    }

    fn error(&mut self, error: &(dyn Error + 'static)) {
        self.sink.error(error);
    }
}

/// The name as it was written: `r#type` is `type`.
#[inline]
pub(super) fn name(field: &Field) -> &'static str {
    let name = field.name();
    name.strip_prefix("r#").unwrap_or(name)
}

/// What the fields of a span say of it.
#[derive(Debug, Default)]
pub(super) struct Conventions {
    pub(super) name: Option<String>,
    pub(super) kind: Option<SpanKind>,
    pub(super) status: Option<Status>,
}

impl Conventions {
    pub(super) fn of(attributes: &span::Attributes<'_>, thread: &Thread) -> Self {
        let mut conventions = Self::default();
        attributes.record(&mut Typed(Fields { sink: &mut conventions, thread, place: Place::Span }));
        conventions
    }

    fn see(&mut self, key: &'static str, text: &str) {
        match key {
            NAME => self.name = Some(text.to_owned()),
            KIND => self.kind = kind(text),
            STATUS_CODE if text.eq_ignore_ascii_case("ok") => self.status = Some(Status::Ok),
            STATUS_CODE if text.eq_ignore_ascii_case("error") && self.status.is_none() => {
                self.status = Some(Status::error(""));
            }
            STATUS_DESCRIPTION => self.status = Some(Status::error(text.to_owned())),
            _ => {}
        }
    }
}

fn kind(text: &str) -> Option<SpanKind> {
    let kinds = [
        ("server", SpanKind::Server),
        ("client", SpanKind::Client),
        ("producer", SpanKind::Producer),
        ("consumer", SpanKind::Consumer),
        ("internal", SpanKind::Internal),
    ];
    kinds.into_iter().find(|(name, _)| text.eq_ignore_ascii_case(name)).map(|(_, kind)| kind)
}

impl Sink for Conventions {
    const ATTRIBUTES: bool = false;
    const SPECIAL: bool = true;

    fn special(&mut self, key: &'static str, text: &str) {
        self.see(key, text);
    }
}

/// The attributes that a span starts with.
pub(super) struct SpanAttributes<'a> {
    pub(super) thread: &'a Thread,
    pub(super) settings: Settings,
    /// Whether what is known of the callsite is among them.
    pub(super) is_described: bool,
    pub(super) fields: &'a span::Attributes<'a>,
    /// Whether one of them was an error.
    pub(super) has_error: Cell<bool>,
}

impl SpanAttributes<'_> {
    /// Writes them into a record that begins, all but what is known of the callsite.
    #[inline]
    pub(super) fn write(&self, site: &Site, adding: &mut Adding<'_>) {
        let Self { thread, settings, fields, has_error, .. } = self;
        thread_attributes(*settings, thread, adding);
        let mut written = Typed(Written { adding, site, thread, has_error: false });
        fields.record(&mut written);
        has_error.set(written.0.has_error);
    }

    /// The errors among the fields.
    #[cold]
    pub(super) fn exceptions(&self) -> Vec<Exception> {
        let mut errors = Errors(Vec::new());
        self.fields.record(&mut Typed(Fields { sink: &mut errors, thread: self.thread, place: Place::Span }));
        errors.0
    }
}

/// For samplers that want to see them.
impl Attributes for SpanAttributes<'_> {
    type Shape = SpanAttributes<'static>;

    fn visit<V: Visitor>(&self, visitor: &mut V) {
        let Self { thread, settings, fields, has_error, .. } = self;
        if self.is_described {
            Description { metadata: fields.metadata(), settings: *settings }.visit(visitor);
        }
        thread_attributes(*settings, thread, visitor);
        let sink = &mut Streamed { visitor, has_error };
        fields.record(&mut Typed(Fields { sink, thread, place: Place::Span }));
    }
}

/// The attributes of a log record.
pub(super) struct EventAttributes<'a> {
    pub(super) thread: &'a Thread,
    pub(super) settings: Settings,
    pub(super) event: &'a tracing::Event<'a>,
    /// Where it comes from: for those of the `log` crate, not what `tracing` says.
    pub(super) metadata: &'a Metadata<'a>,
    pub(super) is_log_crate: bool,
    pub(super) exception: Option<&'a Exception>,
}

impl EventAttributes<'_> {
    fn place(&self) -> Place {
        if self.is_log_crate { Place::LogCrate } else { Place::Event }
    }
}

impl Attributes for EventAttributes<'_> {
    type Shape = EventAttributes<'static>;

    fn visit<V: Visitor>(&self, visitor: &mut V) {
        let Self { thread, settings, event, metadata, exception, .. } = self;
        describe(metadata, *settings, visitor);
        thread_attributes(*settings, thread, visitor);
        let sink = &mut Streamed { visitor: &mut *visitor, has_error: &Cell::new(false) };
        event.record(&mut Typed(Fields { sink, thread, place: self.place() }));
        if let Some(exception) = exception {
            exception.visit(visitor);
        }
    }
}

fn thread_attributes<V: Visitor>(settings: Settings, thread: &Thread, visitor: &mut V) {
    if settings.thread {
        visitor.attribute("thread.id", ValueRef::I64(thread.id));
        if let Some(name) = std::thread::current().name() {
            visitor.attribute("thread.name", ValueRef::Str(name));
        }
    }
}

/// Attributes, as they come.
struct Streamed<'a, V> {
    visitor: &'a mut V,
    has_error: &'a Cell<bool>,
}

impl<V: Visitor> Sink for Streamed<'_, V> {
    const ATTRIBUTES: bool = true;
    const SPECIAL: bool = false;

    #[inline]
    fn attribute(&mut self, key: &'static str, value: ValueRef<'_>) {
        self.visitor.attribute(key, value);
    }

    fn error(&mut self, _error: &(dyn Error + 'static)) {
        self.has_error.set(true);
    }
}

/// The errors alone.
struct Errors(Vec<Exception>);

impl Sink for Errors {
    const ATTRIBUTES: bool = false;
    const SPECIAL: bool = false;

    fn error(&mut self, error: &(dyn Error + 'static)) {
        self.0.push(Exception::new(error, None));
    }
}

/// The message of an event, and its error.
pub(super) struct Message<'a> {
    pub(super) text: &'a mut String,
    pub(super) exception: Option<Exception>,
}

impl<'a> Message<'a> {
    pub(super) fn of(event: &tracing::Event<'_>, thread: &Thread, text: &'a mut String) -> Self {
        let mut message = Self { text, exception: None };
        event.record(&mut Typed(Fields { sink: &mut message, thread, place: Place::Event }));
        message
    }
}

impl Sink for Message<'_> {
    const ATTRIBUTES: bool = false;
    const SPECIAL: bool = true;

    fn special(&mut self, _key: &'static str, text: &str) {
        self.text.push_str(text);
    }

    fn error(&mut self, error: &(dyn Error + 'static)) {
        self.exception = Some(Exception::new(error, None));
    }
}

/// Fields that are kept for a moment: those that are recorded later, and those of span events.
#[derive(Debug, Default)]
pub(super) struct Kept {
    pub(super) attributes: Vec<KeyValue>,
    pub(super) conventions: Conventions,
    pub(super) exceptions: Vec<Exception>,
}

impl Kept {
    /// Those that are recorded later.
    pub(super) fn of_record(values: &span::Record<'_>, thread: &Thread) -> Self {
        let mut kept = Self::default();
        values.record(&mut Typed(Fields { sink: &mut kept, thread, place: Place::Span }));
        kept
    }

    /// Those of an event, but for its message.
    pub(super) fn of_event(attributes: &EventAttributes<'_>) -> Self {
        let EventAttributes { thread, settings, event, metadata, exception, .. } = attributes;
        let mut kept = Self::default();
        Description { metadata, settings: *settings }.visit(&mut kept);
        thread_attributes(*settings, thread, &mut kept);
        event.record(&mut Typed(Fields { sink: &mut kept, thread, place: attributes.place() }));
        if let Some(exception) = exception {
            exception.visit(&mut kept);
        }
        kept
    }
}

impl Sink for Kept {
    const ATTRIBUTES: bool = true;
    const SPECIAL: bool = true;

    fn attribute(&mut self, key: &'static str, value: ValueRef<'_>) {
        self.attributes.push(KeyValue::new(key, owned(value)));
    }

    fn special(&mut self, key: &'static str, text: &str) {
        self.conventions.see(key, text);
    }

    fn error(&mut self, error: &(dyn Error + 'static)) {
        self.exceptions.push(Exception::new(error, None));
    }
}

impl Visitor for Kept {
    fn attribute(&mut self, key: &str, value: ValueRef<'_>) {
        self.attributes.push(KeyValue::new(key.to_owned(), owned(value)));
    }
}

fn owned(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Bool(value) => Value::Bool(value),
        ValueRef::I64(value) => Value::I64(value),
        ValueRef::F64(value) => Value::F64(value),
        ValueRef::Str(text) => Value::from(text.to_owned()),
        array @ ValueRef::Array(_) => Value::from(array.to_string()),
    }
}
