//! From an endpoint to an open connection: directly, through a proxy or to a Unix socket, and private if it is to be.
//!
//! `connection.rs` calls [`Dialer::open`] when it has no connection left. Every failure here is worth another attempt:
//! it says something about the way to the peer, nothing about the request.

use std::io;

use super::connect::{Connect, Io, connect_unix};
use super::proxy::Proxy;
use super::tls::{self, Tls};
use crate::config::{BuildError, OtlpConfig};
use crate::endpoint::{Endpoint, Target};
use crate::error::ExportError;

/// Opens connections to one endpoint.
#[derive(Debug)]
pub(super) struct Dialer {
    endpoint: Endpoint,
    connector: Box<dyn Connect>,
    proxy: Option<Proxy>,
    tls: Option<Tls>,
}

/// What ALPN calls the versions of HTTP.
const HTTP_1: &[u8] = b"http/1.1";
const HTTP_2: &[u8] = b"h2";

impl Dialer {
    pub(super) fn new(config: &OtlpConfig, connector: Box<dyn Connect>) -> Result<Self, BuildError> {
        let endpoint = config.endpoint.clone();
        let protocol = if endpoint.is_grpc() { HTTP_2 } else { HTTP_1 };
        let tls = match endpoint.host_and_port() {
            Some((host, _)) if endpoint.is_tls() => Some(Tls::new(&config.tls, host, protocol)?),
            _ => None,
        };
        let proxy = config.proxies.choose(&endpoint).cloned();
        Ok(Self { endpoint, connector, proxy, tls })
    }

    pub(super) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// The proxy that requests are sent to with their whole URL, as plain HTTP/1.1 is.
    pub(super) fn forwarding_proxy(&self) -> Option<&Proxy> {
        self.proxy.as_ref().filter(|_| self.tls.is_none() && !self.endpoint.is_grpc())
    }

    /// Whether certificates have changed, so that a connection should be opened anew.
    pub(super) fn look(&mut self) -> bool {
        self.tls.as_mut().is_some_and(Tls::look)
    }

    pub(super) async fn open(&mut self) -> Result<Box<dyn Io>, ExportError> {
        let stream = self.reach().await.map_err(|error| self.unreachable(error))?;
        match &mut self.tls {
            None => Ok(stream),
            Some(tls) => tls.connect(stream).await.map_err(|error| self.not_private(error)),
        }
    }

    async fn reach(&self) -> io::Result<Box<dyn Io>> {
        match (self.endpoint.target(), &self.proxy) {
            (Target::Unix(path), _) => connect_unix(path).await,
            (Target::Tcp { host, port }, None) => self.connector.connect(host, *port).await,
            (Target::Tcp { host, port }, Some(proxy)) => {
                let mut stream = self.connector.connect(&proxy.host, proxy.port).await?;
                if self.forwarding_proxy().is_none() {
                    proxy.tunnel(&mut *stream, host, *port).await?;
                }
                Ok(stream)
            }
        }
    }

    #[cold]
    fn unreachable(&self, error: io::Error) -> ExportError {
        let Self { endpoint, proxy, .. } = self;
        let (way, hint) = match (proxy, error.kind(), endpoint.socket()) {
            (Some(proxy), ..) => (format!(" through the proxy {proxy:?}"), None),
            (None, io::ErrorKind::ConnectionRefused, _) => (
                String::new(),
                Some("nothing listens there: is the receiver running, and is the port the right one?"),
            ),
            (None, io::ErrorKind::NotFound, Some(_)) => (
                String::new(),
                Some("there is no such socket: is the receiver running, and is the path the right one?"),
            ),
            _ => (String::new(), None),
        };
        ExportError::transient(format!("cannot connect to {endpoint}{way}"))
            .with_source(error)
            .with_hint(hint)
    }

    #[cold]
    fn not_private(&self, error: io::Error) -> ExportError {
        let hint = tls::explain(&error).or_else(|| {
            (error.kind() == io::ErrorKind::UnexpectedEof).then_some(
                "the receiver closed the connection when it saw TLS: if it takes plain text, write `http://`",
            )
        });
        ExportError::transient(format!("no private connection to {}", self.endpoint))
            .with_source(error)
            .with_hint(hint)
    }
}
