//! Instruments: what a program records on.
//!
//! The four synchronous kinds are thin names over one [`Recorder`], which takes a value and its attributes through one
//! of three doors:
//!
//! 1. *bound*: the series was found when the handle was made ([`Bound`]);
//! 2. *typed*: a `#[derive(Attributes)]` type with few possible sets indexes a table of series ([`Door::dense`]);
//! 3. *dynamic*: everything else is found through the thread's cache (`cache/mod.rs`).
//!
//! Called by user code, and by `otel.rs` for the OpenTelemetry API. Next: `series.rs`.

pub(crate) mod counter;
mod dense;
pub(crate) mod gauge;
pub(crate) mod histogram;
pub(crate) mod observable;
pub(crate) mod up_down_counter;

use std::marker::PhantomData;
use std::sync::{Arc, OnceLock};

use throughline_core::attribute::{AttributeEncoder, Attributes};
use throughline_core::{AttributeSet, InstrumentKind, RECORDS};

use crate::aggregation::bounds::Bounds;
use crate::aggregation::exponential::block;
use crate::aggregation::histogram::record_within;
use crate::aggregation::{Aggregation, Cells};
use crate::cache::{self, Scope};
use crate::cell::local::quiet_slab;
use crate::cell::place::add_own;
use crate::drops::DropReason;
use crate::number::Number;
use crate::series::{BoundSeries, Series};
use crate::stream::{Shared, Stream};
use dense::DenseSlots;

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
            pub fn bind<B>(&self, attributes: &B) -> $bound<N>
            where
                B: Attributes<Shape = A::Shape> + ?Sized,
            {
                $bound(self.0.bind(attributes))
            }
        }
    };
}
pub(crate) use instrument;

/// Where an instrument's measurements go: to its streams, or, when the instrument was refused, to a count of drops.
pub struct Recorder<N, A: ?Sized> {
    /// For numbered sets of an instrument that is just one sum.
    sums: DenseSlots,
    /// For numbered sets of an instrument that is just one histogram with explicit bounds.
    histograms: DenseSlots,
    quick: Quick,
    /// Where the threads' caches find the other sets of either.
    scope: Scope,
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
    /// What its sets of attributes have in common in the threads' caches.
    scope: Scope,
    /// The series of each numbered set, once recorded.
    dense: Box<[OnceLock<BoundSeries>]>,
}

/// What can be recorded in a thread's own cells without asking the series.
#[derive(Debug)]
enum Quick {
    Sum,
    Histogram(Bounds),
    No,
}

/// Attribute types with more possible sets than this are looked up like any other, rather than have a table made that
/// would stay mostly empty.
const MOST_DENSE: usize = 4096;

impl<N: Number, A: Attributes + ?Sized> Recorder<N, A> {
    pub(crate) fn new(
        kind: InstrumentKind,
        streams: Vec<Arc<Stream>>,
        refused: Option<DropReason>,
        shared: Arc<Shared>,
    ) -> Self {
        let doors: Box<[_]> = streams.into_iter().map(Door::new::<A>).collect();
        let (mut sums, mut histograms) = <(DenseSlots, DenseSlots)>::default();
        let (mut quick, mut scope) = (Quick::No, Scope::NONE);
        if let [door] = &*doors {
            (quick, scope) = (Quick::of(&door.stream.aggregation), door.scope);
            match &quick {
                Quick::Sum => sums = DenseSlots::new(door.dense.len()),
                Quick::Histogram(_) => histograms = DenseSlots::new(door.dense.len()),
                Quick::No => {}
            }
        }
        Self { sums, histograms, quick, scope, doors, kind, refused, shared, marker: PhantomData }
    }

    /// Records a value, or counts why not. Fastest for sums.
    #[inline]
    pub(crate) fn record<B: Attributes<Shape = A::Shape> + ?Sized>(&self, value: N, attributes: &B) {
        if !RECORDS {
            return;
        }
        if let Some(slot) = self.sums.slot(attributes) {
            if let Some(cell) = quiet_slab().and_then(|slab| slab.cell(slot)) {
                if reason_to_drop(self.kind, None, value).is_none() {
                    return add_own(cell, value);
                }
            }
        }
        self.record_found(value, attributes);
    }

    /// The same, in a sum that the thread remembers. A function of its own, which needs few registers.
    #[inline(never)]
    fn record_found<B: Attributes<Shape = A::Shape> + ?Sized>(&self, value: N, attributes: &B) {
        if is_cached::<B>() && matches!(self.quick, Quick::Sum) && has_quiet_cells() {
            let slot = cache::slot(&self.scope, attributes);
            // The slab is asked for again, so that no register has to keep it.
            if let Some(cell) = slot.and_then(|slot| quiet_slab()?.cell(slot)) {
                if reason_to_drop(self.kind, None, value).is_none() {
                    return add_own(cell, value);
                }
            }
        }
        self.record_each(value, attributes);
    }

    /// The same. Fastest for histograms with explicit bounds.
    #[inline]
    pub(crate) fn record_in_bucket<B>(&self, value: N, attributes: &B)
    where
        B: Attributes<Shape = A::Shape> + ?Sized,
    {
        if !RECORDS {
            return;
        }
        if let (Some(slot), Quick::Histogram(bounds)) = (self.histograms.slot(attributes), &self.quick) {
            // What is not finite lies beyond the extremes, so it is not done here.
            if quiet_slab().is_some_and(|slab| record_within(slab, slot, bounds, value.as_f64())) {
                return;
            }
        }
        self.record_in_found_bucket(value, attributes);
    }

