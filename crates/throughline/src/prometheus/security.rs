//! What is decided about the scrape endpoint's security: TLS, who may ask, and what to warn about.
//!
//! `enabled.rs` asks once, before the port is opened. Files are read here, so that what is wrong with them is reported with
//! everything else. Secrets are shown as `***`, paths as they are.

use std::net::SocketAddr;
use std::path::PathBuf;

use throughline_prometheus::server::{Authentication, Secret, Server, ServerTls};

use crate::config::{ScrapeSecurity, SecretSource};
use crate::error::Source;
use crate::settings::Settings;

const CERTIFICATE: &str = "THROUGHLINE_PROMETHEUS_CERTIFICATE";
const KEY: &str = "THROUGHLINE_PROMETHEUS_KEY";
const USERNAME: &str = "THROUGHLINE_PROMETHEUS_USERNAME";
const PASSWORD: &str = "THROUGHLINE_PROMETHEUS_PASSWORD";
const PASSWORD_FILE: &str = "THROUGHLINE_PROMETHEUS_PASSWORD_FILE";
const BEARER_TOKEN: &str = "THROUGHLINE_PROMETHEUS_BEARER_TOKEN";
const BEARER_TOKEN_FILE: &str = "THROUGHLINE_PROMETHEUS_BEARER_TOKEN_FILE";

/// What the endpoint speaks, and to whom.
#[derive(Debug, Default)]
pub(super) struct Security {
    tls: Option<ServerTls>,
    authentications: Vec<Authentication>,
}

impl Security {
    pub(super) fn decide(code: &ScrapeSecurity, settings: &mut Settings<'_>) -> Self {
        let authentications = [basic(code, settings), bearer(code, settings)];
        Self { tls: tls(code, settings), authentications: authentications.into_iter().flatten().collect() }
    }

    pub(super) fn apply(self, mut server: Server) -> Server {
        if let Some(tls) = self.tls {
            server = server.with_tls(tls);
        }
        self.authentications.into_iter().fold(server, Server::with_authentication)
    }

    /// Says, once at start, what others can do at this address, unless it is of this machine alone.
    pub(super) fn warn(&self, address: SocketAddr) {
        if address.ip().is_loopback() {
            return;
        }
        if self.authentications.is_empty() {
            tracing::warn!(target: "throughline", %address,
                "the scrape endpoint answers whoever can reach it: ask for credentials with `with_prometheus_bearer_token` \
                 or {BEARER_TOKEN_FILE}, or listen on 127.0.0.1");
        } else if self.tls.is_none() {
            tracing::warn!(target: "throughline", %address,
                "credentials for the scrape endpoint are sent in the clear: add TLS with `with_prometheus_tls` or \
                 {CERTIFICATE} and {KEY}");
        }
    }
}

fn tls(code: &ScrapeSecurity, settings: &mut Settings<'_>) -> Option<ServerTls> {
    let (certificate, key) = code.tls.as_ref().map(|(certificate, key)| (certificate, key)).unzip();
    let method = "with_prometheus_tls";
    let certificate = path("prometheus.tls.certificate", certificate, method, CERTIFICATE, settings);
    let key = path("prometheus.tls.key", key, method, KEY, settings);
    let (certificate, source, key) = match (certificate, key) {
        (Some((certificate, source)), Some((key, _))) => (certificate, source, key),
        (None, None) => return None,
        (Some((given, source)), None) => return half(source, &given, KEY, settings),
        (None, Some((given, source))) => return half(source, &given, CERTIFICATE, settings),
    };
    match ServerTls::new(&certificate, key) {
        Ok(tls) => Some(tls),
        Err(error) => {
            settings.problem(source, certificate.display().to_string(), error.to_string());
            None
        }
    }
}

