//! A tracing span as OpenTelemetry sees it in a context: what is said of `Context::current().span()` reaches it.
//!
//! Made by `spans.rs`; refers to the span by its id, so that a context which somebody keeps does not keep the span open.

use std::borrow::Cow;
use std::time::SystemTime;

use opentelemetry::KeyValue;
use opentelemetry::trace::{Span, SpanContext, Status};
use throughline_core::Timestamp;
use throughline_core::attribute::ValueRef;

use super::Inner;

pub(super) struct Handle {
    pub(super) layer: &'static Inner,
    pub(super) id: u64,
    pub(super) context: SpanContext,
}

impl Span for Handle {
    fn add_event_with_timestamp<T: Into<Cow<'static, str>>>(
        &mut self,
        name: T,
        timestamp: SystemTime,
        attributes: Vec<KeyValue>,
    ) {
        let name = name.into();
        self.layer.table.with_recording(self.id, |recording| {
            let time = recording.time_of(Timestamp::from(timestamp));
            recording.add_event(&name, time, attributes.as_slice(), 0);
        });
    }

    fn span_context(&self) -> &SpanContext {
        &self.context
    }

    fn is_recording(&self) -> bool {
        self.layer.table.with_recording(self.id, |_| ()).is_some()
    }

    fn set_attribute(&mut self, attribute: KeyValue) {
        let value = ValueRef::from(&attribute.value);
        self.layer
            .table
            .with_recording(self.id, |recording| recording.set_attribute(attribute.key.as_str(), value));
    }

    fn set_status(&mut self, status: Status) {
        self.layer.table.with_recording(self.id, |recording| recording.set_status(&status));
    }

    fn update_name<T: Into<Cow<'static, str>>>(&mut self, new_name: T) {
        let name = new_name.into();
        self.layer.table.with_recording(self.id, |recording| recording.set_name(&name));
    }

    fn add_link(&mut self, span_context: SpanContext, attributes: Vec<KeyValue>) {
        if span_context.is_valid() {
            self.layer.table.with_recording(self.id, |recording| {
                recording.add_link(&span_context, attributes.as_slice(), 0);
            });
        }
    }

    /// Ends it before `tracing` does.
    fn end_with_timestamp(&mut self, timestamp: SystemTime) {
        let recording = self.layer.table.with(self.id, |open| open.recording.take()).flatten();
        if let Some(recording) = recording {
            let time = recording.time_of(Timestamp::from(timestamp));
            recording.end_at(time);
        }
    }
}
