//! What spans and log records do, through the public API.

mod context;
mod keep_errors;
mod limits;
mod logs;
mod model;
mod reader;
mod samplers;
mod spans;
mod stress;
mod support;
