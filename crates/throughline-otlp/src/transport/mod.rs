//! Stop 8 in the life of an increment: the wire.
//!
//! `retry.rs` hands requests that `encode/` (stop 7) wrote to [`http::HttpTransport`], one at a time. `connect.rs`
//! opens connections, `response.rs` reads answers. None of it knows what a counter is, or tries anything twice.

pub(crate) mod connect;
pub(crate) mod http;
pub(crate) mod response;

pub(crate) use response::Accepted;
