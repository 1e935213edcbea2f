//! Stop 3 in the life of an increment: how measurements become a number.
//!
//! `series.rs` brings the measurement here; each aggregation does one write to the cells of the series
//! (`cell/mod.rs`), and `collect.rs` later asks the same aggregation to fold the cells of all threads.

pub(crate) mod bounds;
pub(crate) mod exponential;
mod extremes;
pub(crate) mod histogram;
pub(crate) mod last_value;
pub(crate) mod sum;

use throughline_core::InstrumentKind;

use crate::cell::arena::Slab;
use crate::cell::{Place, Sharing};
use crate::number::Number;
use bounds::Bounds;
use exponential::Exponential;

/// How the measurements of a stream are aggregated.
#[derive(Clone, Debug)]
pub(crate) enum Aggregation {
    Sum { monotonic: bool },
    LastValue,
    Histogram { bounds: Bounds },
    Exponential(exponential::Config),
}

impl Aggregation {
    /// What the specification aggregates an instrument with when nobody says otherwise.
    pub(crate) fn default_for(kind: InstrumentKind, bounds: impl FnOnce() -> Bounds) -> Self {
        match kind {
            InstrumentKind::Counter | InstrumentKind::ObservableCounter => Self::Sum { monotonic: true },
            InstrumentKind::UpDownCounter | InstrumentKind::ObservableUpDownCounter => {
                Self::Sum { monotonic: false }
            }
            InstrumentKind::Gauge | InstrumentKind::ObservableGauge => Self::LastValue,
            InstrumentKind::Histogram => Self::Histogram { bounds: bounds() },
        }
    }

    /// The cells of a new series. Allocates.
    pub(crate) fn cells(&self, sharing: Sharing) -> Cells {
        match self {
            Self::Sum { .. } => Cells::Place(Place::allocate(1, sharing)),
            Self::LastValue => Cells::Place(Place::allocate(last_value::CELLS, Sharing::Common)),
            Self::Histogram { bounds } => Cells::Place(Place::allocate(histogram::cells(bounds), sharing)),
            Self::Exponential(config) => Cells::Exponential(Box::new(Exponential::new(*config, sharing))),
        }
    }

    /// Records a finite value.
    #[inline]
    pub(crate) fn record<N: Number>(&self, cells: &Cells, value: N) {
        match (self, cells) {
            (Self::Sum { .. }, Cells::Place(place)) => sum::add(place, value),
            (Self::LastValue, Cells::Place(place)) => last_value::set(place, value),
            (Self::Histogram { bounds }, Cells::Place(place)) => {
                histogram::record(place, bounds, value.as_f64());
            }
            (Self::Exponential(_), Cells::Exponential(exponential)) => exponential.record(value.as_f64()),
            // A series' cells are made by its stream's aggregation, so the two agree.
            _ => {}
        }
    }
}

/// No slab is long enough for it.
pub(crate) const NO_SLOT: u32 = u32::MAX;

/// The cells of one series.
#[derive(Debug)]
pub(crate) enum Cells {
    Place(Place),
    Exponential(Box<Exponential>),
}

impl Cells {
    /// The first of the slots, when recording can do with them alone; otherwise one beyond all slabs.
    pub(crate) fn first_slot(&self) -> u32 {
        match self {
            Self::Place(place) => place.slots().start,
            Self::Exponential(_) => NO_SLOT,
        }
    }

    /// A number that changes with every change of the cells: how expiry knows that a series is idle.
    pub(crate) fn mark(&self, slabs: &[Slab]) -> u64 {
        match self {
            Self::Place(place) => place.mark(slabs),
            Self::Exponential(exponential) => exponential.count(slabs),
        }
    }
}
