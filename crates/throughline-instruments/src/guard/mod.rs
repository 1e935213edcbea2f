//! Guards of general use: they record when they are dropped, whatever path the code takes.
//!
//! There is one mechanism, [`Guard`]: something begins, and ends when its guard is dropped. How it ended is what the code
//! said ([`ok`](Guard::ok), [`fail`](Guard::fail), [`finish`](Guard::finish)); a guard that is dropped without a word was
//! [cancelled](Outcome::Cancelled), or [panicked](Outcome::Panicked) when its thread unwinds. What is recorded then is
//! said by a [`Scope`], and there are five: [`Connections`], [`Sessions`], [`Requests`], [`Interceptors`] and [`Pool`].
//!
//! Their instruments are structs of public fields. `ConnectionMetrics::new(&meter)` makes them under the names of this
//! kit; a kit or an application with names of its own puts its own instruments in their places:
//!
//! ```
//! use throughline_instruments::guard::{ConnectionMetrics, Connections};
//! use throughline_metrics::{MeterProvider, MetricSet as _, testing::Snapshot};
//!
//! let provider = MeterProvider::default();
//! let meter = provider.meter("shop");
//! let total = meter.u64_counter("shop.visitors").build();
//! let connections = Connections::from(ConnectionMetrics { total, ..ConnectionMetrics::new(&meter) });
//!
//! fn serve(connections: &Connections, line: &str) -> Result<u32, std::num::ParseIntError> {
//!     let connection = connections.open();
//!     let result = line.parse();
//!     connection.finish(&result); // without this, the connection was cancelled
//!     result
//! }
//! assert!(serve(&connections, "seven").is_err());
//!
//! let snapshot = Snapshot::of(&provider);
//! assert_eq!(snapshot.sum("shop.visitors", &()), 1.0);
//! assert_eq!(snapshot.sum("connections.active", &()), 0.0);
//! ```
//!
//! Errors are told apart by [`Classify`], which has a default. Nothing here takes a lock, and recording does not allocate
//! when the series exists.

mod classify;
mod connection;
#[expect(clippy::module_inception, reason = "the kit is named for the one mechanism that it is about")]
mod guard;
mod interceptor;
mod pool;
mod request;
mod session;

pub use classify::Classify;
pub use connection::{Closed, Closing, ConnectionMetrics, Connections};
pub use guard::{End, Guard, Outcome, Scope};
pub use interceptor::{
    Acted, Action, Intercepted, Interception, InterceptorMetrics, Interceptors, Phase, Refused,
};
pub use pool::{Got, Lease, OfPool, Pool, PoolMetrics, Wait, Waited};
pub use request::{Answered, InFlight, RequestMetrics, Requested, Requests};
pub use session::{Evicted, Eviction, Session, SessionMetrics, Sessions};

use throughline_macros::Attributes;
use throughline_metrics::MetricSet as _;

use crate::Kit;

/// What this kit records.
pub const KIT: Kit = Kit::new(
    "guard",
    "Guards",
    &[
        ConnectionMetrics::DEFINITIONS,
        SessionMetrics::DEFINITIONS,
        RequestMetrics::DEFINITIONS,
        InterceptorMetrics::DEFINITIONS,
        PoolMetrics::DEFINITIONS,
    ],
);

/// What kind of error it was.
#[derive(Clone, Copy, Debug, Attributes)]
#[attribute(crate = throughline_core)]
#[expect(clippy::exhaustive_structs, reason = "plain data, recorded by whoever has the instrument")]
pub struct ErrorType {
    /// A name from the code, never a message: see [`Classify`].
    pub error_type: &'static str,
}

/// Bounds for what lasts from a second to a day: connections, sessions.
pub(crate) const LIFETIMES: &[f64] =
    &[0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0, 14_400.0, 43_200.0, 86_400.0];
