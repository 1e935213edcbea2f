//! The exporter through its public API: collections in, bytes out.

mod conflicts;
mod golden;
mod limits;
mod memory;
mod parser;
mod protobuf;
mod round_trip;
mod sample;
mod security;
mod server;
mod service;
mod streaming;
