//! What can go wrong at start-up. After that, nothing fails: what is lost is counted.

use std::fmt;
use std::io;
use std::net::SocketAddr;

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
    pub(crate) source: Source,
    pub(crate) value: String,
    pub(crate) what: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { source, value, what } = self;
        write!(f, "{source} = `{value}`: {what}")
    }
}

/// Where a setting's value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Source {
    /// A method of [`TelemetryConfig`](crate::TelemetryConfig).
    Code(&'static str),
    /// An environment variable.
    Environment(&'static str),
    /// Nobody said anything.
    Default,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(method) => write!(f, "`{method}` in code"),
            Self::Environment(variable) => f.write_str(variable),
            Self::Default => f.write_str("default"),
        }
    }
}
