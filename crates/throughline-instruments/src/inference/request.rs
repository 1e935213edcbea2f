//! A request under way: [`Request`].
//!
//! Made by [`Inference::request`](super::Inference::request), where the request arrives; goes along to where its tokens
//! are made, since that is what it counts.

use std::fmt;
use std::sync::Arc;
use std::thread;
use std::time::Instant;

use opentelemetry::Context;
use opentelemetry::trace::{Status, TraceContextExt as _};
use throughline_metrics::exemplar::{self, TraceContext};
use throughline_trace::Span;

use super::{RequestAttributes, RequestStatus, Shared};
use crate::clock::now;

/// A request under way. Records its status, its duration and how fast its tokens came when it is finished or dropped:
/// dropped, it was [cancelled](RequestStatus::Cancelled), or [panicked](RequestStatus::Panicked).
#[must_use = "a request that is dropped at once was cancelled"]
pub struct Request {
    shared: Arc<Shared>,
    method: &'static str,
    started: Instant,
    /// When the first and the last token came.
    tokens: Option<(Instant, Instant)>,
    prompt: u64,
    generated: u64,
    status: Option<RequestStatus>,
    span: Option<Span>,
    /// What measurements belong to: its own span, or the one that was current when it began.
    exemplar: Option<TraceContext>,
}

impl Request {
    pub(super) fn new(shared: Arc<Shared>, method: &'static str) -> Self {
        let span = shared.tracer.map(|tracer| {
            let model = &shared.model;
            tracer
                .span(&model.span)
                .with_attribute("gen_ai.operation.name", &*model.operation)
                .with_attribute("gen_ai.provider.name", &*model.provider)
                .with_attribute("gen_ai.request.model", &*model.name)
                .start()
        });
        let exemplar = match &span {
            Some(span) => TraceContext::of(span.span_context()),
            None => Context::map_current(|context| TraceContext::of(context.span().span_context())),
        };
        let started = now();
        Self { shared, method, started, tokens: None, prompt: 0, generated: 0, status: None, span, exemplar }
    }

    /// The prompt had so many tokens.
    pub fn prompt_tokens(&mut self, tokens: u64) {
        self.prompt += tokens;
        self.shared.prompt_tokens.add(tokens);
    }

    /// One more token was made, now.
    pub fn token(&mut self) {
        let now = now();
        if self.tokens.is_none() {
            self.say_first();
        }
        let (first, _last) = self.tokens.unwrap_or((now, now));
        self.tokens = Some((first, now));
        self.generated += 1;
        self.shared.tokens_generated.add(1);
    }

    /// The request's own span, to add attributes and children; `None` when the kit makes no spans.
    pub fn span(&mut self) -> Option<&mut Span> {
        self.span.as_mut()
    }

    /// How many tokens were made so far.
    pub fn generated(&self) -> u64 {
        self.generated
    }

    /// It is done.
    pub fn finish(mut self, status: RequestStatus) {
        self.status = Some(status);
    }

    fn say_first(&mut self) {
        if let Some(span) = &mut self.span {
            span.add_event("first token", &());
        }
    }

    fn record(&self, status: RequestStatus) {
        let metrics = &self.shared.metrics;
        let attributes = RequestAttributes { method: self.method, status };
        metrics.requests.add(1, &attributes);
        metrics.request_duration.record(self.started.elapsed().as_secs_f64(), &attributes);
        if let (RequestStatus::Success, Some((first, last))) = (status, self.tokens) {
            self.record_speed(first, last);
        }
    }

    /// The first token comes after the whole prompt, so what comes after it says how fast the model is.
    fn record_speed(&self, first: Instant, last: Instant) {
        self.shared.time_to_first_token.record((first - self.started).as_secs_f64());
        let rest = (last - first).as_secs_f64();
        if self.generated > 1 && rest > 0.0 {
            let tokens = (self.generated - 1) as f64;
            self.shared.time_per_output_token.record(rest / tokens);
            self.shared.metrics.tokens_per_second.record(tokens / rest, &());
        }
    }

    fn end_span(&mut self, status: RequestStatus) {
        let Some(mut span) = self.span.take() else { return };
        span.set_attribute("gen_ai.usage.input_tokens", self.prompt as i64);
        span.set_attribute("gen_ai.usage.output_tokens", self.generated as i64);
        if status != RequestStatus::Success {
            span.set_attribute("error.type", status);
        }
        if matches!(status, RequestStatus::Error | RequestStatus::Panicked) {
            span.set_status(Status::error(""));
        }
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        let dropped = if thread::panicking() { RequestStatus::Panicked } else { RequestStatus::Cancelled };
        let status = self.status.unwrap_or(dropped);
        let in_span = exemplar::pin(self.exemplar);
        self.record(status);
        drop(in_span);
        self.end_span(status);
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("generated", &self.generated)
            .finish_non_exhaustive()
    }
}
