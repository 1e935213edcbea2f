//! One call of a model: a guard that records when it ends, and says how.
//!
//! Made by `client.rs`. A call that is dropped before it was said how it ended was cancelled, or its thread panics.

use std::mem;
use std::thread;
use std::time::{Duration, Instant};

use opentelemetry::{StringValue, Value};
use throughline_trace::{Context, Entered, Span, SpanKind, Status};

use super::client::{Asked, Model};
use super::content::{self, Message};
use super::conventions::{self, Chunk, Cost, Ended, TokenType, Used};
use super::error::{ErrorClass, LlmError};
use super::llm;
use crate::clock::now;

/// A call of a model that is under way.
///
/// Ends with [`finish`](Self::finish) or [`fail`](Self::fail); dropped without either, with the error type `cancelled`, or
/// `panic` when the thread panics. Whatever way it ends, it is recorded once.
///
/// Costs a span, and a handful of measurements at its end, which take no lock and do not allocate once their series exist.
/// When the span is sampled, it is made current for them, so that they carry it as exemplar: one allocation.
#[derive(Debug)]
#[must_use = "a call that is dropped was cancelled"]
pub struct LlmCall {
    model: Model,
    span: Span,
    started: Instant,
    /// When the first piece came, and the last one.
    chunks: Option<(Instant, Instant)>,
    /// Of the prompt, and of the answer.
    tokens: Option<(u64, u64)>,
    ended: bool,
}

impl LlmCall {
    pub(super) fn start(model: Model, streams: bool) -> Self {
        let Asked { settings, operation, name, span_name, .. } = &*model.0;
        let server = settings.server.as_ref();
        let span = settings
            .tracer
            .span(span_name)
            .with_kind(SpanKind::Client)
            .with_attribute(conventions::OPERATION_NAME, *operation)
            .with_attribute(conventions::PROVIDER_NAME, &*settings.provider)
            .with_attribute(conventions::REQUEST_MODEL, name.as_str())
            .with_attribute(conventions::SERVER_ADDRESS, server.map(|(address, _)| &**address))
            .with_attribute(conventions::SERVER_PORT, server.map(|(_, port)| *port))
            .with_attribute(conventions::REQUEST_STREAM, streams.then_some(true))
            .start();
        Self { model, span, started: now(), chunks: None, tokens: None, ended: false }
    }

    /// The context of its span: for the headers of the request, and for what runs meanwhile. Allocates.
    pub fn context(&self) -> Context {
        self.span.context()
    }

    /// Its span, to be told what the kit does not know; keys are in [`conventions`].
    pub fn span(&mut self) -> &mut Span {
        &mut self.span
    }

