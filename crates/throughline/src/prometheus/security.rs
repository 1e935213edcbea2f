//! What is decided about the scrape endpoint's security: TLS, who may ask, and what to warn about.
//!
//! `enabled.rs` asks once, before the port is opened. Files are read here, so that what is wrong with them is reported with
//! everything else. Secrets are shown as `***`, paths as they are.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

use throughline_core::file::FileError;
use throughline_prometheus::server::{Authentication, Secret, Server, ServerTls};

use crate::config::{ScrapeSecurity, SecretSource};
use crate::error::Source;
use crate::settings::catalogue::{
    PROMETHEUS_CERTIFICATE, PROMETHEUS_KEY, PROMETHEUS_PASSWORD, PROMETHEUS_PASSWORD_FILE, PROMETHEUS_TOKEN,
    PROMETHEUS_TOKEN_FILE, PROMETHEUS_USERNAME,
};
use crate::settings::{Definition, Settings};

/// What the endpoint speaks, and to whom.
#[derive(Debug, Default)]
pub(super) struct Security {
    tls: Option<ServerTls>,
    authentications: Vec<Authentication>,
}

impl Security {
    /// Decides, and warns of what others can do at this address, unless it is of this machine alone.
    pub(super) fn decide(code: &ScrapeSecurity, address: SocketAddr, settings: &mut Settings<'_>) -> Self {
        let tls = tls(code, settings);
        let authentications = [basic(code, settings), bearer(code, settings)];
        let security = Self { tls, authentications: authentications.into_iter().flatten().collect() };
        if let Some(warning) = security.warning().filter(|_| !address.ip().is_loopback()) {
            settings.warn(format!("the scrape endpoint at {address} {warning}"));
        }
        security
    }

    pub(super) fn apply(self, mut server: Server) -> Server {
        if let Some(tls) = self.tls {
            server = server.with_tls(tls);
        }
        self.authentications.into_iter().fold(server, Server::with_authentication)
    }

    fn warning(&self) -> Option<String> {
        let Self { tls, authentications } = self;
        if authentications.is_empty() {
            let (variable, file) = (&PROMETHEUS_TOKEN, &PROMETHEUS_TOKEN_FILE);
            return Some(format!(
                "answers whoever can reach it: ask for credentials with `{}` or `{}`, or listen on 127.0.0.1",
                variable.variables()[0],
                file.variables()[0]
            ));
        }
        let clear = "is given credentials in the clear: add TLS";
        tls.is_none().then(|| format!("{clear} with `{}`", PROMETHEUS_CERTIFICATE.variables()[0]))
    }
}

fn tls(code: &ScrapeSecurity, settings: &mut Settings<'_>) -> Option<ServerTls> {
    let (certificate, key) = code.tls.as_ref().map(|(certificate, key)| (certificate, key)).unzip();
    let method = "with_prometheus_tls";
    let certificate = path(&PROMETHEUS_CERTIFICATE, certificate, method, settings);
    let key = path(&PROMETHEUS_KEY, key, method, settings);
    let (definition, given, source, missing) = match (certificate, key) {
        (Some((certificate, source)), Some((key, _))) => {
            let tls = ServerTls::new(&certificate, key);
            let shown = certificate.display().to_string();
            return tls
                .map_err(|error| {
                    settings.problem_of(&PROMETHEUS_CERTIFICATE, source, shown, error.to_string());
                })
                .ok();
        }
        (None, None) => return None,
        (Some((given, source)), None) => (&PROMETHEUS_CERTIFICATE, given, source, &PROMETHEUS_KEY),
        (None, Some((given, source))) => (&PROMETHEUS_KEY, given, source, &PROMETHEUS_CERTIFICATE),
    };
    half(definition, source, given.display().to_string(), &[missing], settings);
    None
}

/// A path, and where it comes from.
fn path(
    definition: &'static Definition,
    code: Option<&PathBuf>,
    method: &'static str,
    settings: &mut Settings<'_>,
) -> Option<(PathBuf, Source)> {
    let code = code.map(|path| (method, ShownPath(path.clone())));
    let ShownPath(path) = settings.choose(definition, code, |path| Ok(ShownPath(path.into())))?;
    Some((path, settings.last_source()))
}

