//! Asks servers for pages: the Collector's own metrics, the APIs of Prometheus and Jaeger, a page that is scraped.
//!
//! Plain HTTP, no redirects, bounded in time and size. What goes wrong is told in the words of the system.

use std::error::Error;
use std::fmt::Write as _;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, Request};
use http_body_util::{BodyExt as _, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;
use throughline::core::{base64, percent};
use tokio::time::{Instant, timeout};

use super::address::{Address, split};

/// A server that takes longer is not well.
const WITHIN: Duration = Duration::from_secs(3);

/// Above any page that Prometheus would take in with common limits.
const BODY_BYTES_MAX: usize = 64 << 20;

/// An answer of any status.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
    pub(crate) elapsed: Duration,
}

impl Answer {
    pub(crate) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The `data` of an answer of Prometheus' or Jaeger's API.
    pub(crate) fn data(&self) -> Result<Value, String> {
        if !self.is_success() {
            return Err(format!("answered {}", self.status));
        }
        let mut json: Value =
            serde_json::from_str(&self.body).map_err(|_no_json| "did not answer with JSON".to_owned())?;
        Ok(json["data"].take())
    }
}

/// Gets a page. User name and password in the URL are given to the server, and never shown.
pub(crate) async fn get(url: &str, accept: &str) -> Result<Answer, String> {
    if Address::parse(url).is_some_and(|address| address.is_tls) {
        return Err(
            "is https, which doctor does not speak to this server: give it an http address".to_owned()
        );
    }
    timeout(WITHIN, fetch(url, accept))
        .await
        .unwrap_or_else(|_elapsed| Err(format!("no answer within {} s", WITHIN.as_secs())))
}

async fn fetch(url: &str, accept: &str) -> Result<Answer, String> {
    let started = Instant::now();
    let (url, credentials) = split(url);
    let mut request = Request::get(url).header("accept", accept).header("user-agent", USER_AGENT);
    if let Some(credentials) = credentials {
        let credentials = percent::decode_lossy(credentials.as_bytes()).into_owned();
        request =
            request.header("authorization", format!("Basic {}", base64::encode(credentials.as_bytes())));
    }
    let request = request.body(Body::empty()).map_err(|error| format!("is no URL: {error}"))?;
    let client: Client<_, Body> = Client::builder(TokioExecutor::new()).build(HttpConnector::new());
    let response = client.request(request).await.map_err(|error| causes(&error))?;
    let (head, body) = response.into_parts();
    let body = Limited::new(body, BODY_BYTES_MAX).collect().await.map_err(|error| error.to_string())?;
    let body = String::from_utf8_lossy(&body.to_bytes()).into_owned();
    Ok(Answer { status: head.status.as_u16(), headers: head.headers, body, elapsed: started.elapsed() })
}

/// The innermost causes, which are what the system says.
pub(crate) fn causes(error: &dyn Error) -> String {
    let mut text = String::new();
    let mut cause = error.source();
    while let Some(error) = cause {
        let said = error.to_string();
        if !text.contains(&said) {
            text.push_str(if text.is_empty() { "" } else { ": " });
            text.push_str(&said);
        }
        cause = error.source();
    }
    if text.is_empty() { error.to_string() } else { text }
}

/// Text as part of a query.
pub(crate) fn escape(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        if byte.is_ascii_alphanumeric() {
            out.push(char::from(byte));
        } else {
            write!(out, "%{byte:02X}").expect("a string takes it");
        }
        out
    })
}

const USER_AGENT: &str = concat!("throughline-doctor/", env!("CARGO_PKG_VERSION"));