fn path(
    name: &'static str,
    code: Option<&PathBuf>,
    method: &'static str,
    variable: &'static str,
    settings: &mut Settings<'_>,
) -> Option<(PathBuf, Source)> {
    let (path, source) = match (code, settings.variable(&[variable])) {
        (Some(path), _) => (path.clone(), Source::Code(method)),
        (None, Some((variable, path))) => (PathBuf::from(path), Source::Environment(variable)),
        (None, None) => return None,
    };
    settings.decided(name, &path.display(), source.clone());
    Some((path, source))
}

#[cold]
fn half<T>(source: Source, given: &std::path::Path, missing: &str, settings: &mut Settings<'_>) -> Option<T> {
    let what = format!("needs its other half: set `{missing}` as well");
    settings.problem(source, given.display().to_string(), what);
    None
}

fn basic(code: &ScrapeSecurity, settings: &mut Settings<'_>) -> Option<Authentication> {
    let method = "with_prometheus_basic_auth";
    let (user, user_source, code_secret) = match (&code.basic, settings.variable(&[USERNAME])) {
        (Some((user, secret)), _) => (user.clone(), Source::Code(method), Some(secret)),
        (None, Some((variable, user))) => (user, Source::Environment(variable), None),
        (None, None) => return without_name(settings),
    };
    settings.decided("prometheus.basic.username", &user, user_source.clone());
    if user.contains(':') {
        settings.problem(
            user_source,
            user,
            "has a colon, which basic authentication cannot say; leave it out",
        );
        return None;
    }
    let secret = secret(
        "prometheus.basic.password",
        code_secret.map(|secret| (method, secret)),
        [PASSWORD, PASSWORD_FILE],
        settings,
    );
    let Some((secret, source)) = secret else {
        let what = format!("needs its other half: set `{PASSWORD_FILE}` or `{PASSWORD}` as well");
        settings.problem(user_source, user, what);
        return None;
    };
    usable(Authentication::basic(user, &secret), source, settings)
}

fn without_name(settings: &mut Settings<'_>) -> Option<Authentication> {
    let (variable, _) = settings.variable(&[PASSWORD, PASSWORD_FILE])?;
    let what = format!("needs its other half: set `{USERNAME}` as well");
    settings.problem(Source::Environment(variable), "***", what);
    None
}

fn bearer(code: &ScrapeSecurity, settings: &mut Settings<'_>) -> Option<Authentication> {
    let code = code.bearer.as_ref().map(|secret| ("with_prometheus_bearer_token", secret));
    let variables = [BEARER_TOKEN, BEARER_TOKEN_FILE];
    let (secret, source) = secret("prometheus.bearer_token", code, variables, settings)?;
    usable(Authentication::bearer(&secret), source, settings)
}

fn secret(
    name: &'static str,
    code: Option<(&'static str, &SecretSource)>,
    [text, file]: [&'static str; 2],
    settings: &mut Settings<'_>,
) -> Option<(Secret, Source)> {
    let (secret, source) = match (code, settings.variable(&[text, file])) {
        (Some((method, secret)), _) => (secret.clone(), Source::Code(method)),
        (None, Some((variable, value))) if variable == file => {
            (SecretSource::File(value.into()), Source::Environment(variable))
        }
        (None, Some((variable, value))) => (SecretSource::Text(value), Source::Environment(variable)),
        (None, None) => return None,
    };
    let (secret, shown) = match secret {
        SecretSource::Text(text) if text.is_empty() => {
            settings.problem(source, "", "is empty, so that everybody could guess it");
            return None;
        }
        SecretSource::Text(text) => (Secret::text(text), "***".to_owned()),
        SecretSource::File(path) => (Secret::file(&path), format!("*** in {}", path.display())),
    };
    settings.decided(name, &shown, source.clone());
    Some((secret, source))
}

fn usable(
    authentication: Result<Authentication, throughline_core::file::FileError>,
    source: Source,
    settings: &mut Settings<'_>,
) -> Option<Authentication> {
    authentication.map_err(|error| settings.problem(source, "***", error.to_string())).ok()
}
