//! Connections: opened, open now, how long they lasted, and what broke them.

use std::sync::Arc;

use throughline_macros::{AttributeValue, Attributes, MetricSet};
use throughline_metrics::{Counter, Histogram, Meter, MetricSet as _, UpDownCounter};

use super::{End, ErrorType, Guard, LIFETIMES, Outcome, Scope};

/// What is recorded of connections.
#[derive(Clone, Debug, MetricSet)]
#[metric(crate = throughline_metrics)]
#[expect(clippy::exhaustive_structs, reason = "plain instruments: other names are put in their places")]
pub struct ConnectionMetrics {
    /// Connections that were opened.
    #[metric(name = "connections.total", unit = "{connection}")]
    pub total: Counter<u64>,
    /// Connections that are open.
    #[metric(name = "connections.active", unit = "{connection}")]
    pub active: UpDownCounter<i64>,
    /// How long connections were open.
    #[metric(name = "connection.duration", unit = "s", bounds = LIFETIMES)]
    pub duration: Histogram<f64, Closed>,
    /// Connections that ended with an error.
    #[metric(name = "connection.errors", unit = "{error}")]
    pub errors: Counter<u64, ErrorType>,
}

/// How a connection or session ended.
#[derive(Clone, Copy, Debug, Attributes)]
#[attribute(crate = throughline_core)]
#[expect(clippy::exhaustive_structs, reason = "plain data, recorded by whoever has the instrument")]
pub struct Closed {
    /// In one word.
    pub status: Closing,
}

/// How a connection or session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, AttributeValue)]
#[attribute(crate = throughline_core)]
#[non_exhaustive]
pub enum Closing {
    /// Well.
    Closed,
    /// With an error.
    Error,
    /// Nobody said how.
    Cancelled,
    /// By a panic.
    Panicked,
    /// The service ended it (sessions).
    Evicted,
}

impl From<Outcome> for Closing {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Ok => Self::Closed,
            Outcome::Error => Self::Error,
            Outcome::Cancelled => Self::Cancelled,
            Outcome::Panicked => Self::Panicked,
        }
    }
}

/// The connections of a service. Clones record in the same series.
#[derive(Clone, Debug)]
pub struct Connections(Arc<ConnectionMetrics>);

impl From<ConnectionMetrics> for Connections {
    fn from(metrics: ConnectionMetrics) -> Self {
        Self(Arc::new(metrics))
    }
}

impl Connections {
    /// Under the names of this kit.
    pub fn new(meter: &Meter) -> Self {
        ConnectionMetrics::new(meter).into()
    }

    /// A connection was opened; it is open as long as the guard lives. Costs one atomic increment beside the recording,
    /// so that the guard can go wherever the connection goes.
    pub fn open(&self) -> Guard<Self> {
        Guard::begin(self.clone())
    }
}

impl Scope for Connections {
    fn begin(&mut self) {
        self.0.total.add(1, &[]);
        self.0.active.add(1, &[]);
    }

    fn end(&mut self, end: End) {
        self.0.active.add(-1, &[]);
        self.0.duration.record(end.seconds(), &Closed { status: end.outcome.into() });
        if let Some(error_type) = end.error_type {
            self.0.errors.add(1, &ErrorType { error_type });
        }
    }
}
