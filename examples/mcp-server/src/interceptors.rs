//! What stands between a request and its tool: credentials, a rate for each session, a size for each message.

use std::sync::{Mutex, PoisonError};

use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use rmcp::ErrorData;
use rmcp::model::{ErrorCode, Extensions};
use throughline_instruments::guard::{Action, Classify, Interceptors, Phase};
use throughline_instruments::mcp::{Metrics, Transport};
use tokio::time::Instant;

use crate::arguments::Arguments;
use example_support::Tally;

/// The interceptors, in order.
#[derive(Debug)]
pub(crate) struct Chain {
    recorded: Interceptors,
    /// `None` where who can write to us has started us.
    token: Option<String>,
    rate: u32,
    size: u64,
}

/// What interceptors look at.
pub(crate) struct Message<'a> {
    pub(crate) extensions: &'a Extensions,
    pub(crate) bucket: Option<&'a Bucket>,
    pub(crate) size: u64,
}

/// Why a message does not go on.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Refusal {
    Credentials,
    Rate,
    Size,
    /// The interceptor could not decide.
    Failed,
}

/// One interceptor.
#[derive(Clone, Copy)]
struct Step {
    name: &'static str,
    phase: Phase,
    /// What it says when it blocks.
    refusal: Refusal,
}

/// An interceptor that could not decide.
struct HeaderIsNoText;
impl Classify for HeaderIsNoText {}

impl From<Refusal> for ErrorData {
    fn from(refusal: Refusal) -> Self {
        let (code, message) = match refusal {
            Refusal::Credentials => (-32001, "credentials are wanted: Authorization: Bearer TOKEN"),
            Refusal::Rate => (-32000, "too many requests: try again in a second"),
            Refusal::Size => (-32003, "the message is too large"),
            Refusal::Failed => (-32603, "the credentials cannot be read"),
        };
        Self::new(ErrorCode(code), message, None)
    }
}

impl Chain {
    pub(crate) fn new(arguments: &Arguments, transport: Transport, metrics: &Metrics) -> Self {
        Self {
            recorded: metrics.interceptors(),
            token: (transport != Transport::Pipe).then(|| format!("Bearer {}", arguments.token)),
            rate: arguments.rate,
            size: arguments.size,
        }
    }

    /// A new session's right to ask.
    pub(crate) fn bucket(&self) -> Option<Bucket> {
        (self.rate > 0).then(|| Bucket::new(self.rate))
    }

    /// Whether a request may go on.
    pub(crate) fn request(&self, message: &Message<'_>, tally: &Tally) -> Result<(), Refusal> {
        let auth = Step { name: "auth", phase: Phase::Request, refusal: Refusal::Credentials };
        self.run(auth, tally, || self.check_credentials(message.extensions))?;
        let rate = Step { name: "rate_limit", phase: Phase::Request, refusal: Refusal::Rate };
        self.run(rate, tally, || Ok(message.bucket.is_none_or(Bucket::take)))?;
        self.limit_size(Phase::Request, message.size, tally)
    }

    /// Whether a response may go on.
    pub(crate) fn response(&self, size: u64, tally: &Tally) -> Result<(), Refusal> {
        self.limit_size(Phase::Response, size, tally)
    }

    fn limit_size(&self, phase: Phase, size: u64, tally: &Tally) -> Result<(), Refusal> {
        let step = Step { name: "size_limit", phase, refusal: Refusal::Size };
        self.run(step, tally, || Ok(size <= self.size))
    }

    /// Whether one interceptor lets the message go on.
    fn run(
        &self,
        Step { name, phase, refusal }: Step,
        tally: &Tally,
        decide: impl FnOnce() -> Result<bool, HeaderIsNoText>,
    ) -> Result<(), Refusal> {
        let interception = self.recorded.enter(name, phase);
        tally.add("mcp_interceptor_duration_seconds_count", 1.0);
        match decide() {
            Ok(goes_on) => {
                tally.add("mcp_interceptor_actions_total", 1.0);
                interception.decide(if goes_on { Action::Continue } else { Action::Block });
                if goes_on { Ok(()) } else { Err(refusal) }
            }
            Err(error) => {
                tally.add("mcp_interceptor_errors_total", 1.0);
                interception.fail(&error);
                Err(Refusal::Failed)
            }
        }
    }

    fn check_credentials(&self, extensions: &Extensions) -> Result<bool, HeaderIsNoText> {
        let Some(token) = &self.token else { return Ok(true) };
        let header = extensions.get::<Parts>().and_then(|parts| parts.headers.get(AUTHORIZATION));
        let Some(header) = header else { return Ok(false) };
        let shown = header.to_str().map_err(|_bytes| HeaderIsNoText)?;
        Ok(shown == token)
    }
}

/// How much a session may ask now: so many requests a second, and as many at once.
#[derive(Debug)]
pub(crate) struct Bucket {
    rate: f64,
    left: Mutex<(f64, Instant)>,
}

impl Bucket {
    fn new(rate: u32) -> Self {
        let rate = f64::from(rate);
        Self { rate, left: Mutex::new((rate, Instant::now())) }
    }

    /// Takes one, if there is one.
    fn take(&self) -> bool {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let (tokens, since) = *left;
        let tokens = (tokens + now.duration_since(since).as_secs_f64() * self.rate).min(self.rate);
        let may = tokens >= 1.0;
        *left = (if may { tokens - 1.0 } else { tokens }, now);
        may
    }
}
