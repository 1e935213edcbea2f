//! `POST /v1/completions`: a text to go on with, answered at once or as it comes.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use futures_core::Stream;
use serde::Deserialize;
use serde_json::{Value, json};
use throughline_instruments::inference::{Request, RequestStatus};
use tokio::sync::mpsc::{self, Receiver};

use crate::App;
use crate::engine::{Job, NoPlace, Piece, Usage};

/// What a client asks for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Completion {
    prompt: String,
    #[serde(default = "default_max_tokens")]
    max_tokens: usize,
    #[serde(default = "default_temperature")]
    temperature: f32,
    #[serde(default)]
    seed: u64,
    #[serde(default)]
    stream: bool,
}

fn default_max_tokens() -> usize {
    16
}

fn default_temperature() -> f32 {
    1.0
}

/// Why a request is not answered as asked.
#[derive(Debug)]
struct Refusal {
    code: StatusCode,
    status: RequestStatus,
    why: String,
}

/// Takes a request. Whatever becomes of it, it is counted when its guard is dropped.
pub(crate) async fn complete(State(app): State<Arc<App>>, body: Bytes) -> Response {
    app.tally.add("requests_total", 1.0);
    app.tally.add("request_duration_seconds_count", 1.0);
    let request = app.inference.request("completion");
    let completion = match Completion::read(&body, &app) {
        Ok(completion) => completion,
        Err(refusal) => return refusal.answer(request),
    };
    let is_streamed = completion.stream;
    match enqueue(&app, completion, request) {
        Ok(pieces) if is_streamed => Sse::new(Events::new(pieces, &app)).into_response(),
        Ok(pieces) => whole(pieces, &app).await,
        Err((refusal, request)) => refusal.answer(*request),
    }
}

impl Completion {
    fn read(body: &[u8], app: &App) -> Result<Self, Refusal> {
        let completion: Self =
            serde_json::from_slice(body).map_err(|error| Refusal::bad(error.to_string()))?;
        let crate::settings::Server { max_tokens, prompt_bytes_max, .. } = app.settings;
        if completion.prompt.len() > prompt_bytes_max {
            return Err(Refusal::bad(format!("the prompt is longer than {prompt_bytes_max} bytes")));
        }
        if !(1..=max_tokens).contains(&completion.max_tokens) {
            return Err(Refusal::bad(format!("max_tokens must be 1 to {max_tokens}")));
        }
        if !(0.0..=TEMPERATURE_MAX).contains(&completion.temperature) {
            return Err(Refusal::bad(format!("temperature must be 0 to {TEMPERATURE_MAX}")));
        }
        Ok(completion)
    }
}

/// Above it there is nothing but noise.
const TEMPERATURE_MAX: f32 = 2.0;

/// Puts it into the queue, or gives it back with the reason why not.
fn enqueue(
    app: &App,
    completion: Completion,
    request: Request,
) -> Result<Receiver<Piece>, (Refusal, Box<Request>)> {
    let place = match app.engine.reserve() {
        Ok(place) => place,
        Err(why) => return Err((why.into(), Box::new(request))),
    };
    let Completion { prompt, max_tokens, temperature, seed, stream: _ } = completion;
    let (reply, pieces) = mpsc::channel(max_tokens + 1);
    app.tally.add("queue_wait_seconds_count", 1.0);
    let waiting = app.inference.enqueue();
    place.send(Job { prompt, max_tokens, temperature, seed, request, place: waiting, reply });
    Ok(pieces)
}

impl From<NoPlace> for Refusal {
    fn from(why: NoPlace) -> Self {
        let code = StatusCode::SERVICE_UNAVAILABLE;
        match why {
            NoPlace::QueueFull => {
                Self { code, status: RequestStatus::Rejected, why: "the queue is full; try again".to_owned() }
            }
            NoPlace::NoModel => Self {
                code,
                status: RequestStatus::Error,
                why: "the model has failed; see the log".to_owned(),
            },
        }
    }
}

impl Refusal {
    fn bad(why: String) -> Self {
        Self { code: StatusCode::BAD_REQUEST, status: RequestStatus::Error, why }
    }

    fn answer(self, request: Request) -> Response {
        let Self { code, status, why } = self;
        tracing::debug!(status = code.as_u16(), why, "request refused");
        request.finish(status);
        let body = Json(json!({ "error": { "message": why } }));
        let mut response = (code, body).into_response();
        if code == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from_static("1"));
        }
        response
    }
}

/// The answer in one piece.
async fn whole(mut pieces: Receiver<Piece>, app: &App) -> Response {
    let mut text = String::new();
    while let Some(piece) = pieces.recv().await {
        match piece {
            Piece::Text(character) => text.push(character),
            Piece::End(usage) => return Json(document(&id(), app, &text, Some(usage))).into_response(),
        }
    }
    let failed = Json(json!({ "error": { "message": "the model has failed; see the log" } }));
    (StatusCode::INTERNAL_SERVER_ERROR, failed).into_response()
}

/// An answer as it comes: an event for each piece, then `[DONE]`. Without that, the model failed.
struct Events {
    id: String,
    pieces: Receiver<Piece>,
    app: Arc<App>,
    is_done: bool,
}

impl Events {
    fn new(pieces: Receiver<Piece>, app: &Arc<App>) -> Self {
        Self { id: id(), pieces, app: Arc::clone(app), is_done: false }
    }
}

impl Stream for Events {
    type Item = Result<Event, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let document = match ready!(self.pieces.poll_recv(cx)) {
            Some(Piece::Text(character)) => document(&self.id, &self.app, &character.to_string(), None),
            Some(Piece::End(usage)) => {
                self.is_done = true;
                document(&self.id, &self.app, "", Some(usage))
            }
            None if self.is_done => {
                self.is_done = false;
                return Poll::Ready(Some(Ok(Event::default().data("[DONE]"))));
            }
            None => return Poll::Ready(None),
        };
        Poll::Ready(Some(Ok(Event::default().data(document.to_string()))))
    }
}

fn document(id: &str, app: &App, text: &str, usage: Option<Usage>) -> Value {
    let finish_reason = usage.map(|usage| usage.finish_reason);
    let mut document = json!({
        "id": id,
        "object": "text_completion",
        "model": app.model,
        "choices": [{ "index": 0, "text": text, "finish_reason": finish_reason }],
    });
    if let Some(Usage { prompt_tokens, completion_tokens, .. }) = usage {
        document["usage"] = json!({
            "prompt_tokens": prompt_tokens,
            "completion_tokens": completion_tokens,
            "total_tokens": prompt_tokens + completion_tokens,
        });
    }
    document
}

/// Unlike all others of this process.
fn id() -> String {
    static NUMBER: AtomicU64 = AtomicU64::new(1);
    format!("cmpl-{}", NUMBER.fetch_add(1, Ordering::Relaxed))
}
