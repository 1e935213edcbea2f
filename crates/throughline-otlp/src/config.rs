//! What can be configured, and the parsers of the values that arrive as text.
//!
//! The façade fills [`OtlpConfig`] from code, environment, file and defaults, in that order; this crate reads no
//! environment. `exporter/mod.rs` and `transport/http.rs` use the result.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use throughline_core::file::FileError;
use throughline_core::percent;

use crate::compression;
use crate::endpoint::Endpoint;
use crate::retry::RetryPolicy;
use crate::spool::SpoolConfig;
use crate::transport::http2;
use crate::transport::proxy::Proxies;
use crate::transport::tls::TlsFiles;

/// How requests are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Protocol {
    /// `http/protobuf`.
    #[default]
    HttpProtobuf,
    /// `http/json`: larger and slower, readable. Some receivers refuse it.
    HttpJson,
    /// `grpc`. Needs the cargo feature `grpc`, and an endpoint made by [`Endpoint::grpc`].
    Grpc,
}

/// How request bodies are compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Compression {
    /// Not at all.
    #[default]
    None,
    /// With gzip, at its fastest level: telemetry repeats itself, so higher levels gain little.
    Gzip,
    /// With zstd, at its fastest level: smaller than gzip in less time. Needs the cargo feature `zstd`. The Collector
    /// takes it, other receivers may not.
    Zstd,
}

/// What is dropped when there is no room for more requests. Either way it is counted, and nobody waits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum QueueFull {
    /// The oldest requests: what is happening now matters more.
    #[default]
    DropOldest,
    /// The newest: how it began matters more.
    DropNewest,
}

impl Protocol {
    /// Whether this build has it.
    pub const fn is_built_in(self) -> bool {
        match self {
            Self::HttpProtobuf | Self::HttpJson => true,
            Self::Grpc => http2::BUILT_IN,
        }
    }

    /// Where a receiver on this machine listens, unless it is configured otherwise.
    pub const fn default_endpoint(self) -> &'static str {
        match self {
            Self::HttpProtobuf | Self::HttpJson => "http://localhost:4318",
            Self::Grpc => "http://localhost:4317",
        }
    }
}

impl Compression {
    /// Whether this build has it.
    pub const fn is_built_in(self) -> bool {
        match self {
            Self::None | Self::Gzip => true,
            Self::Zstd => compression::ZSTD_BUILT_IN,
        }
    }

    /// Its name in `content-encoding` and `grpc-encoding`, unless it is none.
    pub(crate) const fn name(self) -> Option<&'static str> {
        match self {
            Self::None => None,
            Self::Gzip => Some("gzip"),
            Self::Zstd => Some("zstd"),
        }
    }
}

/// As the variables `OTEL_EXPORTER_OTLP_*PROTOCOL` have it: `http/protobuf`, `http/json` or `grpc`.
impl FromStr for Protocol {
    type Err = UnknownValueError;

    fn from_str(text: &str) -> Result<Self, UnknownValueError> {
        match text.trim() {
            "http/protobuf" => Ok(Self::HttpProtobuf),
            "http/json" => Ok(Self::HttpJson),
            "grpc" if Self::Grpc.is_built_in() => Ok(Self::Grpc),
            "grpc" => Err(UnknownValueError::new(
                "protocol",
                text,
                "add the cargo feature `grpc`, or write `http/protobuf`",
            )),
            _ => {
                Err(UnknownValueError::new("protocol", text, "write `http/protobuf`, `http/json` or `grpc`"))
            }
        }
    }
}

/// As the variables `OTEL_EXPORTER_OTLP_*COMPRESSION` have it: `gzip`, `zstd` or `none`.
impl FromStr for Compression {
    type Err = UnknownValueError;

