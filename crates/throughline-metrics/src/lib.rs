//! The metrics engine.

pub mod data;
