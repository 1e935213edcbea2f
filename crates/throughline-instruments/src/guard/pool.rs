//! Pools: of connections, mostly. How many were made, how many were used again, and how long one waited.
//!
//! A pool that has what is asked for hands it out; otherwise it makes one, or lets wait:
//!
//! ```
//! use throughline_instruments::guard::Pool;
//! use throughline_metrics::{MeterProvider, testing::Snapshot};
//!
//! let provider = MeterProvider::default();
//! let pool = Pool::new(&provider.meter("shop"), "database");
//!
//! let lease = pool.wait().created(); // there was none idle
//! lease.give_back();
//! let lease = pool.wait().reused();
//! drop(lease); // broken: it does not come back
//! ```

use std::sync::Arc;

use throughline_macros::{AttributeValue, Attributes, MetricSet};
use throughline_metrics::{
    BoundCounter, BoundUpDownCounter, Counter, Histogram, Meter, MetricSet as _, UpDownCounter,
};

use super::{Classify, End, Guard, Outcome, Scope};

/// What is recorded of pools.
#[derive(Clone, Debug, MetricSet)]
#[metric(crate = throughline_metrics)]
#[expect(clippy::exhaustive_structs, reason = "plain instruments: other names are put in their places")]
pub struct PoolMetrics {
    /// Connections that were made.
    #[metric(name = "pool.connections.created", unit = "{connection}")]
    pub created: Counter<u64, OfPool<'static>>,
    /// How often a connection was used again.
    #[metric(name = "pool.connections.reused", unit = "{use}")]
    pub reused: Counter<u64, OfPool<'static>>,
    /// Connections that wait to be used.
    #[metric(name = "pool.connections.idle", unit = "{connection}")]
    pub idle: UpDownCounter<i64, OfPool<'static>>,
    /// Connections in use.
    #[metric(name = "pool.connections.active", unit = "{connection}")]
    pub active: UpDownCounter<i64, OfPool<'static>>,
    /// How long it took to get a connection.
    #[metric(name = "pool.wait.duration", unit = "s")]
    pub wait: Histogram<f64, Waited<'static>>,
}

/// Which pool.
#[derive(Clone, Copy, Debug, Attributes)]
#[attribute(crate = throughline_core)]
#[expect(clippy::exhaustive_structs, reason = "plain data, recorded by whoever has the instrument")]
pub struct OfPool<'a> {
    /// Its name.
    pub pool: &'a str,
}

/// Which pool, and what came of the waiting.
#[derive(Clone, Copy, Debug, Attributes)]
#[attribute(crate = throughline_core)]
#[expect(clippy::exhaustive_structs, reason = "plain data, recorded by whoever has the instrument")]
pub struct Waited<'a> {
    /// Its name.
    pub pool: &'a str,
    /// What came of it.
    pub status: Got,
}

/// What came of waiting for a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, AttributeValue)]
#[attribute(crate = throughline_core)]
#[non_exhaustive]
pub enum Got {
    /// A new one.
    Created,
    /// One that was used before.
    Reused,
    /// None: making one failed.
    Error,
    /// None: nobody waits any more.
    Cancelled,
    /// None: by a panic.
    Panicked,
}

/// One pool. Clones record in the same series.
#[derive(Clone, Debug)]
pub struct Pool(Arc<Bound>);

#[derive(Debug)]
struct Bound {
    name: String,
    created: BoundCounter<u64>,
    reused: BoundCounter<u64>,
    idle: BoundUpDownCounter<i64>,
    active: BoundUpDownCounter<i64>,
    wait: Histogram<f64, Waited<'static>>,
}

impl Pool {
    /// Under the names of this kit. `name` tells the pools of a program apart.
    pub fn new(meter: &Meter, name: &str) -> Self {
        Self::with_metrics(&PoolMetrics::new(meter), name)
    }

    /// Recorded on these instruments.
    pub fn with_metrics(metrics: &PoolMetrics, name: &str) -> Self {
        let of = OfPool { pool: name };
        Self(Arc::new(Bound {
            created: metrics.created.bind(&of),
            reused: metrics.reused.bind(&of),
            idle: metrics.idle.bind(&of),
            active: metrics.active.bind(&of),
            wait: metrics.wait.clone(),
            name: name.to_owned(),
        }))
    }

    /// Somebody wants a connection.
    pub fn wait(&self) -> Wait {
        Wait(Guard::begin(Waiting { pool: self.clone(), was_idle: false }))
    }

    /// An idle connection was closed.
    pub fn remove_idle(&self) {
        self.0.idle.add(-1);
    }
}

/// Somebody who wants a connection. Dropped before there is one: cancelled.
#[derive(Debug)]
#[must_use = "nobody waits any more when this is dropped"]
pub struct Wait(Guard<Waiting>);

impl Wait {
    /// One was made.
    pub fn created(self) -> Lease {
        let pool = self.0.scope().pool.clone();
        pool.0.created.add(1);
        self.0.ok();
        Lease::new(pool)
    }

    /// One that was idle is used again.
    pub fn reused(mut self) -> Lease {
        let waiting = self.0.scope_mut();
        waiting.was_idle = true;
        let pool = waiting.pool.clone();
        pool.0.idle.add(-1);
        pool.0.reused.add(1);
        self.0.ok();
        Lease::new(pool)
    }

    /// None could be made.
    pub fn fail<E: Classify + ?Sized>(self, error: &E) {
        self.0.fail(error);
    }
}

#[derive(Debug)]
struct Waiting {
    pool: Pool,
    was_idle: bool,
}

impl Scope for Waiting {
    fn end(&mut self, end: End) {
        let status = match end.outcome {
            Outcome::Ok if self.was_idle => Got::Reused,
            Outcome::Ok => Got::Created,
            Outcome::Error => Got::Error,
            Outcome::Cancelled => Got::Cancelled,
            Outcome::Panicked => Got::Panicked,
        };
        let Bound { wait, name, .. } = &*self.pool.0;
        wait.record(end.seconds(), &Waited { pool: name, status });
    }
}

/// A connection in use. Dropped without [`give_back`](Self::give_back), it is gone.
#[derive(Debug)]
#[must_use = "the connection is no longer in use when this is dropped"]
pub struct Lease {
    pool: Pool,
}

impl Lease {
    fn new(pool: Pool) -> Self {
        pool.0.active.add(1);
        Self { pool }
    }

    /// It can be used again.
    pub fn give_back(self) {
        self.pool.0.idle.add(1);
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.pool.0.active.add(-1);
    }
}
