//! The kits, through their public API.

#[cfg(feature = "http")]
mod http_server;
#[cfg(feature = "inference")]
mod inference;
#[cfg(feature = "http")]
mod web;
