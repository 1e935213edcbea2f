//! What the program did, counted where it does it, without telemetry: whoever runs it holds what is stored against this.
//!
//! Entries are made when something begins, and booked when they are dropped, whatever way it ended.

use std::io::{Write as _, stdout};

use anyhow::{Context as _, Result};
use example_support::Tally;

/// All that is counted, by the names that Prometheus stores.
#[derive(Debug)]
pub(crate) struct Books {
    all: Tally,
    /// Failed requests by what went wrong.
    errors: Tally,
}

impl Default for Books {
    fn default() -> Self {
        Self { all: Tally::new("llm-client"), errors: Tally::new("llm-client") }
    }
}

impl Books {
    /// A request is made of the model.
    pub(crate) fn request(&self) -> Request<'_> {
        Request { books: self, tokens: None, pieces: 0, failed: Some("cancelled") }
    }

    /// The bot begins to work.
    pub(crate) fn execution(&self) -> Entry<'_> {
        self.entry(|books, went_well| {
            books.add("bot_executions_total", 1);
            books.add("bot_duration_seconds_count", 1);
            books.add("narrative_executions_total", 1);
            books.add("narrative_duration_seconds_count", 1);
            if !went_well {
                books.add("bot_failures_total", 1);
            }
        })
    }

    /// An act begins.
    pub(crate) fn act(&self) -> Entry<'_> {
        self.entry(|books, _| books.add("narrative_act_duration_seconds_count", 1))
    }

    /// An item enters a stage, which has a metric of its own.
    pub(crate) fn generation(&self) -> Entry<'_> {
        self.entry(|books, passed| books.stage("pipeline_generated_total", passed))
    }

    /// The same.
    pub(crate) fn curation(&self) -> Entry<'_> {
        self.entry(|books, passed| books.stage("pipeline_curated_total", passed))
    }

    /// The same.
    pub(crate) fn publication(&self) -> Entry<'_> {
        self.entry(|books, passed| books.stage("pipeline_published_total", passed))
    }

    fn entry(&self, book: fn(&Self, bool)) -> Entry<'_> {
        Entry { books: self, went_well: false, book }
    }

    /// An answer was looked at: whether it is the JSON it was to be.
    pub(crate) fn answer(&self, is_json: bool) {
        self.add(if is_json { "narrative_json_success_total" } else { "narrative_json_failures_total" }, 1);
    }

    fn stage(&self, name: &str, passed: bool) {
        self.add("pipeline_stage_latency_seconds_count", 1);
        if passed {
            self.add(name, 1);
        }
    }

    fn add(&self, name: &str, amount: u64) {
        self.all.add(name, amount as f64);
    }

    /// Two lines: the errors by kind, and all that was counted, as one object.
    pub(crate) fn print(&self) -> Result<()> {
        let errors = &self.errors.to_json()["counted"];
        writeln!(stdout(), "llm_errors_total by error_type: {errors}").context("print what was counted")?;
        self.all.print()
    }
}

/// Something that goes well only when [somebody says so](Self::well).
pub(crate) struct Entry<'a> {
    books: &'a Books,
    went_well: bool,
    book: fn(&Books, bool),
}

impl Entry<'_> {
    pub(crate) fn well(mut self) {
        self.went_well = true;
    }
}

impl Drop for Entry<'_> {
    fn drop(&mut self) {
        (self.book)(self.books, self.went_well);
    }
}

/// A request of the model.
pub(crate) struct Request<'a> {
    books: &'a Books,
    tokens: Option<(u64, u64)>,
    pieces: u64,
    failed: Option<&'static str>,
}

impl Request<'_> {
    /// How many tokens the API says it took, so far.
    pub(crate) fn tokens(&mut self, input: u64, output: u64) {
        self.tokens = Some((input, output));
    }

    /// A piece of a streamed answer has come.
    pub(crate) fn piece(&mut self) {
        self.pieces += 1;
    }

    /// It has ended: what went wrong, if anything did.
    pub(crate) fn ended(mut self, failed: Option<&'static str>) {
        self.failed = failed;
    }
}

impl Drop for Request<'_> {
    fn drop(&mut self) {
        let Self { books, tokens, pieces, failed } = self;
        for name in [
            "llm_requests_total",
            "llm_duration_seconds_count",
            "gen_ai_client_operation_duration_seconds_count",
        ] {
            books.add(name, 1);
        }
        if let Some(kind) = failed {
            books.add("llm_errors_total", 1);
            books.errors.add(kind, 1.0);
        }
        if let Some((input, output)) = *tokens {
            books.add("llm_tokens_prompt_total", input);
            books.add("llm_tokens_completion_total", output);
            books.add("llm_tokens_total", input + output);
            books.add("gen_ai_client_token_usage_count", 2);
            books.add("gen_ai_client_token_usage_sum", input + output);
        }
        if *pieces > 0 {
            books.add("gen_ai_client_operation_time_to_first_chunk_seconds_count", 1);
        }
        if *pieces > 1 {
            books.add("gen_ai_client_operation_time_per_output_chunk_seconds_count", *pieces - 1);
        }
    }
}
