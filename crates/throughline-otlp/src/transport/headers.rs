//! The headers of every request: our own, the configured ones, and a token that is read from a file.
//!
//! `http.rs` and `grpc.rs` add what their protocol wants. Configured values are secrets: they are kept out of debug
//! output, and out of what a peer says about them.

use std::path::Path;

use http::header::{
    AUTHORIZATION, CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName,
    HeaderValue, TE, TRANSFER_ENCODING, USER_AGENT,
};
use throughline_core::base64;
use throughline_core::file::{self, FileError, Reload};
use tokio::time::Instant;

use crate::config::{BuildError, OtlpConfig};

pub(super) const USER_AGENT_VALUE: &str = concat!("throughline/", env!("CARGO_PKG_VERSION"));

/// Headers that follow from the request and cannot be configured.
const RESERVED: [HeaderName; 6] =
    [CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, TE, TRANSFER_ENCODING];

/// Shorter values are not looked for in what a peer says: they would be found in innocent words.
const SECRET_LEN_MIN: usize = 6;

/// Headers, made anew for each request.
#[derive(Debug)]
pub(super) struct Headers {
    fixed: HeaderMap,
    token: Option<Reload<HeaderValue>>,
}

impl Headers {
    pub(super) fn new(config: &OtlpConfig) -> Result<Self, BuildError> {
        let token = config.bearer_token_file.clone().map(|path| {
            let parse = {
                let path = path.clone();
                move |contents: &[Vec<u8>]| bearer(&path, &contents[0])
            };
            Reload::new(vec![path], Instant::now().into_std(), parse)
        });
        Ok(Self { fixed: fixed(config)?, token: token.transpose()? })
    }

    /// Those of a request that is sent now.
    pub(super) fn current(&mut self) -> HeaderMap {
        let mut headers = self.fixed.clone();
        if let Some(token) = &mut self.token {
            token.look(Instant::now().into_std());
            headers.insert(AUTHORIZATION, token.value().clone());
        }
        headers
    }

    /// Looks at the token again, because it was refused; says whether there is another one.
    pub(super) fn renew(&mut self) -> bool {
        self.token.as_mut().is_some_and(|token| token.look_now(Instant::now().into_std()))
    }

    /// The text without any configured value.
    pub(super) fn redact(&self, text: String) -> String {
        let tokens = self.token.iter().map(Reload::value);
        let values = self.fixed.values().filter(|value| value.is_sensitive()).chain(tokens);
        values.filter_map(|value| value.to_str().ok()).flat_map(secrets).fold(text, |text, secret| {
            if secret.len() < SECRET_LEN_MIN { text } else { text.replace(secret, "***") }
        })
    }
}

/// A header's value, and what follows the name of the scheme of authentication.
fn secrets(value: &str) -> impl Iterator<Item = &str> {
    [Some(value), value.split_once(' ').map(|(_, secret)| secret)].into_iter().flatten()
}

fn fixed(config: &OtlpConfig) -> Result<HeaderMap, BuildError> {
    let mut headers = HeaderMap::new();
    headers.insert(USER_AGENT, HeaderValue::from_static(USER_AGENT_VALUE));
    if let Some((user, password)) = config.endpoint.credentials() {
        headers.insert(AUTHORIZATION, basic(user, password));
    }
    for (name, value) in &config.headers {
        let (name, value) = configured(name, value)?;
        headers.insert(name, value);
    }
    Ok(headers)
}

fn configured(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), BuildError> {
    let error = |problem| BuildError::Header { name: name.to_owned(), problem };
    let parsed: HeaderName = name.parse().map_err(|_invalid| error("has a name that HTTP does not allow"))?;
    if RESERVED.contains(&parsed) || parsed.as_str().starts_with("grpc-") {
        return Err(error("follows from the request and cannot be set; leave it out"));
    }
    let value =
        secret(value).ok_or_else(|| error("has a value that HTTP does not allow: control characters"))?;
    Ok((parsed, value))
}

