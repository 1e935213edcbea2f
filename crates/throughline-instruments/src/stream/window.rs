//! Windows: those that are open, and what became of the others.
//!
//! At any time, windows created = triggered + discarded + active.

use throughline_macros::{AttributeValue, Attributes, MetricSet};
use throughline_metrics::{Counter, Histogram, UpDownCounter};

/// The instruments of windows.
#[derive(Clone, Debug, MetricSet)]
#[metric(crate = throughline_metrics)]
#[non_exhaustive]
pub struct WindowMetrics {
    /// Windows that were opened.
    #[metric(name = "processor.windows.created", unit = "{window}")]
    pub created: Counter<u64, ByWindow>,
    /// Windows that were triggered: their time was over, and their result was computed.
    #[metric(name = "processor.window.triggers", unit = "{window}")]
    pub triggers: Counter<u64, ByWindow>,
    /// Windows that were given up without a result.
    #[metric(name = "processor.windows.discarded", unit = "{window}")]
    pub discarded: Counter<u64, ByWindow>,
    /// Windows that are open.
    #[metric(name = "processor.windows.active", unit = "{window}")]
    pub active: UpDownCounter<i64, ByWindow>,
    /// How many events a window had when it was triggered.
    #[metric(name = "processor.window.size.events", bounds = SIZES)]
    pub size: Histogram<u64, ByWindow>,
}

/// Powers of two up to 8192, and nothing in between: sizes are compared by their order of magnitude.
const SIZES: &[f64] =
    &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0, 2048.0, 4096.0, 8192.0];

/// What a window is counted by.
#[derive(Clone, Copy, Debug, Attributes)]
#[attribute(crate = throughline_core)]
#[expect(clippy::exhaustive_structs, reason = "a set of attributes, written out where it is recorded")]
pub struct ByWindow {
    /// How it was cut.
    #[attribute(key = "window.type")]
    pub window_type: WindowType,
}

/// How windows are cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, AttributeValue)]
#[attribute(crate = throughline_core)]
#[non_exhaustive]
pub enum WindowType {
    /// One after the other.
    Tumbling,
    /// Overlapping: each event is in several.
    Sliding,
    /// For as long as events come.
    Session,
    /// One for all time.
    Global,
}

impl WindowMetrics {
    /// A window that is open until it is triggered, or dropped. The handle owns what it records in, so that it can be kept
    /// beside the window.
    pub fn open(&self, window_type: WindowType) -> OpenWindow {
        let window = ByWindow { window_type };
        self.created.add(1, &window);
        self.active.add(1, &window);
        OpenWindow { metrics: self.clone(), window, size: None }
    }
}

/// A window that is open. Dropped without having been triggered, it is counted as discarded.
#[derive(Debug)]
#[must_use = "a window is closed as soon as this is dropped"]
pub struct OpenWindow {
    metrics: WindowMetrics,
    window: ByWindow,
    /// Set once it was triggered.
    size: Option<u64>,
}

impl OpenWindow {
    /// Its time is over; it has so many events.
    pub fn trigger(mut self, events: u64) {
        self.size = Some(events);
    }
}

impl Drop for OpenWindow {
    fn drop(&mut self) {
        let Self { metrics, window, size } = self;
        metrics.active.add(-1, window);
        match *size {
            Some(size) => {
                metrics.triggers.add(1, window);
                metrics.size.record(size, window);
            }
            None => metrics.discarded.add(1, window),
        }
    }
}
