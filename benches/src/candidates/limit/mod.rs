//! The `LIMIT` rows: hand-written fragments of what any library has to do at least.
//!
//! They are bounds to approach, not products: each slot has one writer, there is no limit of series, nothing expires,
//! nothing can be collected while it is written, and everything is known beforehand.

pub mod headers;
pub mod http;
pub mod otlp;
pub mod slab;
pub mod span;
pub mod strings;
pub mod text;

use crate::harness::{Candidate, LIMIT};

/// A second limit of a case, that others are not compared with.
fn other(what: &str) -> String {
    format!("{LIMIT} ({what})")
}

fn candidate(run: impl Fn(u64) + Send + Sync + 'static) -> Candidate {
    Candidate::new(LIMIT, run)
}
