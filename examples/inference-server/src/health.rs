//! `/health`, `/health/live`, `/health/ready`: for people, for who restarts, and for who balances.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::App;
use crate::settings::VERSION;

/// How it fares, and how its telemetry does.
pub(crate) async fn health(State(app): State<Arc<App>>) -> Response {
    let body = json!({
        "status": status_of(&app),
        "version": VERSION,
        "model": app.model,
        "queue": { "waiting": app.engine.waiting(), "length": app.settings.queue_length },
        "telemetry": delivery(&app.telemetry.status()),
    });
    answer(is_ready(&app), body)
}

/// Whether the process is worth keeping: it is not when its model has failed.
pub(crate) async fn live(State(app): State<Arc<App>>) -> Response {
    answer(app.engine.is_alive(), json!({ "status": status_of(&app) }))
}

/// Whether requests are welcome.
pub(crate) async fn ready(State(app): State<Arc<App>>) -> Response {
    answer(is_ready(&app), json!({ "status": status_of(&app) }))
}

/// How the delivery of each signal fares, in short; `null` when nothing is pushed.
fn delivery(status: &Value) -> Value {
    let Some(signals) = status["otlp"].as_object() else { return Value::Null };
    let short = |signal: &Value| {
        json!({
            "exported": signal["exported"],
            "queued": signal["queued"],
            "last_error": signal["last_error"]["message"],
        })
    };
    signals.iter().map(|(name, signal)| (name.clone(), short(signal))).collect()
}

fn is_ready(app: &App) -> bool {
    app.engine.is_alive() && !app.is_ending.load(Ordering::Relaxed)
}

fn status_of(app: &App) -> &'static str {
    match (app.engine.is_alive(), is_ready(app)) {
        (false, _) => "the model has failed",
        (true, false) => "shutting down",
        (true, true) => "healthy",
    }
}

fn answer(is_well: bool, body: Value) -> Response {
    let code = if is_well { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let uncached = [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    (code, uncached, Json(body)).into_response()
}
