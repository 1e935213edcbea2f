//! The clock of the guards: when what they measure began.

use std::time::Instant;

/// Now, on a clock that nobody sets.
#[expect(clippy::disallowed_methods, reason = "how long it took is told by the monotonic clock alone")]
pub(crate) fn now() -> Instant {
    Instant::now()
}
