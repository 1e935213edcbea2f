//! Waiting for something without a fixed sleep.

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
    let started = Instant::now();
    let mut looks = 0;
    loop {
        if let Some(found) = look() {
            return found;
        }
        looks += 1;
        let waited = started.elapsed();
        assert!(waited < deadline, "still no {what} after {:.1} s ({looks} looks)", waited.as_secs_f64());
        thread::sleep(INTERVAL);
    }
}
