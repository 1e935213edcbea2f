//! TCP connections, each with its guard.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use throughline_instruments::guard::{Classify as _, Connections, Guard};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};

use crate::shared::Shared;

/// Accepts connections.
#[derive(Debug)]
pub(crate) struct Listener {
    pub(crate) inner: TcpListener,
    pub(crate) shared: Arc<Shared>,
}

impl axum::serve::Listener for Listener {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        let (stream, address) = axum::serve::Listener::accept(&mut self.inner).await;
        self.shared.tally.add("mcp_connections_total", 1.0);
        let guard = Some(self.shared.connections.open());
        (Connection { stream, guard, error: None }, address)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.inner.local_addr()
    }
}

/// A connection that knows how it ended.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    guard: Option<Guard<Connections>>,
    error: Option<&'static str>,
}

impl Connection {
    fn note<T>(&mut self, result: &io::Result<T>) {
        if let Err(error) = result {
            self.error = Some(error.variant_name());
        }
    }
}

/// Either end may close a connection at any time; without an error, that is well.
impl Drop for Connection {
    fn drop(&mut self) {
        match (self.guard.take(), self.error) {
            (Some(guard), Some(error)) => guard.fail_as(error),
            (Some(guard), None) => guard.ok(),
            (None, _) => {}
        }
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let result = ready!(Pin::new(&mut self.stream).poll_read(cx, buf));
        self.note(&result);
        Poll::Ready(result)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let result = ready!(Pin::new(&mut self.stream).poll_write(cx, buf));
        self.note(&result);
        Poll::Ready(result)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
