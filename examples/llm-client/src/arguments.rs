//! What the program is told: its command line, and where the API is.

use std::env;
use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Result, bail};
use example_support::Length;

/// A bot server that calls an LLM API
///
/// Without `GEMINI_API_KEY` the API is a stand-in in this process, which fails now and then. Telemetry is set with the
/// variables of OpenTelemetry; `OTEL_EXPORTER=stdout` or `otlp` is short for all signals.
#[derive(Debug, clap::Parser)]
#[command(name = "llm-client")]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) length: Length,

    /// Serve the bot at this address; port 0 takes any free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    pub(crate) listen: SocketAddr,

    /// The model that drafts answers
    #[arg(long, value_name = "MODEL", default_value = "gemini-3.6-flash")]
    pub(crate) draft_model: String,

    /// The model that polishes them
    #[arg(long, value_name = "MODEL", default_value = "gemini-3.1-flash-lite")]
    pub(crate) polish_model: String,

    /// How long an answer of a model may take
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = humantime::parse_duration)]
    pub(crate) timeout: Duration,

    /// Put what is said on spans: it is private
    #[arg(long)]
    pub(crate) content: bool,

    /// The time between two chats when the program drives itself [default: 40ms, with a real API 5s]
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    every: Option<Duration>,

    /// Decides what the stand-in says, and when it fails
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,

    /// Let the stand-in fail every request for so long at first, to see what that looks like
    #[arg(long, value_name = "TIME", default_value = "0s", value_parser = humantime::parse_duration)]
    pub(crate) outage: Duration,
}

impl Arguments {
    /// The time between two chats. Real answers cost real money.
    pub(crate) fn pause(&self, api: &Api) -> Duration {
        self.every.unwrap_or(match api {
            Api::StandIn => Duration::from_millis(40),
            Api::At { .. } => Duration::from_secs(5),
        })
    }
}

/// Where the API is.
pub(crate) enum Api {
    /// Somewhere else.
    At { base_url: String, key: String },
    /// In this process.
    StandIn,
}

impl Api {
    /// What `GEMINI_API_KEY` and `GEMINI_BASE_URL` say.
    pub(crate) fn of_environment() -> Result<Self> {
        let value = |name| env::var(name).ok().filter(|value| !value.is_empty());
        match (value("GEMINI_API_KEY"), value("GEMINI_BASE_URL")) {
            (Some(key), base_url) => {
                Ok(Self::At { base_url: base_url.unwrap_or_else(|| GEMINI.to_owned()), key })
            }
            (None, Some(_)) => {
                bail!("GEMINI_BASE_URL is set, and GEMINI_API_KEY is not: set both, or neither")
            }
            (None, None) => Ok(Self::StandIn),
        }
    }

    pub(crate) fn key(&self) -> Option<&str> {
        match self {
            Self::At { key, .. } => Some(key),
            Self::StandIn => None,
        }
    }
}

/// Without the key.
impl fmt::Debug for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::At { base_url, .. } => base_url,
            Self::StandIn => "stand-in",
        })
    }
}

const GEMINI: &str = "https://generativelanguage.googleapis.com";
