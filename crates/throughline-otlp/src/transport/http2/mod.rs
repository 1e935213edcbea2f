//! Connections of HTTP/2 for `grpc.rs`, when the cargo feature `grpc` is on.

#[cfg(feature = "grpc")]
mod enabled;
#[cfg(feature = "grpc")]
pub(crate) use enabled::BUILT_IN;
#[cfg(feature = "grpc")]
pub(super) use enabled::{Sender, handshake};

#[cfg(not(feature = "grpc"))]
mod disabled;
#[cfg(not(feature = "grpc"))]
pub(crate) use disabled::BUILT_IN;
#[cfg(not(feature = "grpc"))]
pub(super) use disabled::{Sender, handshake};
