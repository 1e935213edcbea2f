//! Meters and builders: how instruments are made.
//!
//! A [`Meter`] belongs to one instrumentation scope of one provider. A builder collects what an instrument is to be;
//! `build` hands it to `provider.rs`, which makes its streams. Building takes locks and allocates: keep the instrument.

use std::borrow::Cow;
use std::marker::PhantomData;
use std::sync::Arc;

use throughline_core::attribute::Attributes;
use throughline_core::{InstrumentKind, InstrumentationScope, KeyValue, MetricDef};

use crate::definition::Definition;
use crate::instrument::counter::Counter;
use crate::instrument::gauge::Gauge;
use crate::instrument::histogram::Histogram;
use crate::instrument::observable::{Callback, Observable, Observer};
use crate::instrument::up_down_counter::UpDownCounter;
use crate::instrument::{Instrument, Recorder};
use crate::number::Number;
use crate::provider::MeterProvider;

/// Makes the instruments of one scope.
#[derive(Clone, Debug)]
pub struct Meter {
    pub(crate) provider: MeterProvider,
    pub(crate) scope: InstrumentationScope,
}

/// Builds an instrument; [`build`](Self::build) makes it.
#[derive(Debug)]
#[must_use = "the instrument is made by `build()`"]
pub struct InstrumentBuilder<I> {
    meter: Meter,
    definition: Definition,
    marker: PhantomData<fn() -> I>,
}

impl<I: Instrument> InstrumentBuilder<I> {
    fn new(meter: &Meter, name: impl Into<Cow<'static, str>>) -> Self {
        let definition = Definition::new(name.into(), I::KIND, I::Number::KIND);
        Self { meter: meter.clone(), definition, marker: PhantomData }
    }

    /// Sets the unit, as [UCUM](https://ucum.org/ucum) writes it: `s`, `By`, `{request}`.
    pub fn with_unit(mut self, unit: impl Into<Cow<'static, str>>) -> Self {
        self.definition.unit = unit.into();
        self
    }

    /// Says what is measured, in a sentence.
    pub fn with_description(mut self, description: impl Into<Cow<'static, str>>) -> Self {
        self.definition.description = description.into();
        self
    }

    /// Says what the instrument is recorded with: a `#[derive(Attributes)]` type.
    pub fn with_attributes<A: Attributes>(mut self) -> InstrumentBuilder<I::With<A>> {
        self.definition.attributes = A::DEFINITIONS;
        InstrumentBuilder { meter: self.meter, definition: self.definition, marker: PhantomData }
    }

    /// Makes the instrument.
    ///
    /// Never fails: when the name is invalid, or taken by an instrument of another kind, this is said in a warning,
    /// and what is recorded is dropped and counted. An identical instrument that exists already is used.
    pub fn build(self) -> I {
        I::from_recorder(self.meter.recorder(self.definition))
    }
}

impl<N: Number, A: Attributes + ?Sized> InstrumentBuilder<Histogram<N, A>> {
    /// Sets the upper bounds of the buckets, ascending and finite, [`MAX_BOUNDS`](crate::MAX_BOUNDS) at most. Without
    /// them, bounds that fit the unit are used.
    pub fn with_bounds(mut self, bounds: impl Into<Vec<f64>>) -> Self {
        self.definition.bounds = Some(bounds.into());
        self
    }
}

/// Builds an observable instrument; [`build`](Self::build) makes it.
#[must_use = "the instrument is made by `build()`"]
pub struct ObservableBuilder<N> {
    meter: Meter,
    definition: Definition,
    callbacks: Vec<ObservableCallback<N>>,
}

type ObservableCallback<N> = Box<dyn Fn(&Observer<'_, N>) + Send + Sync>;

impl<N: Number> ObservableBuilder<N> {
    fn new(meter: &Meter, name: impl Into<Cow<'static, str>>, kind: InstrumentKind) -> Self {
        let definition = Definition::new(name.into(), kind, N::KIND);
        Self { meter: meter.clone(), definition, callbacks: Vec::new() }
    }

    /// Sets the unit, as [UCUM](https://ucum.org/ucum) writes it: `s`, `By`, `{request}`.
    pub fn with_unit(mut self, unit: impl Into<Cow<'static, str>>) -> Self {
        self.definition.unit = unit.into();
        self
    }

    /// Says what is measured, in a sentence.
    pub fn with_description(mut self, description: impl Into<Cow<'static, str>>) -> Self {
        self.definition.description = description.into();
        self
    }

    /// Adds a callback: it is asked for values once for each collection, on the collecting thread, and should be
    /// quick. It may record, create instruments, and collect: it is then not asked again itself.
    pub fn with_callback(mut self, callback: impl Fn(&Observer<'_, N>) + Send + Sync + 'static) -> Self {
        self.callbacks.push(Box::new(callback));
        self
    }

    /// Makes the instrument; see [`InstrumentBuilder::build`] for names that are invalid or taken.
    pub fn build(self) -> Observable {
        self.meter.observable(self.definition, self.callbacks);
        Observable
    }
}

impl<N> std::fmt::Debug for ObservableBuilder<N> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ObservableBuilder").field("definition", &self.definition).finish_non_exhaustive()
    }
}

