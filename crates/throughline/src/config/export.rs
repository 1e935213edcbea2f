//! How something is pushed: [`ExportConfig`], for all signals or for one.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

/// Where and how to push over OTLP.
///
/// [`TelemetryConfig`](crate::TelemetryConfig) has one for all signals; what a signal's own says wins for that signal.
/// What is left out comes from the `OTEL_EXPORTER_OTLP_*` variables, and then from defaults.
///
/// ```
/// use std::time::Duration;
/// use throughline::{ExportConfig, MetricsConfig, OtlpCompression, TelemetryConfig};
///
/// let push = ExportConfig::new()
///     .with_url("http://localhost:4318/v1/metrics")
///     .with_header("authorization", "Bearer …")
///     .with_compression(OtlpCompression::Gzip)
///     .with_timeout(Duration::from_secs(5));
/// let config = TelemetryConfig::new("shop").with_metrics(MetricsConfig::new().with_export(push));
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
#[must_use = "a configuration does nothing until it is part of a `TelemetryConfig`"]
pub struct ExportConfig {
    pub(crate) exporters: Option<Vec<Exporter>>,
    pub(crate) destination: Option<Destination>,
    pub(crate) protocol: Option<OtlpProtocol>,
    pub(crate) headers: Option<Vec<(String, String)>>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) compression: Option<OtlpCompression>,
    pub(crate) insecure: Option<bool>,
    pub(crate) roots: Option<PathBuf>,
    /// Certificate and key.
    pub(crate) client: Option<(PathBuf, PathBuf)>,
    pub(crate) bearer_token_file: Option<PathBuf>,
}

/// Where to push to, as asked for in code or by the environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Destination {
    /// A base URL, to which the signal's path, such as `/v1/metrics`, is added.
    Base(String),
    /// The URL itself.
    Url(String),
    /// The base URL of a Prometheus with its OTLP receiver on.
    Prometheus(String),
    /// A receiver on this machine, at the usual port of the protocol.
    Local,
}

impl Destination {
    /// What was written.
    pub(crate) fn url(&self) -> &str {
        match self {
            Self::Base(url) | Self::Url(url) | Self::Prometheus(url) => url,
            Self::Local => "",
        }
    }

    /// How code says so.
    pub(crate) fn method(&self) -> &'static str {
        match self {
            Self::Base(_) | Self::Local => "with_otlp_endpoint",
            Self::Url(_) => "ExportConfig::with_url",
            Self::Prometheus(_) => "with_otlp_to_prometheus",
        }
    }
}

impl ExportConfig {
    /// Leaves everything to the environment and to defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Pushes to this receiver: a base URL such as `http://localhost:4318`, to which the signal's path is added.
    pub fn with_endpoint(mut self, base_url: impl Into<String>) -> Self {
        self.destination = Some(Destination::Base(base_url.into()));
        self
    }

    /// Pushes to exactly this URL. Only sensible for one signal.
    pub fn with_url(mut self, url: impl Into<String>) -> Self {
        self.destination = Some(Destination::Url(url.into()));
        self
    }

    /// Sets which exporters there are, whatever the environment and endpoints say: for one signal, or for all, where
    /// [`Exporter::Prometheus`] is about metrics alone. None of them means that nothing is exported.
    pub fn with_exporters(mut self, exporters: impl IntoIterator<Item = Exporter>) -> Self {
        self.exporters = Some(exporters.into_iter().collect());
        self
    }

    /// Sets the protocol.
    pub fn with_protocol(mut self, protocol: OtlpProtocol) -> Self {
        self.protocol = Some(protocol);
        self
    }

    /// Adds a header to every push, such as one with a token. Values are never shown.
    pub fn with_header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.get_or_insert_default().push((name.into(), value.into()));
        self
    }

    /// Sets how long one push may take in all, retries included; 10 s unless set.
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Sets the compression.
    pub fn with_compression(mut self, compression: OtlpCompression) -> Self {
        self.compression = Some(compression);
        self
    }

    /// Speaks plain text to a gRPC endpoint without a scheme (`collector:4317`), which otherwise means TLS.
    pub fn with_insecure(mut self) -> Self {
        self.insecure = Some(true);
        self
    }

    /// Trusts receivers whose certificate is signed by one in this file in PEM, instead of those that the system trusts.
    /// The file is read again when it changes.
    pub fn with_root_certificates(mut self, path: impl Into<PathBuf>) -> Self {
        self.roots = Some(path.into());
        self
    }

    /// Shows the receiver the certificate in the first file, in PEM, whose key is in the second. Both are read again
    /// when they change.
    pub fn with_client_certificate(
        mut self,
        certificate: impl Into<PathBuf>,
        key: impl Into<PathBuf>,
    ) -> Self {
        self.client = Some((certificate.into(), key.into()));
        self
    }

    /// Sends `authorization: Bearer …` with the token in this file, which is read again when it changes.
    pub fn with_bearer_token_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.bearer_token_file = Some(path.into());
        self
    }
}

/// Shows what was set, without header values and without what a URL may hide.
impl fmt::Debug for ExportConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExportConfig")
            .field("protocol", &self.protocol)
            .field("timeout", &self.timeout)
            .field("compression", &self.compression)
            .finish_non_exhaustive()
    }
}

/// Where a signal goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Exporter {
    /// To a receiver of OTLP. Needs the cargo feature `otlp-http`.
    Otlp,
    /// To whoever scrapes the endpoint.
    Prometheus,
    /// To the console.
    Console,
}

impl Exporter {
    /// As variables name it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Otlp => "otlp",
            Self::Prometheus => "prometheus",
            Self::Console => "console",
        }
    }
}

/// How OTLP is encoded on its way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OtlpProtocol {
    /// Protobuf over HTTP.
    #[default]
    HttpProtobuf,
    /// JSON over HTTP.
    HttpJson,
    /// gRPC. Needs the cargo feature `otlp-grpc`.
    Grpc,
}

impl fmt::Display for OtlpProtocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::HttpProtobuf => "http/protobuf",
            Self::HttpJson => "http/json",
            Self::Grpc => "grpc",
        })
    }
}

/// Reads the specification's spelling.
impl FromStr for OtlpProtocol {
    type Err = ParseProtocolError;

    fn from_str(text: &str) -> Result<Self, ParseProtocolError> {
        match text {
            "http/protobuf" => Ok(Self::HttpProtobuf),
            "http/json" => Ok(Self::HttpJson),
            "grpc" => Ok(Self::Grpc),
            _ => Err(ParseProtocolError(())),
        }
    }
}

/// A text that names no [`OtlpProtocol`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseProtocolError(());

impl fmt::Display for ParseProtocolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("is no OTLP protocol; write http/protobuf, http/json or grpc")
    }
}

impl std::error::Error for ParseProtocolError {}

/// How pushed bodies are compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OtlpCompression {
    /// Not at all.
    #[default]
    None,
    /// With gzip.
    Gzip,
    /// With zstd, smaller and faster. Needs the cargo feature `zstd`, and a receiver that takes it, as a Collector does.
    Zstd,
}

impl fmt::Display for OtlpCompression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "none",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        })
    }
}
