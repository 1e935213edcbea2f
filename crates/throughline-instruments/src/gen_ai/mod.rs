//! Calls of language models, and the bots that make them.
//!
//! [`GenAi`] is one provider's API, [`Model`] what is asked of one of its models, [`LlmCall`] one call: a guard that records
//! the metrics of the conventions and a span, whatever way the call ends. [`Bots`], [`Narrative`] and [`Pipeline`] measure what
//! is built on such calls: work with a queue, prompts in acts whose answers are to be JSON, content on its way to the public.
//!
//! ```text
//! execution of a bot ── narrative ── act ── LlmCall ── (HTTP)
//! ```
//!
//! What was said is private: it is on spans only when [asked for](GenAi::with_content). What calls cost comes from a
//! [table](PriceTable) of the user's own. Names of models, bots, narratives and acts become attributes: they are the program's
//! own, never what a user typed; what is too much all the same goes to the overflow series.
//!
//! | metric | recorded by |
//! |---|---|
//! | `gen_ai.client.*` | [`LlmCall`] |
//! | `llm.*` | [`LlmCall`], after [`GenAi::with_llm_metrics`] |
//! | `llm.cost` | [`LlmCall::tokens`], after [`GenAi::with_prices`] |
//! | `bot.*` | [`Bot`] |
//! | `narrative.*` | [`Narrative`] |
//! | `pipeline.*` | [`Pipeline`] |

mod bot;
mod call;
mod client;
mod content;
pub mod conventions;
mod error;
mod llm;
mod narrative;
mod pipeline;
mod price;

pub use bot::{Bot, Bots, Execution, Queued};
pub use call::LlmCall;
pub use client::{GenAi, Model};
pub use content::Message;
pub use conventions::Operation;
pub use error::{ErrorClass, LlmError};
pub use narrative::{Act, Narrative, NarrativeExecution};
pub use pipeline::{InStage, Pipeline, Stage};
pub use price::{Price, PriceTable};

use throughline_metrics::MetricSet as _;

use crate::Kit;

/// What this kit records.
pub const KIT: Kit = Kit::new(
    "gen-ai",
    "LLM calls",
    &[
        conventions::ClientMetrics::DEFINITIONS,
        conventions::CostMetrics::DEFINITIONS,
        llm::LlmMetrics::DEFINITIONS,
        bot::BotMetrics::DEFINITIONS,
        bot::GAUGES,
        narrative::NarrativeMetrics::DEFINITIONS,
        pipeline::PipelineMetrics::DEFINITIONS,
    ],
);

#[cfg(test)]
mod tests;
