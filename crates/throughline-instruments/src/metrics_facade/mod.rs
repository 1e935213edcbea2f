//! What is recorded through the `metrics` crate.
