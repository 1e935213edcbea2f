//! A span that was started. Ends when it is told to, or when it is dropped.
//!
//! What it is told goes to `recording.rs`; a span that is not recorded does nothing.

use std::time::Duration;

use opentelemetry::trace::{SpanContext, Status};
use throughline_core::Timestamp;
use throughline_core::attribute::{AttributeValue, Attributes};

use crate::recording::Recording;

/// A started span. Ends when dropped.
///
/// Its methods take no lock; they allocate only when the buffer, which is used again for later spans, has to grow.
#[derive(Debug)]
#[must_use = "a span ends when it is dropped"]
pub struct Span {
    context: SpanContext,
    /// `None` when it is not recorded, or has ended.
    recording: Option<Box<Recording>>,
}

impl Span {
    /// A span that is nobody's.
    pub(crate) const fn none() -> Self {
        Self { context: SpanContext::NONE, recording: None }
    }

    pub(crate) const fn unrecorded(context: SpanContext) -> Self {
        Self { context, recording: None }
    }

    pub(crate) const fn recorded(context: SpanContext, recording: Box<Recording>) -> Self {
        Self { context, recording: Some(recording) }
    }

    /// What it is made of.
    pub(crate) fn into_parts(mut self) -> (SpanContext, Option<Box<Recording>>) {
        let context = std::mem::replace(&mut self.context, SpanContext::NONE);
        (context, self.recording.take())
    }

    /// What it records in.
    #[inline]
    pub(crate) fn recording(&mut self) -> Option<&mut Recording> {
        self.recording.as_deref_mut()
    }

    /// Its ids, flags and trace state, to be told to others.
    #[inline]
    pub const fn span_context(&self) -> &SpanContext {
        &self.context
    }

    /// Whether what is said of it goes anywhere: false when it is not sampled, and after it has ended.
    #[inline]
    pub const fn is_recording(&self) -> bool {
        self.recording.is_some()
    }

    /// Sets an attribute, in place of the one of the same key if there is one. `None` sets nothing.
    #[inline]
    pub fn set_attribute<V: AttributeValue>(&mut self, key: &str, value: V) {
        if let (Some(recording), Some(value)) = (&mut self.recording, value.value()) {
            recording.set_attribute(key, value);
        }
    }

    /// Sets attributes.
    #[inline]
    pub fn set_attributes<A: Attributes + ?Sized>(&mut self, attributes: &A) {
        if let Some(recording) = &mut self.recording {
            recording.set_attributes(attributes);
        }
    }

    /// Adds an event, now.
    pub fn add_event<A: Attributes + ?Sized>(&mut self, name: &str, attributes: &A) {
        if let Some(recording) = &mut self.recording {
            let now = recording.now();
            recording.add_event(name, now, attributes, 0);
        }
    }

    /// Adds an event that happened at this time.
    pub fn add_event_at<A: Attributes + ?Sized>(&mut self, name: &str, time: Timestamp, attributes: &A) {
        if let Some(recording) = &mut self.recording {
            recording.add_event(name, time.as_nanos(), attributes, 0);
        }
    }

    /// Links it with another span. A context that is not valid is no span, and adds nothing.
    pub fn add_link<A: Attributes + ?Sized>(&mut self, to: &SpanContext, attributes: &A) {
        if let Some(recording) = self.recording.as_mut().filter(|_| to.is_valid()) {
            recording.add_link(to, attributes, 0);
        }
    }

    /// Says how it went. [`Status::Ok`] is final, and [`Status::Unset`] changes nothing.
    #[expect(clippy::needless_pass_by_value, reason = "as in the OpenTelemetry API")]
    pub fn set_status(&mut self, status: Status) {
        if let Some(recording) = &mut self.recording {
            recording.set_status(&status);
        }
    }

    /// Gives it another name. Samplers have seen the first one.
    pub fn update_name(&mut self, name: &str) {
        if let Some(recording) = &mut self.recording {
            recording.set_name(name);
        }
    }

    /// Ends it now. What is said of it later is ignored.
    #[inline]
    pub fn end(&mut self) {
        let _took = self.end_timed();
    }

    /// Ends it now. How long it took; `None` when it was not recorded, or had ended before.
    #[inline]
    pub fn end_timed(&mut self) -> Option<Duration> {
        self.recording.take().map(Recording::end)
    }

    /// Ends it at this time, or when it started if that was later.
    pub fn end_at(&mut self, time: Timestamp) {
        if let Some(recording) = self.recording.take() {
            recording.end_at(time.as_nanos());
        }
    }
}

impl Drop for Span {
    #[inline]
    fn drop(&mut self) {
        self.end();
    }
}
