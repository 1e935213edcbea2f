//! The engine's behaviour through its public API.
#![expect(clippy::float_cmp, reason = "the sums are of small integers, which floats hold exactly")]

mod smoke;
