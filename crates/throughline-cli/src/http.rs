//! The one client of HTTP that all commands share: `doctor` asks for pages and APIs with it, `dashboards verify` asks a
//! Prometheus, the demo calls itself.
//!
//! Plain and over TLS, no redirects, no proxies, bounded in time and size. What goes wrong is told in the words of the
//! system, and without the secrets of a URL.

use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use axum::body::Body;
use axum::http::header::{AUTHORIZATION, USER_AGENT};
use axum::http::{HeaderMap, HeaderValue, Request};
use http_body_util::{BodyExt as _, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::{ClientConfig, RootCertStore};
use serde_json::Value;
use throughline::core::file::pem;
use throughline::core::{base64, percent};
use tokio::time::{Instant, timeout};

/// Above any page that Prometheus would take in with common limits.
const BODY_BYTES_MAX: usize = 64 << 20;

/// How what is told of a server that takes too long begins.
pub(crate) const NO_ANSWER: &str = "no answer";

/// Asks servers. Connections are kept for the next request.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    inner: legacy::Client<HttpsConnector<HttpConnector>, Body>,
    within: Duration,
}

/// An answer of any status.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
    pub(crate) elapsed: Duration,
}

impl Client {
    /// Trusts whom the system trusts, and waits this long for an answer.
    pub(crate) fn new(within: Duration) -> Self {
        Self::trusting(&[], within)
    }

    /// Trusts the certificates in these files as well. A file that cannot be read adds none.
    pub(crate) fn trusting(roots: &[PathBuf], within: Duration) -> Self {
        let connector =
            HttpsConnectorBuilder::new().with_tls_config(tls(roots)).https_or_http().enable_http1();
        Self { inner: legacy::Client::builder(TokioExecutor::new()).build(connector.build()), within }
    }

    /// The same with another patience.
    pub(crate) fn within(&self, within: Duration) -> Self {
        Self { within, ..self.clone() }
    }

    /// Gets a page.
    pub(crate) async fn get(&self, url: &str) -> Result<Answer, String> {
        self.get_with(url, HeaderMap::new()).await
    }

    /// Gets a page. User name and password in the URL are given to the server, and never shown.
    pub(crate) async fn get_with(&self, url: &str, headers: HeaderMap) -> Result<Answer, String> {
        timeout(self.within, self.fetch(url, headers))
            .await
            .unwrap_or_else(|_elapsed| Err(format!("{NO_ANSWER} within {} s", self.within.as_secs())))
    }

    async fn fetch(&self, url: &str, headers: HeaderMap) -> Result<Answer, String> {
        let started = Instant::now();
        let (url, credentials) = split(url);
        let mut request =
            Request::get(url).body(Body::empty()).map_err(|error| format!("is no URL: {error}"))?;
        *request.headers_mut() = headers;
        request.headers_mut().insert(USER_AGENT, HeaderValue::from_static(PROGRAM));
        if let Some(credentials) = credentials {
            request.headers_mut().insert(AUTHORIZATION, basic(&credentials)?);
        }
        let response = self.inner.request(request).await.map_err(|error| causes(&error))?;
        let (head, body) = response.into_parts();
        let body = Limited::new(body, BODY_BYTES_MAX).collect().await.map_err(|error| error.to_string())?;
        let body = String::from_utf8_lossy(&body.to_bytes()).into_owned();
        Ok(Answer { status: head.status.as_u16(), headers: head.headers, body, elapsed: started.elapsed() })
    }
}

impl Answer {
    pub(crate) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The body of an answer that is well.
    pub(crate) fn json(&self) -> Result<Value, String> {
        if !self.is_success() {
            return Err(format!("answered {}", self.status));
        }
        serde_json::from_str(&self.body).map_err(|_no_json| "did not answer with JSON".to_owned())
    }

    /// The `data` of an answer of Prometheus' or Jaeger's API.
    pub(crate) fn data(&self) -> Result<Value, String> {
        Ok(self.json()?["data"].take())
    }
}

/// A URL without user name and password, to be shown.
pub(crate) fn shown(url: &str) -> String {
    split(url).0
}

/// A URL without user name and password, and these.
fn split(url: &str) -> (String, Option<String>) {
    let Some((scheme, rest)) = url.split_once("://") else { return (url.to_owned(), None) };
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    match authority.rsplit_once('@') {
        Some((credentials, host)) => (format!("{scheme}://{host}{path}"), Some(credentials.to_owned())),
        None => (url.to_owned(), None),
    }
}

fn basic(credentials: &str) -> Result<HeaderValue, String> {
    let credentials = percent::decode_lossy(credentials.as_bytes());
    secret(&format!("Basic {}", base64::encode(credentials.as_bytes())))
}

/// The header of a token.
pub(crate) fn bearer(token: &str) -> Result<HeaderValue, String> {
    secret(&format!("Bearer {token}"))
}

fn secret(text: &str) -> Result<HeaderValue, String> {
    let mut value =
        HeaderValue::from_str(text).map_err(|_control| "the credentials cannot be sent".to_owned())?;
    value.set_sensitive(true);
    Ok(value)
}

/// Trusts whom the system trusts, and the certificates in these files.
pub(crate) fn tls(more: &[PathBuf]) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    for path in more {
        roots.add_parsable_certificates(certificates(path));
    }
    ClientConfig::builder_with_provider(rustls::crypto::ring::default_provider().into())
        .with_safe_default_protocol_versions()
        .expect("the provider has cipher suites of the versions built in")
        .with_root_certificates(roots)
        .with_no_client_auth()
}

fn certificates(path: &Path) -> Vec<rustls::pki_types::CertificateDer<'static>> {
    fs::read(path).ok().and_then(|text| pem::certificates(path, &text).ok()).unwrap_or_default()
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

const PROGRAM: &str = concat!("throughline/", env!("CARGO_PKG_VERSION"));

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_shown_without_secrets() {
        for (url, without) in [
            ("https://u:p@h/x", "https://h/x"),
            ("http://u:p@h:1?a=b@c", "http://h:1?a=b@c"),
            ("http://h?mail=a@b/c", "http://h?mail=a@b/c"),
            ("h:9090", "h:9090"),
        ] {
            assert_eq!(shown(url), without);
        }
    }
}
