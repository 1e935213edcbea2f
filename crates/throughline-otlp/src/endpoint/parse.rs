//! From the text of a URL to its parts, and what is implausible about them.

use std::path::PathBuf;

use http::Uri;
use http::uri::Authority;
use throughline_core::percent;

use super::error::Problem;
use super::{
    Endpoint, EndpointError, OTLP_GRPC_PORT, OTLP_HTTP_PORT, PROMETHEUS_PATH, PROMETHEUS_PORT, Signal, Target,
};
use crate::transport::tls;

/// A URL that can be connected to, with the path of requests still to be decided.
pub(super) struct Parsed {
    /// The URL as configured, without user name and password.
    shown: String,
    is_tls: bool,
    /// Without user name and password.
    authority: Authority,
    target: Target,
    has_port: bool,
    path: String,
    query: Option<String>,
    credentials: Option<(String, String)>,
}

const HTTP_PORT: u16 = 80;
const HTTPS_PORT: u16 = 443;

impl Parsed {
    pub(super) fn http(url: &str) -> Result<Self, EndpointError> {
        Self::new(url.trim())
    }

    /// The same, with a scheme for what has none.
    pub(super) fn grpc(url: &str, insecure: bool) -> Result<Self, EndpointError> {
        let url = url.trim();
        if url.contains("://") || url.starts_with("unix:") || url.is_empty() {
            return Self::new(url);
        }
        if !insecure && !tls::BUILT_IN {
            return Err(EndpointError::new(&without_query(&redact(url)), Problem::TlsByDefault));
        }
        let scheme = if insecure { "http" } else { "https" };
        Self::new(&format!("{scheme}://{url}"))
    }

    fn new(url: &str) -> Result<Self, EndpointError> {
        let shown = without_query(&redact(url));
        let error = |problem| EndpointError::new(&shown, problem);
        if let Some(path) = url.strip_prefix("unix:") {
            return Self::unix(path, &shown);
        }
        let Some((scheme, _)) = url.split_once("://") else {
            return Err(error(Problem::NoScheme));
        };
        let is_tls = match scheme.to_ascii_lowercase().as_str() {
            "http" => false,
            "https" if tls::BUILT_IN => true,
            "https" => return Err(error(Problem::TlsNotBuiltIn)),
            _ => return Err(error(Problem::UnknownScheme(scheme.to_owned()))),
        };
        let uri: Uri = url.parse().map_err(|source| error(Problem::Invalid(source)))?;
        let full = uri.authority().ok_or_else(|| error(Problem::NoHost))?;
        let (credentials, bare) = split_credentials(full.as_str());
        let authority: Authority = bare.parse().map_err(|source| error(Problem::Invalid(source)))?;
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        if host.is_empty() {
            return Err(error(Problem::NoHost));
        }
        let given = given_port(&authority).map_err(|BadPort| error(Problem::BadPort))?;
        let port = given.unwrap_or(if is_tls { HTTPS_PORT } else { HTTP_PORT });
        Ok(Self {
            is_tls,
            target: Target::Tcp { host, port },
            has_port: given.is_some(),
            path: uri.path().to_owned(),
            query: uri.query().map(str::to_owned),
            authority,
            credentials,
            shown,
        })
    }

    /// A socket's file, and after `:/` the path of requests.
    fn unix(path: &str, shown: &str) -> Result<Self, EndpointError> {
        if !cfg!(unix) {
            return Err(EndpointError::new(shown, Problem::NoUnixSockets));
        }
        let path = path.strip_prefix("//").unwrap_or(path);
        let (socket, path) = match path.split_once(":/") {
            Some((socket, path)) => (socket, format!("/{path}")),
            None => (path, "/".to_owned()),
        };
        if !socket.starts_with('/') || socket.ends_with('/') {
            return Err(EndpointError::new(shown, Problem::NoSocket));
        }
        Ok(Self {
            shown: shown.to_owned(),
            is_tls: false,
            authority: Authority::from_static("localhost"),
            target: Target::Unix(PathBuf::from(socket)),
            has_port: true,
            path,
            query: None,
            credentials: None,
        })
    }

    pub(super) fn shown(&self) -> &str {
        &self.shown
    }

    pub(super) fn path(&self) -> &str {
        &self.path
    }

    pub(super) fn base_path(&self) -> &str {
        self.path.trim_end_matches('/')
    }

    fn port(&self) -> Option<u16> {
        match self.target {
            Target::Tcp { port, .. } => Some(port),
            Target::Unix(_) => None,
        }
    }

    pub(super) fn is_bare_prometheus(&self) -> bool {
        self.port() == Some(PROMETHEUS_PORT) && self.base_path().is_empty()
    }

    pub(super) fn prometheus_warning(&self) -> String {
        format!(
            "port {PROMETHEUS_PORT} in `{}` is that of Prometheus, whose OTLP receiver is at `{PROMETHEUS_PATH}` and \
             on with `--web.enable-otlp-receiver`; for Prometheus use the preset `Endpoint::prometheus`, or the base \
             URL `{}{PROMETHEUS_PATH}`",
            self.shown,
            self.shown.trim_end_matches('/')
        )
    }

