//! No gRPC in this build.
#![expect(clippy::unused_async, clippy::needless_pass_by_ref_mut, reason = "the shape of `enabled.rs`")]

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::TrySendError;

use crate::transport::connection::Body;
use crate::transport::sniff::Sniffed;

pub(crate) const BUILT_IN: bool = false;

/// There is never one.
#[derive(Debug)]
pub(in crate::transport) enum Sender {}

impl Sender {
    pub(in crate::transport) async fn ready(&mut self) -> hyper::Result<()> {
        match *self {}
    }

    pub(in crate::transport) async fn try_send_request(
        &mut self,
        _: Request<Body>,
    ) -> Result<Response<Incoming>, TrySendError<Request<Body>>> {
        match *self {}
    }
}

/// Never called: `transport/mod.rs` refuses a configuration that asks for gRPC.
pub(in crate::transport) async fn handshake(_: Sniffed) -> hyper::Result<Sender> {
    unreachable!("gRPC was refused when the exporter was built")
}
