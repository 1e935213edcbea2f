//! Opens connections over TCP and to Unix sockets. A trait, so that tests connect in memory.
//!
//! `dial.rs` calls it, and adds proxies and TLS.

use std::fmt;
use std::future::Future;
use std::io;
use std::path::Path;
use std::pin::Pin;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

/// A connection: whatever can be read and written.
pub(crate) trait Io: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

/// A connection on its way.
pub(crate) type Connecting<'a> = Pin<Box<dyn Future<Output = io::Result<Box<dyn Io>>> + Send + 'a>>;

/// Where connections come from.
pub(crate) trait Connect: Send + Sync + fmt::Debug {
    /// Opens a connection to the host, which may be a name or an IP address without brackets.
    fn connect<'a>(&'a self, host: &'a str, port: u16) -> Connecting<'a>;
}

/// How long one address may take; the next one is tried then.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// Connects over TCP, to each address of the host in turn. Names are looked up on tokio's pool of blocking threads.
#[derive(Debug)]
pub(crate) struct TcpConnector;

impl Connect for TcpConnector {
    fn connect<'a>(&'a self, host: &'a str, port: u16) -> Connecting<'a> {
        Box::pin(async move {
            let stream = connect_tcp(host, port).await?;
            stream.set_nodelay(true)?;
            Ok(Box::new(stream) as Box<dyn Io>)
        })
    }
}

/// Connects to a socket in the file system.
#[cfg(unix)]
pub(super) async fn connect_unix(path: &Path) -> io::Result<Box<dyn Io>> {
    Ok(Box::new(tokio::net::UnixStream::connect(path).await?))
}

/// Never called: `endpoint/` refuses Unix sockets on systems without them.
#[cfg(not(unix))]
pub(super) async fn connect_unix(_: &Path) -> io::Result<Box<dyn Io>> {
    Err(io::ErrorKind::Unsupported.into())
}

async fn connect_tcp(host: &str, port: u16) -> io::Result<TcpStream> {
    let mut last_error = io::Error::new(io::ErrorKind::NotFound, "the host name has no address");
    for address in lookup_host((host, port)).await? {
        match timeout(CONNECT_TIMEOUT, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => last_error = error,
            Err(_) => {
                last_error = io::Error::new(io::ErrorKind::TimedOut, format!("no answer from {address}"));
            }
        }
    }
    Err(last_error)
}
