//! What is recorded in a registry of the `prometheus` crate.
