//! Stream processors: events, windows, aggregation, watermarks, state, and the messages that carry them.
//!
//! [`StreamMetrics`] has a set of instruments for each of these, named `processor.*`; what is counted by a guard is counted
//! once, whichever way the code leaves: by `return`, by `?`, by a panic, or because its future was dropped.
//! [`Messaging`] is for both ends of a queue or log: spans of kind producer and consumer, the context in the headers of the
//! message, and the metrics of OpenTelemetry's messaging conventions. Durations are in seconds.
//!
//! ```
//! use throughline_instruments::stream::{DropReason, StreamMetrics, WindowType};
//! use throughline_metrics::MeterProvider;
//!
//! let stream = StreamMetrics::new(&MeterProvider::default().meter("processor"));
//!
//! let event = stream.events.start();
//! match "41".parse::<u64>() {
//!     Ok(_value) => event.with_type("reading").succeed(),
//!     Err(_) => event.discard(DropReason::Invalid),
//! }
//!
//! let window = stream.windows.open(WindowType::Tumbling); // counted as active
//! window.trigger(1); // … until here
//! ```

mod aggregation;
mod deduplication;
mod event;
mod messaging;
mod operator;
mod state;
mod watermark;
mod window;

use throughline_metrics::{Meter, MetricSet as _};

use crate::Kit;

pub use aggregation::{Aggregating, AggregationMetrics, AggregationType, ByAggregation};
pub use deduplication::DeduplicationMetrics;
pub use event::{ByDrop, ByEvent, DropReason, EventMetrics, Processing};
pub use messaging::{ByGroup, ByMessage, Handling, MessageOperation, Messaging, MessagingMetrics, Sending};
pub use operator::{ByOperator, OperatorMetrics, Running};
pub use state::{ByBackend, ByLayer, ByOperation, Operating, Operation, StateBackend, StateMetrics};
pub use watermark::{ByPartition, WatermarkMetrics};
pub use window::{ByWindow, OpenWindow, WindowMetrics, WindowType};

/// What this kit records.
pub const KIT: Kit = Kit::new(
    "stream",
    "Stream processing",
    &[
        EventMetrics::DEFINITIONS,
        OperatorMetrics::DEFINITIONS,
        WindowMetrics::DEFINITIONS,
        AggregationMetrics::DEFINITIONS,
        WatermarkMetrics::DEFINITIONS,
        StateMetrics::DEFINITIONS,
        DeduplicationMetrics::DEFINITIONS,
        MessagingMetrics::DEFINITIONS,
    ],
);

/// The instruments of a stream processor, a set for each part of it; those of messages are in [`Messaging`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct StreamMetrics {
    /// Events on their way through.
    pub events: EventMetrics,
    /// The steps that events take.
    pub operators: OperatorMetrics,
    /// Windows that are open, and that were triggered.
    pub windows: WindowMetrics,
    /// What is computed when a window is triggered.
    pub aggregations: AggregationMetrics,
    /// How far time has come.
    pub watermarks: WatermarkMetrics,
    /// Where windows are kept.
    pub state: StateMetrics,
    /// Events that came before.
    pub deduplication: DeduplicationMetrics,
}

impl StreamMetrics {
    /// Makes all instruments. Takes locks and allocates: keep it.
    pub fn new(meter: &Meter) -> Self {
        Self {
            events: EventMetrics::new(meter),
            operators: OperatorMetrics::new(meter),
            windows: WindowMetrics::new(meter),
            aggregations: AggregationMetrics::new(meter),
            watermarks: WatermarkMetrics::new(meter),
            state: StateMetrics::new(meter),
            deduplication: DeduplicationMetrics::new(meter),
        }
    }
}

#[cfg(test)]
mod tests;
