//! Why a URL cannot be sent to.

use std::fmt;

/// A URL that OTLP cannot be sent to: which, why, and how to mend it.
#[derive(Debug)]
pub struct EndpointError {
    /// Redacted.
    url: String,
    problem: Problem,
}

#[derive(Debug)]
pub(super) enum Problem {
    NoScheme,
    TlsNotBuiltIn,
    TlsByDefault,
    UnknownScheme(String),
    Invalid(http::uri::InvalidUri),
    Unusable(http::Error),
    NoHost,
    BadPort,
    NoSocket,
    NoUnixSockets,
}

impl EndpointError {
    #[cold]
    pub(super) fn new(url: &str, problem: Problem) -> Self {
        Self { url: url.to_owned(), problem }
    }
}

impl fmt::Display for EndpointError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { url, problem } = self;
        write!(f, "the OTLP endpoint `{url}` ")?;
        match problem {
            Problem::NoScheme => write!(f, "has no scheme; write `http://{url}`"),
            Problem::TlsNotBuiltIn => f.write_str(
                "asks for TLS, which this build does not have and which is never replaced by plain text; add the \
                 cargo feature `tls`, or use an `http://` endpoint, such as a Collector on this host that forwards \
                 over TLS",
            ),
            Problem::TlsByDefault => write!(
                f,
                "has no scheme, which over gRPC means TLS, and this build has none; write `http://{url}`, set \
                 `OTEL_EXPORTER_OTLP_INSECURE=true`, or add the cargo feature `tls`"
            ),
            Problem::UnknownScheme(scheme) => {
                write!(f, "has the scheme `{scheme}`, which is none of OTLP; use `http://`, `https://` or `unix://`")
            }
            Problem::Invalid(_) | Problem::Unusable(_) => {
                f.write_str("is not a valid URL; write it like `http://host:4318`")
            }
            Problem::NoHost => f.write_str("has no host; write it like `http://host:4318`"),
            Problem::BadPort => f.write_str("has a port that is not a number from 1 to 65535"),
            Problem::NoSocket => f.write_str("names no socket; write it like `unix:///run/otel.sock`"),
            Problem::NoUnixSockets => f.write_str("is a Unix socket, which this system does not have"),
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
