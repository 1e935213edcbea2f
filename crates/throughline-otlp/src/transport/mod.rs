//! Stop 8 in the life of an increment: the wire.
//!
//! `retry.rs` hands requests that `encode/` (stop 7) wrote to [`Transport::send`], one at a time.
//!
//! | file | what it does |
//! |---|---|
//! | `http.rs`, `grpc.rs` | a request and its answer, in one protocol or the other |
//! | `headers.rs` | headers, credentials, the token in a file |
//! | `connection.rs`, `http2/` | one connection, kept and opened again |
//! | `dial.rs`, `connect.rs`, `proxy.rs`, `tls/` | opening it: TCP, Unix sockets, proxies, TLS |
//! | `response.rs`, `message.rs`, `refusal.rs` | what the answer says, and how to mend a refusal |
//! | `sniff.rs` | what a peer speaks instead |
//!
//! None of it knows what a counter is, or tries anything twice.

pub(crate) mod connect;
mod connection;
mod dial;
mod grpc;
mod headers;
mod http;
pub(crate) mod http2;
mod message;
pub(crate) mod proxy;
mod refusal;
mod response;
mod sniff;
pub(crate) mod tls;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use throughline_core::Clock;

use self::connect::Connect;
use self::grpc::GrpcTransport;
use self::headers::Headers;
use self::http::HttpTransport;
pub(crate) use self::message::Accepted;
pub use self::proxy::{Proxies, ProxyError};
pub use self::tls::TlsFiles;
use crate::config::{BuildError, OtlpConfig, Protocol};
use crate::endpoint::Endpoint;
use crate::error::{ExportError, Refusal};

/// The most of an answer that is read. Answers are some hundred bytes; the limit is the one other exporters have.
const RESPONSE_BYTES_MAX: usize = 4 << 20;

/// Sends requests to one endpoint.
#[derive(Debug)]
pub(crate) enum Transport {
    Http(Box<HttpTransport>),
    Grpc(Box<GrpcTransport>),
}

impl Transport {
    /// A transport that connects when it is first used. Certificates and tokens are read now, so that bad ones are found
    /// at start.
    pub(crate) fn new(
        config: &OtlpConfig,
        connector: Box<dyn Connect>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, BuildError> {
        check(config)?;
        if config.endpoint.is_grpc() {
            Ok(Self::Grpc(Box::new(GrpcTransport::new(config, connector)?)))
        } else {
            Ok(Self::Http(Box::new(HttpTransport::new(config, connector, clock)?)))
        }
    }

    pub(crate) fn endpoint(&self) -> &Endpoint {
        match self {
            Self::Http(transport) => transport.endpoint(),
            Self::Grpc(transport) => transport.endpoint(),
        }
    }

    /// Sends one request, which is compressed as configured, and reads the answer. The caller ends it after `within`;
    /// dropping the future closes the connection.
    pub(crate) async fn send(&mut self, body: Bytes, within: Duration) -> Result<Accepted, ExportError> {
        let outcome = match self {
            Self::Http(transport) => transport.send(body).await,
            Self::Grpc(transport) => transport.send(body, within).await,
        };
        let headers = self.headers();
        match outcome {
            Ok(accepted) => Ok(Accepted { message: headers.redact(accepted.message), ..accepted }),
            Err(error) => {
                let is_renewed = error.refusal() == Some(Refusal::Credentials) && headers.renew();
                let error = error.map_message(|message| headers.redact(message));
                Err(if is_renewed { error.into_transient() } else { error })
            }
        }
    }

    fn headers(&mut self) -> &mut Headers {
        match self {
            Self::Http(transport) => transport.headers(),
            Self::Grpc(transport) => transport.headers(),
        }
    }
}

/// Refuses what does not belong together, or is not in this build.
fn check(config: &OtlpConfig) -> Result<(), BuildError> {
    let error = |problem| Err(BuildError::Protocol { endpoint: config.endpoint.to_string(), problem });
    let is_grpc = config.protocol == Protocol::Grpc;
    if !config.protocol.is_built_in() {
        return error("is for gRPC, which is not in this build: add the cargo feature `grpc`");
    }
    if is_grpc != config.endpoint.is_grpc() {
        return error("was not made for this protocol: use `Endpoint::grpc` for gRPC, and it alone");
    }
    if !config.compression.is_built_in() {
        return error("is to get zstd, which is not in this build: add the cargo feature `zstd`");
    }
    Ok(())
}

#[cfg(all(test, feature = "grpc"))]
mod tests;
