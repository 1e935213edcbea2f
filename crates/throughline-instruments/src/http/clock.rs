//! How long a request takes.

use std::sync::Arc;

use throughline_core::Clock;

/// Where durations come from.
#[derive(Debug)]
pub(crate) enum Stopwatch {
    /// The processor's counter.
    Counter(quanta::Clock),
    /// A clock that was passed in; if it goes back, requests take no time.
    Given(Arc<dyn Clock>),
}

/// A reading of a [`Stopwatch`], to measure from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment(u64);

impl Default for Stopwatch {
    fn default() -> Self {
        Self::Counter(quanta::Clock::new())
    }
}

impl Stopwatch {
    #[inline]
    pub(crate) fn start(&self) -> Moment {
        match self {
            Self::Counter(clock) => Moment(clock.raw()),
            Self::Given(clock) => Moment(clock.now().as_nanos()),
        }
    }

    /// Seconds since then.
    #[inline]
    pub(crate) fn seconds_since(&self, Moment(start): Moment) -> f64 {
        let nanos = match self {
            Self::Counter(clock) => clock.delta_as_nanos(start, clock.raw()),
            Self::Given(clock) => clock.now().as_nanos().saturating_sub(start),
        };
        nanos as f64 / 1e9
    }
}