    fn from_str(text: &str) -> Result<Self, UnknownValueError> {
        match text.trim() {
            "none" => Ok(Self::None),
            "gzip" => Ok(Self::Gzip),
            "zstd" if Self::Zstd.is_built_in() => Ok(Self::Zstd),
            "zstd" => Err(UnknownValueError::new(
                "compression",
                text,
                "add the cargo feature `zstd`, or write `gzip`",
            )),
            _ => Err(UnknownValueError::new("compression", text, "write `none`, `gzip` or `zstd`")),
        }
    }
}

/// `drop_oldest` or `drop_newest`.
impl FromStr for QueueFull {
    type Err = UnknownValueError;

    fn from_str(text: &str) -> Result<Self, UnknownValueError> {
        match text.trim() {
            "drop_oldest" => Ok(Self::DropOldest),
            "drop_newest" => Ok(Self::DropNewest),
            _ => Err(UnknownValueError::new("queue policy", text, "write `drop_oldest` or `drop_newest`")),
        }
    }
}

impl fmt::Display for QueueFull {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::DropOldest => "drop_oldest",
            Self::DropNewest => "drop_newest",
        })
    }
}

/// A value that a setting cannot have, or not in this build.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownValueError {
    setting: &'static str,
    value: String,
    fix: &'static str,
}

impl UnknownValueError {
    fn new(setting: &'static str, value: &str, fix: &'static str) -> Self {
        Self { setting, value: value.trim().to_owned(), fix }
    }
}

impl fmt::Display for UnknownValueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { setting, value, fix } = self;
        write!(f, "this build has no OTLP {setting} `{value}`; {fix}")
    }
}

impl std::error::Error for UnknownValueError {}

/// The configuration of one OTLP metrics exporter.
///
/// ```
/// use std::time::Duration;
/// use throughline_otlp::{Compression, Endpoint, OtlpConfig};
///
/// let config = OtlpConfig::new(Endpoint::prometheus("http://localhost:9090")?)
///     .with_interval(Duration::from_secs(15))
///     .with_compression(Compression::Gzip)
///     .with_header("x-tenant", "blue");
/// # Ok::<(), throughline_otlp::EndpointError>(())
/// ```
#[derive(Clone)]
pub struct OtlpConfig {
    pub(crate) endpoint: Endpoint,
    pub(crate) protocol: Protocol,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) bearer_token_file: Option<PathBuf>,
    pub(crate) tls: TlsFiles,
    pub(crate) proxies: Proxies,
    pub(crate) compression: Compression,
    pub(crate) interval: Duration,
    pub(crate) timeout: Duration,
    pub(crate) retry: RetryPolicy,
    pub(crate) queue_bytes_max: usize,
    pub(crate) queue_full: QueueFull,
    pub(crate) spool: Option<SpoolConfig>,
    pub(crate) request_bytes_max: usize,
}

/// The specification's default of `OTEL_METRIC_EXPORT_INTERVAL`.
const INTERVAL: Duration = Duration::from_secs(60);

/// The specification's default of `OTEL_EXPORTER_OTLP_TIMEOUT`.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Room for an hour and more of a usual service's delta exports (some 100 KiB a minute), and small beside a service's
/// memory.
const QUEUE_BYTES_MAX: usize = 16 << 20;

/// Longer durations are taken for this one, so that no sum of times can overflow.
pub(crate) const DURATION_MAX: Duration = Duration::from_secs(365 * 24 * 3600);

impl OtlpConfig {
    /// Protobuf to this endpoint, over HTTP or gRPC as it wants, uncompressed, every 60 s, with a timeout of 10 s.
    pub fn new(endpoint: Endpoint) -> Self {
        let protocol = if endpoint.is_grpc() { Protocol::Grpc } else { Protocol::HttpProtobuf };
        Self {
            endpoint,
            protocol,
            headers: Vec::new(),
            bearer_token_file: None,
            tls: TlsFiles::default(),
            proxies: Proxies::default(),
            compression: Compression::default(),
            interval: INTERVAL,
            timeout: TIMEOUT,
            retry: RetryPolicy::default(),
            queue_bytes_max: QUEUE_BYTES_MAX,
            queue_full: QueueFull::default(),
            spool: None,
            request_bytes_max: crate::encode::REQUEST_BYTES_MAX,
        }
    }

