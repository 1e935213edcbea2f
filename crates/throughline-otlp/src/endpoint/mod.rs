//! Where OTLP is sent: the specification's rules from a configured URL to the one that is used.
//!
//! Made by whoever reads the configuration, used by `transport/`. For HTTP there are two variables and two rules
//! ([specification](https://opentelemetry.io/docs/specs/otel/protocol/exporter/#endpoint-urls-for-otlphttp)):
//! `OTEL_EXPORTER_OTLP_ENDPOINT` is a base that `/v1/metrics` is appended to ([`Endpoint::base`]), and
//! `OTEL_EXPORTER_OTLP_METRICS_ENDPOINT` is used as it is ([`Endpoint::verbatim`]). Prometheus has its receiver below
//! `/api/v1/otlp` ([`Endpoint::prometheus`]). For gRPC only host, port and scheme count ([`Endpoint::grpc`]). What
//! parses but can hardly be meant is told by [`Endpoint::warnings`].

mod error;
mod parse;

use std::fmt;
use std::path::{Path, PathBuf};

use http::Uri;

pub use self::error::EndpointError;
use self::parse::Parsed;
pub(crate) use self::parse::{given_port, redact, split_credentials};

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

    /// The method that takes it over gRPC.
    const fn method(self) -> &'static str {
        match self {
            Self::Traces => "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
            Self::Metrics => "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
            Self::Logs => "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
        }
    }
}

/// The URL that one signal is sent to.
///
/// A receiver that listens at a Unix socket is written `unix:///run/otel.sock`, and with a path of its own
/// `unix:///run/otel.sock:/custom/path`.
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
    /// What a request asks for: `http` or `https`, the authority without user name and password, the path.
    uri: Uri,
    /// What messages show.
    shown: String,
    target: Target,
    is_grpc: bool,
    /// User name and password, decoded.
    credentials: Option<(String, String)>,
    warnings: Vec<String>,
}

/// Where a connection goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// A host name or IP address (of version 6 without brackets), and a port.
    Tcp { host: String, port: u16 },
    /// A socket in the file system.
    Unix(PathBuf),
}

/// The signal whose path this one ends with.
fn signal_of(path: &str) -> Option<Signal> {
    Signal::ALL.into_iter().find(|signal| path.ends_with(signal.path()))
}

const PROMETHEUS_PATH: &str = "/api/v1/otlp";
const OTLP_GRPC_PORT: u16 = 4317;
const OTLP_HTTP_PORT: u16 = 4318;
const PROMETHEUS_PORT: u16 = 9090;

impl Endpoint {
    /// A base URL, as in `OTEL_EXPORTER_OTLP_ENDPOINT`: the signal's path is appended to the URL's own.
    ///
    /// # Errors
    /// See [`EndpointError`].
    pub fn base(url: &str, signal: Signal) -> Result<Self, EndpointError> {
        let parsed = Parsed::http(url)?;
        let path = format!("{}{}", parsed.base_path(), signal.path());
        let mut warnings = parsed.http_warnings();
        if let Some(other) = signal_of(parsed.base_path()) {
            warnings.push(format!(
                "`{}` is taken as a base URL, so the path becomes `{path}`; leave out `{}`, or set it as the \
                 endpoint of that signal",
                parsed.shown(),
                other.path()
            ));
        }
        if parsed.is_bare_prometheus() {
            warnings.push(match signal {
                Signal::Metrics => parsed.prometheus_warning(),
                Signal::Traces | Signal::Logs => parsed.metrics_alone_warning(signal),
            });
        }
        parsed.into_http(&path, warnings)
    }

    /// The URL of one signal, as in `OTEL_EXPORTER_OTLP_METRICS_ENDPOINT`: used as it is, only an empty path becomes
    /// `/`.
    ///
    /// # Errors
    /// See [`EndpointError`].
    pub fn verbatim(url: &str) -> Result<Self, EndpointError> {
        let parsed = Parsed::http(url)?;
        let path = parsed.path().to_owned();
        let mut warnings = parsed.http_warnings();
        if parsed.is_bare_prometheus() {
            warnings.push(parsed.prometheus_warning());
        } else if path == "/" {
            warnings.push(format!(
                "`{}` is the URL of one signal and used as it is, but has no path; receivers listen at paths such \
                 as `/v1/metrics`: add it, or set the URL as the base for all signals",
                parsed.shown()
            ));
        }
        parsed.into_http(&path, warnings)
    }

    /// The OTLP receiver for metrics of the Prometheus at this URL: `/api/v1/otlp/v1/metrics` below it, whether or
    /// not the URL has parts of that path already.
    ///
    /// Prometheus must run with `--web.enable-otlp-receiver`.
    ///
    /// # Errors
    /// See [`EndpointError`].
    pub fn prometheus(url: &str) -> Result<Self, EndpointError> {
        let parsed = Parsed::http(url)?;
        let base = parsed.base_path();
        let base = base.strip_suffix(Signal::Metrics.path()).unwrap_or(base);
        let base = base.strip_suffix(PROMETHEUS_PATH).unwrap_or(base);
        let path = format!("{base}{PROMETHEUS_PATH}{}", Signal::Metrics.path());
        let warnings = parsed.http_warnings();
        parsed.into_http(&path, warnings)
    }

    /// A receiver of OTLP over gRPC: `http://host:4317`, `https://host:4317`, a Unix socket, or `host:4317` alone, for
    /// which `insecure` says whether it is plain text or TLS. A path is not part of it and told by a warning.
    ///
    /// ```
    /// use throughline_otlp::{Endpoint, Signal};
    ///
    /// let endpoint = Endpoint::grpc("collector:4317", Signal::Metrics, true)?;
    /// assert_eq!(endpoint.to_string(), "http://collector:4317");
    /// # Ok::<(), throughline_otlp::EndpointError>(())
    /// ```
    ///
    /// # Errors
    /// See [`EndpointError`].
    pub fn grpc(url: &str, signal: Signal, insecure: bool) -> Result<Self, EndpointError> {
        let parsed = Parsed::grpc(url, insecure)?;
        let warnings = parsed.grpc_warnings();
        parsed.into_grpc(signal.method(), warnings)
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
        if signal != Signal::Metrics && self.is_prometheus() {
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

    /// Whether it is spoken to over gRPC.
    pub fn is_grpc(&self) -> bool {
        self.is_grpc
    }

    /// Whether it is spoken to over TLS.
    pub fn is_tls(&self) -> bool {
        self.uri.scheme_str() == Some("https")
    }

    /// Whether it looks like the OTLP receiver of a Prometheus.
    pub fn is_prometheus(&self) -> bool {
        self.uri.path().contains(PROMETHEUS_PATH)
    }

    pub(crate) fn target(&self) -> &Target {
        &self.target
    }

    /// Host and port to connect to, unless it is a Unix socket.
    pub(crate) fn host_and_port(&self) -> Option<(&str, u16)> {
        match &self.target {
            Target::Tcp { host, port } => Some((host, *port)),
            Target::Unix(_) => None,
        }
    }

    /// The Unix socket to connect to.
    pub(crate) fn socket(&self) -> Option<&Path> {
        match &self.target {
            Target::Tcp { .. } => None,
            Target::Unix(path) => Some(path),
        }
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
        f.write_str(&self.shown)
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let credentials = self.credentials.as_ref().map(|_| "redacted");
        let url = format_args!("{}", self.shown);
        f.debug_struct("Endpoint")
            .field("url", &url)
            .field("grpc", &self.is_grpc)
            .field("credentials", &credentials)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
