//! Propagation through the public API: the cases of the specifications' test suites, other people's propagators as
//! judges, and what it costs.

mod allocations;
mod b3;
mod baggage;
mod carriers;
mod counting;
mod interop;
mod jaeger;
mod propagators;
mod round_trip;
mod support;
mod trace_context;
mod trace_state;
mod xray;
