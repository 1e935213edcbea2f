//! What kind of failure an error is: a closed set, because it becomes an attribute.

use std::error::Error;
use std::io;

use throughline_macros::AttributeValue;

/// A kind of failure: `error.type` in the conventions, `error_type` in `llm.errors`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, AttributeValue)]
#[attribute(crate = throughline_core)]
#[non_exhaustive]
pub enum ErrorClass {
    /// Too many requests, or the quota is used up.
    RateLimit,
    /// The key is missing, wrong, or not enough.
    Auth,
    /// The provider was not reached, or the connection broke.
    Network,
    /// No answer in time.
    Timeout,
    /// The provider does not understand the request, or refuses it.
    InvalidRequest,
    /// The provider failed.
    ServerError,
    /// What the provider sent is no answer: not JSON, cut off, empty.
    InvalidResponse,
    /// Whoever called did not wait for the end.
    Cancelled,
    /// The thread panicked.
    Panic,
    /// Anything else.
    Unknown,
}

impl ErrorClass {
    /// What an HTTP status, of 400 and above, says.
    pub const fn of_status(status: u16) -> Self {
        match status {
            401 | 403 => Self::Auth,
            408 | 504 => Self::Timeout,
            429 => Self::RateLimit,
            400..=499 => Self::InvalidRequest,
            500..=599 => Self::ServerError,
            _ => Self::Unknown,
        }
    }

    /// What the first I/O error among an error and its causes says that says anything.
    pub fn of_causes(error: &(dyn Error + 'static)) -> Self {
        let mut cause = Some(error);
        for _ in 0..CAUSES_MAX {
            let Some(error) = cause else { break };
            match error.downcast_ref().map_or(Self::Unknown, |error: &io::Error| Self::of_kind(error.kind()))
            {
                Self::Unknown => cause = error.source(),
                class => return class,
            }
        }
        Self::Unknown
    }

    const fn of_kind(kind: io::ErrorKind) -> Self {
        match kind {
            io::ErrorKind::TimedOut => Self::Timeout,
            io::ErrorKind::InvalidData => Self::InvalidResponse,
            io::ErrorKind::AddrNotAvailable
            | io::ErrorKind::BrokenPipe
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::HostUnreachable
            | io::ErrorKind::NetworkDown
            | io::ErrorKind::NetworkUnreachable
            | io::ErrorKind::NotConnected
            | io::ErrorKind::UnexpectedEof => Self::Network,
            _ => Self::Unknown,
        }
    }

    /// Whether the same request may go well when it is made again.
    pub const fn is_transient(self) -> bool {
        matches!(self, Self::RateLimit | Self::Network | Self::Timeout | Self::ServerError)
    }
}

/// Causes of causes that are looked at; a chain that is longer may have no end.
const CAUSES_MAX: usize = 32;

/// An error that a call of a model can end with: [`LlmCall::fail`](super::LlmCall::fail).
///
/// An implementation may be empty. One that knows the HTTP status says it, and one that knows better what happened says that.
///
/// ```
/// use std::fmt;
/// use throughline_instruments::gen_ai::{ErrorClass, LlmError};
///
/// #[derive(Debug)]
/// struct Refused(u16);
///
/// impl fmt::Display for Refused {
///     fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
///         write!(f, "the provider answered with status {}", self.0)
///     }
/// }
///
/// impl std::error::Error for Refused {}
///
/// impl LlmError for Refused {
///     fn status(&self) -> Option<u16> {
///         Some(self.0)
///     }
/// }
///
/// assert_eq!(Refused(429).class(), ErrorClass::RateLimit);
/// ```
pub trait LlmError: Error + Sized + 'static {
    /// The HTTP status of the answer, when there was one and it said that something failed.
    fn status(&self) -> Option<u16> {
        None
    }

    /// What kind of failure it is. Unless said otherwise, what the status says; without one, what an I/O error among the
    /// causes says.
    fn class(&self) -> ErrorClass {
        self.status().map_or_else(|| ErrorClass::of_causes(self), ErrorClass::of_status)
    }
}

impl LlmError for io::Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_says_what_kind_of_failure_it_is() {
        for (status, class) in [
            (400, ErrorClass::InvalidRequest),
            (401, ErrorClass::Auth),
            (403, ErrorClass::Auth),
            (404, ErrorClass::InvalidRequest),
            (408, ErrorClass::Timeout),
            (429, ErrorClass::RateLimit),
            (500, ErrorClass::ServerError),
            (503, ErrorClass::ServerError),
            (504, ErrorClass::Timeout),
            (200, ErrorClass::Unknown),
        ] {
            assert_eq!(ErrorClass::of_status(status), class, "{status}");
        }
    }

    #[test]
    fn causes_are_looked_through() {
        #[derive(Debug)]
        struct Wrapper(io::Error);
        impl std::fmt::Display for Wrapper {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("no answer")
            }
        }
        impl Error for Wrapper {
            fn source(&self) -> Option<&(dyn Error + 'static)> {
                Some(&self.0)
            }
        }
        impl LlmError for Wrapper {}
        assert_eq!(Wrapper(io::ErrorKind::ConnectionReset.into()).class(), ErrorClass::Network);
        assert_eq!(
            Wrapper(io::Error::other(Wrapper(io::ErrorKind::Other.into()))).class(),
            ErrorClass::Unknown
        );
        assert_eq!(io::Error::from(io::ErrorKind::TimedOut).class(), ErrorClass::Timeout);
        assert_eq!(io::Error::from(io::ErrorKind::ConnectionRefused).class(), ErrorClass::Network);
        assert_eq!(ErrorClass::of_causes(&std::fmt::Error), ErrorClass::Unknown);
    }
}