    /// Sets the protocol.
    pub fn with_protocol(mut self, protocol: Protocol) -> Self {
        self.protocol = protocol;
        self
    }

    /// Adds a header to every request. Values are treated as secrets: never shown.
    pub fn with_header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Adds headers, such as [`parse_headers`] returns.
    pub fn with_headers(mut self, headers: impl IntoIterator<Item = (String, String)>) -> Self {
        self.headers.extend(headers);
        self
    }

    /// Sends `authorization: Bearer …` with the token in this file, in place of any other `authorization`. The file is
    /// looked at again while it is used, so that tokens can rotate.
    pub fn with_bearer_token_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.bearer_token_file = Some(path.into());
        self
    }

    /// Sets the certificates of TLS connections. Without effect on an endpoint without TLS.
    pub fn with_tls(mut self, files: TlsFiles) -> Self {
        self.tls = files;
        self
    }

    /// Sets the proxies that stand between here and the endpoint; none unless set.
    pub fn with_proxies(mut self, proxies: Proxies) -> Self {
        self.proxies = proxies;
        self
    }

    /// Sets the compression.
    pub fn with_compression(mut self, compression: Compression) -> Self {
        self.compression = compression;
        self
    }

    /// Sets the time from one export to the next.
    pub fn with_interval(mut self, interval: Duration) -> Self {
        self.interval = interval.min(DURATION_MAX);
        self
    }

    /// Sets how long the delivery of one request may take, all attempts and waits between them included.
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout.min(DURATION_MAX);
        self
    }

    /// Sets how failed requests are tried again.
    pub fn with_retry(mut self, retry: RetryPolicy) -> Self {
        self.retry = retry;
        self
    }

    /// Sets how many bytes of encoded requests are kept in memory for later while the peer takes none (16 MiB unless set).
    /// What is beyond that is dropped as [`QueueFull`] says, and counted.
    pub fn with_queue_bytes_max(mut self, bytes: usize) -> Self {
        self.queue_bytes_max = bytes;
        self
    }

    /// Sets what is dropped when the queue, or the spool, is full; the oldest unless set.
    pub fn with_queue_full(mut self, full: QueueFull) -> Self {
        self.queue_full = full;
        self
    }

    /// Keeps requests on disk until the peer has taken them; in memory unless set. Needs the cargo feature `spool`.
    pub fn with_spool(mut self, spool: SpoolConfig) -> Self {
        self.spool = Some(spool);
        self
    }

    /// Sets the size before compression above which a collection is sent as several requests (4 MiB unless set).
    pub fn with_request_bytes_max(mut self, bytes: usize) -> Self {
        self.request_bytes_max = bytes;
        self
    }

    /// Where it sends to.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }
}

/// Shows the names of headers, not their values.
impl fmt::Debug for OtlpConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            endpoint,
            protocol,
            headers,
            bearer_token_file,
            tls,
            proxies,
            compression,
            interval,
            timeout,
            retry,
            queue_bytes_max,
            queue_full,
            spool,
            request_bytes_max,
        } = self;
        let headers: Vec<_> = headers.iter().map(|(name, _)| name).collect();
        f.debug_struct("OtlpConfig")
            .field("endpoint", endpoint)
            .field("protocol", protocol)
            .field("headers", &headers)
            .field("bearer_token_file", bearer_token_file)
            .field("tls", tls)
            .field("proxies", proxies)
            .field("compression", compression)
            .field("interval", interval)
            .field("timeout", timeout)
            .field("retry", retry)
            .field("queue_bytes_max", queue_bytes_max)
            .field("queue_full", queue_full)
            .field("spool", spool)
            .field("request_bytes_max", request_bytes_max)
            .finish()
    }
}

