//! Timers in statics: histograms of how long something took, in a unit that is part of the name.
//!
//! [`declare_static_timer!`](crate::declare_static_timer) makes one. Like other instruments in statics (`statics.rs`), it
//! records from the moment a provider is installed. New code says its unit beside the name, and counts in seconds
//! ([`declare_static_histogram!`](crate::declare_static_histogram)); timers are for names that exist.

use std::time::{Duration, Instant};

use throughline_core::{KeyValue, MetricDef};

use crate::instrument::histogram::Histogram;
use crate::statics::Static;

/// What a timer counts in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TimeUnit {
    /// Thousandths of a second.
    Millis,
    /// Millionths.
    Micros,
    /// Billionths.
    Nanos,
}

impl TimeUnit {
    /// As UCUM writes it, which is also the end of the timer's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Millis => "ms",
            Self::Micros => "us",
            Self::Nanos => "ns",
        }
    }

    /// Whole units; what is beyond the largest number is that number.
    fn count(self, duration: Duration) -> u64 {
        let count = match self {
            Self::Millis => duration.as_millis(),
            Self::Micros => duration.as_micros(),
            Self::Nanos => duration.as_nanos(),
        };
        u64::try_from(count).unwrap_or(u64::MAX)
    }
}

/// A timer in a static; made by [`declare_static_timer!`](crate::declare_static_timer).
#[derive(Debug)]
pub struct StaticTimer {
    unit: TimeUnit,
    histogram: Static<Histogram<u64>>,
}

impl StaticTimer {
    #[doc(hidden)]
    pub const fn new(scope: &'static str, def: MetricDef, unit: TimeUnit) -> Self {
        Self { unit, histogram: Static::new(scope, def) }
    }

    /// Measures from now until the guard is dropped.
    #[expect(clippy::disallowed_methods, reason = "durations need an instant, which is no time of day")]
    pub fn start<'a>(&'static self, attributes: &'a [KeyValue]) -> TimerGuard<'a> {
        TimerGuard { timer: self, attributes, started: Instant::now() }
    }

    /// Records how long something took.
    pub fn record(&self, duration: Duration, attributes: &[KeyValue]) {
        self.histogram.record(self.unit.count(duration), attributes);
    }

    /// The definition.
    pub const fn definition(&self) -> &MetricDef {
        self.histogram.definition()
    }
}

/// Records in a timer when it is dropped, whatever path is taken.
#[derive(Debug)]
#[must_use = "the time is over as soon as this is dropped"]
pub struct TimerGuard<'a> {
    timer: &'static StaticTimer,
    attributes: &'a [KeyValue],
    started: Instant,
}

impl Drop for TimerGuard<'_> {
    fn drop(&mut self) {
        self.timer.record(self.started.elapsed(), self.attributes);
    }
}

/// Declares a timer in a static: a histogram (`u64`) whose name ends with the unit.
///
/// ```
/// use throughline_metrics::{TimeUnit, declare_static_timer, kv_pairs};
///
/// declare_static_timer!(PROCESSING, "request_processing_time", TimeUnit::Millis);
///
/// {
///     let attributes = kv_pairs!("endpoint" => "/api/users", "method" => "GET");
///     let _time = PROCESSING.start(attributes);
///     // do something expensive
/// }
/// assert_eq!(PROCESSING.definition().name, "request_processing_time.ms");
/// ```
#[macro_export]
macro_rules! declare_static_timer {
    ($(#[$meta:meta])* $vis:vis $name:ident, $key:literal, $unit:path $(,)?) => {
        $(#[$meta])*
        $vis static $name: $crate::StaticTimer = {
            const UNIT: $crate::TimeUnit = $unit;
            const DEF: $crate::core::MetricDef = $crate::core::MetricDef::new(
                match UNIT {
                    $crate::TimeUnit::Micros => concat!($key, ".us"),
                    $crate::TimeUnit::Nanos => concat!($key, ".ns"),
                    _ => concat!($key, ".ms"),
                },
                $crate::core::InstrumentKind::Histogram,
                $crate::core::NumberKind::U64,
            )
            .with_unit(UNIT.as_str());
            const SCOPE: &str = env!("CARGO_PKG_NAME");
            $crate::statics::inventory::submit! { $crate::statics::Declared { scope: SCOPE, def: DEF } }
            $crate::StaticTimer::new(SCOPE, DEF, UNIT)
        };
    };
}
