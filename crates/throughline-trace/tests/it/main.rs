//! What spans and log records do, through the public API.

mod baggage;
mod context;
mod exemplars;
mod keep_errors;
mod layer_events;
mod layer_fields;
mod layer_spans;
mod limits;
mod logs;
mod model;
mod opentelemetry_api;
mod pass_through;
mod reader;
mod samplers;
mod spans;
mod stress;
mod support;
mod trees;
