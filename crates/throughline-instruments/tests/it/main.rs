//! Kits and bridges as a program uses them, through their public API.

#[path = "../../../throughline-core/tests/it/counting.rs"]
mod counting;

#[cfg(all(feature = "http", feature = "mcp"))]
mod attack;
#[cfg(all(feature = "actor", feature = "stream"))]
mod free_of_allocation;
#[cfg(feature = "function")]
mod function;
#[cfg(feature = "grpc")]
mod grpc;
#[cfg(feature = "guard")]
mod guard;
#[cfg(feature = "http")]
mod http_alloc;
#[cfg(feature = "http")]
mod http_client;
#[cfg(feature = "reqwest")]
mod http_reqwest;
#[cfg(feature = "http")]
mod http_server;
#[cfg(feature = "inference")]
mod inference;
#[cfg(feature = "mcp")]
mod mcp;
#[cfg(feature = "mcp")]
mod mcp_alloc;
#[cfg(feature = "metrics-facade")]
mod metrics_facade;
#[cfg(feature = "prometheus")]
mod prometheus;
#[cfg(feature = "prometheus-client")]
mod prometheus_client;
#[cfg(feature = "tracing-events")]
mod tracing_events;
#[cfg(feature = "mcp")]
mod warnings;
#[cfg(feature = "http")]
mod web;
#[cfg(any(feature = "prometheus", feature = "prometheus-client"))]
mod wire;
