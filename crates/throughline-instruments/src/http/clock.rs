//! How long a request takes.

use std::sync::Arc;
use std::time::Duration;

use throughline_core::Clock;

use super::tracing::Traced;

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
    /// Begins to measure; `None` when the span of what is measured does that already, by the same counter.
    #[inline]
    pub(crate) fn start(&self, traced: Option<&Traced>) -> Option<Moment> {
        match self {
            Self::Counter(_) if traced.is_some_and(|traced| traced.span.is_recording()) => None,
            Self::Counter(clock) => Some(Moment(clock.raw())),
            Self::Given(clock) => Some(Moment(clock.now().as_nanos())),
        }
    }

    /// Seconds since then, or those that the span took.
    #[inline]
    pub(crate) fn seconds(&self, start: Option<Moment>, span: Option<Duration>) -> f64 {
        let Some(Moment(start)) = start else { return span.unwrap_or_default().as_secs_f64() };
        let nanos = match self {
            Self::Counter(clock) => clock.delta_as_nanos(start, clock.raw()),
            Self::Given(clock) => clock.now().as_nanos().saturating_sub(start),
        };
        nanos as f64 / 1e9
    }
}
