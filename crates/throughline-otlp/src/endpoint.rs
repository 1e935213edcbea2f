//! Where OTLP is sent: the specification's rules from a configured URL to the one that is used.
//!
//! Made by whoever reads the configuration, used by `transport/http.rs`. Two variables, two rules
//! ([specification](https://opentelemetry.io/docs/specs/otel/protocol/exporter/#endpoint-urls-for-otlphttp)):
//! `OTEL_EXPORTER_OTLP_ENDPOINT` is a base that `/v1/metrics` is appended to ([`Endpoint::base`]), and
//! `OTEL_EXPORTER_OTLP_METRICS_ENDPOINT` is used as it is ([`Endpoint::verbatim`]). Prometheus has its receiver below
//! `/api/v1/otlp` ([`Endpoint::prometheus`]). What parses but can hardly be meant is told by [`Endpoint::warnings`].

use std::fmt;

use http::Uri;
use http::uri::Authority;
use percent_encoding::percent_decode_str;

/// A kind of telemetry: it decides the path below a base URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Signal {
    /// Spans.
    Traces,
    /// Metrics.
    Metrics,
    /// Log records.
    Logs,
}

impl Signal {
    const ALL: [Self; 3] = [Self::Traces, Self::Metrics, Self::Logs];

    /// What it is counted in.
    pub(crate) const fn items(self) -> &'static str {
        match self {
            Self::Traces => "spans",
            Self::Metrics => "points",
            Self::Logs => "log records",
        }
    }

    const fn path(self) -> &'static str {
        match self {
            Self::Traces => "/v1/traces",
            Self::Metrics => "/v1/metrics",
            Self::Logs => "/v1/logs",
        }
    }
}

/// The URL that one signal is sent to.
///
/// `Display` shows it without user name and password. Those, when the URL has them, are sent as basic authentication,
/// unless an `authorization` header is configured.
///
/// ```
/// use throughline_otlp::{Endpoint, Signal};
///
/// let endpoint = Endpoint::base("http://collector:4318/", Signal::Metrics)?;
/// assert_eq!(endpoint.to_string(), "http://collector:4318/v1/metrics");
/// let endpoint = Endpoint::prometheus("http://prometheus:9090")?;
/// assert_eq!(endpoint.to_string(), "http://prometheus:9090/api/v1/otlp/v1/metrics");
/// # Ok::<(), throughline_otlp::EndpointError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Without user name and password.
    uri: Uri,
    /// As a connection wants it: an IPv6 address without brackets.
    host: String,
    port: u16,
    /// User name and password, decoded.
    credentials: Option<(String, String)>,
    warnings: Vec<String>,
}

/// The signal whose path this one ends with.
fn signal_of(path: &str) -> Option<Signal> {
    Signal::ALL.into_iter().find(|signal| path.ends_with(signal.path()))
}

const PROMETHEUS_PATH: &str = "/api/v1/otlp";
const HTTP_PORT: u16 = 80;
const OTLP_GRPC_PORT: u16 = 4317;
const PROMETHEUS_PORT: u16 = 9090;

impl Endpoint {
    /// A base URL, as in `OTEL_EXPORTER_OTLP_ENDPOINT`: the signal's path is appended to the URL's own.
    ///
    /// # Errors
    /// See [`EndpointError`].
    pub fn base(url: &str, signal: Signal) -> Result<Self, EndpointError> {
        let parsed = Parsed::new(url)?;
        let path = format!("{}{}", parsed.base_path(), signal.path());
        let mut warnings = parsed.port_warnings();
        if let Some(other) = signal_of(parsed.base_path()) {
            warnings.push(format!(
                "`{}` is taken as a base URL, so the path becomes `{path}`; leave out `{}`, or set it as the \
                 endpoint of that signal",
                parsed.shown,
                other.path()
            ));
        }
        if parsed.is_bare_prometheus() {
            warnings.push(match signal {
                Signal::Metrics => parsed.prometheus_warning(),
                Signal::Traces | Signal::Logs => parsed.metrics_alone_warning(signal),
            });
        }
        parsed.into_endpoint(&path, warnings)
    }

