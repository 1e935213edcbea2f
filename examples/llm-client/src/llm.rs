//! The calls of the model, with their telemetry and their retries. Each attempt is a call of its own.
//!
//! Called by `bot.rs`; asks `gemini/`.

use std::sync::Arc;

use throughline::TelemetryProviders;
use throughline::trace::with_context;
use throughline_instruments::gen_ai::{
    GenAi, LlmCall, LlmError as _, Message, Model, Operation, Price, PriceTable, conventions,
};

use crate::arguments::Arguments;
use crate::books::{self, Books};
use crate::gemini::wire::{GenerateRequest, GenerateResponse, MAX_OUTPUT_TOKENS};
use crate::gemini::{ApiError, Gemini, Pieces};

/// How often a request is made in all, when it fails in a way that may pass.
const ATTEMPTS_MAX: u32 = 3;

/// The models, ready to be asked.
pub(crate) struct Llm {
    gemini: Gemini,
    draft: Model,
    polish: Model,
    books: Arc<Books>,
}

impl Llm {
    pub(crate) fn new(
        gemini: Gemini,
        arguments: &Arguments,
        telemetry: &TelemetryProviders,
        books: Arc<Books>,
    ) -> Self {
        let tracer = telemetry.tracer_provider().tracer("llm");
        let mut api = GenAi::new(&telemetry.meter("llm"), tracer, "gcp.gemini")
            .with_llm_metrics()
            .with_prices(prices())
            .with_content(arguments.content);
        if let Some((host, port)) = gemini.server() {
            api = api.with_server(host, port);
        }
        let draft = api.model(Operation::GenerateContent, &arguments.draft_model);
        let polish = api.model(Operation::GenerateContent, &arguments.polish_model);
        Self { gemini, draft, polish, books }
    }

    /// Asks for a draft, in JSON.
    pub(crate) async fn draft(&self, system: &str, prompt: &str) -> Result<String, ApiError> {
        retried(|| self.draft_once(system, prompt)).await
    }

    /// Asks for a polished text, and reads it piece by piece.
    pub(crate) async fn polish(&self, system: &str, prompt: &str) -> Result<String, ApiError> {
        retried(|| self.polish_once(system, prompt)).await
    }

    async fn draft_once(&self, system: &str, prompt: &str) -> Result<String, ApiError> {
        let request = GenerateRequest::new(system, prompt, true);
        let mut entry = self.books.request();
        let mut call = begin(self.draft.call(), system, prompt);
        call.span().set_attribute(conventions::OUTPUT_TYPE, "json");
        let answer = self.gemini.generate(self.draft.name(), &request);
        let ended = with_context(call.context(), answer).await.and_then(|response| {
            note(&response, &mut call, &mut entry);
            said(response.text())
        });
        end(ended, call, entry)
    }

    async fn polish_once(&self, system: &str, prompt: &str) -> Result<String, ApiError> {
        let request = GenerateRequest::new(system, prompt, false);
        let mut entry = self.books.request();
        let mut call = begin(self.polish.stream(), system, prompt);
        let context = call.context();
        let answer = async {
            let mut pieces = self.gemini.stream(self.polish.name(), &request).await?;
            gather(&mut pieces, &mut call, &mut entry).await
        };
        let ended = with_context(context, answer).await;
        end(ended, call, entry)
    }
}

fn begin(mut call: LlmCall, system: &str, prompt: &str) -> LlmCall {
    call.span().set_attribute(conventions::REQUEST_MAX_TOKENS, MAX_OUTPUT_TOKENS);
    call.input(&[Message::system(system), Message::user(prompt)]);
    call
}

/// Reads a streamed answer to its end.
async fn gather(
    pieces: &mut Pieces,
    call: &mut LlmCall,
    entry: &mut books::Request<'_>,
) -> Result<String, ApiError> {
    let mut text = String::new();
    while let Some(piece) = pieces.next().await? {
        call.chunk();
        entry.piece();
        note(&piece, call, entry);
        text.push_str(&piece.text());
    }
    said(text)
}

/// Notes what an answer says of itself.
fn note(response: &GenerateResponse, call: &mut LlmCall, entry: &mut books::Request<'_>) {
    if let Some(usage) = response.usage_metadata {
        let (input, output) = usage.billed();
        call.tokens(input, output);
        entry.tokens(input, output);
    }
    if let Some(reason) = response.finish_reason() {
        call.finish_reason(reason);
        call.response(response.model_version.as_deref(), response.response_id.as_deref());
    }
}

fn said(text: String) -> Result<String, ApiError> {
    if text.is_empty() { Err(ApiError::Empty) } else { Ok(text) }
}

fn end(
    ended: Result<String, ApiError>,
    mut call: LlmCall,
    entry: books::Request<'_>,
) -> Result<String, ApiError> {
    entry.ended(ended.as_ref().err().map(ApiError::kind));
    match &ended {
        Ok(text) => {
            call.output(&[Message::assistant(text)]);
            call.finish();
        }
        Err(error) => call.fail(error),
    }
    ended
}

/// Makes a request up to [`ATTEMPTS_MAX`] times.
async fn retried<F>(once: impl Fn() -> F) -> Result<String, ApiError>
where
    F: Future<Output = Result<String, ApiError>>,
{
    let mut attempt = 1;
    loop {
        match once().await {
            Err(error) if attempt < ATTEMPTS_MAX && error.class().is_transient() => {
                let pause = error.pause(attempt);
                tracing::warn!(attempt, ?pause, %error, "the model is asked again");
                tokio::time::sleep(pause).await;
                attempt += 1;
            }
            ended => return ended,
        }
    }
}

/// What the models cost. Prices change: look them up before you believe what comes of them.
fn prices() -> PriceTable {
    PriceTable::new("USD")
        .with("gemini-3.6-flash", Price::new(0.50, 3.00))
        .with("gemini-3.1-flash-lite", Price::new(0.25, 1.50))
}
