//! Where a URL goes to: enough of it to connect.

use std::fmt;

/// Host and port of a URL, without user name and password.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Address {
    /// A name or an IP address, of version 6 without brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) is_tls: bool,
    /// With the slash it begins with; empty when there is none.
    pub(crate) path: String,
}

impl Address {
    /// None for what is not HTTP, such as a Unix socket.
    pub(crate) fn parse(url: &str) -> Option<Self> {
        let (is_tls, rest) = match url.split_once("://")? {
            ("http", rest) => (false, rest),
            ("https", rest) => (true, rest),
            _ => return None,
        };
        let end = rest.find('/').unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        let authority = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        let (host, port) = match authority.strip_prefix('[') {
            Some(rest) => {
                let (host, port) = rest.split_once(']')?;
                (host, port.strip_prefix(':'))
            }
            None => authority.split_once(':').map_or((authority, None), |(host, port)| (host, Some(port))),
        };
        let port = port.map_or(Some(if is_tls { 443 } else { 80 }), |port| port.parse().ok())?;
        Some(Self { host: host.to_owned(), port, is_tls, path: path.to_owned() })
    }

    /// Whether it means the machine it is used on.
    pub(crate) fn is_local(&self) -> bool {
        is_local(&self.host)
    }

    /// `http://host:port`.
    pub(crate) fn origin(&self) -> String {
        let scheme = if self.is_tls { "https" } else { "http" };
        format!("{scheme}://{self}")
    }

    /// Two addresses of one server.
    pub(crate) fn is_same_server(&self, other: &Self) -> bool {
        self.port == other.port && (self.host == other.host || self.is_local() && other.is_local())
    }
}

/// Whether a host means the machine it is used on.
pub(crate) fn is_local(host: &str) -> bool {
    matches!(host, "localhost" | "127.0.0.1" | "::1" | "[::1]")
}

/// `host:port`.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port, .. } = self;
        if host.contains(':') { write!(f, "[{host}]:{port}") } else { write!(f, "{host}:{port}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_without_secrets() {
        let address = Address::parse("https://u:p@h/x").unwrap();
        assert_eq!(
            (address.to_string().as_str(), address.is_tls, address.path.as_str()),
            ("h:443", true, "/x")
        );
        assert_eq!(Address::parse("http://[::1]:4318").unwrap().to_string(), "[::1]:4318");
        assert_eq!(Address::parse("unix:///run/otel.sock"), None);
        assert_eq!(Address::parse("http://h:port"), None);
        let one = Address::parse("http://localhost:9090/a").unwrap();
        assert!(one.is_same_server(&Address::parse("http://127.0.0.1:9090").unwrap()));
    }
}
