//! The head of a request, as the functions that a program gives see it, and what spans say of it.

use http::header::{HOST, HeaderMap, USER_AGENT};
use http::{Extensions, Method, Request, Uri};
use throughline_core::attribute::cut;

/// The head of a request.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct RequestHead<'a> {
    /// The method.
    pub method: &'a Method,
    /// The target. Its path comes from whoever asks: never make a route of it, but one of a few that it matches.
    pub uri: &'a Uri,
    /// The headers.
    pub headers: &'a HeaderMap,
    /// What the server and other layers know of it; axum's `MatchedPath` is here.
    pub extensions: &'a Extensions,
}

/// Bytes of a path that a span shows.
pub(crate) const PATH_BYTES_MAX: usize = 1024;
/// Bytes of other texts that a span shows.
const TEXT_BYTES_MAX: usize = 256;

impl<'a, B> From<&'a Request<B>> for RequestHead<'a> {
    #[inline]
    fn from(request: &'a Request<B>) -> Self {
        Self {
            method: request.method(),
            uri: request.uri(),
            headers: request.headers(),
            extensions: request.extensions(),
        }
    }
}

impl<'a> RequestHead<'a> {
    /// The path, cut.
    pub(crate) fn path(&self) -> &'a str {
        cut(self.uri.path(), PATH_BYTES_MAX)
    }

    /// The method as it was sent, cut.
    pub(crate) fn sent_method(&self) -> &'a str {
        cut(self.method.as_str(), TEXT_BYTES_MAX)
    }

    pub(crate) fn user_agent(&self) -> Option<&'a str> {
        let text = self.headers.get(USER_AGENT)?.to_str().ok()?;
        Some(cut(text, TEXT_BYTES_MAX))
    }

    /// The host and the port that the client asked for.
    pub(crate) fn server(&self) -> Option<(&'a str, Option<u16>)> {
        if let Some(host) = self.uri.host() {
            return Some((without_brackets(cut(host, TEXT_BYTES_MAX)), self.uri.port_u16()));
        }
        let text = self.headers.get(HOST)?.to_str().ok()?;
        Some(host_and_port(cut(text, TEXT_BYTES_MAX)))
    }
}

/// `example.com:8080` and `[::1]:8080`.
fn host_and_port(text: &str) -> (&str, Option<u16>) {
    match text.rsplit_once(':') {
        // An address of IPv6, whole.
        _ if text.ends_with(']') => (without_brackets(text), None),
        Some((host, _)) if host.contains(':') && !host.ends_with(']') => (text, None),
        Some((host, port)) => match port.parse() {
            Ok(port) => (without_brackets(host), Some(port)),
            Err(_) => (text, None),
        },
        None => (text, None),
    }
}

fn without_brackets(host: &str) -> &str {
    host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host)
}

#[cfg(test)]
mod tests {
    use super::host_and_port;

    #[test]
    fn hosts_have_ports_or_not() {
        for (text, expected) in [
            ("example.com", ("example.com", None)),
            ("example.com:8080", ("example.com", Some(8080))),
            ("127.0.0.1:80", ("127.0.0.1", Some(80))),
            ("[::1]:8080", ("::1", Some(8080))),
            ("[::1]", ("::1", None)),
            ("::1", ("::1", None)),
            ("example.com:99999", ("example.com:99999", None)),
            ("", ("", None)),
        ] {
            assert_eq!(host_and_port(text), expected, "{text}");
        }
    }
}
