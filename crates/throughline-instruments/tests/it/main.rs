//! The kits, through their public API.

#[cfg(feature = "grpc")]
mod grpc;
#[cfg(feature = "http")]
mod http_client;
#[cfg(feature = "reqwest")]
mod http_reqwest;
#[cfg(feature = "http")]
mod http_server;
#[cfg(feature = "inference")]
mod inference;
#[cfg(feature = "http")]
mod web;