struct ShownPath(PathBuf);

impl fmt::Display for ShownPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.display().fmt(f)
    }
}

/// Half of something is given, and does not work without the other.
fn half(
    definition: &'static Definition,
    source: Source,
    given: String,
    missing: &[&'static Definition],
    settings: &mut Settings<'_>,
) {
    let missing = missing.iter().map(|missing| format!("`{}`", missing.variables()[0]));
    let missing = missing.collect::<Vec<_>>().join(" or ");
    settings.problem_of(definition, source, given, format!("needs its other half: set {missing} as well"));
}

fn basic(code: &ScrapeSecurity, settings: &mut Settings<'_>) -> Option<Authentication> {
    let method = "with_prometheus_basic_auth";
    let (user, password) = code.basic.as_ref().map(|(user, password)| (user.clone(), password)).unzip();
    let user =
        settings.choose(&PROMETHEUS_USERNAME, user.map(|user| (method, user)), |user| Ok(user.to_owned()));
    let user_source = settings.last_source();
    let password = secret([&PROMETHEUS_PASSWORD, &PROMETHEUS_PASSWORD_FILE], password, method, settings);
    match (user, password) {
        (None, None) => None,
        (Some(user), _) if user.contains(':') => {
            let what = "has a colon, which basic authentication cannot say; leave it out";
            settings.problem_of(&PROMETHEUS_USERNAME, user_source, user, what);
            None
        }
        (Some(user), Some(Given { secret, definition, source })) => {
            usable(Authentication::basic(user, &secret), definition, source, settings)
        }
        (Some(user), None) => {
            let missing = [&PROMETHEUS_PASSWORD_FILE, &PROMETHEUS_PASSWORD];
            half(&PROMETHEUS_USERNAME, user_source, user, &missing, settings);
            None
        }
        (None, Some(Given { definition, source, .. })) => {
            half(definition, source, "…".to_owned(), &[&PROMETHEUS_USERNAME], settings);
            None
        }
    }
}

fn bearer(code: &ScrapeSecurity, settings: &mut Settings<'_>) -> Option<Authentication> {
    let definitions = [&PROMETHEUS_TOKEN, &PROMETHEUS_TOKEN_FILE];
    let method = "with_prometheus_bearer_token";
    let Given { secret, definition, source } = secret(definitions, code.bearer.as_ref(), method, settings)?;
    usable(Authentication::bearer(&secret), definition, source, settings)
}

/// A secret, and what said it.
struct Given {
    secret: Secret,
    definition: &'static Definition,
    source: Source,
}

/// The text, else the file; what code says comes first.
fn secret(
    [text, file]: [&'static Definition; 2],
    code: Option<&SecretSource>,
    method: &'static str,
    settings: &mut Settings<'_>,
) -> Option<Given> {
    let (code_text, code_file) = match code {
        Some(SecretSource::Text(text)) => (Some((method, text.clone())), None),
        Some(SecretSource::File(path)) => (None, Some(path)),
        None => (None, None),
    };
    if code_file.is_none() {
        if let Some(secret) = settings.choose(text, code_text, |secret| Ok(secret.to_owned())) {
            let source = settings.last_source();
            if secret.is_empty() {
                settings.problem_of(text, source, "", "is empty: everybody could guess it");
                return None;
            }
            return Some(Given { secret: Secret::text(secret), definition: text, source });
        }
    }
    let (path, source) = path(file, code_file, method, settings)?;
    Some(Given { secret: Secret::file(path), definition: file, source })
}

fn usable(
    authentication: Result<Authentication, FileError>,
    definition: &'static Definition,
    source: Source,
    settings: &mut Settings<'_>,
) -> Option<Authentication> {
    authentication.map_err(|error| settings.problem_of(definition, source, "…", error.to_string())).ok()
}
