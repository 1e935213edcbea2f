//! The OpenTelemetry metrics API on this engine: one stop in front of stop 1.
//!
//! [`MeterProvider`] implements the API's trait of the same name, so after
//! `opentelemetry::global::set_meter_provider(provider)` every crate instrumented with OpenTelemetry records here:
//! all sixteen kinds of instrument, callbacks included, the scope kept as it was given. Its counters land in the same
//! recorders as ours; next is `series.rs`.

use std::sync::Arc;

use opentelemetry::InstrumentationScope;
use opentelemetry::metrics::{
    AsyncInstrument, AsyncInstrumentBuilder, Counter, Gauge, Histogram, HistogramBuilder, InstrumentBuilder,
    InstrumentProvider, ObservableCounter, ObservableGauge, ObservableUpDownCounter, SyncInstrument,
    UpDownCounter,
};
use throughline_core::{InstrumentKind, KeyValue};

use crate::definition::Definition;
use crate::instrument::Recorder;
use crate::instrument::observable::Observer;
use crate::meter::Meter;
use crate::number::Number;
use crate::provider::MeterProvider;

impl opentelemetry::metrics::MeterProvider for MeterProvider {
    fn meter_with_scope(&self, scope: InstrumentationScope) -> opentelemetry::metrics::Meter {
        opentelemetry::metrics::Meter::new(Arc::new(OtelMeter(Self::meter_with_scope(self, scope))))
    }
}

/// The API's view of a [`Meter`]; a type of its own, so that the API's methods do not show up on ours.
struct OtelMeter(Meter);

impl<N: Number> SyncInstrument<N> for Recorder<N, [KeyValue]> {
    fn measure(&self, measurement: N, attributes: &[KeyValue]) {
        self.record(measurement, attributes);
    }

    #[cfg(feature = "otel-bound-instruments")]
    fn bind(
        &self,
        attributes: &[KeyValue],
    ) -> Box<dyn opentelemetry::metrics::BoundSyncInstrument<N> + Send + Sync> {
        Box::new(Self::bind(self, attributes))
    }
}

#[cfg(feature = "otel-bound-instruments")]
impl<N: Number> opentelemetry::metrics::BoundSyncInstrument<N> for crate::instrument::Bound<N> {
    fn measure(&self, measurement: N) {
        self.record(measurement);
    }
}

impl<N: Number> AsyncInstrument<N> for Observer<'_, N> {
    fn observe(&self, measurement: N, attributes: &[KeyValue]) {
        Self::observe(self, measurement, attributes);
    }
}

impl OtelMeter {
    fn recorder<N: Number, I>(
        &self,
        builder: InstrumentBuilder<'_, I>,
        kind: InstrumentKind,
    ) -> Arc<Recorder<N, [KeyValue]>> {
        self.0.recorder(Definition {
            unit: builder.unit.unwrap_or_default(),
            description: builder.description.unwrap_or_default(),
            ..Definition::new(builder.name, kind, N::KIND)
        })
    }

    fn histogram<N: Number>(&self, builder: HistogramBuilder<'_, Histogram<N>>) -> Histogram<N> {
        Histogram::new(self.0.recorder::<N, [KeyValue]>(Definition {
            unit: builder.unit.unwrap_or_default(),
            description: builder.description.unwrap_or_default(),
            bounds: builder.boundaries,
            ..Definition::new(builder.name, InstrumentKind::Histogram, N::KIND)
        }))
    }

    fn observable<N: Number, I>(&self, builder: AsyncInstrumentBuilder<'_, I, N>, kind: InstrumentKind) {
        let definition = Definition {
            unit: builder.unit.unwrap_or_default(),
            description: builder.description.unwrap_or_default(),
            ..Definition::new(builder.name, kind, N::KIND)
        };
        let callbacks = builder.callbacks.into_iter();
        self.0.observable(
            definition,
            callbacks.map(|callback| move |observer: &Observer<'_, N>| callback(observer)),
        );
    }
}

macro_rules! sync {
    ($($method:ident => $instrument:ident<$number:ty>;)*) => {$(
        fn $method(&self, builder: InstrumentBuilder<'_, $instrument<$number>>) -> $instrument<$number> {
            $instrument::new(self.recorder::<$number, _>(builder, InstrumentKind::$instrument))
        }
    )*};
}

macro_rules! observable {
    ($($method:ident => $instrument:ident<$number:ty>;)*) => {$(
        fn $method(
            &self,
            builder: AsyncInstrumentBuilder<'_, $instrument<$number>, $number>,
        ) -> $instrument<$number> {
            self.observable(builder, InstrumentKind::$instrument);
            $instrument::new()
        }
    )*};
}

impl InstrumentProvider for OtelMeter {
    sync! {
        u64_counter => Counter<u64>;
        f64_counter => Counter<f64>;
        i64_up_down_counter => UpDownCounter<i64>;
        f64_up_down_counter => UpDownCounter<f64>;
        u64_gauge => Gauge<u64>;
        i64_gauge => Gauge<i64>;
        f64_gauge => Gauge<f64>;
    }

    fn u64_histogram(&self, builder: HistogramBuilder<'_, Histogram<u64>>) -> Histogram<u64> {
        self.histogram(builder)
    }

    fn f64_histogram(&self, builder: HistogramBuilder<'_, Histogram<f64>>) -> Histogram<f64> {
        self.histogram(builder)
    }

    observable! {
        u64_observable_counter => ObservableCounter<u64>;
        f64_observable_counter => ObservableCounter<f64>;
        i64_observable_up_down_counter => ObservableUpDownCounter<i64>;
        f64_observable_up_down_counter => ObservableUpDownCounter<f64>;
        u64_observable_gauge => ObservableGauge<u64>;
        i64_observable_gauge => ObservableGauge<i64>;
        f64_observable_gauge => ObservableGauge<f64>;
    }
}
