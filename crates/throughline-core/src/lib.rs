//! What every throughline crate shares, and nothing else: attributes, resource, units and names, metric
//! definitions, and the clock.
//!
//! Applications use the `throughline` crate, which re-exports what they need from here. Nothing in this crate opens a
//! connection, starts a thread or holds state; resource detectors read files when asked to.

pub mod attribute;
pub mod clock;
pub mod definition;
pub mod name;
pub mod protobuf;
pub mod resource;
pub mod unit;

pub use attribute::{AttributeSet, Attributes};
pub use clock::{Clock, SystemClock, Timestamp};
pub use definition::{AttributeDef, InstrumentKind, MetricDef, NumberKind};
pub use opentelemetry::{InstrumentationScope, Key, KeyValue, Value};
pub use resource::Resource;
