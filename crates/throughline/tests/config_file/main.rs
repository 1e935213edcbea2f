//! Configuration files through the public API: what each key does, what is refused, and what wins.
#![expect(clippy::panic, reason = "a test's helpers fail by panicking")]

mod effects;
mod official;
mod precedence;
mod refused;
mod settings;
mod support;
