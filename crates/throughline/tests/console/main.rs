//! The console exporter through the public API: what people and programs read, and what becomes of what cannot be written.
#![expect(clippy::panic, reason = "a test's helpers fail by panicking")]

mod json;
#[cfg(feature = "otlp-http")]
mod pushed;
mod support;
mod text;
mod trouble;
