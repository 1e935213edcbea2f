//! The console exporter: metrics, spans and log records for people, or as JSON lines, on standard output.
//!
//! Asked for with `OTEL_{METRICS,TRACES,LOGS}_EXPORTER=console` or [`ConsoleConfig`]; decided by `init.rs`, run on the
//! exporter thread like the exporters that push. Without the cargo feature `console` it is refused with its name.
//!
//! It is not the log console (`records/console.rs`), which writes each log line the moment it is logged, on the caller's
//! thread, to standard error, and is on by default. This one shows what an exporter gets: after sampling, limits and
//! resource, in batches, from every source of records. Where it shows log records, the log console is silent unless it was
//! asked for.

mod config;
pub use config::{ConsoleConfig, ConsoleOutput, ConsoleStream};

#[cfg(feature = "console")]
mod enabled;
#[cfg(feature = "console")]
mod json;
#[cfg(feature = "console")]
mod output;
#[cfg(feature = "console")]
mod quantile;
#[cfg(feature = "console")]
mod records;
#[cfg(feature = "console")]
mod task;
#[cfg(feature = "console")]
mod text;
#[cfg(feature = "console")]
pub(crate) use enabled::{Console, Plan};
#[cfg(feature = "console")]
pub(crate) use records::Taps;

#[cfg(not(feature = "console"))]
mod disabled;
#[cfg(not(feature = "console"))]
pub(crate) use disabled::{Console, Plan};

#[cfg(all(feature = "tracing", not(feature = "console")))]
mod untapped;
#[cfg(all(feature = "tracing", not(feature = "console")))]
pub(crate) use untapped::Taps;
