//! Functions that record themselves: how often they are called, how they end, how long that takes, how many run.
//!
//! [`#[instrument]`](instrument) is put on a function:
//!
//! ```
//! use throughline_instruments::function::instrument;
//!
//! #[instrument]
//! async fn charge(card: &str) -> Result<u32, std::num::ParseIntError> {
//!     card.parse()
//! }
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! assert!(charge("none").await.is_err());
//! # });
//! ```
//!
//! The instruments are in statics and record from the moment telemetry starts. There are two for all functions, and the
//! function is an attribute, as are how it ended and, when it failed, the kind of error
//! ([`Classify`](crate::guard::Classify)). A call that is dropped before its end, as a future can be, was cancelled.
//!
//! Each call is also a span of `tracing`, in which its duration is recorded, so that it has an exemplar. A call that records
//! what was recorded before allocates nothing but the span.

pub use throughline_macros::instrument;

use throughline_core::{Attributes as _, InstrumentKind, MetricDef, NumberKind};
use throughline_macros::Attributes;
use throughline_metrics::statics::{Declared, Static, inventory};
use throughline_metrics::{Histogram, UpDownCounter};

use crate::Kit;
use crate::guard::{End, Guard, Outcome, Scope};

#[doc(hidden)]
pub use tracing;

/// What this kit records.
pub const KIT: Kit = Kit::new("function", "Functions", &[&[DURATION, ACTIVE]]);

const DURATION: MetricDef = MetricDef::new("function.duration", InstrumentKind::Histogram, NumberKind::F64)
    .with_unit("s")
    .with_description("How long functions took.")
    .with_attributes(Ended::DEFINITIONS);

const ACTIVE: MetricDef = MetricDef::new("function.active", InstrumentKind::UpDownCounter, NumberKind::I64)
    .with_unit("{call}")
    .with_description("Calls of functions under way.")
    .with_attributes(Called::DEFINITIONS);

const SCOPE: &str = env!("CARGO_PKG_NAME");

static DURATIONS: Static<Histogram<f64, Ended>> = Static::new(SCOPE, DURATION);
static ACTIVES: Static<UpDownCounter<i64, Called>> = Static::new(SCOPE, ACTIVE);

inventory::submit! { Declared { scope: SCOPE, def: DURATION } }
inventory::submit! { Declared { scope: SCOPE, def: ACTIVE } }

/// A function.
#[derive(Clone, Copy, Debug, Attributes)]
#[attribute(crate = throughline_core)]
struct Called {
    #[attribute(key = "code.function.name")]
    function: &'static str,
}

/// A function, and how it ended.
#[derive(Clone, Copy, Debug, Attributes)]
#[attribute(crate = throughline_core)]
struct Ended {
    #[attribute(key = "code.function.name")]
    function: &'static str,
    outcome: Outcome,
    #[attribute(key = "error.type")]
    error_type: Option<&'static str>,
}

/// A call under way; what [`call`] begins.
#[derive(Clone, Copy, Debug)]
pub struct Call(&'static str);

impl Scope for Call {
    fn begin(&mut self) {
        ACTIVES.add(1, &Called { function: self.0 });
    }

    fn end(&mut self, End { took, outcome, error_type, .. }: End) {
        let function = self.0;
        ACTIVES.add(-1, &Called { function });
        DURATIONS.record(took.as_secs_f64(), &Ended { function, outcome, error_type });
    }
}

/// Begins a call of the function of this name, as [`#[instrument]`](instrument) does: for what is no function.
pub fn call(function: &'static str) -> Guard<Call> {
    Guard::begin(Call(function))
}
