//! Inference servers: requests, their place in the queue, batches, tokens, connections, memory.
//!
//! [`Inference`] is what a server keeps. What has a beginning and an end is a guard that records when it is dropped,
//! whatever path is taken: a [`Request`], a [`QueuePlace`], a [`Connection`]. They own what they need, so they go along
//! into tasks, threads and response bodies.
//!
//! Names are those that dashboards of such servers know (`requests_total`, `request_duration_seconds`), and those of
//! OpenTelemetry's [conventions for model servers](https://github.com/open-telemetry/semantic-conventions-genai) for what
//! these have names for.
//!
//! ```
//! use throughline_instruments::inference::{Inference, Model, RequestStatus};
//! use throughline_metrics::MeterProvider;
//! use throughline_metrics::testing::Snapshot;
//!
//! let provider = MeterProvider::default();
//! let inference = Inference::new(&provider.meter("server"), Model::new("bitnet", "tiny"));
//!
//! let mut request = inference.request("completion");
//! let place = inference.enqueue();
//! place.taken();
//! request.prompt_tokens(12);
//! for _ in 0..3 {
//!     request.token();
//! }
//! request.finish(RequestStatus::Success);
//!
//! let snapshot = Snapshot::of(&provider);
//! assert_eq!(snapshot.sum("tokens_generated_total", &()), 3.0);
//! assert_eq!(snapshot.sum("queue_depth", &()), 0.0);
//! ```

mod connection;
mod queue;
mod request;

use std::fmt;
use std::sync::Arc;

use throughline_macros::{AttributeValue, Attributes, MetricSet};
use throughline_metrics::{
    BoundCounter, BoundHistogram, Counter, Gauge, Histogram, Meter, MetricSet as _, UpDownCounter,
};
use throughline_trace::Tracer;

use crate::Kit;
pub use connection::Connection;
pub use queue::QueuePlace;
pub use request::Request;

/// What this kit records.
pub const KIT: Kit = Kit::new("inference", "Inference", &[InferenceMetrics::DEFINITIONS]);

/// The instruments of an inference server.
///
/// [`Inference`] and its guards record on them; a program that needs more than that makes a set of its own, which records
/// in the same series.
#[derive(Clone, Debug, MetricSet)]
#[metric(crate = throughline_metrics)]
#[non_exhaustive]
pub struct InferenceMetrics {
    /// Duration of inference requests.
    #[metric(name = "request_duration_seconds", unit = "s", bounds = &DURATIONS)]
    pub request_duration: Histogram<f64, RequestAttributes>,
    /// Total number of inference requests.
    #[metric(name = "requests_total", unit = "{request}")]
    pub requests: Counter<u64, RequestAttributes>,
    /// Number of active client connections.
    #[metric(name = "active_connections", unit = "{connection}")]
    pub active_connections: UpDownCounter<i64, ()>,
    /// Current memory usage.
    #[metric(name = "memory_usage_bytes", unit = "By")]
    pub memory_usage: Gauge<u64, ()>,
    /// Requests that wait for the model.
    #[metric(name = "queue_depth", unit = "{request}")]
    pub queue_depth: UpDownCounter<i64, ()>,
    /// How long requests waited for the model.
    #[metric(name = "queue_wait_seconds", unit = "s", bounds = &WAITS)]
    pub queue_wait: Histogram<f64, QueueAttributes>,
    /// Requests that the model worked on at once, for each step.
    #[metric(name = "batch_size", unit = "{request}", bounds = &BATCHES)]
    pub batch_size: Histogram<u64, ()>,
    /// Tokens of prompts.
    #[metric(name = "prompt_tokens_total", unit = "{token}")]
    pub prompt_tokens: Counter<u64, ()>,
    /// Tokens that the model made.
    #[metric(name = "tokens_generated_total", unit = "{token}")]
    pub tokens_generated: Counter<u64, ()>,
    /// Tokens a second, of each request that succeeded.
    // The unit says the rest of the name: receivers would repeat a rate that is in both.
    #[metric(name = "tokens", unit = "{token}/s", bounds = &RATES)]
    pub tokens_per_second: Histogram<f64, ()>,
    /// Time to generate first token for successful responses.
    #[metric(name = "gen_ai.server.time_to_first_token", unit = "s", bounds = &FIRST_TOKENS)]
    pub time_to_first_token: Histogram<f64, Model<'static>>,
    /// Time per output token generated after the first token for successful responses.
    #[metric(name = "gen_ai.server.time_per_output_token", unit = "s", bounds = &OUTPUT_TOKENS)]
    pub time_per_output_token: Histogram<f64, Model<'static>>,
}

/// What requests are recorded with.
#[derive(Clone, Copy, Debug, Attributes)]
#[attribute(crate = throughline_core)]
#[expect(clippy::exhaustive_structs, reason = "attributes are written as literals")]
pub struct RequestAttributes {
    /// What was asked for, `completion` or `embedding`: a literal of the program, and nothing that a client says.
    pub method: &'static str,
    /// How it went.
    pub status: RequestStatus,
}

/// How a request went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, AttributeValue)]
#[attribute(crate = throughline_core)]
#[non_exhaustive]
pub enum RequestStatus {
    /// It was answered.
    Success,
    /// It failed.
    Error,
    /// There was no place for it.
    Rejected,
    /// Its guard was dropped before it was finished: usually the client went away.
    Cancelled,
    /// Its guard was dropped by a panic.
    Panicked,
}

