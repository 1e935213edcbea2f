//! The engine's behaviour through its public API, one module for each thing that is proved.
#![expect(clippy::float_cmp, reason = "the sums are of small integers, which floats hold exactly")]
#![expect(clippy::unwrap_used, reason = "the helpers of tests unwrap as tests do")]

mod attribute_sets;
mod callbacks;
mod definitions;
mod exemplars;
mod limits;
mod model;
mod otel_door;
mod producers;
mod reentry;
mod smoke;
mod stress;
mod support;
mod values;
mod views;
