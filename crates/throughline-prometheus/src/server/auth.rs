//! Who may ask: basic and bearer authentication, with secrets given or in files.
//!
//! The server asks before it looks at what is wanted. Secrets are never shown, and comparing them takes a time that tells
//! nothing about them.

use std::fmt;
use std::hint::black_box;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use http::header::{AUTHORIZATION, HeaderMap, WWW_AUTHENTICATE};
use http::{HeaderValue, Response, StatusCode};
use throughline_core::base64;
use throughline_core::file::{self, FileError, Reload};
use tokio::time::Instant;

use crate::body::MetricsBody;
use crate::service::plain;

/// A password or a token: the text itself, or the file that has it. Not shown by `Debug`.
#[derive(Clone)]
pub struct Secret(Origin);

#[derive(Clone)]
enum Origin {
    Text(String),
    File(PathBuf),
}

impl Secret {
    /// This text.
    pub fn text(secret: impl Into<String>) -> Self {
        Self(Origin::Text(secret.into()))
    }

    /// What this file has in its one line. It is looked at again while it is used, so that secrets can rotate.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self(Origin::File(path.into()))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Origin::Text(_) => f.write_str("Secret(***)"),
            Origin::File(path) => f.debug_tuple("Secret").field(path).finish(),
        }
    }
}

/// How a client says who it is.
///
/// ```
/// use throughline_prometheus::server::{Authentication, Secret};
///
/// let people = Authentication::basic("prometheus", &Secret::text("open sesame"))?;
/// # let _ = people;
/// # Ok::<(), throughline_core::file::FileError>(())
/// ```
#[derive(Clone)]
pub struct Authentication {
    scheme: Scheme,
    /// What follows the name of the scheme.
    expected: Arc<Mutex<Reload<String>>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scheme {
    Basic,
    Bearer,
}

impl Authentication {
    /// Basic authentication with this name, which must have no colon (HTTP could not tell where it ends), and password.
    ///
    /// # Errors
    /// A file without a password.
    pub fn basic(user: impl Into<String>, password: &Secret) -> Result<Self, FileError> {
        let user = user.into();
        Self::new(Scheme::Basic, password, "a password", move |password| {
            base64::encode(format!("{user}:{password}").as_bytes())
        })
    }

    /// This token, as in `authorization: Bearer TOKEN`.
    ///
    /// # Errors
    /// A file without a token.
    pub fn bearer(token: &Secret) -> Result<Self, FileError> {
        Self::new(Scheme::Bearer, token, "a bearer token", |token| token)
    }

    fn new(
        scheme: Scheme,
        secret: &Secret,
        what: &'static str,
        write: impl Fn(String) -> String + Send + Sync + 'static,
    ) -> Result<Self, FileError> {
        let now = Instant::now().into_std();
        let expected = match &secret.0 {
            Origin::Text(secret) => {
                let secret = secret.clone();
                Reload::new(Vec::new(), now, move |_| Ok(write(secret.clone())))
            }
            Origin::File(path) => {
                let name = path.clone();
                Reload::new(vec![path.clone()], now, move |contents| {
                    file::secret(&name, contents.first().map_or(&[], Vec::as_slice), what).map(&write)
                })
            }
        };
        Ok(Self { scheme, expected: Arc::new(Mutex::new(expected?)) })
    }

    fn accepts(&self, scheme: &[u8], offered: &[u8]) -> bool {
        if !scheme.eq_ignore_ascii_case(self.scheme.name().as_bytes()) {
            return false;
        }
        let mut expected = self.expected.lock().unwrap_or_else(PoisonError::into_inner);
        expected.look(Instant::now().into_std());
        is_same(offered, expected.value().as_bytes())
    }
}

impl fmt::Debug for Authentication {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authentication").field("scheme", &self.scheme).finish_non_exhaustive()
    }
}

impl Scheme {
    fn name(self) -> &'static str {
        match self {
            Self::Basic => "basic",
            Self::Bearer => "bearer",
        }
    }

    fn challenge(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Basic => r#"Basic realm="metrics", charset="UTF-8""#,
            Self::Bearer => r#"Bearer realm="metrics""#,
        })
    }
}

/// Whether one of them accepts the credentials among these headers, or there is none to ask.
pub(super) fn is_accepted(authentications: &[Authentication], headers: &HeaderMap) -> bool {
    if authentications.is_empty() {
        return true;
    }
    let Some(offered) = headers.get(AUTHORIZATION).map(HeaderValue::as_bytes) else { return false };
    let Some(space) = offered.iter().position(|byte| *byte == b' ') else { return false };
    let (scheme, credentials) = (&offered[..space], offered[space..].trim_ascii());
    // All are asked, so that the time does not tell which one it was.
    authentications.iter().fold(false, |accepted, one| accepted | one.accepts(scheme, credentials))
}

/// The one answer to whoever is not accepted.
#[cold]
pub(super) fn refusal(authentications: &[Authentication]) -> Response<MetricsBody> {
    let mut response = plain(StatusCode::UNAUTHORIZED, "credentials are needed\n");
    for Authentication { scheme, .. } in authentications {
        response.headers_mut().append(WWW_AUTHENTICATE, scheme.challenge());
    }
    response
}

/// Whether they are the same, in a time that depends on what is offered alone: it tells neither where they differ, nor how
/// long the expected one is.
fn is_same(offered: &[u8], expected: &[u8]) -> bool {
    let mut difference = offered.len() ^ expected.len();
    for (place, byte) in offered.iter().enumerate() {
        let other = expected.get(place % expected.len().max(1)).copied().unwrap_or_default();
        difference = black_box(difference | usize::from(byte ^ other));
    }
    difference == 0
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn only_the_same_is_the_same(one: Vec<u8>, other: Vec<u8>) {
            prop_assert_eq!(is_same(&one, &other), one == other);
            prop_assert!(is_same(&one, &one));
        }
    }

    #[test]
    fn a_part_is_not_the_whole() {
        for (offered, expected) in [("", "a"), ("a", ""), ("aa", "a"), ("a", "aa"), ("abab", "ab")] {
            assert!(!is_same(offered.as_bytes(), expected.as_bytes()), "{offered} {expected}");
        }
    }

    #[test]
    fn secrets_are_not_shown() {
        let secret = Secret::text("open sesame");
        let authentication = Authentication::basic("Ali", &secret).expect("no file");
        for shown in [format!("{secret:?}"), format!("{authentication:?}")] {
            assert!(!shown.contains("sesame"), "{shown}");
        }
    }
}