/// What the wait in the queue is recorded with.
#[derive(Clone, Copy, Debug, Attributes)]
#[attribute(crate = throughline_core)]
#[expect(clippy::exhaustive_structs, reason = "attributes are written as literals")]
pub struct QueueAttributes {
    /// How it ended.
    pub outcome: QueueOutcome,
}

/// How a wait in the queue ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, AttributeValue)]
#[attribute(crate = throughline_core)]
#[non_exhaustive]
pub enum QueueOutcome {
    /// The model took the request.
    Taken,
    /// Nobody waited any more.
    Abandoned,
}

/// The model that is served, in the words of the conventions.
#[derive(Clone, Copy, Debug, Attributes)]
#[attribute(crate = throughline_core)]
#[non_exhaustive]
pub struct Model<'a> {
    /// What it does: `text_completion` unless said otherwise.
    #[attribute(key = "gen_ai.operation.name")]
    pub operation: &'a str,
    /// Who makes it, or what runs it.
    #[attribute(key = "gen_ai.provider.name")]
    pub provider: &'a str,
    /// Its name.
    #[attribute(key = "gen_ai.request.model")]
    pub name: &'a str,
}

impl<'a> Model<'a> {
    /// A model that completes texts.
    pub const fn new(provider: &'a str, name: &'a str) -> Self {
        Self { operation: "text_completion", provider, name }
    }

    /// Does something else: `chat`, `embeddings`.
    #[must_use]
    pub const fn with_operation(mut self, operation: &'a str) -> Self {
        self.operation = operation;
        self
    }
}

/// The instruments of a server with one model, and the guards that record on them. Clones share everything, and cost one
/// atomic increment.
#[derive(Clone)]
pub struct Inference(Arc<Shared>);

struct Shared {
    metrics: InferenceMetrics,
    // What has one series is bound to it.
    prompt_tokens: BoundCounter<u64>,
    tokens_generated: BoundCounter<u64>,
    time_to_first_token: BoundHistogram<f64>,
    time_per_output_token: BoundHistogram<f64>,
    model: OwnedModel,
    tracer: Option<Tracer>,
}

#[derive(Clone)]
struct OwnedModel {
    operation: Box<str>,
    provider: Box<str>,
    name: Box<str>,
    /// What its spans are called.
    span: Box<str>,
}

impl Inference {
    /// The instruments of this meter, for this model. Locks and allocates: keep it.
    pub fn new(meter: &Meter, model: Model<'_>) -> Self {
        Self(Arc::new(Shared::new(meter, model, None)))
    }

    /// Makes a span of each request as well, named and attributed as the conventions have it.
    pub fn with_spans(meter: &Meter, model: Model<'_>, tracer: Tracer) -> Self {
        Self(Arc::new(Shared::new(meter, model, Some(tracer))))
    }

    /// The instruments themselves.
    pub fn metrics(&self) -> &InferenceMetrics {
        &self.0.metrics
    }

    /// A request begins. `method` is one of a handful of literals.
    ///
    /// Its span is a child of the current one.
    pub fn request(&self, method: &'static str) -> Request {
        Request::new(Arc::clone(&self.0), method)
    }

    /// A request begins to wait for the model.
    pub fn enqueue(&self) -> QueuePlace {
        QueuePlace::new(Arc::clone(&self.0))
    }

    /// A client has connected.
    pub fn connection(&self) -> Connection {
        Connection::new(Arc::clone(&self.0))
    }

    /// The model takes a step for so many requests at once.
    pub fn batch(&self, requests: usize) {
        self.0.metrics.batch_size.record(requests as u64, &());
    }

    /// Says how much memory is used.
    pub fn memory(&self, bytes: u64) {
        self.0.metrics.memory_usage.set(bytes, &());
    }
}

impl Shared {
    fn new(meter: &Meter, model: Model<'_>, tracer: Option<Tracer>) -> Self {
        let metrics = InferenceMetrics::new(meter);
        Self {
            prompt_tokens: metrics.prompt_tokens.bind(&()),
            tokens_generated: metrics.tokens_generated.bind(&()),
            time_to_first_token: metrics.time_to_first_token.bind(&model),
            time_per_output_token: metrics.time_per_output_token.bind(&model),
            model: OwnedModel {
                operation: model.operation.into(),
                provider: model.provider.into(),
                name: model.name.into(),
                span: format!("{} {}", model.operation, model.name).into(),
            },
            metrics,
            tracer,
        }
    }
}

impl fmt::Debug for Inference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let OwnedModel { provider, name, .. } = &self.0.model;
        f.debug_struct("Inference").field("provider", provider).field("model", name).finish_non_exhaustive()
    }
}

/// A token takes milliseconds, a long answer minutes.
const DURATIONS: [f64; 14] =
    [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0];
/// From no wait at all to more than clients bear.
const WAITS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0];
const BATCHES: [f64; 9] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0];
/// From a large model on a processor to a small one on an accelerator.
const RATES: [f64; 12] = [1.0, 2.5, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1000.0, 2500.0, 10_000.0];
/// Those of the conventions.
const FIRST_TOKENS: [f64; 16] =
    [0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];
/// Those of the conventions.
const OUTPUT_TOKENS: [f64; 13] = [0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5];

#[cfg(test)]
mod tests;
