//! Event time: milliseconds since the Unix epoch.

use throughline::core::{Clock as _, SystemClock};

/// The time of day.
pub(crate) fn now() -> u64 {
    SystemClock.now().as_nanos() / 1_000_000
}

/// From one to the other, in seconds; zero when the second is earlier.
pub(crate) fn seconds_between(earlier: u64, later: u64) -> f64 {
    later.saturating_sub(earlier) as f64 / 1000.0
}
