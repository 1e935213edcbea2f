//! The API of Gemini, as far as the bot needs it: `generateContent` at once, `streamGenerateContent` in pieces.
//!
//! `wire.rs` is its JSON, `events.rs` the stream's framing. Called by `llm.rs`; knows nothing of telemetry, but for the headers
//! that carry the current context.

mod error;
mod events;
pub(crate) mod wire;

use std::time::Duration;

use anyhow::{Context as _, Result};
use reqwest::header::{HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::{Client, Response};
use throughline::propagation::inject_into_headers;

pub(crate) use error::ApiError;
use events::Events;
use wire::{ErrorBody, GenerateRequest, GenerateResponse};

/// The longest answer that is read, and the longest piece of a stream.
const ANSWER_BYTES_MAX: usize = 1 << 20;

/// The longest error that is read: what follows is left unread.
const ERROR_BYTES_MAX: usize = 16 << 10;

/// A client of the API.
#[derive(Debug)]
pub(crate) struct Gemini {
    http: Client,
    base_url: String,
    headers: HeaderMap,
}

impl Gemini {
    /// The API at this address. The key goes into a header that is never shown, and never into a URL, which errors show.
    pub(crate) fn new(base_url: &str, key: Option<&str>, timeout: Duration) -> Result<Self> {
        let mut headers = HeaderMap::new();
        if let Some(key) = key {
            let mut key = HeaderValue::from_str(key)
                .context("GEMINI_API_KEY has a character that no header can have: copy it anew")?;
            key.set_sensitive(true);
            headers.insert("x-goog-api-key", key);
        }
        let mut http = Client::builder().timeout(timeout);
        if key.is_none() {
            // The stand-in is on this machine.
            http = http.no_proxy();
        }
        let http = http.build().context("make an HTTP client")?;
        Ok(Self { http, base_url: base_url.trim_end_matches('/').to_owned(), headers })
    }

    /// Host and port, for telemetry.
    pub(crate) fn server(&self) -> Option<(String, u16)> {
        let url = reqwest::Url::parse(&self.base_url).ok()?;
        Some((url.host_str()?.to_owned(), url.port_or_known_default()?))
    }

    /// Asks for an answer, and waits for all of it.
    pub(crate) async fn generate(
        &self,
        model: &str,
        request: &GenerateRequest,
    ) -> Result<GenerateResponse, ApiError> {
        let mut response = self.send(&format!("{model}:generateContent"), request).await?;
        let body = read(&mut response, ANSWER_BYTES_MAX).await?;
        Ok(serde_json::from_slice(&body)?)
    }

    /// Asks for an answer in pieces.
    pub(crate) async fn stream(&self, model: &str, request: &GenerateRequest) -> Result<Pieces, ApiError> {
        let response = self.send(&format!("{model}:streamGenerateContent?alt=sse"), request).await?;
        Ok(Pieces { response, events: Events::default(), has_ended: false })
    }

    async fn send(&self, call: &str, request: &GenerateRequest) -> Result<Response, ApiError> {
        let mut headers = self.headers.clone();
        inject_into_headers(&mut headers);
        let url = format!("{}/v1beta/models/{call}", self.base_url);
        let response = self.http.post(url).headers(headers).json(request).send().await?;
        if response.status().is_success() { Ok(response) } else { Err(refusal(response).await) }
    }
}

/// What the API says when it does not answer.
async fn refusal(mut response: Response) -> ApiError {
    let status = response.status().as_u16();
    let retry_after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
    let body = read(&mut response, ERROR_BYTES_MAX).await.unwrap_or_default();
    let message = serde_json::from_slice(&body).map(|ErrorBody { error }| error.message);
    let message = message.unwrap_or_else(|_not_json| "no reason given".to_owned());
    ApiError::Refused { status, message, retry_after: retry_after.map(Duration::from_secs) }
}

/// All of a body, within a limit.
async fn read(response: &mut Response, bytes_max: usize) -> Result<Vec<u8>, ApiError> {
    let mut body = Vec::new();
    while let Some(piece) = response.chunk().await? {
        if body.len() + piece.len() > bytes_max {
            return Err(ApiError::TooLong);
        }
        body.extend_from_slice(&piece);
    }
    Ok(body)
}

/// An answer that comes in pieces.
pub(crate) struct Pieces {
    response: Response,
    events: Events,
    has_ended: bool,
}

impl Pieces {
    /// The next piece; none at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<GenerateResponse>, ApiError> {
        loop {
            if let Some(event) = self.events.next(self.has_ended) {
                return Ok(Some(serde_json::from_slice(&event)?));
            }
            if self.has_ended {
                return Ok(None);
            }
            match self.response.chunk().await? {
                Some(bytes) => self.events.push(&bytes)?,
                None => self.has_ended = true,
            }
        }
    }
}
