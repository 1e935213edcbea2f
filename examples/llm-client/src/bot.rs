//! The bot's work: a message becomes a draft, is looked at, polished, and published.
//!
//! Called by `server.rs` for each chat. What it measures are the bot, its narrative and the pipeline; `llm.rs` measures the
//! calls.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use throughline::TelemetryProviders;
use throughline_instruments::gen_ai::{Bot, Bots, Narrative, NarrativeExecution, Pipeline, Stage};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::books::Books;
use crate::gemini::ApiError;
use crate::llm::Llm;

/// Chats that are worked on at a time; more wait.
const AT_A_TIME: usize = 4;

/// Chats that may wait. Who comes then is told to come back.
const WAITING_MAX: usize = 64;

/// The longest message that is taken.
const MESSAGE_CHARS_MAX: usize = 2000;

/// The longest draft that is good enough.
const DRAFT_CHARS_MAX: usize = 600;

const DRAFT: &str = "Answer the user. Say it as JSON: {\"reply\": text, \"mood\": one word}.";
const POLISH: &str = "Say the same more briefly.";

/// A bot that chats.
pub(crate) struct Chatbot {
    llm: Llm,
    bot: Bot,
    narrative: Narrative,
    pipeline: Pipeline,
    turns: Semaphore,
    /// One for each chat that is here at all.
    places: Semaphore,
    books: Arc<Books>,
}

/// What the model is to answer.
#[derive(Debug, Deserialize)]
struct Draft {
    reply: String,
    mood: String,
}

/// What the bot answers.
#[derive(Debug, Serialize)]
pub(crate) struct Answer {
    pub(crate) reply: String,
    pub(crate) mood: String,
}

impl Chatbot {
    pub(crate) fn new(llm: Llm, telemetry: &TelemetryProviders, books: Arc<Books>) -> Self {
        Self {
            llm,
            bot: Bots::new(&telemetry.meter("bots")).bot("chat"),
            narrative: Narrative::new(&telemetry.meter("narratives"), "chat"),
            pipeline: Pipeline::new(&telemetry.meter("pipeline")),
            turns: Semaphore::new(AT_A_TIME),
            places: Semaphore::new(AT_A_TIME + WAITING_MAX),
            books,
        }
    }

    /// Answers a message.
    pub(crate) async fn chat(&self, message: &str) -> Result<Answer, ChatError> {
        if message.is_empty() || message.chars().count() > MESSAGE_CHARS_MAX {
            return Err(ChatError::Message);
        }
        let _place = self.places.try_acquire().map_err(|_none_is_free| ChatError::Busy)?;
        let _turn = self.turn().await?;
        let (execution, entry) = (self.bot.execute(), self.books.execution());
        let narrative = self.narrative.execute();
        let answer = self.answer(&narrative, message).await?;
        narrative.succeed();
        execution.succeed();
        entry.well();
        Ok(answer)
    }

    /// Waits until it is this chat's turn.
    async fn turn(&self) -> Result<SemaphorePermit<'_>, ChatError> {
        let _queued = self.bot.enqueue();
        self.turns.acquire().await.map_err(|_closed| ChatError::Busy)
    }

    async fn answer(&self, narrative: &NarrativeExecution, message: &str) -> Result<Answer, ChatError> {
        let draft = self.generate(narrative, message).await?;
        self.curate(&draft)?;
        let reply = self.publish(narrative, &draft.reply).await?;
        Ok(Answer { reply, mood: draft.mood })
    }

    async fn generate(&self, narrative: &NarrativeExecution, message: &str) -> Result<Draft, ChatError> {
        let (stage, entry) = (self.pipeline.enter(Stage::Generation), self.books.generation());
        let text = {
            let (_act, _entry) = (narrative.act("draft"), self.books.act());
            self.llm.draft(DRAFT, message).await?
        };
        let parsed = narrative.parsed(serde_json::from_str(&text));
        self.books.answer(parsed.is_ok());
        let draft = parsed.map_err(ChatError::Draft)?;
        stage.pass();
        entry.well();
        Ok(draft)
    }

    /// Lets through what can be published.
    fn curate(&self, draft: &Draft) -> Result<(), ChatError> {
        let (stage, entry) = (self.pipeline.enter(Stage::Curation), self.books.curation());
        let length = draft.reply.chars().count();
        if length == 0 || length > DRAFT_CHARS_MAX || draft.reply.ends_with('?') {
            return Err(ChatError::Rejected);
        }
        stage.pass();
        entry.well();
        Ok(())
    }

    async fn publish(&self, narrative: &NarrativeExecution, reply: &str) -> Result<String, ChatError> {
        let (stage, entry) = (self.pipeline.enter(Stage::Publication), self.books.publication());
        let text = {
            let (_act, _entry) = (narrative.act("polish"), self.books.act());
            self.llm.polish(POLISH, reply).await?
        };
        stage.pass();
        entry.well();
        Ok(text)
    }
}

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum ChatError {
    Message,
    Busy,
    Model(ApiError),
    Draft(serde_json::Error),
    Rejected,
}

impl fmt::Display for ChatError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Message => write!(f, "write a message of 1 to {MESSAGE_CHARS_MAX} characters"),
            Self::Busy => f.write_str("too many are waiting; come back later"),
            Self::Model(error) => error.fmt(f),
            Self::Draft(_) => f.write_str("the model did not answer in the form that was asked for"),
            Self::Rejected => f.write_str("what the model answered is not fit to be published"),
        }
    }
}

impl Error for ChatError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            // It is what is shown, so its cause is the next one.
            Self::Model(error) => error.source(),
            Self::Draft(error) => Some(error),
            Self::Message | Self::Busy | Self::Rejected => None,
        }
    }
}

impl From<ApiError> for ChatError {
    fn from(error: ApiError) -> Self {
        Self::Model(error)
    }
}
