//! Instruments: what a program records on.
//!
//! The four synchronous kinds are thin names over one [`Recorder`], which takes a value and its attributes through one
//! of three doors:
//!
//! 1. *bound*: the series was found when the handle was made ([`Bound`]);
//! 2. *typed*: a `#[derive(Attributes)]` type with few possible sets indexes a table of series ([`Door::dense`]);
//! 3. *dynamic*: everything else is found through the thread's cache (`cache.rs`).
//!
//! Called by user code, and by `otel.rs` for the OpenTelemetry API. Next: `series.rs`.

pub(crate) mod counter;
pub(crate) mod gauge;
pub(crate) mod histogram;
pub(crate) mod observable;
pub(crate) mod up_down_counter;

use std::marker::PhantomData;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};

use throughline_core::attribute::{AttributeEncoder, Attributes};
use throughline_core::{AttributeSet, InstrumentKind};

use crate::aggregation::histogram::record_in;
use crate::aggregation::{Aggregation, Cells};
use crate::cache;
use crate::cell::Place;
use crate::cell::local::quiet_slab;
use crate::drops::DropReason;
use crate::exemplar::ExemplarFilter;
use crate::number::Number;
use crate::series::{BoundSeries, Series};
use crate::stream::{Shared, Stream};

/// An instrument that [`Meter`](crate::Meter) can build: [`Counter`](crate::Counter),
/// [`UpDownCounter`](crate::UpDownCounter), [`Gauge`](crate::Gauge), [`Histogram`](crate::Histogram). Sealed.
pub trait Instrument: sealed::Sealed + Sized {
    /// The number type.
    type Number: Number;
    /// The attributes.
    type Attributes: Attributes + ?Sized;
    /// The same instrument with other attributes.
    type With<A: Attributes>: Instrument<Number = Self::Number, Attributes = A>;
    /// The kind.
    const KIND: InstrumentKind;

    #[doc(hidden)]
    fn from_recorder(recorder: Arc<Recorder<Self::Number, Self::Attributes>>) -> Self;
}

pub(crate) mod sealed {
    pub trait Sealed {}
}

/// What the four instruments and their bound forms have in common besides [`Recorder`] and [`Bound`].
macro_rules! instrument {
    ($name:ident, $bound:ident, $kind:ident) => {
        impl<N: Number, A: Attributes + ?Sized> Clone for $name<N, A> {
            fn clone(&self) -> Self {
                Self(Arc::clone(&self.0))
            }
        }

        // Not derived: that would ask the attributes to be `Debug` as well.
        impl<N: Number, A: Attributes + ?Sized> std::fmt::Debug for $name<N, A> {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }

        impl<N: Number, A: Attributes + ?Sized> crate::instrument::sealed::Sealed for $name<N, A> {}

        impl<N: Number, A: Attributes + ?Sized> crate::instrument::Instrument for $name<N, A> {
            type Number = N;
            type Attributes = A;
            type With<B: Attributes> = $name<N, B>;
            const KIND: throughline_core::InstrumentKind = throughline_core::InstrumentKind::$kind;

            fn from_recorder(recorder: Arc<Recorder<N, A>>) -> Self {
                Self(recorder)
            }
        }

        impl<N: Number, A: Attributes + ?Sized> $name<N, A> {
            /// Finds the series of these attributes once, so that recording looks nothing up. As long as the handle
            /// lives, its series does not expire.
            pub fn bind(&self, attributes: &A) -> $bound<N> {
                $bound(self.0.bind(attributes))
            }
        }
    };
}
pub(crate) use instrument;

/// Where an instrument's measurements go: to its streams, or, when the instrument was refused, to a count of drops.
pub struct Recorder<N, A: ?Sized> {
    /// For numbered sets of an instrument that is just one sum: the slot of each, once recorded, or [`NO_SLOT`].
    slots: Box<[AtomicU32]>,
    doors: Box<[Door]>,
    kind: InstrumentKind,
    refused: Option<DropReason>,
    shared: Arc<Shared>,
    marker: PhantomData<fn(N, &A)>,
}

