//! What can go wrong at start-up. After that, nothing fails: what is lost is counted.

use std::borrow::Cow;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

/// Why [`init_telemetry`](crate::init_telemetry) did not start. Nothing was left behind: no thread, no open port, no
/// global.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// Settings that cannot be used; all of them, not just the first.
    Configuration(Vec<Problem>),
    /// An exporter was asked for that is not in this build.
    NotCompiledIn {
        /// What was asked for.
        exporter: &'static str,
        /// The cargo feature of `throughline` that adds it.
        feature: &'static str,
        /// Where it was asked for.
        source: Source,
    },
    /// The scrape endpoint's address cannot be listened on.
    Bind {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// There is a global provider already, installed by an earlier call.
    GlobalsTaken,
    /// `tracing` has a subscriber already.
    SubscriberTaken,
    /// The exporter thread cannot be started.
    Thread(io::Error),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Configuration(problems) => {
                f.write_str("the telemetry configuration cannot be used")?;
                problems.iter().try_for_each(|problem| write!(f, "\n  {problem}"))
            }
            Self::NotCompiledIn { exporter, feature, source } => write!(
                f,
                "{exporter} is asked for by {source}, but this build has no such exporter: add the cargo feature \
                 `{feature}`, as in `throughline = {{ version = \"{}\", features = [\"{feature}\"] }}`",
                env!("CARGO_PKG_VERSION"),
            ),
            Self::Bind { address, .. } => write!(
                f,
                "the scrape endpoint cannot listen on {address}: choose another address with \
                 `with_prometheus_address` or `OTEL_EXPORTER_PROMETHEUS_PORT` (0 for any free port)"
            ),
            Self::GlobalsTaken => f.write_str(
                "telemetry is installed globally already: initialise it once, or leave the globals alone with \
                 `without_globals()`",
            ),
            Self::SubscriberTaken => f.write_str(
                "`tracing` has a global subscriber already: initialise telemetry before it, or call \
                 `without_subscriber()` and add `telemetry.layer()` to the subscriber",
            ),
            Self::Thread(_) => f.write_str("the exporter thread cannot be started"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Bind { source, .. } | Self::Thread(source) => Some(source),
            Self::Configuration(_)
            | Self::NotCompiledIn { .. }
            | Self::GlobalsTaken
            | Self::SubscriberTaken => None,
        }
    }
}

/// One setting that cannot be used: where it comes from, what it says, and what would be right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Empty when it is about no setting alone.
    pub(crate) setting: &'static str,
    pub(crate) source: Source,
    pub(crate) value: String,
    pub(crate) what: String,
}

/// Longer values are cut in messages.
const SHOWN_CHARS_MAX: usize = 200;

impl Problem {
    /// The setting's name, such as `metrics.otlp.endpoint`; empty when it is about no setting alone.
    pub fn setting(&self) -> &'static str {
        self.setting
    }

    /// Where the value comes from.
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// Whether two are the same to a reader: what all signals share is decided for each of them.
    pub(crate) fn says_the_same(&self, other: &Self) -> bool {
        let Self { setting: _, source, value, what } = self;
        *source == other.source && *value == other.value && *what == other.what
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { setting, source, value, what } = self;
        let cut: String = value.chars().take(SHOWN_CHARS_MAX).collect();
        let dots = if cut.len() < value.len() { "…" } else { "" };
        match source {
            Source::Environment(_) => write!(f, "{source} = `{cut}{dots}`: {what}"),
            _ if setting.is_empty() => write!(f, "{source} = `{cut}{dots}`: {what}"),
            _ => write!(f, "{setting} = `{cut}{dots}` ({source}): {what}"),
        }
    }
}

/// Where a setting's value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Source {
    /// A method of [`TelemetryConfig`](crate::TelemetryConfig), or of one of its parts.
    Code(&'static str),
    /// An environment variable, by the name under which it was found.
    Environment(Cow<'static, str>),
    /// A configuration file.
    #[non_exhaustive]
    File {
        /// The file.
        path: Arc<str>,
        /// The line, counted from 1.
        line: usize,
        /// The column, counted from 1.
        column: usize,
    },
    /// Nobody said anything.
    Default,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(method) => write!(f, "`{method}` in code"),
            Self::Environment(variable) => f.write_str(variable),
            Self::File { path, line, column } => write!(f, "{path}:{line}:{column}"),
            Self::Default => f.write_str("default"),
        }
    }
}
