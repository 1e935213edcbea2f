//! Sessions: what outlives connections, is watched by heartbeats, and evicted when nobody uses it.

use std::sync::Arc;

use throughline_macros::{AttributeValue, Attributes, MetricSet};
use throughline_metrics::{Counter, Histogram, Meter, MetricSet as _, UpDownCounter};

use super::{Classify, Closed, Closing, End, Guard, LIFETIMES, Scope};

/// What is recorded of sessions.
#[derive(Clone, Debug, MetricSet)]
#[metric(crate = throughline_metrics)]
#[expect(clippy::exhaustive_structs, reason = "plain instruments: other names are put in their places")]
pub struct SessionMetrics {
    /// Sessions that were created.
    #[metric(name = "sessions.created", unit = "{session}")]
    pub created: Counter<u64>,
    /// Sessions that there are.
    #[metric(name = "sessions.active", unit = "{session}")]
    pub active: UpDownCounter<i64>,
    /// Sessions that the service ended.
    #[metric(name = "sessions.evicted", unit = "{session}")]
    pub evicted: Counter<u64, Evicted>,
    /// How long sessions lasted.
    #[metric(name = "session.duration", unit = "s", bounds = LIFETIMES)]
    pub duration: Histogram<f64, Closed>,
    /// How often somebody looked whether a session's other end is alive.
    #[metric(name = "session.heartbeat_checks", unit = "{check}")]
    pub heartbeat_checks: Counter<u64>,
    /// How often it was not.
    #[metric(name = "session.dead_detected", unit = "{session}")]
    pub dead_detected: Counter<u64>,
}

/// Why a session was evicted.
#[derive(Clone, Copy, Debug, Attributes)]
#[attribute(crate = throughline_core)]
#[expect(clippy::exhaustive_structs, reason = "plain data, recorded by whoever has the instrument")]
pub struct Evicted {
    /// In one word.
    pub reason: Eviction,
}

/// Why a session was evicted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, AttributeValue)]
#[attribute(crate = throughline_core)]
#[non_exhaustive]
pub enum Eviction {
    /// Nobody used it for too long.
    Idle,
    /// Its other end did not answer.
    Dead,
    /// There were too many, or memory was short.
    Pressure,
    /// The service ends.
    Shutdown,
}

/// The sessions of a service. Clones record in the same series.
#[derive(Clone, Debug)]
pub struct Sessions(Arc<SessionMetrics>);

impl From<SessionMetrics> for Sessions {
    fn from(metrics: SessionMetrics) -> Self {
        Self(Arc::new(metrics))
    }
}

impl Sessions {
    /// Under the names of this kit.
    pub fn new(meter: &Meter) -> Self {
        SessionMetrics::new(meter).into()
    }

    /// A session was created. To be kept with it.
    pub fn create(&self) -> Session {
        Session(Guard::begin(Living { metrics: Arc::clone(&self.0), evicted: None }))
    }
}

/// A session. Ends when dropped.
#[derive(Debug)]
#[must_use = "the session ends when this is dropped"]
pub struct Session(Guard<Living>);

impl Session {
    /// Somebody looked whether its other end is alive.
    pub fn heartbeat(&self, is_alive: bool) {
        let metrics = &self.0.scope().metrics;
        metrics.heartbeat_checks.add(1, &[]);
        if !is_alive {
            metrics.dead_detected.add(1, &[]);
        }
    }

    /// Ends it: its other end closed it.
    pub fn close(self) {
        self.0.ok();
    }

    /// Ends it: the service had reason to.
    pub fn evict(mut self, reason: Eviction) {
        self.0.scope_mut().evicted = Some(reason);
    }

    /// Ends it with this error.
    pub fn fail<E: Classify + ?Sized>(self, error: &E) {
        self.0.fail(error);
    }
}

#[derive(Debug)]
struct Living {
    metrics: Arc<SessionMetrics>,
    evicted: Option<Eviction>,
}

impl Scope for Living {
    fn begin(&mut self) {
        self.metrics.created.add(1, &[]);
        self.metrics.active.add(1, &[]);
    }

    fn end(&mut self, end: End) {
        self.metrics.active.add(-1, &[]);
        let status = match self.evicted {
            Some(reason) => {
                self.metrics.evicted.add(1, &Evicted { reason });
                Closing::Evicted
            }
            None => end.outcome.into(),
        };
        self.metrics.duration.record(end.seconds(), &Closed { status });
    }
}
