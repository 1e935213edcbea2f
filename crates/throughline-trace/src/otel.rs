//! The OpenTelemetry trace API on this recorder: whatever is instrumented with OpenTelemetry records here once the
//! provider is installed.
//!
//! ```
//! use opentelemetry::trace::{TraceContextExt as _, Tracer as _};
//! use throughline_trace::TracerProvider;
//!
//! let provider = TracerProvider::default();
//! opentelemetry::global::set_tracer_provider(provider);
//!
//! opentelemetry::global::tracer("shop").in_span("checkout", |context| {
//!     context.span().add_event("paid", vec![]);
//! });
//! ```
//!
//! Called by OpenTelemetry; starts spans through `builder.rs`. A [`Span`] of ours can be handed to
//! `Context::current_with_span`, and is one there.

use std::borrow::Cow;
use std::time::SystemTime;

use opentelemetry::trace::{self, SpanBuilder, SpanContext, SpanKind, Status};
use opentelemetry::{Context, InstrumentationScope, KeyValue};
use throughline_core::Timestamp;
use throughline_core::attribute::ValueRef;

use crate::context::note_carried;
use crate::provider::{Tracer, TracerProvider};
use crate::span::Span;

impl trace::TracerProvider for TracerProvider {
    type Tracer = Tracer;

    fn tracer_with_scope(&self, scope: InstrumentationScope) -> Tracer {
        Self::tracer_with_scope(*self, scope)
    }
}

impl trace::Tracer for Tracer {
    type Span = Span;

    fn build_with_context(&self, builder: SpanBuilder, parent_cx: &Context) -> Span {
        if parent_cx.is_telemetry_suppressed() {
            return Span::none();
        }
        let SpanBuilder { span_kind, name, start_time, attributes, events, links } = builder;
        let attributes = attributes.unwrap_or_default();
        let started = self
            .span(&name)
            .with_kind(span_kind.unwrap_or(SpanKind::Internal))
            .with_parent(parent_cx)
            .with_attributes(attributes.as_slice())
            .with_links(links.unwrap_or_default());
        let mut span = match start_time {
            Some(time) => started.with_start(Timestamp::from(time)).start(),
            None => started.start(),
        };
        add_events(&mut span, events.unwrap_or_default());
        span
    }
}

fn add_events(span: &mut Span, events: Vec<trace::Event>) {
    let Some(recording) = span.recording() else { return };
    for event in events {
        let time = recording.time_of(Timestamp::from(event.timestamp));
        recording.add_event(&event.name, time, event.attributes.as_slice(), event.dropped_attributes_count);
    }
}

/// Through the API, attributes arrive as vectors, and a span in a context is behind a lock; its own methods cost less.
impl trace::Span for Span {
    fn add_event<T: Into<Cow<'static, str>>>(&mut self, name: T, attributes: Vec<KeyValue>) {
        Self::add_event(self, &name.into(), attributes.as_slice());
    }

    fn record_error(&mut self, err: &dyn std::error::Error) {
        self.record_exception(err);
    }

    fn add_event_with_timestamp<T: Into<Cow<'static, str>>>(
        &mut self,
        name: T,
        timestamp: SystemTime,
        attributes: Vec<KeyValue>,
    ) {
        if let Some(recording) = self.recording() {
            let time = recording.time_of(Timestamp::from(timestamp));
            recording.add_event(&name.into(), time, attributes.as_slice(), 0);
        }
    }

    /// OpenTelemetry asks this when the span is put into a context.
    fn span_context(&self) -> &SpanContext {
        note_carried(Self::span_context(self));
        Self::span_context(self)
    }

    fn is_recording(&self) -> bool {
        Self::is_recording(self)
    }

    fn set_attribute(&mut self, attribute: KeyValue) {
        if let Some(recording) = self.recording() {
            recording.set_attribute(attribute.key.as_str(), ValueRef::from(&attribute.value));
        }
    }

    fn set_status(&mut self, status: Status) {
        Self::set_status(self, status);
    }

    fn update_name<T: Into<Cow<'static, str>>>(&mut self, new_name: T) {
        Self::update_name(self, &new_name.into());
    }

    fn add_link(&mut self, span_context: SpanContext, attributes: Vec<KeyValue>) {
        Self::add_link(self, &span_context, attributes.as_slice());
    }

    fn end(&mut self) {
        Self::end(self);
    }

    fn end_with_timestamp(&mut self, timestamp: SystemTime) {
        if let Some(recording) = self.recording() {
            let time = recording.time_of(Timestamp::from(timestamp));
            self.end_at(Timestamp::from_nanos(time));
        }
    }
}
