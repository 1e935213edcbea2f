//! A stand-in for the API of Gemini, on this machine: it answers, and fails, by a plan.
//!
//! `plan.rs` says what the next request gets, `writer.rs` writes the answers. Each request is a span, a child of the caller's.

mod plan;
mod writer;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use axum::{Json, Router};
use http_body_util::channel::{Channel, Sender};
use throughline::propagation::extract_from_headers;
use throughline::trace::layer::SpanExt as _;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tracing::{Instrument as _, info_span};

use crate::arguments::Arguments;
use crate::gemini::wire::{
    Candidate, Content, ErrorBody, GenerateResponse, Part, ReceivedRequest, Refusal, Usage,
};
use plan::{Plan, Turn};
use writer::Writer;

/// How long it thinks.
const THINKING: Duration = Duration::from_millis(4);

/// How long a streamed answer pauses between two pieces.
const BREATH: Duration = Duration::from_millis(1);

/// Words in a piece of a streamed answer.
const WORDS_IN_PIECE: usize = 4;

struct StandIn {
    plan: Plan,
    writer: Writer,
    /// How long a slow answer takes: longer than anybody waits.
    slow: Duration,
    /// How long after its start it begins to answer.
    outage: Duration,
    started: Instant,
}

/// Starts it on a free port.
pub(crate) async fn start(
    arguments: &Arguments,
    mut stopped: watch::Receiver<()>,
) -> Result<(SocketAddr, JoinHandle<Result<()>>)> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.context("listen for the stand-in")?;
    let address = listener.local_addr()?;
    let stand_in = StandIn {
        plan: Plan::new(arguments.seed),
        writer: Writer::new(),
        slow: arguments.timeout.saturating_mul(2),
        outage: arguments.outage,
        started: Instant::now(),
    };
    let routes = Router::new().route("/v1beta/models/{call}", post(answer)).with_state(Arc::new(stand_in));
    let stop = async move {
        let _sender_gone = stopped.changed().await;
    };
    let serve = async move {
        axum::serve(listener, routes).with_graceful_shutdown(stop).await.context("serve the stand-in")
    };
    Ok((address, tokio::spawn(serve)))
}

/// The call is the model and what is asked of it: `gemini-3.6-flash:generateContent`.
async fn answer(
    State(stand_in): State<Arc<StandIn>>,
    Path(call): Path<String>,
    headers: HeaderMap,
    Json(request): Json<ReceivedRequest>,
) -> Response {
    let (number, turn) = stand_in.next();
    let span = info_span!(
        "model",
        otel.name = "POST /v1beta/models/{call}",
        otel.kind = "server",
        http.request.method = "POST",
        http.route = "/v1beta/models/{call}",
        stand_in.turn = ?turn,
    );
    span.set_parent(&extract_from_headers(&headers));
    stand_in.take(&call, number, turn, &request).instrument(span).await
}

impl StandIn {
    fn next(&self) -> (u64, Turn) {
        let (number, turn) = self.plan.next();
        (number, if self.started.elapsed() < self.outage { Turn::Broken } else { turn })
    }

    async fn take(
        self: &Arc<Self>,
        call: &str,
        number: u64,
        turn: Turn,
        request: &ReceivedRequest,
    ) -> Response {
        tokio::time::sleep(if turn == Turn::Slow { self.slow } else { THINKING }).await;
        let Some((model, method)) = call.split_once(':') else {
            return refuse(StatusCode::NOT_FOUND, "NOT_FOUND", "there is no such call");
        };
        match turn {
            Turn::Limited => {
                let reason = "Resource has been exhausted (e.g. check quota).";
                let mut response = refuse(StatusCode::TOO_MANY_REQUESTS, "RESOURCE_EXHAUSTED", reason);
                response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("0"));
                return response;
            }
            Turn::Broken => {
                let reason = "An internal error has occurred.";
                return refuse(StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL", reason);
            }
            Turn::Good | Turn::Slow | Turn::Garbled | Turn::Rambling => {}
        }
        let answer = self.write(number, turn, model, request);
        match method {
            "generateContent" => at_once(&answer, turn),
            "streamGenerateContent" => in_pieces(answer, turn),
            _ => refuse(StatusCode::NOT_FOUND, "NOT_FOUND", "there is no such method"),
        }
    }

