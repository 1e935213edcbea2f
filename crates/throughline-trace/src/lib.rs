//! The recorder of spans and log records: samplers, per-thread rings, plain data.
//!
//! Applications use the `throughline` crate. Code that wants to make spans needs only this one, the `tracing` crate, or
//! the OpenTelemetry API: all three land here, and nest in each other, since the current context is OpenTelemetry's.
//!
//! A span goes through these files, in this order; each names the one before and the one after:
//!
//! | stop | file | what happens |
//! |---|---|---|
//! | 0 | `otel.rs`, `layer/` | only through the OpenTelemetry API and `tracing` |
//! | 1 | `builder.rs`, `start.rs` | who is the parent, is it sampled, which ids; nothing is built before that |
//! | 2 | `span.rs`, `recording.rs` | attributes, events and links are encoded as they come |
//! | 3 | `ring/ring.rs` | the finished record is appended to the ring of this thread |
//! | 4 | `reader.rs` | the exporter takes records out of all rings |
//! | 5 | `data.rs` | the record, decoded in place |
//!
//! and from there to the exporters' crates. Log records take the same way, in rings of their own (`log.rs`). This
//! crate does no I/O, starts no thread, and has no `unsafe` in it.
//!
//! ```
//! use throughline_trace::{SpanBuilder, TracerProvider};
//!
//! let provider = TracerProvider::default();
//! let mut reader = provider.reader().expect("this is the first one");
//! let tracer = provider.tracer("shop");
//!
//! let mut span = tracer.span("checkout").with_attribute("cart.items", 3).start();
//! span.add_event("paid", &());
//! span.end();
//!
//! reader.drain(512, |span| assert_eq!(span.name, "checkout"));
//! ```

mod baggage;
mod builder;
mod clock;
mod context;
pub mod data;
mod drops;
mod exception;
mod id;
mod keep;
#[cfg(feature = "tracing")]
pub mod layer;
mod limits;
mod local;
mod log;
mod otel;
mod provider;
mod reader;
mod record;
mod recording;
mod ring;
pub mod sampler;
mod scope;
mod span;
mod start;
mod sync;
pub mod testing;
pub mod tokio;

pub use builder::SpanBuilder;
pub use context::{Enter, Entered, WithContext, current_span, propagate_context, spawn_thread, with_context};
pub use drops::DropReason;
pub use exception::record_exception;
pub use id::IdGenerator;
pub use keep::KeepErrors;
pub use limits::{LogLimits, SpanLimits};
pub use log::{LogRecord, Logger, LoggerProvider, LoggerProviderBuilder};
pub use provider::{StaticTracer, Tracer, TracerProvider, TracerProviderBuilder, global, install_global};
pub use reader::{LogReader, SpanReader};
pub use span::Span;

pub use opentelemetry::trace::{SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState};
pub use opentelemetry::{Context, ContextGuard};