    /// The URL of one signal, as in `OTEL_EXPORTER_OTLP_METRICS_ENDPOINT`: used as it is, only an empty path becomes
    /// `/`.
    ///
    /// # Errors
    /// See [`EndpointError`].
    pub fn verbatim(url: &str) -> Result<Self, EndpointError> {
        let parsed = Parsed::new(url)?;
        let path = parsed.uri.path().to_owned();
        let mut warnings = parsed.port_warnings();
        if parsed.is_bare_prometheus() {
            warnings.push(parsed.prometheus_warning());
        } else if path == "/" {
            warnings.push(format!(
                "`{}` is the URL of one signal and used as it is, but has no path; receivers listen at paths such \
                 as `/v1/metrics`: add it, or set the URL as the base for all signals",
                parsed.shown
            ));
        }
        parsed.into_endpoint(&path, warnings)
    }

    /// The OTLP receiver for metrics of the Prometheus at this URL: `/api/v1/otlp/v1/metrics` below it, whether or
    /// not the URL has parts of that path already.
    ///
    /// Prometheus must run with `--web.enable-otlp-receiver`.
    ///
    /// # Errors
    /// See [`EndpointError`].
    pub fn prometheus(url: &str) -> Result<Self, EndpointError> {
        let parsed = Parsed::new(url)?;
        let base = parsed.base_path();
        let base = base.strip_suffix(Signal::Metrics.path()).unwrap_or(base);
        let base = base.strip_suffix(PROMETHEUS_PATH).unwrap_or(base);
        let path = format!("{base}{PROMETHEUS_PATH}{}", Signal::Metrics.path());
        let warnings = parsed.port_warnings();
        parsed.into_endpoint(&path, warnings)
    }

    /// What is legal but hardly meant when this signal is sent there, each with how to mend it. To be logged once at
    /// start.
    pub fn warnings(&self, signal: Signal) -> Vec<String> {
        let misled = self.misleads(signal);
        self.warnings.iter().cloned().chain(misled).collect()
    }

    /// Says so when the path is that of another signal.
    fn misleads(&self, signal: Signal) -> Option<String> {
        let path = self.uri.path().trim_end_matches('/');
        let (items, own) = (signal.items(), signal.path());
        if signal != Signal::Metrics && path.contains(PROMETHEUS_PATH) {
            return Some(format!(
                "`{self}` is in Prometheus, which takes metrics alone; send {items} to a Collector or a store for them"
            ));
        }
        let other = signal_of(path).filter(|other| *other != signal)?;
        Some(format!(
            "`{self}` ends in `{}`, where receivers take {}, not {items}; those go to `{own}`",
            other.path(),
            other.items(),
        ))
    }

    /// The host to connect to; an IPv6 address without brackets.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn uri(&self) -> &Uri {
        &self.uri
    }

    pub(crate) fn credentials(&self) -> Option<(&str, &str)> {
        let (user, password) = self.credentials.as_ref()?;
        Some((user, password))
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.uri.fmt(f)
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let credentials = self.credentials.as_ref().map(|_| "redacted");
        let url = format_args!("{}", self.uri);
        f.debug_struct("Endpoint")
            .field("url", &url)
            .field("credentials", &credentials)
            .finish_non_exhaustive()
    }
}

/// A URL that can be connected to, with the path still to be decided.
struct Parsed {
    uri: Uri,
    /// What messages show: the URL as configured, without user name and password.
    shown: String,
    /// The authority without user name and password.
    authority: Authority,
    host: String,
    port: u16,
    credentials: Option<(String, String)>,
}

impl Parsed {
    fn new(url: &str) -> Result<Self, EndpointError> {
        let url = url.trim();
        let shown = redact(url);
        let error = |problem| EndpointError { url: shown.clone(), problem };
        let Some((scheme, _)) = url.split_once("://") else {
            return Err(error(Problem::NoScheme));
        };
        match scheme.to_ascii_lowercase().as_str() {
            "http" => {}
            "https" => return Err(error(Problem::TlsNotBuiltIn)),
            _ => return Err(error(Problem::UnknownScheme(scheme.to_owned()))),
        }
        let uri: Uri = url.parse().map_err(|source| error(Problem::Invalid(source)))?;
        let full = uri.authority().ok_or_else(|| error(Problem::NoHost))?;
        let (credentials, bare) = split_credentials(full.as_str());
        let authority: Authority = bare.parse().map_err(|source| error(Problem::Invalid(source)))?;
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        if host.is_empty() {
            return Err(error(Problem::NoHost));
        }
        let port = port_of(&authority).ok_or_else(|| error(Problem::BadPort))?;
        Ok(Self { uri, shown, authority, host, port, credentials })
    }

