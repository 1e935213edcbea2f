//! The metrics `llm.*`: requests, errors, durations and tokens by provider and model, under the names that dashboards of LLM
//! applications had before there were conventions. `call.rs` records them beside those of the conventions, when asked to.

use throughline_macros::{Attributes, MetricSet};
use throughline_metrics::{Counter, Histogram};

use super::error::ErrorClass;

/// Who was asked.
#[derive(Clone, Copy, Debug, Attributes)]
#[attribute(crate = throughline_core)]
pub(super) struct Asked<'a> {
    pub(super) provider: &'a str,
    pub(super) model: &'a str,
}

/// Who was asked, and what went wrong.
#[derive(Clone, Copy, Debug, Attributes)]
#[attribute(crate = throughline_core)]
pub(super) struct Failed<'a> {
    pub(super) provider: &'a str,
    pub(super) model: &'a str,
    pub(super) error_type: ErrorClass,
}

#[derive(Clone, Debug, MetricSet)]
#[metric(crate = throughline_metrics)]
pub(super) struct LlmMetrics {
    /// LLM API requests, each once, whatever way it ended. A retry is a request of its own.
    #[metric(name = "llm.requests", unit = "{request}")]
    pub(super) requests: Counter<u64, Asked<'static>>,
    /// LLM API requests that did not end well, by kind of failure.
    #[metric(name = "llm.errors", unit = "{error}")]
    pub(super) errors: Counter<u64, Failed<'static>>,
    /// Duration of LLM API requests, failed ones too.
    #[metric(name = "llm.duration", unit = "s")]
    pub(super) duration: Histogram<f64, Asked<'static>>,
    /// Tokens used, of prompts and completions together.
    #[metric(name = "llm.tokens", unit = "{token}")]
    pub(super) tokens: Counter<u64, Asked<'static>>,
    /// Tokens of prompts.
    #[metric(name = "llm.tokens.prompt", unit = "{token}")]
    pub(super) prompt: Counter<u64, Asked<'static>>,
    /// Tokens of completions.
    #[metric(name = "llm.tokens.completion", unit = "{token}")]
    pub(super) completion: Counter<u64, Asked<'static>>,
    /// Tokens a second that a streamed answer came with, from its first piece to its end.
    #[metric(name = "llm.tokens.rate", unit = "{token}/s", bounds = &RATES)]
    pub(super) rate: Histogram<f64, Asked<'static>>,
}

/// From a model that reads aloud to one that is quicker than any reader.
const RATES: [f64; 12] = [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1_000.0, 2_000.0, 5_000.0];
