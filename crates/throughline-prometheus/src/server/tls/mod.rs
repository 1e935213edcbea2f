//! TLS of the endpoint, when the cargo feature `tls` is on; otherwise whoever asks for it is told.

#[cfg(feature = "tls")]
mod enabled;
#[cfg(feature = "tls")]
pub use enabled::ServerTls;

#[cfg(not(feature = "tls"))]
mod disabled;
#[cfg(not(feature = "tls"))]
pub use disabled::ServerTls;

use tokio::io::{AsyncRead, AsyncWrite};

/// A connection, private or not.
pub(super) trait Io: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Io for S {}
