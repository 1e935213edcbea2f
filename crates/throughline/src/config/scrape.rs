//! How the scrape endpoint is kept private: TLS, and who may ask.
//!
//! Methods of [`TelemetryConfig`] of their own, because the endpoint is one for the process; `prometheus/security.rs`
//! decides.

use std::fmt;
use std::path::PathBuf;

use super::TelemetryConfig;

/// What code says about the endpoint's security.
#[derive(Clone, Default)]
pub(crate) struct ScrapeSecurity {
    /// Certificate and key.
    pub(crate) tls: Option<(PathBuf, PathBuf)>,
    pub(crate) basic: Option<(String, SecretSource)>,
    pub(crate) bearer: Option<SecretSource>,
}

/// A secret, or the file that has it.
#[derive(Clone)]
pub(crate) enum SecretSource {
    #[cfg_attr(
        not(any(feature = "prometheus", feature = "serde")),
        expect(dead_code, reason = "nobody scrapes")
    )]
    Text(String),
    File(PathBuf),
}

impl TelemetryConfig {
    /// Serves the scrape endpoint over TLS alone, with this certificate, with its chain, and its key, both in PEM
    /// (`THROUGHLINE_PROMETHEUS_CERTIFICATE`, `THROUGHLINE_PROMETHEUS_KEY`). The files are looked at again while it runs.
    /// Needs the cargo feature `tls`.
    pub fn with_prometheus_tls(mut self, certificate: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        self.scrape.tls = Some((certificate.into(), key.into()));
        self
    }

    /// Answers only who gives this name and password (`THROUGHLINE_PROMETHEUS_USERNAME`, `…_PASSWORD`), on the scrape
    /// endpoint's every path but `/healthz`. The name must have no colon. Without TLS, both are sent in the clear.
    pub fn with_prometheus_basic_auth(
        mut self,
        user: impl Into<String>,
        password: impl Into<String>,
    ) -> Self {
        self.scrape.basic = Some((user.into(), SecretSource::Text(password.into())));
        self
    }

    /// As [`with_prometheus_basic_auth`](Self::with_prometheus_basic_auth), with the password in a file
    /// (`THROUGHLINE_PROMETHEUS_PASSWORD_FILE`), which is looked at again while it is used.
    pub fn with_prometheus_basic_auth_file(
        mut self,
        user: impl Into<String>,
        password: impl Into<PathBuf>,
    ) -> Self {
        self.scrape.basic = Some((user.into(), SecretSource::File(password.into())));
        self
    }

    /// Answers only who gives this token (`THROUGHLINE_PROMETHEUS_BEARER_TOKEN`), on the scrape endpoint's every path but
    /// `/healthz`; with basic authentication as well, either is good.
    pub fn with_prometheus_bearer_token(mut self, token: impl Into<String>) -> Self {
        self.scrape.bearer = Some(SecretSource::Text(token.into()));
        self
    }

    /// As [`with_prometheus_bearer_token`](Self::with_prometheus_bearer_token), with the token in a file
    /// (`THROUGHLINE_PROMETHEUS_BEARER_TOKEN_FILE`), which is looked at again while it is used.
    pub fn with_prometheus_bearer_token_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.scrape.bearer = Some(SecretSource::File(path.into()));
        self
    }
}

/// Without secrets.
impl fmt::Debug for SecretSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(_) => f.write_str("***"),
            Self::File(path) => fmt::Debug::fmt(path, f),
        }
    }
}

impl fmt::Debug for ScrapeSecurity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { tls, basic, bearer } = self;
        f.debug_struct("ScrapeSecurity")
            .field("tls", tls)
            .field("basic", basic)
            .field("bearer", bearer)
            .finish()
    }
}
