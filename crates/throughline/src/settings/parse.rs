//! Readers of values that many settings share. Each error says what would be right.

use std::fmt;
use std::time::Duration;

/// Reads a number of things, of which there must be one.
pub(crate) fn count(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(count) if count > 0 => Ok(count),
        _ => Err("is no count; write a whole number above zero".to_owned()),
    }
}

/// Reads a limit, which can be zero.
#[cfg_attr(not(feature = "tracing"), expect(dead_code, reason = "nothing is limited"))]
pub(crate) fn limit(text: &str) -> Result<u32, String> {
    text.parse().map_err(|_not_a_number| "is no limit; write a whole number, 0 or more".to_owned())
}

/// Reads a time that is not zero: bare numbers are milliseconds, as the specification has it.
pub(crate) fn time(text: &str) -> Result<Shown, String> {
    let duration = match text.parse() {
        Ok(milliseconds) => Ok(Duration::from_millis(milliseconds)),
        Err(_) => humantime::parse_duration(text),
    };
    match duration {
        Ok(duration) if duration.is_zero() => Err("is no time at all; write milliseconds, or 15s".to_owned()),
        Ok(duration) => Ok(Shown(duration)),
        Err(_) => {
            Err("is no time; write milliseconds (`15000`) or a number with its unit (`15s`)".to_owned())
        }
    }
}

/// A duration as a person writes it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shown(pub(crate) Duration);

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        humantime::format_duration(self.0).fmt(f)
    }
}