    fn base_path(&self) -> &str {
        self.uri.path().trim_end_matches('/')
    }

    fn is_bare_prometheus(&self) -> bool {
        self.port == PROMETHEUS_PORT && self.base_path().is_empty()
    }

    fn prometheus_warning(&self) -> String {
        format!(
            "port {PROMETHEUS_PORT} in `{}` is that of Prometheus, whose OTLP receiver is at `{PROMETHEUS_PATH}`; for \
             Prometheus use the preset `Endpoint::prometheus`, or the base URL `{}{PROMETHEUS_PATH}`",
            self.shown,
            self.shown.trim_end_matches('/')
        )
    }

    fn metrics_alone_warning(&self, signal: Signal) -> String {
        format!(
            "port {PROMETHEUS_PORT} in `{}` is that of Prometheus, which takes metrics alone; set another endpoint for {}",
            self.shown,
            signal.items()
        )
    }

    fn port_warnings(&self) -> Vec<String> {
        let grpc = format!(
            "port {OTLP_GRPC_PORT} in `{}` is that of OTLP over gRPC, but this exporter speaks HTTP; use port 4318",
            self.shown
        );
        if self.port == OTLP_GRPC_PORT { vec![grpc] } else { Vec::new() }
    }

    fn into_endpoint(self, path: &str, warnings: Vec<String>) -> Result<Endpoint, EndpointError> {
        let Self { uri, shown, authority, host, port, credentials } = self;
        let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
        let uri = Uri::builder()
            .scheme("http")
            .authority(authority)
            .path_and_query(format!("{path}{query}"))
            .build()
            .map_err(|source| EndpointError { url: shown, problem: Problem::Unusable(source) })?;
        Ok(Endpoint { uri, host, port, credentials, warnings })
    }
}

/// The port, with HTTP's own where none is given; `None` for one that is not a number up to 65535, or zero.
fn port_of(authority: &Authority) -> Option<u16> {
    let after_host = authority.as_str().strip_prefix(authority.host())?;
    match after_host.strip_prefix(':') {
        None | Some("") => Some(HTTP_PORT),
        Some(port) => port.parse().ok().filter(|port| *port != 0),
    }
}

/// User name and password, and what follows them.
fn split_credentials(authority: &str) -> (Option<(String, String)>, &str) {
    let Some((credentials, bare)) = authority.rsplit_once('@') else {
        return (None, authority);
    };
    let decode = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let (user, password) = credentials.split_once(':').unwrap_or((credentials, ""));
    (Some((decode(user), decode(password))), bare)
}

/// Hides whatever stands between the scheme and the last `@`, even in a URL that does not parse: a password with an
/// unescaped `/` must not be shown either.
fn redact(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").map_or(("", url), |(scheme, rest)| (scheme, rest));
    let separator = if scheme.is_empty() { "" } else { "://" };
    match rest.rsplit_once('@') {
        None => url.to_owned(),
        Some((_, bare)) => format!("{scheme}{separator}***@{bare}"),
    }
}

/// A URL that OTLP cannot be sent to: which, why, and how to mend it.
#[derive(Debug)]
pub struct EndpointError {
    /// Redacted.
    url: String,
    problem: Problem,
}

#[derive(Debug)]
enum Problem {
    NoScheme,
    TlsNotBuiltIn,
    UnknownScheme(String),
    Invalid(http::uri::InvalidUri),
    Unusable(http::Error),
    NoHost,
    BadPort,
}

