//! When spans start and end.
//!
//! A span needs two readings, so they are taken from the processor's time stamp counter where it is steady (`quanta`
//! finds out, and falls back to the system's monotonic clock). Wall-clock time is that plus an offset, which the reader
//! looks at every time it drains: so a step of the system's clock reaches spans that start after the next drain,
//! and never one that is open. A span's end is its start plus what went by on the monotonic clock, so it cannot end
//! before it started.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use throughline_core::{Clock, SystemClock, Timestamp};

/// A reading at the start of a span.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Moment {
    /// Nanoseconds since the Unix epoch.
    pub(crate) nanos: u64,
    /// The counter, to measure from.
    raw: u64,
}

/// Where spans get their times.
#[derive(Debug)]
pub(crate) enum SpanClock {
    Counter(Counter),
    /// A clock that was passed in; if it goes back, spans take no time.
    Given(Arc<dyn Clock>),
}

/// The time stamp counter, related to the time of day.
#[derive(Debug)]
pub(crate) struct Counter {
    clock: quanta::Clock,
    /// Nanoseconds since the Unix epoch when the counter's clock showed zero. It may be before the epoch: wraps.
    offset: AtomicU64,
}

impl SpanClock {
    /// The system's time. The first call in a process compares the counter with the system's clock, which takes some
    /// milliseconds, and 200 at most.
    pub(crate) fn system() -> Self {
        let clock = Self::Counter(Counter { clock: quanta::Clock::new(), offset: AtomicU64::new(0) });
        clock.anchor();
        clock
    }

    #[inline]
    pub(crate) fn start(&self) -> Moment {
        match self {
            Self::Counter(counter) => {
                let raw = counter.clock.raw();
                Moment { nanos: counter.wall(raw), raw }
            }
            Self::Given(clock) => Moment { nanos: clock.now().as_nanos(), raw: 0 },
        }
    }

    /// Now, in nanoseconds since the Unix epoch, as a span sees it that started then.
    #[inline]
    pub(crate) fn since(&self, start: Moment) -> u64 {
        match self {
            Self::Counter(counter) => {
                start.nanos + counter.clock.delta_as_nanos(start.raw, counter.clock.raw())
            }
            Self::Given(clock) => clock.now().as_nanos().max(start.nanos),
        }
    }

    /// The time of day.
    pub(crate) fn now(&self) -> Timestamp {
        Timestamp::from_nanos(self.start().nanos)
    }

    /// Takes over the system's time of day, if that has moved away.
    pub(crate) fn anchor(&self) {
        let Self::Counter(counter) = self else { return };
        let offset = counter.measured();
        let before = counter.offset.load(Ordering::Relaxed);
        let moved = offset.wrapping_sub(before) as i64;
        if moved.unsigned_abs() > TOLERANCE.as_nanos() as u64 {
            counter.offset.store(offset, Ordering::Relaxed);
        }
    }
}

/// How far the counter may be from the time of day before it follows: far above what measuring the distance costs, so
/// that spans of a program do not jump about.
const TOLERANCE: Duration = Duration::from_millis(1);
/// How often the distance is measured, the quickest measurement counting: the thread may be stopped in the midst of one.
const ATTEMPTS: usize = 3;

impl Counter {
    /// What the offset should be.
    fn measured(&self) -> u64 {
        let attempts = (0..ATTEMPTS).map(|_| {
            let before = self.clock.delta_as_nanos(0, self.clock.raw());
            let wall = SystemClock.now().as_nanos();
            let after = self.clock.delta_as_nanos(0, self.clock.raw());
            (after.saturating_sub(before), wall.wrapping_sub(before))
        });
        attempts.min().map_or(0, |(_, offset)| offset)
    }

    #[inline]
    fn wall(&self, raw: u64) -> u64 {
        self.clock.delta_as_nanos(0, raw).wrapping_add(self.offset.load(Ordering::Relaxed))
    }
}
