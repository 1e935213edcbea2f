//! HTTP/2 by hyper.

use hyper::client::conn::http2::{Builder, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};

use crate::transport::connection::Body;
use crate::transport::sniff::Sniffed;

pub(crate) const BUILT_IN: bool = true;

pub(in crate::transport) type Sender = SendRequest<Body>;

/// A connection that is known to be of HTTP/2, as that of gRPC is, with or without TLS.
pub(in crate::transport) async fn handshake(stream: Sniffed) -> hyper::Result<Sender> {
    let (sender, connection) = Builder::new(TokioExecutor::new()).handshake(TokioIo::new(stream)).await?;
    // Ends when the sender is dropped or the peer closes; whatever it fails with, the sender reports.
    drop(tokio::spawn(connection));
    Ok(sender)
}
