//! Proxies, as the environment names them: which one stands before an endpoint, and the tunnel through it.
//!
//! Whoever reads the environment makes [`Proxies`]; `dial.rs` opens tunnels. Requests in plain HTTP/1.1 need none:
//! they are sent to the proxy with the whole URL (`http.rs`). gRPC and TLS always go through a tunnel.

use std::fmt;
use std::io;
use std::net::IpAddr;

use http::HeaderValue;
use http::uri::Authority;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::connect::Io;
use super::headers::basic;
use crate::endpoint::{Endpoint, given_port, redact, split_credentials};

/// The proxies of an environment, and the hosts that are reached without one. Passwords are never shown.
///
/// ```
/// use throughline_otlp::{Endpoint, Proxies, Signal};
///
/// let variable = |name: &str| match name {
///     "HTTPS_PROXY" => Some("http://proxy:3128".to_owned()),
///     "NO_PROXY" => Some(".internal,10.0.0.0/8".to_owned()),
///     _ => None,
/// };
/// let proxies = Proxies::from_variables(variable)?;
/// let endpoint = Endpoint::base("http://collector.example:4318", Signal::Metrics)?;
/// assert_eq!(proxies.before(&endpoint), None, "there is one for https only");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proxies {
    http: Option<Proxy>,
    https: Option<Proxy>,
    direct: Vec<Direct>,
}

/// One proxy.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Proxy {
    pub(crate) host: String,
    pub(crate) port: u16,
    /// `proxy-authorization`, when the URL has credentials.
    pub(crate) authorization: Option<HeaderValue>,
    variable: &'static str,
}

const PROXY_PORT: u16 = 80;

impl Proxies {
    /// Reads `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY` with this function; the lower-case forms win.
    ///
    /// `HTTP_PROXY` in upper case does not count in a CGI program (`REQUEST_METHOD` is set there): whoever sends a
    /// request could set it, by a header `Proxy`.
    ///
    /// # Errors
    /// A proxy that cannot be used: one with another scheme than `http`, or that is no URL.
    pub fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Result<Self, ProxyError> {
        let value = |name: &str| variable(name).filter(|value| !value.trim().is_empty());
        let first = |names: &[&'static str]| -> Result<Option<Proxy>, ProxyError> {
            let found = names.iter().find_map(|name| Some((*name, value(name)?)));
            found.map(|(name, url)| Proxy::parse(name, url.trim())).transpose()
        };
        let is_cgi = value("REQUEST_METHOD").is_some();
        let http: &[&str] = if is_cgi {
            &["http_proxy", "all_proxy", "ALL_PROXY"]
        } else {
            &["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"]
        };
        let direct = value("no_proxy").or_else(|| value("NO_PROXY")).unwrap_or_default();
        Ok(Self {
            http: first(http)?,
            https: first(&["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"])?,
            direct: direct.split([',', ' ']).filter_map(Direct::parse).collect(),
        })
    }

    /// The proxy that requests to this endpoint go through, and the variable that names it. Nothing on this machine is
    /// reached through one.
    pub fn before(&self, endpoint: &Endpoint) -> Option<(&'static str, String)> {
        self.choose(endpoint).map(|proxy| (proxy.variable, proxy.to_string()))
    }

    pub(crate) fn choose(&self, endpoint: &Endpoint) -> Option<&Proxy> {
        let (host, port) = endpoint.host_and_port()?;
        let proxy = if endpoint.is_tls() { &self.https } else { &self.http };
        let is_direct = is_loopback(host) || self.direct.iter().any(|direct| direct.covers(host, port));
        proxy.as_ref().filter(|_| !is_direct)
    }
}

fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost") || host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

impl Proxy {
    fn parse(variable: &'static str, url: &str) -> Result<Self, ProxyError> {
        let error = |problem| ProxyError { variable, url: redact(url), problem };
        let (scheme, rest) = url.split_once("://").unwrap_or(("http", url));
        if !scheme.eq_ignore_ascii_case("http") {
            return Err(error("is a proxy that is not spoken to over plain HTTP; write `http://host:port`"));
        }
        let (credentials, bare) = split_credentials(rest.trim_end_matches('/'));
        let invalid = "is not the URL of a proxy; write `http://host:port`";
        let authority: Authority = bare.parse().map_err(|_invalid| error(invalid))?;
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        if host.is_empty() {
            return Err(error(invalid));
        }
        let port = given_port(&authority).map_err(|_bad_port| error(invalid))?.unwrap_or(PROXY_PORT);
        let authorization = credentials.map(|(user, password)| basic(&user, &password));
        Ok(Self { host, port, authorization, variable })
    }

