//! The bot over HTTP: `POST /chat` and `GET /healthz`. Each request is a span, a child of the caller's.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::json;
use throughline::propagation::extract_from_headers;
use throughline::trace::layer::SpanExt as _;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tracing::{Instrument as _, Span, info_span};

use crate::bot::{ChatError, Chatbot};

/// The longest request that is read.
const REQUEST_BYTES_MAX: usize = 64 << 10;

/// Serves until `stopped`; what is under way then is finished.
pub(crate) async fn serve(
    listener: TcpListener,
    chatbot: Chatbot,
    mut stopped: watch::Receiver<()>,
) -> Result<()> {
    let routes = Router::new()
        .route("/chat", post(chat))
        .with_state(Arc::new(chatbot))
        .layer(DefaultBodyLimit::max(REQUEST_BYTES_MAX))
        .layer(from_fn(traced))
        // Asked every few seconds by whoever keeps it running: no span.
        .route("/healthz", get(|| async { Json(json!({ "status": "ok" })) }));
    let stop = async move {
        let _sender_gone = stopped.changed().await;
    };
    axum::serve(listener, routes).with_graceful_shutdown(stop).await.context("serve the bot")
}

/// What is posted.
#[derive(Debug, Deserialize)]
struct Chat {
    message: String,
}

async fn chat(State(chatbot): State<Arc<Chatbot>>, Json(Chat { message }): Json<Chat>) -> Response {
    match chatbot.chat(&message).await {
        Ok(answer) => Json(answer).into_response(),
        Err(error) => {
            let status = status(&error);
            tracing::warn!(status = status.as_u16(), error = %chain(&error), "no answer");
            (status, Json(json!({ "error": error.to_string() }))).into_response()
        }
    }
}

fn status(error: &ChatError) -> StatusCode {
    match error {
        ChatError::Message => StatusCode::BAD_REQUEST,
        ChatError::Busy => StatusCode::SERVICE_UNAVAILABLE,
        ChatError::Rejected => StatusCode::UNPROCESSABLE_ENTITY,
        ChatError::Model(_) | ChatError::Draft(_) => StatusCode::BAD_GATEWAY,
    }
}

/// An error with its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

/// Makes a span of a request, within which it is answered.
async fn traced(request: Request, next: Next) -> Response {
    let span = info_span!(
        "request",
        otel.name = "POST /chat",
        otel.kind = "server",
        http.request.method = "POST",
        http.route = "/chat",
        http.response.status_code = tracing::field::Empty,
        otel.status_code = tracing::field::Empty,
    );
    span.set_parent(&extract_from_headers(request.headers()));
    let response = next.run(request).instrument(span.clone()).await;
    note(&span, response.status());
    response
}

fn note(span: &Span, status: StatusCode) {
    span.record("http.response.status_code", status.as_u16());
    if status.is_server_error() {
        span.record("otel.status_code", "error");
    }
}
