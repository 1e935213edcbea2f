//! The configuration as values in a file of the application's own, when the cargo feature `serde` is on.
//!
//! Each part of [`TelemetryConfig`](crate::TelemetryConfig) is written and read as a document with the same names. What
//! was set is written, what was not is absent; a key that nobody knows is an error that lists the known ones. What only
//! code can say is left out: views, the clock, the layer, the writer of the console, aliases, where variables are looked up.

#[cfg(feature = "serde")]
mod export;
#[cfg(feature = "serde")]
mod exporters;
#[cfg(feature = "serde")]
mod records;
#[cfg(feature = "serde")]
mod telemetry;
#[cfg(feature = "serde")]
mod time;
#[cfg(feature = "serde")]
mod values;