    /// Asks the proxy for a connection to this host.
    pub(crate) async fn tunnel(&self, stream: &mut dyn Io, host: &str, port: u16) -> io::Result<()> {
        let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
        let mut request = format!("CONNECT {host}:{port} HTTP/1.1\r\nhost: {host}:{port}\r\n").into_bytes();
        if let Some(value) = &self.authorization {
            request.extend_from_slice(b"proxy-authorization: ");
            request.extend_from_slice(value.as_bytes());
            request.extend_from_slice(b"\r\n");
        }
        request.extend_from_slice(b"\r\n");
        stream.write_all(&request).await?;
        stream.flush().await?;
        check(&read_head(stream).await?)
    }
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port, .. } = self;
        if host.contains(':') {
            write!(f, "http://[{host}]:{port}")
        } else {
            write!(f, "http://{host}:{port}")
        }
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self} ({})", self.variable)
    }
}

/// The most of a proxy's answer that is read; it is a few hundred bytes.
const HEAD_BYTES_MAX: usize = 16 << 10;

/// Reads to the end of the head and not a byte further: what follows is the receiver's.
async fn read_head(stream: &mut dyn Io) -> io::Result<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() == HEAD_BYTES_MAX {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the proxy's answer does not end"));
        }
        head.push(stream.read_u8().await?);
    }
    Ok(String::from_utf8_lossy(&head).into_owned())
}

fn check(head: &str) -> io::Result<()> {
    let line = head.lines().next().unwrap_or_default();
    let status = line.strip_prefix("HTTP/1.").and_then(|rest| rest.split(' ').nth(1)).unwrap_or_default();
    if status.len() == 3 && status.starts_with('2') {
        return Ok(());
    }
    let hint = match status {
        "407" => "; put user name and password into its URL, as `http://user:password@host:port`",
        "" => "; that is no HTTP proxy",
        _ => "; is it allowed to connect to that host and port?",
    };
    let answer: String = line.chars().filter(|c| !c.is_control()).take(100).collect();
    Err(io::Error::new(io::ErrorKind::ConnectionRefused, format!("the proxy answered `{answer}`{hint}")))
}

/// An entry of `NO_PROXY`.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Direct {
    hosts: Hosts,
    port: Option<u16>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Hosts {
    All,
    Address(IpAddr),
    /// The addresses that share so many first bits with this one.
    Network(IpAddr, u8),
    /// The name, and what is below it.
    Name(String),
    /// What is below the name.
    Below(String),
}

impl Direct {
    /// `None` for an entry that covers nothing.
    fn parse(entry: &str) -> Option<Self> {
        let entry = entry.trim().to_ascii_lowercase();
        if let Some(hosts) = Hosts::of_addresses(&entry) {
            return Some(Self { hosts, port: None });
        }
        let (host, port) = match entry.rsplit_once(':') {
            Some((host, port)) => (host, Some(port.parse().ok()?)),
            None => (entry.as_str(), None),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let hosts = match (host, host.trim_start_matches('*').strip_prefix('.')) {
            ("" | ".", _) => return None,
            ("*", _) => Hosts::All,
            (_, Some(domain)) => Hosts::Below(domain.to_owned()),
            (name, None) => Hosts::of_addresses(name).unwrap_or_else(|| Hosts::Name(name.to_owned())),
        };
        Some(Self { hosts, port })
    }

    fn covers(&self, host: &str, port: u16) -> bool {
        self.port.is_none_or(|only| only == port) && self.hosts.cover(&host.to_ascii_lowercase())
    }
}

impl Hosts {
    fn of_addresses(text: &str) -> Option<Self> {
        match text.split_once('/') {
            None => text.parse().ok().map(Self::Address),
            Some((address, bits)) => Some(Self::Network(address.parse().ok()?, bits.parse().ok()?)),
        }
    }

    fn cover(&self, host: &str) -> bool {
        let below = |domain: &str| host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'));
        match self {
            Self::All => true,
            Self::Address(address) => host.parse() == Ok(*address),
            Self::Network(network, bits) => {
                host.parse().is_ok_and(|address| share_bits(address, *network, *bits))
            }
            Self::Name(name) => host == name || below(name),
            Self::Below(domain) => below(domain),
        }
    }
}

fn share_bits(one: IpAddr, other: IpAddr, bits: u8) -> bool {
    let high =
        |number: u128, width: u8| number.checked_shr(u32::from(width.saturating_sub(bits))).unwrap_or(0);
    match (one, other) {
        (IpAddr::V4(one), IpAddr::V4(other)) => {
            high(u32::from(one).into(), 32) == high(u32::from(other).into(), 32)
        }
        (IpAddr::V6(one), IpAddr::V6(other)) => high(one.into(), 128) == high(other.into(), 128),
        _ => false,
    }
}

/// A proxy that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProxyError {
    variable: &'static str,
    /// Redacted.
    url: String,
    problem: &'static str,
}