/// Parses `OTEL_EXPORTER_OTLP_HEADERS`: `key1=value1,key2=value2`, percent-encoded.
///
/// Spaces around keys and values are dropped, empty members too.
///
/// # Errors
/// A member without `=`, without a key, or that does not decode to UTF-8. The message gives its place and key, never
/// its value.
///
/// ```
/// let headers = throughline_otlp::parse_headers("authorization=Bearer%20abc, x-tenant = blue")?;
/// assert_eq!(headers[0], ("authorization".to_owned(), "Bearer abc".to_owned()));
/// assert_eq!(headers[1], ("x-tenant".to_owned(), "blue".to_owned()));
/// # Ok::<(), throughline_otlp::ParseHeadersError>(())
/// ```
pub fn parse_headers(list: &str) -> Result<Vec<(String, String)>, ParseHeadersError> {
    let members = list.split(',').map(str::trim).enumerate();
    members
        .filter(|(_, member)| !member.is_empty())
        .map(|(place, member)| parse_member(place + 1, member))
        .collect()
}

fn parse_member(place: usize, member: &str) -> Result<(String, String), ParseHeadersError> {
    let error = |key: &str, problem| ParseHeadersError { place, key: key.to_owned(), problem };
    let (key, value) = member.split_once('=').ok_or_else(|| error("", "has no `=`"))?;
    let key = key.trim();
    if key.is_empty() {
        return Err(error("", "has no key"));
    }
    let decode =
        |text: &str| percent::decode_text(text).ok_or_else(|| error(key, "does not decode to UTF-8"));
    Ok((decode(key)?, decode(value.trim())?))
}

/// A member of a list of headers that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseHeadersError {
    place: usize,
    key: String,
    problem: &'static str,
}

impl fmt::Display for ParseHeadersError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { place, key, problem } = self;
        let named = if key.is_empty() { String::new() } else { format!(" (`{key}`)") };
        write!(
            f,
            "header {place}{named} {problem}; write `key=value,key=value`, percent-encoded where needed"
        )
    }
}

impl std::error::Error for ParseHeadersError {}

/// Parses the text of an interval or timeout: whole milliseconds, as the `OTEL_*` variables have it (`15000`), or a
/// number with units (`15s`, `1m 30s`).
///
/// # Errors
/// Anything else.
///
/// ```
/// use std::time::Duration;
/// use throughline_otlp::parse_duration;
///
/// assert_eq!(parse_duration("15000")?, Duration::from_secs(15));
/// assert_eq!(parse_duration("15s")?, Duration::from_secs(15));
/// # Ok::<(), throughline_otlp::ParseDurationError>(())
/// ```
pub fn parse_duration(text: &str) -> Result<Duration, ParseDurationError> {
    let text = text.trim();
    if let Ok(millis) = text.parse() {
        return Ok(Duration::from_millis(millis));
    }
    humantime::parse_duration(text).map_err(|source| ParseDurationError { text: text.to_owned(), source })
}

/// A text that is not a duration.
#[derive(Clone, Debug, PartialEq)]
pub struct ParseDurationError {
    text: String,
    source: humantime::DurationError,
}

impl fmt::Display for ParseDurationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "`{}` is not a duration; write milliseconds (`15000`) or a number with its unit (`15s`)",
            self.text
        )
    }
}

impl std::error::Error for ParseDurationError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}

