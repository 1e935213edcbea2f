//! Why there is no answer.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use throughline_instruments::gen_ai::{ErrorClass, LlmError};

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum ApiError {
    /// It could not be asked, or did not finish in time.
    Http(reqwest::Error),
    /// It said no.
    Refused { status: u16, message: String, retry_after: Option<Duration> },
    /// What it said is not its JSON.
    Json(serde_json::Error),
    /// It said too much.
    TooLong,
    /// It said nothing.
    Empty,
}

impl ApiError {
    /// How long to wait after this attempt, the first being 1. What the API asks for wins, within reason.
    pub(crate) fn pause(&self, attempt: u32) -> Duration {
        match self {
            Self::Refused { retry_after: Some(asked), .. } => (*asked).min(PAUSE_MAX),
            _ => (PAUSE * 2_u32.saturating_pow(attempt - 1)).min(PAUSE_MAX),
        }
    }

    /// What the books call it.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Http(error) if error.is_timeout() => "timeout",
            Self::Http(_) => "network",
            Self::Refused { status: 408 | 504, .. } => "timeout",
            Self::Refused { status: 429, .. } => "rate_limit",
            Self::Refused { status: 401 | 403, .. } => "auth",
            Self::Refused { status: 500.., .. } => "server_error",
            Self::Refused { .. } => "invalid_request",
            Self::Json(_) | Self::TooLong | Self::Empty => "invalid_response",
        }
    }
}

const PAUSE: Duration = Duration::from_millis(20);
const PAUSE_MAX: Duration = Duration::from_secs(2);

impl LlmError for ApiError {
    fn status(&self) -> Option<u16> {
        match self {
            Self::Refused { status, .. } => Some(*status),
            _ => None,
        }
    }

    fn class(&self) -> ErrorClass {
        match self {
            Self::Http(error) if error.is_timeout() => ErrorClass::Timeout,
            Self::Http(_) => ErrorClass::Network,
            Self::Refused { status, .. } => ErrorClass::of_status(*status),
            Self::Json(_) | Self::TooLong | Self::Empty => ErrorClass::InvalidResponse,
        }
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Http(error) if error.is_timeout() => f.write_str("the model did not answer in time"),
            Self::Http(_) => f.write_str("the model cannot be asked"),
            Self::Refused { status, message, .. } => write!(f, "the API answered {status}: {message}"),
            Self::Json(_) => f.write_str("the API's answer is not its JSON"),
            Self::TooLong => f.write_str("the API's answer is too long"),
            Self::Empty => f.write_str("the model said nothing"),
        }
    }
}

impl Error for ApiError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Http(error) => Some(error),
            Self::Json(error) => Some(error),
            Self::Refused { .. } | Self::TooLong | Self::Empty => None,
        }
    }
}

impl From<reqwest::Error> for ApiError {
    fn from(error: reqwest::Error) -> Self {
        Self::Http(error.without_url())
    }
}

impl From<serde_json::Error> for ApiError {
    fn from(error: serde_json::Error) -> Self {
        Self::Json(error)
    }
}