impl ProxyError {
    /// The variable that names it.
    pub fn variable(&self) -> &'static str {
        self.variable
    }

    /// What it says, without user name and password.
    pub fn url(&self) -> &str {
        &self.url
    }
}

impl fmt::Display for ProxyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` {}", self.url, self.problem)
    }
}

impl std::error::Error for ProxyError {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::endpoint::Signal;

    fn proxies(variables: &[(&str, &str)]) -> Result<Proxies, ProxyError> {
        Proxies::from_variables(|name| {
            variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        })
    }

    fn before(proxies: &Proxies, url: &str) -> Option<String> {
        let endpoint = Endpoint::base(url, Signal::Metrics).expect(url);
        proxies.before(&endpoint).map(|(_, shown)| shown)
    }

    #[test]
    fn each_scheme_has_its_variables() {
        for (variables, expected) in [
            (&[("HTTP_PROXY", "http://p:3128")][..], Some("http://p:3128")),
            (&[("http_proxy", "p")], Some("http://p:80")),
            (&[("http_proxy", "lower:1"), ("HTTP_PROXY", "upper:1")], Some("http://lower:1")),
            (&[("ALL_PROXY", "http://user:secret@[::1]:8080/")], Some("http://[::1]:8080")),
            (&[("HTTP_PROXY", "one:1"), ("ALL_PROXY", "two:1")], Some("http://one:1")),
            (&[("HTTPS_PROXY", "p:1")], None),
            (&[("HTTP_PROXY", "p:1"), ("REQUEST_METHOD", "GET")], None),
            (&[("HTTP_PROXY", " ")], None),
            (&[], None),
        ] {
            let found = before(&proxies(variables).expect("proxies"), "http://collector:4318");
            assert_eq!(found.as_deref(), expected, "{variables:?}");
        }
    }

    #[test]
    fn what_is_near_is_reached_directly() {
        let entries =
            "10.0.0.0/8, fd00::/8,192.168.1.1 .below.example,*.star.example,name.example,ported:4318,,.";
        let some = proxies(&[("HTTP_PROXY", "p:1"), ("NO_PROXY", entries)]).expect("proxies");
        for (url, direct) in [
            ("http://10.1.2.3", true),
            ("http://11.1.2.3", false),
            ("http://[fd12::1]", true),
            ("http://[fe80::1]", false),
            ("http://192.168.1.1", true),
            ("http://192.168.1.2", false),
            ("http://a.below.example", true),
            ("http://below.example", false),
            ("http://xbelow.example", false),
            ("http://a.star.example", true),
            ("http://name.example", true),
            ("http://A.NAME.example", true),
            ("http://othername.example", false),
            ("http://ported:4318", true),
            ("http://ported:4319", false),
            ("http://localhost:4318", true),
            ("http://127.0.0.7:4318", true),
            ("http://[::1]:4318", true),
            ("http://collector", false),
        ] {
            assert_eq!(before(&some, url).is_none(), direct, "{url}");
        }
        let all = proxies(&[("HTTP_PROXY", "p:1"), ("no_proxy", "*")]).expect("proxies");
        assert_eq!(before(&all, "http://collector"), None);
        assert_eq!(before(&some, "unix:///run/otel.sock"), None);
    }

    #[test]
    fn passwords_are_not_shown() {
        let some = proxies(&[("HTTP_PROXY", "http://me:s3cret@p:1")]).expect("proxies");
        assert!(!format!("{some:?}").contains("s3cret"), "{some:?}");
        for url in
            ["https://me:s3cret@p:1", "socks5://me:s3cret@p:1", "http://me:s3cret@p:x", "http://me:s3cret@"]
        {
            let error = proxies(&[("ALL_PROXY", url)]).expect_err(url);
            assert_eq!(error.variable(), "ALL_PROXY");
            assert!(error.to_string().contains("write `http://host:port`"), "{error}");
            assert!(!format!("{error} {error:?}").contains("s3cret"), "{error:?}");
        }
    }

    #[test]
    fn a_proxy_that_refuses_says_why() {
        assert!(check("HTTP/1.1 200 Connection established\r\n\r\n").is_ok());
        for (head, expected) in [
            ("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", "put user name and password into its URL"),
            ("HTTP/1.0 403 Forbidden\r\n\r\n", "is it allowed to connect"),
            ("SSH-2.0-OpenSSH_9\r\n\r\n", "that is no HTTP proxy"),
        ] {
            let error = check(head).expect_err(head).to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
