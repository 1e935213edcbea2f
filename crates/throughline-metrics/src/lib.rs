//! The metrics engine of throughline: instruments, per-thread cells, bounded series, plain data.
//!
//! Applications use the `throughline` crate. A library that wants to record needs only this one, or the
//! OpenTelemetry API, whose metrics land here too.
//!
//! An increment goes through these files, in this order; each names the one before and the one after:
//!
//! | stop | file | what happens |
//! |---|---|---|
//! | 1 | `instrument/counter.rs` | `add(n, attributes)` |
//! | 2 | `series.rs` | find or make the series, within the limit |
//! | 3 | `aggregation/sum.rs` | one write to this thread's own cell |
//! | 4 | `reader.rs` | a scrape or the export timer asks |
//! | 5 | `collect.rs` | fold the threads' cells, apply temporality |
//! | 6 | `data/mod.rs` | finished numbers and stable series ids |
//!
//! and from there to the exporters' crates. This crate does no I/O and starts no thread, and is the only one of the
//! workspace with `unsafe` in it.
//!
//! ```
//! use throughline_core::KeyValue;
//! use throughline_metrics::testing::Snapshot;
//! use throughline_metrics::MeterProvider;
//!
//! let provider = MeterProvider::default();
//! let requests = provider.meter("shop").u64_counter("http.requests").build();
//! requests.add(1, &[KeyValue::new("method", "GET")]);
//!
//! let snapshot = Snapshot::of(&provider);
//! assert_eq!(snapshot.sum("http.requests", &[KeyValue::new("method", "GET")]), 1.0);
//! ```

mod aggregation;
mod cache;
mod catalogue;
mod cell;
mod collect;
pub mod data;
mod definition;
mod drops;
pub mod exemplar;
mod instrument;
mod meter;
mod number;
mod observed;
mod otel;
mod produced;
pub mod producer;
mod provider;
mod reader;
mod series;
pub mod statics;
mod stream;
mod sync;
pub mod testing;
mod timer;
pub mod view;

pub use aggregation::exponential::{MAX_SCALE, MAX_SIZE, MIN_SCALE};
pub use aggregation::histogram::MAX_BOUNDS;
pub use catalogue::CatalogueEntry;
pub use drops::DropReason;
pub use instrument::counter::{BoundCounter, Counter};
pub use instrument::gauge::{BoundGauge, Gauge};
pub use instrument::histogram::{BoundHistogram, Histogram};
pub use instrument::observable::{Observable, Observer};
pub use instrument::up_down_counter::{BoundUpDownCounter, UpDownCounter};
pub use instrument::{Instrument, Recorder};
pub use meter::{InstrumentBuilder, Meter, MetricSet, ObservableBuilder};
pub use number::Number;
pub use provider::{DEFAULT_LIMIT, MeterProvider, MeterProviderBuilder};
pub use reader::{Reader, TemporalityPreference};
pub use timer::{StaticTimer, TimeUnit, TimerGuard};

#[doc(hidden)]
pub use throughline_core as core;