/// The way into one stream.
#[derive(Debug)]
struct Door {
    stream: Arc<Stream>,
    /// The series of each numbered set, once recorded.
    dense: Box<[OnceLock<BoundSeries>]>,
}

/// Attribute types with more possible sets than this are looked up like any other, rather than have a table made that
/// would stay mostly empty.
const MOST_DENSE: usize = 4096;

/// No slot that is noted: nothing was recorded yet, or the series is not one cell of a slab.
const NO_SLOT: u32 = u32::MAX;

impl<N: Number, A: Attributes + ?Sized> Recorder<N, A> {
    pub(crate) fn new(
        kind: InstrumentKind,
        streams: Vec<Arc<Stream>>,
        refused: Option<DropReason>,
        shared: Arc<Shared>,
    ) -> Self {
        let doors: Box<[_]> = streams.into_iter().map(Door::new::<A>).collect();
        let sums = match &*doors {
            [door] if matches!(door.stream.aggregation, Aggregation::Sum { .. }) && may_be_quiet(&shared) => {
                door.dense.len()
            }
            _ => 0,
        };
        let slots = (0..sums).map(|_| AtomicU32::new(NO_SLOT)).collect();
        Self { slots, doors, kind, refused, shared, marker: PhantomData }
    }

    /// Records a value, or counts why not.
    #[inline]
    pub(crate) fn record(&self, value: N, attributes: &A) {
        if let Some(slot) = self.slots.get(attributes.number()) {
            // Acquire, partner of the Release in `remember`: the slot was zeroed for its series before.
            let slot = slot.load(Ordering::Acquire);
            if let Some(slab) = quiet_slab() {
                if slot != NO_SLOT && reason_to_drop(self.kind, None, value).is_none() {
                    return slab.add(slot as usize, value);
                }
            }
        }
        self.record_each(value, attributes);
    }

    /// Apart, so that the fast path above is small enough to be inlined.
    #[inline(never)]
    fn record_each(&self, value: N, attributes: &A) {
        if let Some(reason) = reason_to_drop(self.kind, self.refused, value) {
            return self.shared.drops.count(reason);
        }
        for door in &self.doors {
            door.record(value, attributes);
        }
        if !self.slots.is_empty() {
            self.remember(attributes.number());
        }
    }

    /// Notes the slot of a numbered set whose series is known now.
    fn remember(&self, number: usize) {
        let (Some(noted), Some(door)) = (self.slots.get(number), self.doors.first()) else { return };
        let cells = door.dense[number].get().map(|series| &series.cells);
        if let Some(Cells::Place(Place::Threads(slots))) = cells {
            noted.store(slots.start as u32, Ordering::Release);
        }
    }

    /// Finds the series once and for all.
    pub(crate) fn bind(&self, attributes: &A) -> Bound<N> {
        let series: Vec<_> = self.doors.iter().map(|door| BoundStream::new(door, attributes)).collect();
        let fast = match series.as_slice() {
            [bound] if self.refused.is_none() && may_be_quiet(&self.shared) => {
                Fast::of(&bound.stream, &bound.series)
            }
            _ => Fast::No,
        };
        let (kind, refused, shared) = (self.kind, self.refused, Arc::clone(&self.shared));
        Bound { fast, series, kind, refused, shared, marker: PhantomData }
    }
}

/// Whether outside of spans there is nothing to do for a measurement but to add it.
fn may_be_quiet(shared: &Shared) -> bool {
    shared.exemplars != ExemplarFilter::AlwaysOn
}

#[inline]
fn reason_to_drop<N: Number>(
    kind: InstrumentKind,
    refused: Option<DropReason>,
    value: N,
) -> Option<DropReason> {
    if refused.is_some() {
        refused
    } else if !value.is_finite() {
        Some(DropReason::NonFinite)
    } else if kind.is_monotonic() && value < N::default() && N::KIND == throughline_core::NumberKind::F64 {
        Some(DropReason::Negative)
    } else {
        None
    }
}

impl Door {
    fn new<A: Attributes + ?Sized>(stream: Arc<Stream>) -> Self {
        let sets = if A::NUMBERED <= MOST_DENSE { A::NUMBERED } else { 0 };
        Self { stream, dense: (0..sets).map(|_| OnceLock::new()).collect() }
    }