/// A configuration that no exporter can be made of.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BuildError {
    /// A header with a name or value that HTTP does not allow, or one that the exporter sets itself.
    Header {
        /// Its name.
        name: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A duration that must not be zero.
    Zero {
        /// Which.
        setting: &'static str,
    },
    /// An endpoint and a protocol that do not belong together.
    Protocol {
        /// The endpoint.
        endpoint: String,
        /// What is wrong, and how to mend it.
        problem: &'static str,
    },
    /// An exporter that was at work when its process was forked: what it had in hand is lost to the child.
    Forked,
    /// A certificate, key or token that cannot be used.
    File {
        /// Which file, or what else it comes from.
        from: String,
        /// What is wrong with it.
        problem: String,
    },
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Header { name, problem } => write!(f, "the OTLP header `{name}` {problem}"),
            Self::Zero { setting } => write!(f, "the OTLP {setting} is zero; set it to a second or more"),
            Self::Protocol { endpoint, problem } => write!(f, "the OTLP endpoint `{endpoint}` {problem}"),
            Self::File { from, problem } => write!(f, "{from} {problem}"),
            Self::Forked => f.write_str(
                "the process was forked while it exported: fork when nothing is exported, after a flush",
            ),
        }
    }
}

impl std::error::Error for BuildError {}

impl From<FileError> for BuildError {
    fn from(error: FileError) -> Self {
        Self::File { from: error.from().to_owned(), problem: error.problem().to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::endpoint::Endpoint;

    #[test]
    fn headers_are_told_apart_and_decoded() {
        assert_eq!(parse_headers("").unwrap(), []);
        assert_eq!(parse_headers(" a = 1=2 ,,b=%2C").unwrap(), [("a", "1=2"), ("b", ",")].map(owned));
        for (list, expected) in [
            ("a=1,secret", "header 2 has no `=`"),
            ("=secret", "header 1 has no key"),
            ("k=%FF", "header 1 (`k`) does not decode to UTF-8"),
        ] {
            let error = parse_headers(list).expect_err(list).to_string();
            assert!(error.starts_with(expected), "{error}");
            assert!(!error.contains("secret"), "{error}");
        }
    }

    fn owned((key, value): (&str, &str)) -> (String, String) {
        (key.to_owned(), value.to_owned())
    }

    #[test]
    fn durations_are_milliseconds_or_have_units() {
        for (text, millis) in [("0", 0), (" 1500 ", 1500), ("1s", 1000), ("1m 30s", 90_000), ("250ms", 250)] {
            assert_eq!(parse_duration(text).expect(text), Duration::from_millis(millis), "{text}");
        }
        for text in ["", "soon", "-1", "1.5", "10 parsecs"] {
            let error = parse_duration(text).expect_err(text).to_string();
            assert!(error.starts_with(&format!("`{text}` is not a duration")), "{error}");
        }
    }

    #[test]
    fn protocols_and_compressions_are_named_as_in_the_specification() {
        assert_eq!("http/json".parse(), Ok(Protocol::HttpJson));
        assert_eq!(" http/protobuf ".parse(), Ok(Protocol::HttpProtobuf));
        assert_eq!("gzip".parse(), Ok(Compression::Gzip));
        assert_eq!("none".parse(), Ok(Compression::None));
        let error = "thrift".parse::<Protocol>().expect_err("unknown").to_string();
        assert_eq!(
            error,
            "this build has no OTLP protocol `thrift`; write `http/protobuf`, `http/json` or `grpc`"
        );
        match "grpc".parse::<Protocol>() {
            Ok(protocol) => assert!(http2::BUILT_IN && protocol == Protocol::Grpc),
            Err(error) => assert!(error.to_string().contains("add the cargo feature `grpc`"), "{error}"),
        }
        match "zstd".parse::<Compression>() {
            Ok(compression) => assert!(compression::ZSTD_BUILT_IN && compression == Compression::Zstd),
            Err(error) => assert!(error.to_string().contains("add the cargo feature `zstd`"), "{error}"),
        }
    }

    #[test]
    fn header_values_are_not_shown() {
        let endpoint = Endpoint::verbatim("http://u:secret@h/p").unwrap();
        let config = OtlpConfig::new(endpoint).with_header("x-key", "secret");
        let shown = format!("{config:?}");
        assert!(shown.contains("x-key") && !shown.contains("secret"), "{shown}");
    }
}