    /// The same, in a histogram that the thread remembers.
    #[inline(never)]
    fn record_in_found_bucket<B: Attributes<Shape = A::Shape> + ?Sized>(&self, value: N, attributes: &B) {
        if let (true, Quick::Histogram(bounds)) = (is_cached::<B>() && has_quiet_cells(), &self.quick) {
            let found = cache::slot(&self.scope, attributes).zip(quiet_slab());
            if found.is_some_and(|(slot, slab)| record_within(slab, slot, bounds, value.as_f64())) {
                return;
            }
        }
        self.record_each(value, attributes);
    }

    /// Records a value, or counts why not, whatever there is to do.
    #[inline(never)]
    pub(crate) fn record_each<B: Attributes<Shape = A::Shape> + ?Sized>(&self, value: N, attributes: &B) {
        if !RECORDS {
            return;
        }
        if let Some(reason) = reason_to_drop(self.kind, self.refused, value) {
            return self.shared.drops.count(reason);
        }
        match &*self.doors {
            [door] => match door.numbered(attributes) {
                Some(series) => {
                    door.stream.record(series, value, attributes);
                    self.sums.note(attributes.number(), &series.cells);
                    self.histograms.note(attributes.number(), &series.cells);
                }
                None => door.record(value, attributes),
            },
            doors => doors.iter().for_each(|door| door.record(value, attributes)),
        }
    }

    /// Finds the series once and for all.
    pub(crate) fn bind<B: Attributes<Shape = A::Shape> + ?Sized>(&self, attributes: &B) -> Bound<N> {
        let series: Vec<_> = self.doors.iter().map(|door| BoundStream::new(door, attributes)).collect();
        let fast = match series.as_slice() {
            [bound] if self.refused.is_none() => Fast::of(&bound.stream, &bound.series),
            _ => Fast::No,
        };
        let (kind, refused, shared) = (self.kind, self.refused, Arc::clone(&self.shared));
        Bound { fast, series, kind, refused, shared, marker: PhantomData }
    }
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
        let scope = stream.scopes.of::<A::Shape>();
        Self { stream, scope, dense: (0..sets).map(|_| OnceLock::new()).collect() }
    }

    /// The series of these attributes, when they have a number.
    #[inline]
    fn numbered<A: Attributes + ?Sized>(&self, attributes: &A) -> Option<&BoundSeries> {
        if A::NUMBERED == 0 {
            return None;
        }
        let series = self.dense.get(attributes.number())?;
        Some(series.get().unwrap_or_else(|| self.make(series, attributes)))
    }

    fn record<N: Number, A: Attributes + ?Sized>(&self, value: N, attributes: &A) {
        match self.numbered(attributes) {
            Some(series) => self.stream.record(series, value, attributes),
            None => cache::with_series(&self.stream, &self.scope, attributes, |series| {
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

impl Quick {
    fn of(aggregation: &Aggregation) -> Self {
        match aggregation {
            Aggregation::Sum { .. } => Self::Sum,
            Aggregation::Histogram { bounds } => Self::Histogram(bounds.clone()),
            Aggregation::LastValue | Aggregation::Exponential(_) => Self::No,
        }
    }
}

/// Whether sets of this type, or most of them, are looked for in the thread's cache rather than by their numbers.
const fn is_cached<A: Attributes + ?Sized>() -> bool {
    A::NUMBERED <= 1 || A::NUMBERED > MOST_DENSE
}

/// Whether the calling thread has cells that may be written without further questions.
#[inline]
fn has_quiet_cells() -> bool {
    quiet_slab().is_some_and(|slab| !slab.is_empty())
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

/// What a bound instrument writes without asking its series, when it has one and the thread has own cells for it.
enum Fast {
    Sum { slot: usize },
    Histogram { slot: usize, bounds: Bounds },
    Exponential { quick: block::Quick },
    No,
}

impl Fast {
    fn of(stream: &Stream, series: &Series) -> Self {
        match (&stream.aggregation, &series.cells) {
            (Aggregation::Sum { .. }, Cells::Place(place)) => {
                Self::Sum { slot: place.slots().start as usize }
            }
            (Aggregation::Histogram { bounds }, Cells::Place(place)) => {
                Self::Histogram { slot: place.slots().start as usize, bounds: bounds.clone() }
            }
            (Aggregation::Exponential(_), Cells::Exponential(exponential)) => {
                Self::Exponential { quick: exponential.quick() }
            }
            _ => Self::No,
        }
    }

    /// Records a finite value in a histogram, if the calling thread leaves no exemplars and has nothing to make ready
    /// first. Says whether it is done.
    #[inline]
    fn distribute(&self, value: f64) -> bool {
        let Some(slab) = quiet_slab() else { return false };
        match self {
            Self::Histogram { slot, bounds } => record_within(slab, *slot, bounds, value),
            Self::Exponential { quick } => quick.record_within(slab, value),
            Self::Sum { .. } | Self::No => false,
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
        if !RECORDS {
            return;
        }
        if let Fast::Sum { slot } = &self.fast {
            if let Some(cell) = quiet_slab().and_then(|slab| slab.cell(*slot)) {
                if reason_to_drop(self.kind, None, value).is_none() {
                    return add_own(cell, value);
                }
            }
        }
        self.record_each(value);
    }

    /// As [`record`](Self::record), for histograms. A function of its own, which calls none but the last: so it needs to
    /// save no registers.
    #[inline(never)]
    pub(crate) fn distribute(&self, value: N) {
        // What is not finite lies beyond the extremes, so it is not done here.
        if RECORDS && !self.fast.distribute(value.as_f64()) {
            self.record_each(value);
        }
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
