//! What every throughline crate shares, and nothing else: attributes, resource, units and names, metric
//! definitions, propagation of contexts, and the clock.
//!
//! Applications use the `throughline` crate, which re-exports what they need from here. Nothing in this crate opens a
//! connection or starts a thread, and nothing holds state but the count of what propagation refused; resource detectors
//! and [`mod@file`] read files when asked to.

pub mod attribute;
pub mod base64;
pub mod clock;
pub mod definition;
pub mod file;
pub mod grpc;
pub mod name;
pub mod percent;
pub mod propagation;
pub mod protobuf;
pub mod resource;
pub mod unit;

/// Whether anything is recorded in this program. False with the cargo feature `off`, which the program alone chooses, as
/// whoever builds it wants to know what telemetry costs, or to be without: the compiler then leaves out what asks this.
pub const RECORDS: bool = !cfg!(feature = "off");

pub use attribute::{AttributeSet, Attributes};
pub use clock::{Clock, SystemClock, Timestamp};
pub use definition::{AttributeDef, InstrumentKind, MetricDef, NumberKind};
pub use opentelemetry::{InstrumentationScope, Key, KeyValue, Value};
pub use resource::Resource;
