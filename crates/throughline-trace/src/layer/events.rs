//! Events of `tracing`, and through it of the `log` crate: log records, events of the current span, or both.
//!
//! Called by the layer; log records go on to `log.rs`.

use opentelemetry::Context;
use opentelemetry::trace::{Status, TraceContextExt as _};
use throughline_core::attribute::ValueRef;
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_log::NormalizeEvent as _;
use tracing_subscriber::layer::Context as Registry;
use tracing_subscriber::registry::LookupSpan;

use super::Inner;
use super::fields::{EventAttributes, Kept, Message};
use super::site::Site;
use super::thread::{self, Thread};
use crate::exception::Exception;
use crate::log::{LogRecord, Logger};

impl Inner {
    pub(super) fn event<S>(&self, event: &Event<'_>, registry: &Registry<'_, S>)
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        thread::with(|thread| {
            let site = thread.site(self, event.metadata());
            // The `log` crate has one callsite for each level: there, the filter is asked for each event.
            let normalized = if site.is_log_crate { event.normalized_metadata() } else { None };
            let metadata = normalized.as_ref().unwrap_or_else(|| event.metadata());
            let is_wanted = match &normalized {
                Some(metadata) => self.filters.wants_event(metadata.target(), *metadata.level()),
                None => site.is_wanted,
            };
            if is_wanted && !Context::is_current_telemetry_suppressed() {
                thread.with_text(|text| {
                    let Message { text, exception } = Message::of(event, thread, text);
                    let belongs_to = self.span_of(event, registry);
                    let found = Found { thread, site: &site, event, metadata, message: text, exception };
                    self.record_event(&found, belongs_to.as_ref());
                });
            }
        });
    }

    /// The context of the span that the event says it belongs to; `None` for the current one.
    fn span_of<S>(&self, event: &Event<'_>, registry: &Registry<'_, S>) -> Option<Context>
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        match event.parent() {
            Some(id) => Some(self.context_of(id, registry).unwrap_or_default()),
            None if event.is_root() => Some(Context::new()),
            None => None,
        }
    }

    fn record_event(&self, event: &Found<'_>, belongs_to: Option<&Context>) {
        if let Some(logger) = self.logger.filter(|_| self.settings.events.are_logs()) {
            self.record_log(logger, event, belongs_to);
        }
        let fails = self.settings.errors_set_status && *event.metadata.level() == Level::ERROR;
        if fails || self.settings.events.are_span_events() {
            match belongs_to {
                Some(context) => self.record_in_span(event, context, fails),
                None => {
                    let current = Context::current();
                    self.record_in_span(event, &current, fails);
                }
            }
        }
    }

    fn record_log(&self, logger: Logger, event: &Found<'_>, belongs_to: Option<&Context>) {
        let span = belongs_to.map(Context::span);
        let level = *event.metadata.level();
        let record = LogRecord {
            severity_number: severity(level),
            severity_text: level.as_str(),
            body: Some(ValueRef::Str(event.message)).filter(|_| !event.message.is_empty()),
            event_name: event.site.event_name(),
            span: span.as_ref().map(opentelemetry::trace::SpanRef::span_context),
            ..LogRecord::default()
        };
        logger.record_now(&record, &self.attributes(event));
    }

    /// In the span of this context, whoever made it.
    fn record_in_span(&self, event: &Found<'_>, context: &Context, fails: bool) {
        let span = context.span();
        if !span.is_recording() {
            return;
        }
        if self.settings.events.are_span_events() {
            let Kept { mut attributes, .. } = Kept::of_event(&self.attributes(event));
            let name = match event.exception {
                Some(_) => {
                    attributes.push(opentelemetry::KeyValue::new("message", event.message.to_owned()));
                    "exception".to_owned()
                }
                None if event.message.is_empty() => event.metadata.name().to_owned(),
                None => event.message.to_owned(),
            };
            span.add_event(name, attributes);
        }
        if fails {
            span.set_status(Status::error(event.message.to_owned()));
        }
    }

    fn attributes<'a>(&'a self, event: &'a Found<'a>) -> EventAttributes<'a> {
        EventAttributes {
            thread: event.thread,
            settings: self.settings,
            event: event.event,
            metadata: event.metadata,
            is_log_crate: event.site.is_log_crate,
            exception: event.exception.as_ref(),
        }
    }
}

/// An event, and what was found out about it.
struct Found<'a> {
    thread: &'a Thread,
    site: &'a Site,
    event: &'a Event<'a>,
    metadata: &'a Metadata<'a>,
    message: &'a str,
    exception: Option<Exception>,
}

/// OpenTelemetry's number of a level
/// ([severity](https://opentelemetry.io/docs/specs/otel/logs/data-model/#field-severitynumber)).
fn severity(level: Level) -> u8 {
    match level {
        Level::TRACE => 1,
        Level::DEBUG => 5,
        Level::INFO => 9,
        Level::WARN => 13,
        Level::ERROR => 17,
    }
}
