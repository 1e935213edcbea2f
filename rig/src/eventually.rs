//! Waiting for something without a fixed sleep.

use std::fmt::Display;
use std::thread;
use std::time::{Duration, Instant};

/// How long tests wait for what takes a server a second or two.
///
/// Far above what is ever needed on an idle machine, because builds and other
/// tests share the processors; a passing test never waits for it.
pub const DEADLINE: Duration = Duration::from_secs(30);

/// The pause between two looks: short against a server's start, long against a request.
pub(crate) const INTERVAL: Duration = Duration::from_millis(20);

/// Asks `look` again and again until it gives something.
///
/// # Panics
///
/// After `deadline`, with `what` and the caller's location.
///
/// ```
/// use throughline_rig::{DEADLINE, eventually};
///
/// let mut looks = 0;
/// let third = eventually(DEADLINE, "a third look", || {
///     looks += 1;
///     (looks == 3).then_some(looks)
/// });
/// assert_eq!(third, 3);
/// ```
#[track_caller]
pub fn eventually<T>(deadline: Duration, what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    eventually_ok(deadline, what, || look().ok_or(""))
}

/// As [`eventually`], for a look that says why there is nothing.
///
/// # Panics
///
/// After `deadline`, with the last reason.
#[track_caller]
pub fn eventually_ok<T, E: Display>(
    deadline: Duration,
    what: &str,
    mut look: impl FnMut() -> Result<T, E>,
) -> T {
    let started = Instant::now();
    let mut looks = 0;
    loop {
        let reason = match look() {
            Ok(found) => return found,
            Err(reason) => reason,
        };
        looks += 1;
        let waited = started.elapsed().as_secs_f64();
        assert!(
            waited < deadline.as_secs_f64(),
            "still no {what} after {waited:.1} s ({looks} looks) {reason}"
        );
        thread::sleep(INTERVAL);
    }
}