    /// Says what the model is told. Recorded only [when content was asked for](super::GenAi::with_content).
    pub fn input(&mut self, messages: &[Message<'_>]) {
        self.content(conventions::INPUT_MESSAGES, messages);
    }

    /// Says what the model said. Recorded only [when content was asked for](super::GenAi::with_content).
    pub fn output(&mut self, messages: &[Message<'_>]) {
        self.content(conventions::OUTPUT_MESSAGES, messages);
    }

    fn content(&mut self, key: &str, messages: &[Message<'_>]) {
        if self.model.0.settings.content && self.span.is_recording() {
            self.span.set_attribute(key, content::to_json(messages));
        }
    }

    /// Says that the first token has come, or whatever the first piece is. Only the first time counts.
    pub fn first_token(&mut self) {
        if self.chunks.is_some() {
            return;
        }
        let now = now();
        self.chunks = Some((now, now));
        let waited = (now - self.started).as_secs_f64();
        let _in_span = self.enter();
        self.model.0.settings.client.time_to_first_chunk.record(waited, &self.model.0.chunk());
        self.span.set_attribute(conventions::RESPONSE_TIME_TO_FIRST_CHUNK, waited);
    }

    /// Says that a piece of the answer has come.
    pub fn chunk(&mut self) {
        let Some((first, last)) = self.chunks else { return self.first_token() };
        let now = now();
        self.chunks = Some((first, now));
        let metrics = &self.model.0.settings.client;
        metrics.time_per_output_chunk.record((now - last).as_secs_f64(), &self.model.0.chunk());
    }

    /// Says how many tokens prompt and answer have. The last time counts, so that the totals that come with each piece of a
    /// streamed answer can be handed on as they are.
    pub fn tokens(&mut self, input: u64, output: u64) {
        self.tokens = Some((input, output));
    }

    /// Says which model answered, and what the provider calls the answer.
    pub fn response(&mut self, model: Option<&str>, id: Option<&str>) {
        self.span.set_attribute(conventions::RESPONSE_MODEL, model);
        self.span.set_attribute(conventions::RESPONSE_ID, id);
    }

    /// Says why the model stopped.
    pub fn finish_reason(&mut self, reason: &str) {
        if self.span.is_recording() {
            let reasons: Vec<StringValue> = vec![reason.to_owned().into()];
            self.span.set_attribute(conventions::RESPONSE_FINISH_REASONS, Value::Array(reasons.into()));
        }
    }

    /// Ends it: the answer is there.
    pub fn finish(mut self) {
        self.end(None);
    }

    /// Ends it: there is no answer, for this reason. The span's status carries the message of the error, so that should
    /// hold no secret.
    pub fn fail<E: LlmError>(mut self, error: &E) {
        if self.span.is_recording() {
            self.span.set_status(Status::error(error.to_string()));
        }
        self.end(Some(error.class()));
    }

    fn end(&mut self, error: Option<ErrorClass>) {
        if mem::replace(&mut self.ended, true) {
            return;
        }
        let ended = now();
        let _in_span = self.enter();
        self.model.0.record(ended - self.started, error);
        if let Some((input, output)) = self.tokens {
            self.model.0.record_tokens(input, output);
            self.record_rate(output, ended);
            self.span.set_attribute(conventions::USAGE_INPUT_TOKENS, input as i64);
            self.span.set_attribute(conventions::USAGE_OUTPUT_TOKENS, output as i64);
        }
        self.span.set_attribute(conventions::ERROR_TYPE, error);
        self.span.end();
    }

    /// How quickly the tokens came after the first piece; not when there was but one.
    fn record_rate(&self, output: u64, ended: Instant) {
        let Asked { settings, .. } = &*self.model.0;
        let (Some((first, last)), Some(metrics)) = (self.chunks, &settings.llm) else { return };
        if last > first {
            metrics.rate.record(output as f64 / (ended - first).as_secs_f64(), &self.model.0.llm());
        }
    }

    /// Lets what is measured carry the span, as exemplars.
    fn enter(&self) -> Option<Entered> {
        self.span.is_recording().then(|| self.span.enter())
    }
}

impl Drop for LlmCall {
    fn drop(&mut self) {
        if !self.ended {
            let (error, what) = if thread::panicking() {
                (ErrorClass::Panic, "the thread panicked")
            } else {
                (ErrorClass::Cancelled, "nobody waited for the end")
            };
            self.span.set_status(Status::error(what));
            self.end(Some(error));
        }
    }
}

impl Asked {
    fn record(&self, duration: Duration, error: Option<ErrorClass>) {
        let (provider, model) = (&*self.settings.provider, self.name.as_str());
        let (address, port) = self.server();
        let ended = Ended { operation: self.operation, provider, model, address, port, error };
        self.settings.client.duration.record(duration.as_secs_f64(), &ended);
        let Some(metrics) = &self.settings.llm else { return };
        metrics.requests.add(1, &self.llm());
        metrics.duration.record(duration.as_secs_f64(), &self.llm());
        if let Some(error_type) = error {
            metrics.errors.add(1, &llm::Failed { provider, model, error_type });
        }
    }

    fn record_tokens(&self, input: u64, output: u64) {
        let Self { settings, operation, cost, .. } = self;
        let (provider, model) = (&*settings.provider, self.name.as_str());
        let (address, port) = self.server();
        let used = |token| Used { operation: *operation, provider, model, token, address, port };
        settings.client.tokens.record(input, &used(TokenType::Input));
        settings.client.tokens.record(output, &used(TokenType::Output));
        if let Some(metrics) = &settings.llm {
            metrics.tokens.add(input.saturating_add(output), &self.llm());
            metrics.prompt.add(input, &self.llm());
            metrics.completion.add(output, &self.llm());
        }
        if let Some(cost) = cost {
            let of = Cost { provider, model, currency: cost.currency() };
            cost.metrics.cost.add(cost.price.of(input, output), &of);
        }
    }

    fn chunk(&self) -> Chunk<'_> {
        let (address, port) = self.server();
        let (operation, provider) = (self.operation, &*self.settings.provider);
        Chunk { operation, provider, model: &self.name, address, port }
    }

    fn llm(&self) -> llm::Asked<'_> {
        llm::Asked { provider: &self.settings.provider, model: &self.name }
    }

    fn server(&self) -> (Option<&str>, Option<u16>) {
        let server = self.settings.server.as_ref();
        (server.map(|(address, _)| &**address), server.map(|(_, port)| *port))
    }
}