impl fmt::Display for EndpointError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { url, problem } = self;
        write!(f, "the OTLP endpoint `{url}` ")?;
        match problem {
            Problem::NoScheme => write!(f, "has no scheme; write `http://{url}`"),
            Problem::TlsNotBuiltIn => f.write_str(
                "asks for TLS, which this build does not have and which is never replaced by plain text; use an \
                 `http://` endpoint, such as a Collector on this host that forwards over TLS",
            ),
            Problem::UnknownScheme(scheme) => {
                write!(f, "has the scheme `{scheme}`, which OTLP over HTTP does not know; use `http://`")
            }
            Problem::Invalid(_) | Problem::Unusable(_) => {
                f.write_str("is not a valid URL; write it like `http://host:4318`")
            }
            Problem::NoHost => f.write_str("has no host; write it like `http://host:4318`"),
            Problem::BadPort => f.write_str("has a port that is not a number from 1 to 65535"),
        }
    }
}

impl std::error::Error for EndpointError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.problem {
            Problem::Invalid(source) => Some(source),
            Problem::Unusable(source) => Some(source),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_gets_the_signal_path() {
        for (url, expected) in [
            ("http://localhost:4318", "http://localhost:4318/v1/metrics"),
            ("http://localhost:4318/", "http://localhost:4318/v1/metrics"),
            ("http://localhost:4318//", "http://localhost:4318/v1/metrics"),
            ("HTTP://localhost", "http://localhost/v1/metrics"),
            (" http://h/otlp/ ", "http://h/otlp/v1/metrics"),
            ("http://h/otlp?tenant=a", "http://h/otlp/v1/metrics?tenant=a"),
            ("http://[::1]:4318", "http://[::1]:4318/v1/metrics"),
            ("http://u:p@h:1", "http://h:1/v1/metrics"),
            ("http://p:9090/api/v1/otlp", "http://p:9090/api/v1/otlp/v1/metrics"),
        ] {
            assert_eq!(Endpoint::base(url, Signal::Metrics).expect(url).to_string(), expected, "{url}");
        }
        let traces = Endpoint::base("http://h:4318", Signal::Traces).unwrap();
        assert_eq!(traces.to_string(), "http://h:4318/v1/traces");
        let logs = Endpoint::base("http://h:4318", Signal::Logs).unwrap();
        assert_eq!(logs.to_string(), "http://h:4318/v1/logs");
    }

    #[test]
    fn the_url_of_one_signal_is_used_as_it_is() {
        for (url, expected) in [
            ("http://h:4318", "http://h:4318/"),
            ("http://h:4318/", "http://h:4318/"),
            ("http://h:4318/custom/", "http://h:4318/custom/"),
            ("http://h:4318?x=1", "http://h:4318/?x=1"),
            ("http://h:4318/v1/metrics", "http://h:4318/v1/metrics"),
        ] {
            assert_eq!(Endpoint::verbatim(url).expect(url).to_string(), expected, "{url}");
        }
    }

    #[test]
    fn the_prometheus_preset_builds_the_path() {
        for url in [
            "http://p:9090",
            "http://p:9090/",
            "http://p:9090/api/v1/otlp",
            "http://p:9090/api/v1/otlp/",
            "http://p:9090/api/v1/otlp/v1/metrics",
        ] {
            let endpoint = Endpoint::prometheus(url).expect(url);
            assert_eq!(endpoint.to_string(), "http://p:9090/api/v1/otlp/v1/metrics", "{url}");
            assert_eq!(endpoint.warnings(Signal::Metrics), [""; 0]);
        }
        let below = Endpoint::prometheus("http://proxy/prom").unwrap();
        assert_eq!(below.to_string(), "http://proxy/prom/api/v1/otlp/v1/metrics");
    }

    #[test]
    fn errors_say_what_where_and_how_to_mend() {
        for (url, expected) in [
            (
                "localhost:4318",
                "the OTLP endpoint `localhost:4318` has no scheme; write `http://localhost:4318`",
            ),
            ("", "the OTLP endpoint `` has no scheme"),
            ("https://h", "the OTLP endpoint `https://h` asks for TLS, which this build does not have"),
            ("HTTPS://h", "the OTLP endpoint `HTTPS://h` asks for TLS"),
            ("grpc://h", "the OTLP endpoint `grpc://h` has the scheme `grpc`"),
            ("http://", "the OTLP endpoint `http://` is not a valid URL"),
            ("http://:4318", "the OTLP endpoint `http://:4318` has no host"),
            ("http://h:99999", "the OTLP endpoint `http://h:99999` has a port"),
            ("http://h:0", "the OTLP endpoint `http://h:0` has a port"),
            ("http://h:x", "the OTLP endpoint `http://h:x` "),
            ("http://a b/", "the OTLP endpoint `http://a b/` is not a valid URL"),
            ("https://u:secret@h", "the OTLP endpoint `https://***@h` asks for TLS"),
            ("u:secret@h:4318", "the OTLP endpoint `***@h:4318` has no scheme"),
            ("http://u:a/secret@h/", "the OTLP endpoint `http://***@h/` "),
            ("http://u:sec ret@h/", "the OTLP endpoint `http://***@h/` is not a valid URL"),
        ] {
            let error = Endpoint::base(url, Signal::Metrics).expect_err(url).to_string();
            assert!(error.starts_with(expected), "{url}: {error}");
        }
    }

