//! Targets: functions that take any bytes, and panic when throughline does something wrong with them.
//!
//! They are plain functions, so that anything can call them: the runner of this crate (`cargo xtask fuzz`), which needs
//! nothing but stable Rust, or libFuzzer where clang and a nightly compiler are at hand:
//!
//! ```ignore
//! libfuzzer_sys::fuzz_target!(|data: &[u8]| { throughline_fuzz::headers::jaeger(data); });
//! ```
//!
//! A target answers with a number that says what kind of thing happened. The runner keeps inputs that make something
//! happen that it has not seen.

pub mod file;
pub mod headers;
pub mod mutate;
pub mod variables;

/// A parser under attack.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// What `cargo xtask fuzz` calls it.
    pub name: &'static str,
    /// Panics when something is wrong. Answers with what kind of thing happened.
    pub run: fn(&[u8]) -> u64,
    /// Where mutation starts: one valid input of each kind.
    pub seeds: &'static [&'static [u8]],
    /// Pieces that have a meaning.
    pub words: &'static [&'static [u8]],
}

/// Inputs are this long at most: as much as servers let through in all headers together.
pub const INPUT_BYTES_MAX: usize = 64 << 10;

/// Every target.
pub fn targets() -> impl Iterator<Item = &'static Target> {
    headers::TARGETS.iter().chain(file::TARGETS).chain(variables::TARGETS)
}
