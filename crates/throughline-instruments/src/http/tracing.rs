//! The span of a request, and the context that it is passed on in.

use std::time::Duration;

use opentelemetry::Context;
use opentelemetry::trace::TraceContextExt as _;
use throughline_core::attribute::AttributeValue as _;
use throughline_core::propagation::{Propagators, global_propagators};
use throughline_metrics::exemplar::TraceContext;
use throughline_trace::{Span, Status, Tracer};

use super::attributes::HttpMethod;

/// Who makes the spans, and which headers say whose they are.
#[derive(Clone, Debug)]
pub(crate) struct Tracing {
    pub(crate) tracer: Option<Tracer>,
    pub(crate) propagators: Propagators,
}

impl Default for Tracing {
    fn default() -> Self {
        Self { tracer: None, propagators: global_propagators() }
    }
}

/// The span of a request under way.
#[derive(Debug)]
pub(crate) struct Traced {
    pub(crate) span: Span,
    /// What it was started in, with the span.
    pub(crate) context: Context,
}

impl Traced {
    /// Of a span that was started in this context.
    #[inline]
    pub(crate) fn new(span: Span, within: &Context) -> Self {
        let context = within.with_remote_span_context(span.span_context().clone());
        Self { span, context }
    }

    /// What measurements of it should carry.
    #[inline]
    pub(crate) fn exemplar(&self) -> Option<TraceContext> {
        TraceContext::of(self.span.span_context())
    }

    /// Says what it failed with, and ends it; says how long it took, if it was recorded. A status of the protocol says
    /// enough by itself.
    pub(crate) fn end(&mut self, error: Option<&str>, is_status: bool) -> Option<Duration> {
        if let Some(error) = error {
            self.span.set_attribute("error.type", error);
            let description = if is_status { String::new() } else { error.to_owned() };
            self.span.set_status(Status::error(description));
        }
        self.span.end_timed()
    }
}

/// A span's name, as the conventions have it: `GET /users/{id}`.
pub(crate) fn span_name(method: HttpMethod, route: Option<&str>) -> Box<str> {
    let method = match method {
        HttpMethod::Other => "HTTP",
        known => HttpMethod::NAMES.get(known.index()).copied().unwrap_or("HTTP"),
    };
    route.map_or_else(|| method.into(), |route| format!("{method} {route}").into())
}
