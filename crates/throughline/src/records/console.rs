//! Log records on standard error: one line of text or one JSON object each, with the ids of the current span.
//!
//! A layer of the subscriber that `enabled.rs` puts together. Each record is written whole, in one call.

use std::cell::RefCell;
use std::fmt::{self, Write as _};
use std::io::{self, IsTerminal as _, Write as _};
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, TraceContextExt as _};
use serde_json::{Map, Value};
use throughline_core::Clock;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer;

use crate::config::ConsoleFormat;

/// Writes log records to standard error.
#[derive(Clone, Debug)]
pub(crate) struct Console {
    format: ConsoleFormat,
    colours: bool,
    clock: Arc<dyn Clock>,
}

impl Console {
    /// Colours are for people: not for files, and not for those who set `NO_COLOR`.
    pub(crate) fn new(format: ConsoleFormat, no_color: bool, clock: Arc<dyn Clock>) -> Self {
        let colours = !no_color && io::stderr().is_terminal();
        Self { format, colours, clock }
    }

    fn write(&self, line: &mut String, event: &Event<'_>, metadata: &Metadata<'_>) -> fmt::Result {
        let nanoseconds = self.clock.now().as_nanos();
        let time = humantime::format_rfc3339_micros(UNIX_EPOCH + Duration::from_nanos(nanoseconds));
        let mut fields = Fields::default();
        event.record(&mut fields);
        let span = Context::map_current(|context| context.span().span_context().clone());
        match self.format {
            ConsoleFormat::Json => write_json(line, &time, metadata, &span, fields),
            _ => self.write_text(line, &time, metadata, &span, &fields),
        }
    }

    fn write_text(
        &self,
        line: &mut String,
        time: &dyn fmt::Display,
        metadata: &Metadata<'_>,
        span: &SpanContext,
        fields: &Fields,
    ) -> fmt::Result {
        let (colour, plain) = if self.colours { (colour(*metadata.level()), "\x1b[0m") } else { ("", "") };
        write!(line, "{time} {colour}{:>5}{plain} ", metadata.level())?;
        if span.is_valid() {
            write!(line, "{}/{} ", span.trace_id(), span.span_id())?;
        }
        write!(line, "{}: {}", metadata.target(), fields.message)?;
        for (name, value) in &fields.others {
            match value {
                Value::String(text) if !text.contains(char::is_whitespace) => write!(line, " {name}={text}")?,
                value => write!(line, " {name}={value}")?,
            }
        }
        Ok(())
    }
}

fn colour(level: Level) -> &'static str {
    match level {
        Level::ERROR => "\x1b[31m",
        Level::WARN => "\x1b[33m",
        Level::INFO => "\x1b[32m",
        Level::DEBUG => "\x1b[34m",
        Level::TRACE => "\x1b[35m",
    }
}

fn write_json(
    line: &mut String,
    time: &dyn fmt::Display,
    metadata: &Metadata<'_>,
    span: &SpanContext,
    fields: Fields,
) -> fmt::Result {
    let mut object = Map::new();
    let mut add = |key: &str, value: String| object.insert(key.to_owned(), Value::String(value));
    add("timestamp", time.to_string());
    add("level", metadata.level().to_string());
    add("target", metadata.target().to_owned());
    add("message", fields.message);
    if span.is_valid() {
        add("trace_id", span.trace_id().to_string());
        add("span_id", span.span_id().to_string());
    }
    object.insert("fields".to_owned(), Value::Object(fields.others));
    write!(line, "{}", Value::Object(object))
}

thread_local! {
    static LINE: RefCell<String> = const { RefCell::new(String::new()) };
}

impl<S: Subscriber> Layer<S> for Console {
    fn on_event(&self, event: &Event<'_>, _: layer::Context<'_, S>) {
        let write = |line: &mut String| {
            line.clear();
            // Nobody can be told when standard error is closed.
            let written = self.write(line, event, event.metadata());
            line.push('\n');
            let _closed = written.map(|()| io::stderr().lock().write_all(line.as_bytes()));
        };
        // A field that logs while it is formatted comes back here.
        let _gone = LINE.try_with(|line| match line.try_borrow_mut() {
            Ok(mut line) => write(&mut line),
            Err(_in_use) => write(&mut String::new()),
        });
    }
}

/// A record's message and its other fields.
#[derive(Default)]
struct Fields {
    message: String,
    others: Map<String, Value>,
}

impl Fields {
    fn add(&mut self, field: &Field, value: Value) {
        if field.name() == "message" {
            self.message = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        } else if !field.name().starts_with("log.") {
            self.others.insert(field.name().to_owned(), value);
        }
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.add(field, Value::String(format!("{value:?}")));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field, value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.add(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field, value.into());
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        let mut text = value.to_string();
        let mut cause = value.source();
        while let Some(error) = cause {
            let _infallible = write!(text, ": {error}");
            cause = error.source();
        }
        self.add(field, text.into());
    }
}
