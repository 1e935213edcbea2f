//! Small blocking HTTP calls to servers on loopback.
//!
//! No proxy, no redirects, no connection kept: each call shows what a stranger
//! with a fresh connection would see, also right after a server was restarted.

use std::time::Duration;

use anyhow::{Context, Result};
use ureq::{Agent, Body};

/// Above what any server here needs, below what makes a hanging test annoying.
const TIMEOUT: Duration = Duration::from_secs(20);

/// A page of a hundred thousand series is some ten million bytes.
const BODY_BYTES_MAX: u64 = 256 << 20;

/// An answer of any status: judging it is the test's business.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// The HTTP status code.
    pub status: u16,
    /// The `Content-Type` header, empty when there is none.
    pub content_type: String,
    /// The body; bytes that are not UTF-8 are replaced.
    pub body: String,
}

impl Response {
    /// Whether the status is 200 to 299.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

/// Gets `url`.
///
/// # Errors
///
/// When nothing answers; a status such as 404 is an `Ok` answer.
pub fn get(url: &str) -> Result<Response> {
    get_with(url, &[], &[])
}

/// Gets `url` with query `parameters` (encoded here) and `headers`.
///
/// # Errors
///
/// When nothing answers; a status such as 404 is an `Ok` answer.
pub fn get_with(url: &str, parameters: &[(&str, &str)], headers: &[(&str, &str)]) -> Result<Response> {
    let mut request = agent().get(url).query_pairs(parameters.iter().copied());
    for &(name, value) in headers {
        request = request.header(name, value);
    }
    read(request.call().with_context(|| format!("GET {url}"))?)
}

/// Posts `body` to `url`.
///
/// # Errors
///
/// When nothing answers; a status such as 404 is an `Ok` answer.
pub fn post(url: &str, content_type: &str, body: &[u8]) -> Result<Response> {
    let request = agent().post(url).content_type(content_type);
    read(request.send(body).with_context(|| format!("POST {url}"))?)
}

fn agent() -> Agent {
    let config = Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .max_idle_connections(0)
        .proxy(None)
        .timeout_global(Some(TIMEOUT))
        .build();
    config.new_agent()
}

fn read(mut response: ureq::http::Response<Body>) -> Result<Response> {
    let status = response.status().as_u16();
    let content_type = response.headers().get("content-type");
    let content_type = content_type.and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    let body = response.body_mut().with_config().limit(BODY_BYTES_MAX).read_to_vec()?;
    Ok(Response { status, content_type, body: String::from_utf8_lossy(&body).into_owned() })
}
