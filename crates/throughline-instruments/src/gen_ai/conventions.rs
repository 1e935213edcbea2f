//! The names of OpenTelemetry's conventions for generative AI that this kit uses: all of them stand in this file, and
//! nowhere else.
//!
//! The conventions are in development, in a [repository of their own]. When they move, this file moves, and what uses it
//! stays. They are those of [`SCHEMA_URL`]; names here that are the kit's own say so.
//!
//! The keys are for spans: whoever knows more of a call than the kit does sets it on [`LlmCall::span`](super::LlmCall::span).
//!
//! [repository of their own]: https://github.com/open-telemetry/semantic-conventions-genai

use throughline_core::attribute::AttributeValue as _;
use throughline_macros::{AttributeValue, Attributes, MetricSet};
use throughline_metrics::{Counter, Histogram};

use super::error::ErrorClass;

/// The version of the conventions, as the schema of an instrumentation scope.
pub const SCHEMA_URL: &str = "https://opentelemetry.io/schemas/gen-ai-dev/1.42.0-dev";

macro_rules! keys {
    ($($(#[$doc:meta])* $constant:ident = $key:literal;)*) => {$(
        $(#[$doc])*
        pub const $constant: &str = $key;
    )*};
}

keys! {
    /// What is done: [`Operation`].
    OPERATION_NAME = "gen_ai.operation.name";
    /// Whose API it is: `gcp.gemini`, `openai`, `anthropic`.
    PROVIDER_NAME = "gen_ai.provider.name";
    /// The model that was asked for.
    REQUEST_MODEL = "gen_ai.request.model";
    /// Whether the answer was asked for in pieces.
    REQUEST_STREAM = "gen_ai.request.stream";
    /// The most tokens that were asked for.
    REQUEST_MAX_TOKENS = "gen_ai.request.max_tokens";
    /// The temperature.
    REQUEST_TEMPERATURE = "gen_ai.request.temperature";
    /// The nucleus.
    REQUEST_TOP_P = "gen_ai.request.top_p";
    /// The seed.
    REQUEST_SEED = "gen_ai.request.seed";
    /// What was asked for: `text`, `json`, `image`.
    OUTPUT_TYPE = "gen_ai.output.type";
    /// The conversation that it belongs to.
    CONVERSATION_ID = "gen_ai.conversation.id";
    /// The model that answered.
    RESPONSE_MODEL = "gen_ai.response.model";
    /// The provider's name for the answer.
    RESPONSE_ID = "gen_ai.response.id";
    /// Why the model stopped, for each answer.
    RESPONSE_FINISH_REASONS = "gen_ai.response.finish_reasons";
    /// The time to the first piece, in seconds.
    RESPONSE_TIME_TO_FIRST_CHUNK = "gen_ai.response.time_to_first_chunk";
    /// Tokens of the prompt.
    USAGE_INPUT_TOKENS = "gen_ai.usage.input_tokens";
    /// Tokens of the answer.
    USAGE_OUTPUT_TOKENS = "gen_ai.usage.output_tokens";
    /// What the model was told: content, so only when asked for.
    INPUT_MESSAGES = "gen_ai.input.messages";
    /// What the model said: content, so only when asked for.
    OUTPUT_MESSAGES = "gen_ai.output.messages";
    /// What kind of failure it was: [`ErrorClass`].
    ERROR_TYPE = "error.type";
    /// The host of the API.
    SERVER_ADDRESS = "server.address";
    /// … and its port.
    SERVER_PORT = "server.port";
}

/// What a model is asked to do, as the conventions name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, AttributeValue)]
#[attribute(crate = throughline_core)]
#[non_exhaustive]
pub enum Operation {
    /// `chat`: a conversation goes on.
    Chat,
    /// `generate_content`, as in Gemini's.
    GenerateContent,
    /// `text_completion`: the older way.
    TextCompletion,
    /// `embeddings`.
    Embeddings,
    /// `retrieval`: a search in a vector store.
    Retrieval,
    /// `create_agent`.
    CreateAgent,
    /// `invoke_agent`.
    InvokeAgent,
    /// `invoke_workflow`.
    InvokeWorkflow,
    /// `execute_tool`.
    ExecuteTool,
    /// `plan`: an agent plans, or takes a task apart.
    Plan,
}

impl Operation {
    /// Its name in the conventions.
    pub fn name(self) -> &'static str {
        Self::NAMES.get(self.index()).copied().unwrap_or_default()
    }
}

/// Which tokens are counted.
#[derive(Clone, Copy, Debug, AttributeValue)]
#[attribute(crate = throughline_core)]
pub(super) enum TokenType {
    Input,
    Output,
}

/// How a call ended.
#[derive(Clone, Copy, Debug, Attributes)]
#[attribute(crate = throughline_core)]
pub(super) struct Ended<'a> {
    #[attribute(key = "gen_ai.operation.name")]
    pub(super) operation: Operation,
    #[attribute(key = "gen_ai.provider.name")]
    pub(super) provider: &'a str,
    #[attribute(key = "gen_ai.request.model")]
    pub(super) model: &'a str,
    #[attribute(key = "server.address")]
    pub(super) address: Option<&'a str>,
    #[attribute(key = "server.port")]
    pub(super) port: Option<u16>,
    #[attribute(key = "error.type")]
    pub(super) error: Option<ErrorClass>,
}

