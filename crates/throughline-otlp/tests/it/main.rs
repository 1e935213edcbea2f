//! `throughline-otlp` from outside: what is recorded arrives at receivers that are not ours.
#![expect(clippy::panic, reason = "a reader of test data fails by panicking")]

mod exporter;
mod logs;
mod recorded;
mod server;
mod spans;
mod support;

#[cfg(feature = "grpc")]
mod grpc;
mod http;
#[cfg(feature = "tls")]
mod tls;
#[cfg(unix)]
mod unix;
