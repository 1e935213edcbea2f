//! The queue in front of the model, and the thread that works through it in batches.
//!
//! `completions.rs` reserves a place and puts a [`Job`] there; the thread answers it piece by piece. A request that comes
//! while a batch is under way joins it at the next step, so nobody waits for the longest answer of a batch.

use std::sync::Arc;
use std::thread;

use anyhow::{Context as _, Result};
use example_support::Tally;
use throughline_instruments::inference::{Inference, QueuePlace, Request, RequestStatus};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::mpsc::{self, Permit, Receiver, Sender};

use crate::model::{Model, Sequence, encode};

/// A completion that is to be made. The guards go along: they end where the work ends.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) prompt: String,
    pub(crate) max_tokens: usize,
    pub(crate) temperature: f32,
    pub(crate) seed: u64,
    pub(crate) request: Request,
    pub(crate) place: QueuePlace,
    /// Has room for the whole answer, so a client that reads slowly does not hold up the batch.
    pub(crate) reply: Sender<Piece>,
}

/// A part of an answer.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Piece {
    Text(char),
    End(Usage),
}

/// What an answer took, and why it ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Usage {
    pub(crate) prompt_tokens: usize,
    pub(crate) completion_tokens: usize,
    /// `stop` or `length`.
    pub(crate) finish_reason: &'static str,
}

/// The way to the model's thread, which ends when all of these are gone and the queue is empty.
#[derive(Debug)]
pub(crate) struct Engine {
    jobs: Sender<Job>,
}

/// Why there is no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoPlace {
    QueueFull,
    /// The model's thread is gone.
    NoModel,
}

impl Engine {
    /// Starts the thread of this model.
    pub(crate) fn start(
        model: Model,
        (queue_length, batch_size): (usize, usize),
        inference: Inference,
        tally: Arc<Tally>,
    ) -> Result<(Self, thread::JoinHandle<()>)> {
        let (jobs, receiver) = mpsc::channel(queue_length);
        let batch = Vec::with_capacity(batch_size);
        let worker = Worker { model, jobs: receiver, batch, batch_size, inference, tally };
        let thread = thread::Builder::new().name("model".to_owned()).spawn(|| worker.run());
        Ok((Self { jobs }, thread.context("start the model's thread")?))
    }

    /// A place in the queue, if there is one now.
    pub(crate) fn reserve(&self) -> Result<Permit<'_, Job>, NoPlace> {
        self.jobs.try_reserve().map_err(|error| match error {
            TrySendError::Full(()) => NoPlace::QueueFull,
            TrySendError::Closed(()) => NoPlace::NoModel,
        })
    }

    /// Whether the model's thread works.
    pub(crate) fn is_alive(&self) -> bool {
        !self.jobs.is_closed()
    }

    /// How many requests wait.
    pub(crate) fn waiting(&self) -> usize {
        self.jobs.max_capacity() - self.jobs.capacity()
    }
}

/// The thread's own.
struct Worker {
    model: Model,
    jobs: Receiver<Job>,
    batch: Vec<Active>,
    batch_size: usize,
    inference: Inference,
    tally: Arc<Tally>,
}

/// A completion under way.
struct Active {
    sequence: Sequence,
    prompt_tokens: usize,
    max_tokens: usize,
    request: Request,
    reply: Sender<Piece>,
}

/// What became of a completion in a step.
enum Step {
    GoesOn,
    Ended(&'static str),
    /// Nobody listens any more.
    Left,
}

impl Worker {
    fn run(mut self) {
        while self.fill() {
            self.inference.batch(self.batch.len());
            self.tally.add("batch_size_count", 1.0);
            self.step();
        }
    }

    /// Takes requests out of the queue while there is room in the batch, and waits for one when it is empty. False when
    /// there will be no more.
    fn fill(&mut self) -> bool {
        while self.batch.len() < self.batch_size {
            let job =
                if self.batch.is_empty() { self.jobs.blocking_recv() } else { self.jobs.try_recv().ok() };
            let Some(job) = job else { break };
            self.begin(job);
        }
        !self.batch.is_empty()
    }

    /// Reads the prompt.
    fn begin(&mut self, job: Job) {
        let Job { prompt, max_tokens, temperature, seed, mut request, place, reply } = job;
        let waited = place.taken();
        if let Some(span) = request.span() {
            span.set_attribute("queue.wait", waited.as_secs_f64());
        }
        let mut sequence = self.model.sequence(temperature, seed);
        let prompt_tokens = encode(&prompt).map(|byte| self.model.read(&mut sequence, byte)).count();
        request.prompt_tokens(prompt_tokens as u64);
        self.tally.add("prompt_tokens_total", prompt_tokens as f64);
        self.batch.push(Active { sequence, prompt_tokens, max_tokens, request, reply });
    }

    /// One more token of each.
    fn step(&mut self) {
        let batch = std::mem::take(&mut self.batch);
        for mut active in batch {
            match active.step(&self.model, &self.tally) {
                Step::GoesOn => self.batch.push(active),
                Step::Ended(finish_reason) => active.end(finish_reason, &self.tally),
                Step::Left => drop(active),
            }
        }
    }
}

impl Active {
    fn step(&mut self, model: &Model, tally: &Tally) -> Step {
        let Some(character) = model.next(&mut self.sequence) else { return Step::Ended("stop") };
        self.request.token();
        tally.add("tokens_generated_total", 1.0);
        if self.reply.try_send(Piece::Text(character)).is_err() {
            return Step::Left;
        }
        let is_long = self.request.generated() >= self.max_tokens as u64;
        if is_long { Step::Ended("length") } else { Step::GoesOn }
    }

    fn end(self, finish_reason: &'static str, tally: &Tally) {
        let Self { prompt_tokens, request, reply, .. } = self;
        let completion_tokens = request.generated() as usize;
        let usage = Usage { prompt_tokens, completion_tokens, finish_reason };
        // Before the last piece, so that who has got that finds the request counted.
        request.finish(RequestStatus::Success);
        if completion_tokens > 0 {
            tally.add("gen_ai_server_time_to_first_token_seconds_count", 1.0);
        }
        let _gone = reply.try_send(Piece::End(usage)).is_err();
    }
}