    #[test]
    fn connections_get_host_and_port() {
        for (url, host, port) in [
            ("http://h", "h", 80),
            ("http://h:", "h", 80),
            ("http://127.0.0.1:4318", "127.0.0.1", 4318),
            ("http://[::1]:4318/x", "::1", 4318),
            ("http://[fe80::1]/x", "fe80::1", 80),
            ("http://u:p@[::1]:7/x", "::1", 7),
        ] {
            let endpoint = Endpoint::verbatim(url).expect(url);
            assert_eq!((endpoint.host(), endpoint.port()), (host, port), "{url}");
        }
    }

    #[test]
    fn credentials_are_decoded_and_never_shown() {
        let endpoint = Endpoint::verbatim("http://me%40x:s%3Acret@h/p").unwrap();
        assert_eq!(endpoint.credentials(), Some(("me@x", "s:cret")));
        assert_eq!(endpoint.to_string(), "http://h/p");
        assert!(!format!("{endpoint:?}").contains("cret"));
        assert_eq!(Endpoint::verbatim("http://token@h/p").unwrap().credentials(), Some(("token", "")));
    }

    #[test]
    fn what_can_hardly_be_meant_is_told() {
        let base = |url| Endpoint::base(url, Signal::Metrics).expect(url).warnings(Signal::Metrics);
        let verbatim = |url| Endpoint::verbatim(url).expect(url).warnings(Signal::Metrics);
        for (warnings, expected) in [
            (base("http://h:4317"), "use port 4318"),
            (verbatim("http://h:4317/v1/metrics"), "use port 4318"),
            (base("http://h:9090/"), "use the preset `Endpoint::prometheus`"),
            (verbatim("http://h:9090"), "use the preset `Endpoint::prometheus`"),
            (verbatim("http://h:4318"), "has no path"),
            (base("http://h:4318/v1/metrics"), "becomes `/v1/metrics/v1/metrics`"),
            (base("http://u:secret@h:4317"), "in `http://***@h:4317`"),
        ] {
            assert_eq!(warnings.len(), 1, "{warnings:?}");
            assert!(warnings[0].contains(expected), "{warnings:?}");
        }
        assert_eq!(base("http://h:4318"), [""; 0]);
        assert_eq!(base("http://h:9090/api/v1/otlp"), [""; 0]);
        assert_eq!(verbatim("http://h:4318/v1/metrics"), [""; 0]);
    }
    #[test]
    fn the_path_of_another_signal_is_told() {
        let base = |url| Endpoint::base(url, Signal::Traces).expect(url).warnings(Signal::Traces);
        let verbatim = |url| Endpoint::verbatim(url).expect(url).warnings(Signal::Logs);
        for (warnings, expected) in [
            (base("http://h:4318/v1/metrics"), "becomes `/v1/metrics/v1/traces`; leave out `/v1/metrics`"),
            (base("http://h:9090"), "takes metrics alone; set another endpoint for spans"),
            (base("http://h:9090/api/v1/otlp"), "is in Prometheus, which takes metrics alone"),
            (
                verbatim("http://h:4318/v1/traces"),
                "where receivers take spans, not log records; those go to `/v1/logs`",
            ),
        ] {
            assert_eq!(warnings.len(), 1, "{warnings:?}");
            assert!(warnings[0].contains(expected), "{warnings:?}");
        }
        assert_eq!(base("http://h:4318"), [""; 0]);
        assert_eq!(verbatim("http://h:4318/v1/logs"), [""; 0]);
    }
}
