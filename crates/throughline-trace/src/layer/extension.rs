//! What OpenTelemetry knows and `tracing` does not, for [`tracing::Span`].

use std::error::Error;

use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, Status};
use throughline_core::AttributeSet;
use throughline_core::attribute::{AttributeValue, Attributes};
use tracing::Span;
use tracing::span::Id;
use tracing_subscriber::Registry;
use tracing_subscriber::registry::LookupSpan as _;

use super::{Inner, TelemetryLayer};
use crate::exception::Exception;
use crate::recording::Recording;

/// Methods of [`tracing::Span`] that come with this crate's layer. Without the layer, and for spans that are not
/// recorded, they do nothing.
///
/// ```
/// use throughline_trace::layer::SpanExt as _;
/// # let incoming = opentelemetry::Context::new();
///
/// let request = tracing::info_span!("request");
/// request.set_parent(&incoming); // from the headers
/// let _entered = request.enter();
/// request.set_attribute("http.response.status_code", 200);
/// ```
pub trait SpanExt {
    /// Makes it a child of the span in this context, which may be in another process, and gives it what else the context
    /// holds, such as baggage. The sampler is asked again.
    ///
    /// To be called before the span is entered and before it has children: later, its ids are known to others, and
    /// nothing is done. Whether it was done.
    fn set_parent(&self, context: &Context) -> bool;

    /// OpenTelemetry's context of this span: to be injected into headers, or attached elsewhere.
    fn context(&self) -> Context;

    /// Links it with another span.
    fn add_link(&self, to: &SpanContext);

    /// Sets an attribute that need not be a field of the span.
    fn set_attribute<V: AttributeValue>(&self, key: &str, value: V);

    /// Adds an event, now. Copies the attributes first.
    fn add_event<A: Attributes + ?Sized>(&self, name: &str, attributes: &A);

    /// Says how it went. [`Status::Ok`] is final, and [`Status::Unset`] changes nothing.
    fn set_status(&self, status: Status);

    /// Adds the event `exception`: the error's type as far as it is known, its message, and the chain of its causes.
    fn record_exception<E: Error + ?Sized>(&self, error: &E);
}

impl SpanExt for Span {
    fn set_parent(&self, context: &Context) -> bool {
        let name = self.metadata().map_or("", |metadata| metadata.name());
        with_layer(self, |layer, id, _| layer.set_parent(id.into_u64(), name, context)).unwrap_or(false)
    }

    fn context(&self) -> Context {
        let found = with_layer(self, |layer, id, registry| {
            let parents = || {
                registry?.span(id)?.scope().skip(1).find_map(|span| layer.known_context(span.id().into_u64()))
            };
            layer.known_context(id.into_u64()).or_else(parents)
        });
        found.flatten().unwrap_or_else(Context::current)
    }

    fn add_link(&self, to: &SpanContext) {
        if to.is_valid() {
            with_recording(self, |recording| recording.add_link(to, &(), 0));
        }
    }

    fn set_attribute<V: AttributeValue>(&self, key: &str, value: V) {
        let Some(value) = value.value() else { return };
        with_recording(self, |recording| recording.set_attribute(key, value));
    }

    fn add_event<A: Attributes + ?Sized>(&self, name: &str, attributes: &A) {
        if is_recording(self) {
            // Copied, because asking for them runs code of users, and the span is locked.
            let attributes = AttributeSet::new(attributes);
            with_recording(self, |recording| recording.add_event(name, recording.now(), &attributes, 0));
        }
    }

    fn set_status(&self, status: Status) {
        with_recording(self, |recording| recording.set_status(&status));
    }

    fn record_exception<E: Error + ?Sized>(&self, error: &E) {
        if is_recording(self) {
            let exception = Exception::new(error, None);
            with_recording(self, |recording| {
                recording.add_event("exception", recording.now(), &exception, 0);
            });
        }
    }
}

fn with_layer<R>(span: &Span, work: impl FnOnce(&'static Inner, &Id, Option<&Registry>) -> R) -> Option<R> {
    span.with_subscriber(|(id, dispatch)| {
        let TelemetryLayer(layer) = dispatch.downcast_ref()?;
        Some(work(layer, id, dispatch.downcast_ref()))
    })
    .flatten()
}

fn with_recording(span: &Span, work: impl FnOnce(&mut Recording)) {
    with_layer(span, |layer, id, _| layer.table.with_recording(id.into_u64(), work));
}

fn is_recording(span: &Span) -> bool {
    with_layer(span, |layer, id, _| layer.table.with_recording(id.into_u64(), |_| ())).flatten().is_some()
}