    pub(super) fn metrics_alone_warning(&self, signal: Signal) -> String {
        format!(
            "port {PROMETHEUS_PORT} in `{}` is that of Prometheus, which takes metrics alone; set another endpoint for {}",
            self.shown,
            signal.items()
        )
    }

    pub(super) fn http_warnings(&self) -> Vec<String> {
        let grpc = format!(
            "port {OTLP_GRPC_PORT} in `{}` is that of OTLP over gRPC, but this exporter speaks HTTP; use port \
             {OTLP_HTTP_PORT}, or the protocol `grpc`",
            self.shown
        );
        if self.port() == Some(OTLP_GRPC_PORT) { vec![grpc] } else { Vec::new() }
    }

    pub(super) fn grpc_warnings(&self) -> Vec<String> {
        let shown = &self.shown;
        let mut warnings = Vec::new();
        match self.port() {
            Some(OTLP_HTTP_PORT) => warnings.push(format!(
                "port {OTLP_HTTP_PORT} in `{shown}` is that of OTLP over HTTP, but this exporter speaks gRPC; use \
                 port {OTLP_GRPC_PORT}, or the protocol `http/protobuf`"
            )),
            Some(PROMETHEUS_PORT) => warnings.push(format!(
                "port {PROMETHEUS_PORT} in `{shown}` is that of Prometheus, which does not speak gRPC; use the \
                 protocol `http/protobuf` and the base URL `http://…:{PROMETHEUS_PORT}{PROMETHEUS_PATH}`"
            )),
            Some(port) if !self.has_port => warnings.push(format!(
                "`{shown}` has no port, so {port} is taken; receivers of OTLP over gRPC listen at {OTLP_GRPC_PORT}"
            )),
            _ => {}
        }
        if !self.base_path().is_empty() || self.query.is_some() {
            warnings.push(format!(
                "gRPC has no paths: that of `{shown}` is left out; write scheme, host and port alone, or use the \
                 protocol `http/protobuf`"
            ));
        }
        warnings
    }

    pub(super) fn into_http(self, path: &str, warnings: Vec<String>) -> Result<Endpoint, EndpointError> {
        let query = self.query.as_ref().map(|query| format!("?{query}")).unwrap_or_default();
        let mut endpoint = self.into_endpoint(&format!("{path}{query}"), warnings)?;
        endpoint.shown = match &endpoint.target {
            Target::Tcp { .. } => without_query(&endpoint.uri.to_string()),
            Target::Unix(socket) => format!("unix://{}:{path}", socket.display()),
        };
        Ok(endpoint)
    }

    pub(super) fn into_grpc(self, method: &str, warnings: Vec<String>) -> Result<Endpoint, EndpointError> {
        let mut endpoint = self.into_endpoint(method, warnings)?;
        endpoint.is_grpc = true;
        endpoint.shown = match &endpoint.target {
            Target::Tcp { .. } => endpoint.uri.to_string().replace(method, ""),
            Target::Unix(socket) => format!("unix://{}", socket.display()),
        };
        Ok(endpoint)
    }

    fn into_endpoint(self, path_and_query: &str, warnings: Vec<String>) -> Result<Endpoint, EndpointError> {
        let Self { shown, is_tls, authority, target, credentials, .. } = self;
        let uri = Uri::builder()
            .scheme(if is_tls { "https" } else { "http" })
            .authority(authority)
            .path_and_query(path_and_query)
            .build()
            .map_err(|source| EndpointError::new(&shown, Problem::Unusable(source)))?;
        Ok(Endpoint { uri, shown, target, is_grpc: false, credentials, warnings })
    }
}

#[derive(Debug)]
pub(crate) struct BadPort;

/// The port, if there is one; an error for one that is not a number up to 65535, or zero.
pub(crate) fn given_port(authority: &Authority) -> Result<Option<u16>, BadPort> {
    let after_host = authority.as_str().strip_prefix(authority.host()).ok_or(BadPort)?;
    match after_host.strip_prefix(':') {
        None | Some("") => Ok(None),
        Some(port) => port.parse().ok().filter(|port| *port != 0).map(Some).ok_or(BadPort),
    }
}

/// User name and password, decoded, and what follows them.
pub(crate) fn split_credentials(authority: &str) -> (Option<(String, String)>, &str) {
    let Some((credentials, bare)) = authority.rsplit_once('@') else {
        return (None, authority);
    };
    let decode = |text: &str| percent::decode_lossy(text.as_bytes()).into_owned();
    let (user, password) = credentials.split_once(':').unwrap_or((credentials, ""));
    (Some((decode(user), decode(password))), bare)
}

/// A query may hold a token.
fn without_query(url: &str) -> String {
    url.split_once('?').map_or_else(|| url.to_owned(), |(url, _)| format!("{url}?…"))
}

/// Hides whatever stands between the scheme and the last `@`, even in a URL that does not parse: a password with an
/// unescaped `/` must not be shown either.
pub(crate) fn redact(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").map_or(("", url), |(scheme, rest)| (scheme, rest));
    let separator = if scheme.is_empty() { "" } else { "://" };
    match rest.rsplit_once('@') {
        None => url.to_owned(),
        Some((_, bare)) => format!("{scheme}{separator}***@{bare}"),
    }
}