/// A piece of an answer.
#[derive(Clone, Copy, Debug, Attributes)]
#[attribute(crate = throughline_core)]
pub(super) struct Chunk<'a> {
    #[attribute(key = "gen_ai.operation.name")]
    pub(super) operation: Operation,
    #[attribute(key = "gen_ai.provider.name")]
    pub(super) provider: &'a str,
    #[attribute(key = "gen_ai.request.model")]
    pub(super) model: &'a str,
    #[attribute(key = "server.address")]
    pub(super) address: Option<&'a str>,
    #[attribute(key = "server.port")]
    pub(super) port: Option<u16>,
}

/// Tokens used.
#[derive(Clone, Copy, Debug, Attributes)]
#[attribute(crate = throughline_core)]
pub(super) struct Used<'a> {
    #[attribute(key = "gen_ai.operation.name")]
    pub(super) operation: Operation,
    #[attribute(key = "gen_ai.provider.name")]
    pub(super) provider: &'a str,
    #[attribute(key = "gen_ai.request.model")]
    pub(super) model: &'a str,
    #[attribute(key = "gen_ai.token.type")]
    pub(super) token: TokenType,
    #[attribute(key = "server.address")]
    pub(super) address: Option<&'a str>,
    #[attribute(key = "server.port")]
    pub(super) port: Option<u16>,
}

/// What a client measures of its calls. The model that answered is on the span alone: its name comes from outside.
#[derive(Clone, Debug, MetricSet)]
#[metric(crate = throughline_metrics)]
pub(super) struct ClientMetrics {
    /// Duration of a call, whatever way it ended.
    #[metric(name = "gen_ai.client.operation.duration", unit = "s", bounds = &SECONDS)]
    pub(super) duration: Histogram<f64, Ended<'static>>,
    /// Tokens that a call used, of the prompt and of the answer.
    #[metric(name = "gen_ai.client.token.usage", unit = "{token}", bounds = &TOKENS)]
    pub(super) tokens: Histogram<u64, Used<'static>>,
    /// Time from a request to the first piece of its answer.
    #[metric(name = "gen_ai.client.operation.time_to_first_chunk", unit = "s", bounds = &SECONDS)]
    pub(super) time_to_first_chunk: Histogram<f64, Chunk<'static>>,
    /// Time from one piece of an answer to the next.
    #[metric(name = "gen_ai.client.operation.time_per_output_chunk", unit = "s", bounds = &SECONDS)]
    pub(super) time_per_output_chunk: Histogram<f64, Chunk<'static>>,
}

/// The bounds that the conventions ask for.
const SECONDS: [f64; 14] =
    [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92];

/// The bounds that the conventions ask for: powers of four.
const TOKENS: [f64; 14] = [
    1.0,
    4.0,
    16.0,
    64.0,
    256.0,
    1_024.0,
    4_096.0,
    16_384.0,
    65_536.0,
    262_144.0,
    1_048_576.0,
    4_194_304.0,
    16_777_216.0,
    67_108_864.0,
];

/// What a call cost. The conventions have no such metric yet, only a proposal, so the name is the kit's own.
#[derive(Clone, Debug, MetricSet)]
#[metric(crate = throughline_metrics)]
pub(super) struct CostMetrics {
    /// What the tokens of the calls cost, by the user's own table of prices, in the currency of that table.
    #[metric(name = "llm.cost", unit = "{currency}")]
    pub(super) cost: Counter<f64, Cost<'static>>,
}

/// What was paid for, and in which currency: sums over several are nobody's money.
#[derive(Clone, Copy, Debug, Attributes)]
#[attribute(crate = throughline_core)]
pub(super) struct Cost<'a> {
    pub(super) provider: &'a str,
    pub(super) model: &'a str,
    pub(super) currency: &'a str,
}
