//! So many traces per second: a token bucket that holds one second's worth.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use throughline_core::Clock;

/// Nanoseconds in a second.
const SECOND: f64 = 1e9;

/// A token bucket in one atomic: the time at which it was, or will be, empty.
#[derive(Debug)]
pub(super) struct RateLimited {
    per_second: f64,
    /// Nanoseconds between two traces; `None` when there are to be none.
    interval: Option<u64>,
    /// Nanoseconds of tokens that the bucket holds.
    burst: u64,
    /// The time up to which tokens are used.
    used_until: AtomicU64,
    clock: Arc<dyn Clock>,
}

impl RateLimited {
    pub(super) fn new(per_second: f64, clock: Arc<dyn Clock>) -> Self {
        let interval = (per_second > 0.0).then(|| ((SECOND / per_second) as u64).max(1));
        let burst = interval.map_or(0, |interval| interval.max(SECOND as u64));
        Self { per_second, interval, burst, used_until: AtomicU64::new(0), clock }
    }

    /// Takes a token, if there is one.
    pub(super) fn take(&self) -> bool {
        let Some(interval) = self.interval else { return false };
        let now = self.clock.now().as_nanos();
        let taken = self.used_until.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |used| {
            let next = used.max(now.saturating_sub(self.burst)).saturating_add(interval);
            (next <= now).then_some(next)
        });
        taken.is_ok()
    }
}

impl fmt::Display for RateLimited {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RateLimited{{{}}}", self.per_second)
    }
}