    fn write(&self, number: u64, turn: Turn, model: &str, request: &ReceivedRequest) -> Written {
        let prompt = request.contents.iter().flat_map(|content| &content.parts);
        let prompt: String = prompt.map(|part| part.text.as_str()).collect();
        let config = &request.generation_config;
        let mut text = self.writer.reply(number, &prompt, config.max_output_tokens as usize);
        if config.response_mime_type == "application/json" && turn != Turn::Rambling {
            text = serde_json::json!({ "reply": text, "mood": writer::mood(number) }).to_string();
        }
        Written { prompt_tokens: writer::tokens(&prompt), text, model: model.to_owned(), number }
    }
}

/// An answer.
struct Written {
    text: String,
    prompt_tokens: u64,
    model: String,
    number: u64,
}

impl Written {
    /// A piece of it, the last of so many tokens.
    fn piece(&self, text: String, tokens: u64, is_last: bool) -> GenerateResponse {
        let content = Content { role: Some("model".to_owned()), parts: vec![Part { text }] };
        GenerateResponse {
            candidates: vec![Candidate { content, finish_reason: is_last.then(|| "STOP".to_owned()) }],
            usage_metadata: Some(Usage {
                prompt_token_count: self.prompt_tokens,
                candidates_token_count: tokens,
                thoughts_token_count: 0,
            }),
            model_version: Some(format!("{}-stand-in", self.model)),
            response_id: Some(format!("stand-in-{}", self.number)),
        }
    }

    /// All of its pieces; with each comes how many tokens there were so far.
    fn pieces(&self) -> Vec<GenerateResponse> {
        let words: Vec<&str> = self.text.split_inclusive(' ').collect();
        let count = words.len().div_ceil(WORDS_IN_PIECE);
        let mut tokens = 0;
        let pieces = words.chunks(WORDS_IN_PIECE).enumerate().map(|(at, words)| {
            let text = words.concat();
            tokens += writer::tokens(&text);
            self.piece(text, tokens, at + 1 == count)
        });
        pieces.collect()
    }
}

fn at_once(answer: &Written, turn: Turn) -> Response {
    let response = answer.piece(answer.text.clone(), writer::tokens(&answer.text), true);
    let mut body = serde_json::to_vec(&response).unwrap_or_default();
    if turn == Turn::Garbled {
        body.truncate(body.len() / 2);
    }
    ([(CONTENT_TYPE, "application/json")], body).into_response()
}

fn in_pieces(answer: Written, turn: Turn) -> Response {
    let (sender, body) = Channel::<Bytes, Infallible>::new(1);
    tokio::spawn(send(sender, answer, turn));
    ([(CONTENT_TYPE, "text/event-stream")], Body::new(body)).into_response()
}

async fn send(mut sender: Sender<Bytes, Infallible>, answer: Written, turn: Turn) {
    let pieces = answer.pieces();
    let garbled = (turn == Turn::Garbled).then_some(pieces.len() / 2);
    for (at, piece) in pieces.iter().enumerate() {
        let json = serde_json::to_string(piece).unwrap_or_default();
        let event =
            format!("data: {}\r\n\r\n", if garbled == Some(at) { "{\"candidates\": [" } else { &json });
        // Who does not listen any more has gone.
        if sender.send_data(Bytes::from(event)).await.is_err() || garbled == Some(at) {
            return;
        }
        tokio::time::sleep(BREATH).await;
    }
}

fn refuse(code: StatusCode, status: &str, message: &str) -> Response {
    let error = Refusal { code: code.as_u16(), message: message.to_owned(), status: status.to_owned() };
    (code, Json(ErrorBody { error })).into_response()
}
