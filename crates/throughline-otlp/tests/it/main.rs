//! From recording to the wire: what the official messages read back is what was recorded.
#![expect(clippy::panic, reason = "a reader of test data fails by panicking")]

mod logs;
mod recorded;
mod spans;
mod support;