impl Meter {
    pub(crate) fn recorder<N: Number, A: Attributes + ?Sized>(
        &self,
        definition: Definition,
    ) -> Arc<Recorder<N, A>> {
        let kind = definition.kind;
        let registered = self.provider.register(&self.scope, definition);
        Arc::new(Recorder::new(kind, registered.streams, registered.refused, self.provider.shared()))
    }

    pub(crate) fn observable<N: Number>(
        &self,
        definition: Definition,
        callbacks: impl IntoIterator<Item = impl Fn(&Observer<'_, N>) + Send + Sync + 'static>,
    ) {
        let registered = self.provider.register(&self.scope, definition);
        if registered.streams.is_empty() {
            return;
        }
        for callback in callbacks {
            self.provider.add_callback(Callback::new(registered.streams.clone(), callback));
        }
    }

    /// Makes the instrument of a definition.
    pub fn instrument<I: Instrument>(&self, def: &MetricDef) -> I {
        I::from_recorder(self.recorder(Definition { kind: I::KIND, number: I::Number::KIND, ..def.into() }))
    }
}

/// Instruments that are made together, from one meter: `#[derive(MetricSet)]`.
///
/// Making a set takes locks and allocates: keep it. Two sets of the same meter record in the same series.
pub trait MetricSet: Sized {
    /// What the instruments are, in the order of the fields: for catalogues, dashboards and documentation.
    const DEFINITIONS: &'static [MetricDef];

    /// Makes the instruments. Never fails; see [`InstrumentBuilder::build`].
    fn new(meter: &Meter) -> Self;
}

macro_rules! instruments {
    ($($method:ident => $instrument:ident<$number:ty>, $doc:literal;)*) => {
        impl Meter {
            $(
                #[doc = $doc]
                pub fn $method(
                    &self,
                    name: impl Into<Cow<'static, str>>,
                ) -> InstrumentBuilder<$instrument<$number, [KeyValue]>> {
                    InstrumentBuilder::new(self, name)
                }
            )*
        }
    };
}

instruments! {
    u64_counter => Counter<u64>, "Builds a counter of integers.";
    f64_counter => Counter<f64>, "Builds a counter of floats.";
    i64_up_down_counter => UpDownCounter<i64>, "Builds an up-down counter of integers.";
    f64_up_down_counter => UpDownCounter<f64>, "Builds an up-down counter of floats.";
    u64_gauge => Gauge<u64>, "Builds a gauge of unsigned integers.";
    i64_gauge => Gauge<i64>, "Builds a gauge of signed integers.";
    f64_gauge => Gauge<f64>, "Builds a gauge of floats.";
    u64_histogram => Histogram<u64>, "Builds a histogram of integers.";
    f64_histogram => Histogram<f64>, "Builds a histogram of floats.";
}

macro_rules! observables {
    ($($method:ident => $kind:ident<$number:ty>, $doc:literal;)*) => {
        impl Meter {
            $(
                #[doc = $doc]
                pub fn $method(&self, name: impl Into<Cow<'static, str>>) -> ObservableBuilder<$number> {
                    ObservableBuilder::new(self, name, InstrumentKind::$kind)
                }
            )*
        }
    };
}

observables! {
    u64_observable_counter => ObservableCounter<u64>, "Builds a counter of integers that a callback reads.";
    f64_observable_counter => ObservableCounter<f64>, "Builds a counter of floats that a callback reads.";
    i64_observable_up_down_counter => ObservableUpDownCounter<i64>,
        "Builds an up-down counter of integers that a callback reads.";
    f64_observable_up_down_counter => ObservableUpDownCounter<f64>,
        "Builds an up-down counter of floats that a callback reads.";
    u64_observable_gauge => ObservableGauge<u64>, "Builds a gauge of unsigned integers that a callback reads.";
    i64_observable_gauge => ObservableGauge<i64>, "Builds a gauge of signed integers that a callback reads.";
    f64_observable_gauge => ObservableGauge<f64>, "Builds a gauge of floats that a callback reads.";
}