fn bearer(path: &Path, content: &[u8]) -> Result<HeaderValue, FileError> {
    let token = file::secret(path, content, "a bearer token")?;
    secret(&format!("Bearer {token}"))
        .ok_or_else(|| FileError::new(path, "has what no header can have: it should have a bearer token"))
}

/// The value of basic authentication.
pub(super) fn basic(user: &str, password: &str) -> HeaderValue {
    let value = format!("Basic {}", base64::encode(format!("{user}:{password}").as_bytes()));
    secret(&value).expect("base64 is allowed in headers")
}

/// A value that is kept out of debug output; `None` when it cannot be sent.
fn secret(value: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_bytes(value.as_bytes()).ok()?;
    value.set_sensitive(true);
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::endpoint::Endpoint;

    fn config(url: &str) -> OtlpConfig {
        OtlpConfig::new(Endpoint::verbatim(url).expect("a URL"))
    }

    fn built(config: &OtlpConfig) -> Result<HeaderMap, String> {
        Headers::new(config).map(|mut headers| headers.current()).map_err(|error| error.to_string())
    }

    #[test]
    fn every_request_has_these_headers() {
        let headers = built(&config("http://h:4318/x").with_header("X-Tenant", "blue")).expect("headers");
        assert_eq!(headers["user-agent"], USER_AGENT_VALUE);
        assert_eq!(headers["x-tenant"], "blue");
    }

    #[test]
    fn credentials_become_basic_authentication_unless_a_header_is_set() {
        let with_user = config("http://Aladdin:open%20sesame@h/x");
        let headers = built(&with_user).expect("headers");
        assert_eq!(headers["authorization"], "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
        assert!(!format!("{headers:?}").contains("QWxh"));
        let headers = built(&with_user.with_header("Authorization", "Bearer x")).expect("headers");
        assert_eq!(headers["authorization"], "Bearer x");
    }

    #[test]
    fn headers_that_cannot_be_sent_are_named_without_their_value() {
        for (name, value, expected) in [
            ("a b", "secret", "the OTLP header `a b` has a name that HTTP does not allow"),
            ("a", "sec\nret", "the OTLP header `a` has a value that HTTP does not allow"),
            ("Content-Type", "x", "the OTLP header `Content-Type` follows from the request"),
            ("grpc-timeout", "1S", "the OTLP header `grpc-timeout` follows from the request"),
        ] {
            let error = built(&config("http://h").with_header(name, value)).expect_err(name);
            assert!(error.starts_with(expected), "{error}");
        }
    }

    #[test]
    fn a_token_comes_from_its_file_and_goes_with_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("token");
        let config = config("http://u:p@h").with_bearer_token_file(&path);
        for (content, expected) in [("", "is empty"), ("one\ntwo", "has more than one line")] {
            std::fs::write(&path, content).expect("a writable folder");
            let error = built(&config).expect_err("no token");
            assert!(error.contains("/token` ") && error.contains(expected), "{error}");
        }
        std::fs::write(&path, "first-token\n").expect("a writable folder");
        let mut headers = Headers::new(&config).expect("a token");
        assert_eq!(headers.current()["authorization"], "Bearer first-token");
        assert!(!headers.renew());
        std::fs::write(&path, "second-token\n").expect("a writable folder");
        assert!(headers.renew());
        assert_eq!(headers.current()["authorization"], "Bearer second-token");
        assert_eq!(headers.redact("no second-token here".to_owned()), "no *** here");
    }

    #[test]
    fn what_peers_say_is_shown_without_secrets() {
        let config =
            config("http://user:password@h").with_header("x-key", "abcdef").with_header("x-tenant", "blue");
        let headers = Headers::new(&config).expect("headers");
        let said = "key abcdef of blue, Basic dXNlcjpwYXNzd29yZA== alias dXNlcjpwYXNzd29yZA==".to_owned();
        assert_eq!(headers.redact(said), "key *** of blue, *** alias ***");
    }
}
