//! The metrics engine.

pub mod data;
mod reader;

pub use reader::Reader;