    #[inline]
    fn record<N: Number, A: Attributes + ?Sized>(&self, value: N, attributes: &A) {
        match self.dense.get(attributes.number()) {
            Some(series) => {
                let series = series.get().unwrap_or_else(|| self.make(series, attributes));
                self.stream.record(series, value, attributes);
            }
            None => cache::with_series(&self.stream, attributes, |series| {
                self.stream.record(series, value, attributes);
            }),
        }
    }

    /// Finds the series before the lock is asked for: what is called meanwhile may record in the same one.
    #[cold]
    fn make<'a, A: Attributes + ?Sized>(
        &self,
        series: &'a OnceLock<BoundSeries>,
        attributes: &A,
    ) -> &'a BoundSeries {
        let bound = self.bind(attributes);
        series.get_or_init(|| bound)
    }

    fn bind<A: Attributes + ?Sized>(&self, attributes: &A) -> BoundSeries {
        let mut encoder = AttributeEncoder::default();
        let encoded = encoder.encode(attributes, |key| self.stream.keys.keeps(key));
        self.stream.series.bind(&self.stream, encoded)
    }
}

/// An instrument bound to one attribute set: recording looks nothing up.
pub(crate) struct Bound<N> {
    fast: Fast,
    series: Vec<BoundStream>,
    kind: InstrumentKind,
    refused: Option<DropReason>,
    shared: Arc<Shared>,
    marker: PhantomData<fn(N)>,
}

/// What a bound instrument writes without asking its series, when that is one run of slots in the threads' slabs.
enum Fast {
    Sum { slot: usize },
    Histogram { slot: usize, bounds: Arc<[f64]> },
    No,
}

impl Fast {
    fn of(stream: &Stream, series: &Series) -> Self {
        match (&stream.aggregation, &series.cells) {
            (Aggregation::Sum { .. }, Cells::Place(Place::Threads(slots))) => Self::Sum { slot: slots.start },
            (Aggregation::Histogram { bounds }, Cells::Place(Place::Threads(slots))) => {
                Self::Histogram { slot: slots.start, bounds: Arc::clone(bounds) }
            }
            _ => Self::No,
        }
    }
}

/// The series of a bound instrument in one stream.
struct BoundStream {
    stream: Arc<Stream>,
    series: BoundSeries,
    /// Attributes that the stream does not keep, for exemplars.
    dropped: AttributeSet,
}

impl BoundStream {
    fn new<A: Attributes + ?Sized>(door: &Door, attributes: &A) -> Self {
        let stream = Arc::clone(&door.stream);
        Self { series: door.bind(attributes), dropped: stream.dropped(attributes), stream }
    }
}

impl<N: Number> Bound<N> {
    /// Records a value, or counts why not.
    #[inline]
    pub(crate) fn record(&self, value: N) {
        if let Some(slab) = quiet_slab() {
            if reason_to_drop(self.kind, None, value).is_none() {
                match &self.fast {
                    Fast::Sum { slot } => return slab.add(*slot, value),
                    Fast::Histogram { slot, bounds } => {
                        return record_in(slab, *slot, bounds, value.as_f64());
                    }
                    Fast::No => {}
                }
            }
        }
        self.record_each(value);
    }

    /// Apart, so that the fast path above is small enough to be inlined.
    #[inline(never)]
    fn record_each(&self, value: N) {
        if let Some(reason) = reason_to_drop(self.kind, self.refused, value) {
            return self.shared.drops.count(reason);
        }
        for BoundStream { stream, series, dropped } in &self.series {
            stream.record(series, value, dropped);
        }
    }
}

impl<N, A: ?Sized> std::fmt::Debug for Recorder<N, A> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = self.doors.first().map(|door| &*door.stream.name);
        f.debug_struct("Instrument").field("kind", &self.kind).field("name", &name).finish_non_exhaustive()
    }
}

impl<N> std::fmt::Debug for Bound<N> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let attributes = self.series.first().map(|bound| &bound.series.attributes);
        f.debug_struct("Bound")
            .field("kind", &self.kind)
            .field("attributes", &attributes)
            .finish_non_exhaustive()
    }
}
