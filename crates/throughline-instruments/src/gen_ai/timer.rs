//! The clock that durations come from.

use std::time::Instant;

/// Now, on a clock that nobody sets.
#[expect(
    clippy::disallowed_methods,
    reason = "durations are of the monotonic clock, which is no time of day"
)]
pub(super) fn now() -> Instant {
    Instant::now()
}
