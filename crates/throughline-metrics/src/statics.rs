//! Instruments in statics: declared before there is a provider, recording as soon as there is one.
//!
//! [`declare_static_counter!`](crate::declare_static_counter) and its like make a static and enter its definition in a
//! list that the linker puts together, so that a catalogue knows it even when nothing ever touched it. The first
//! recording after [`install_global`] makes the instrument; before that, recording costs a branch and does nothing.
//! Gauges of [`declare_observable_gauge!`](crate::declare_observable_gauge), which nobody records on, are made by
//! [`install_global`] itself.

use std::sync::OnceLock;

use throughline_core::attribute::Attributes;
use throughline_core::{KeyValue, MetricDef};

use crate::instrument::Instrument;
use crate::instrument::counter::Counter;
use crate::instrument::gauge::Gauge;
use crate::instrument::histogram::Histogram;
use crate::instrument::observable::Observer;
use crate::instrument::up_down_counter::UpDownCounter;
use crate::number::Number;
use crate::provider::MeterProvider;

static GLOBAL: OnceLock<MeterProvider> = OnceLock::new();

/// Makes this the provider of all instruments in statics.
///
/// # Errors
/// When there is one already; it stays, and the new one is given back.
pub fn install_global(provider: MeterProvider) -> Result<(), MeterProvider> {
    GLOBAL.set(provider)?;
    inventory::iter::<Observed>.into_iter().for_each(|Observed(gauge)| gauge.register());
    Ok(())
}

/// The provider of the instruments in statics, once there is one.
pub fn global() -> Option<&'static MeterProvider> {
    GLOBAL.get()
}

/// An instrument in a static; made by the `declare_static_*!` macros.
#[derive(Debug)]
pub struct Static<I> {
    scope: &'static str,
    def: MetricDef,
    instrument: OnceLock<I>,
}

impl<I: Instrument> Static<I> {
    #[doc(hidden)]
    pub const fn new(scope: &'static str, def: MetricDef) -> Self {
        Self { scope, def, instrument: OnceLock::new() }
    }

    /// The instrument; `None` as long as no provider is installed.
    #[inline]
    pub fn instrument(&self) -> Option<&I> {
        match self.instrument.get() {
            Some(instrument) => Some(instrument),
            None => self.make(),
        }
    }

    fn make(&self) -> Option<&I> {
        // Made before the lock is asked for: making it can warn, and a log subscriber may record on this very static.
        let instrument = global()?.meter(self.scope).instrument(&self.def);
        Some(self.instrument.get_or_init(|| instrument))
    }

    /// The definition.
    pub const fn definition(&self) -> &MetricDef {
        &self.def
    }
}

impl<N: Number, A: Attributes + ?Sized> Static<Counter<N, A>> {
    /// Adds to the series of these attributes, once a provider is installed.
    #[inline]
    pub fn add<B>(&self, value: N, attributes: &B)
    where
        B: Attributes<Shape = A::Shape> + ?Sized,
    {
        if let Some(counter) = self.instrument() {
            counter.add(value, attributes);
        }
    }
}

impl<N: Number, A: Attributes + ?Sized> Static<UpDownCounter<N, A>> {
    /// Adds to the series of these attributes, once a provider is installed.
    #[inline]
    pub fn add<B>(&self, value: N, attributes: &B)
    where
        B: Attributes<Shape = A::Shape> + ?Sized,
    {
        if let Some(counter) = self.instrument() {
            counter.add(value, attributes);
        }
    }
}

impl<N: Number, A: Attributes + ?Sized> Static<Gauge<N, A>> {
    /// Sets the series of these attributes, once a provider is installed.
    #[inline]
    pub fn set<B>(&self, value: N, attributes: &B)
    where
        B: Attributes<Shape = A::Shape> + ?Sized,
    {
        if let Some(gauge) = self.instrument() {
            gauge.set(value, attributes);
        }
    }
}

impl<N: Number, A: Attributes + ?Sized> Static<Histogram<N, A>> {
    /// Records a value in the series of these attributes, once a provider is installed.
    #[inline]
    pub fn record<B>(&self, value: N, attributes: &B)
    where
        B: Attributes<Shape = A::Shape> + ?Sized,
    {
        if let Some(histogram) = self.instrument() {
            histogram.record(value, attributes);
        }
    }
}

/// A gauge in a static whose value is asked for; made by
/// [`declare_observable_gauge!`](crate::declare_observable_gauge).
#[derive(Debug)]
pub struct StaticObservableGauge {
    scope: &'static str,
    def: MetricDef,
    callback: fn(&Observer<'_, f64>),
}

impl StaticObservableGauge {
    #[doc(hidden)]
    pub const fn new(scope: &'static str, def: MetricDef, callback: fn(&Observer<'_, f64>)) -> Self {
        Self { scope, def, callback }
    }

    /// The definition.
    pub const fn definition(&self) -> &MetricDef {
        &self.def
    }

    fn register(&self) {
        let Self { scope, def, callback } = self;
        let Some(provider) = global() else { return };
        let gauge = provider.meter(scope).f64_observable_gauge(def.name);
        let gauge = gauge.with_unit(def.unit).with_description(def.description);
        let _registered = gauge.with_callback(*callback).build();
    }
}

/// Such a gauge, as the linker collected it.
#[doc(hidden)]
#[derive(Debug)]
#[expect(clippy::exhaustive_structs, reason = "written by the declaration macro")]
pub struct Observed(pub &'static StaticObservableGauge);

inventory::collect!(Observed);

/// A declaration, as the linker collected it.
#[doc(hidden)]
#[derive(Debug)]
#[expect(clippy::exhaustive_structs, reason = "written by the declaration macros")]
pub struct Declared {
    pub scope: &'static str,
    pub def: MetricDef,
}

inventory::collect!(Declared);

/// All declarations of the program.
pub(crate) fn declared() -> impl Iterator<Item = &'static Declared> {
    inventory::iter::<Declared>.into_iter()
}

/// The types of static instruments, by the short names the macros use.
#[doc(hidden)]
pub type StaticCounter<A = [KeyValue]> = Static<Counter<u64, A>>;
#[doc(hidden)]
pub type StaticUpDownCounter<A = [KeyValue]> = Static<UpDownCounter<i64, A>>;
#[doc(hidden)]
pub type StaticGauge<A = [KeyValue]> = Static<Gauge<f64, A>>;
#[doc(hidden)]
pub type StaticHistogram<A = [KeyValue]> = Static<Histogram<f64, A>>;

#[doc(hidden)]
#[macro_export]
macro_rules! __declare_static {
    ($type:ident, $kind:ident, $number:ident, $(#[$meta:meta])* $vis:vis $name:ident, $key:expr
        $(, unit = $unit:expr)? $(, description = $description:expr)? $(, attributes = $attributes:ty)?
        $(, bounds = $bounds:expr)? $(,)?) => {
        $(#[$meta])*
        $vis static $name: $crate::statics::$type $(<$attributes>)? = {
            const DEF: $crate::core::MetricDef = $crate::core::MetricDef::new(
                $key,
                $crate::core::InstrumentKind::$kind,
                $crate::core::NumberKind::$number,
            )
            $(.with_unit($unit))?
            $(.with_description($description))?
            $(.with_attributes(<$attributes as $crate::core::Attributes>::DEFINITIONS))?
            $(.with_bounds($bounds))?;
            const SCOPE: &str = env!("CARGO_PKG_NAME");
            $crate::statics::inventory::submit! { $crate::statics::Declared { scope: SCOPE, def: DEF } }
            $crate::statics::Static::new(SCOPE, DEF)
        };
    };
}

#[doc(hidden)]
pub use inventory;

/// Declares a counter (`u64`) in a static.
///
/// After the name of the static and that of the metric come, each optional and in this order, `unit`, `description`
/// and `attributes` (a `#[derive(Attributes)]` type; without it, `&[KeyValue]`). The scope is the declaring package.
///
/// ```
/// use throughline_metrics::{declare_static_counter, kv_pairs};
///
/// declare_static_counter!(REQUESTS, "http.requests", unit = "{request}");
///
/// REQUESTS.add(1, kv_pairs!("method" => "GET", "status" => 200));
/// ```
#[macro_export]
macro_rules! declare_static_counter {
    ($($declaration:tt)*) => { $crate::__declare_static!(StaticCounter, Counter, U64, $($declaration)*); };
}

/// Declares an up-down counter (`i64`) in a static; see [`declare_static_counter!`](crate::declare_static_counter).
#[macro_export]
macro_rules! declare_static_up_down_counter {
    ($($declaration:tt)*) => { $crate::__declare_static!(StaticUpDownCounter, UpDownCounter, I64, $($declaration)*); };
}

/// Declares a gauge (`f64`) in a static; see [`declare_static_counter!`](crate::declare_static_counter).
#[macro_export]
macro_rules! declare_static_gauge {
    ($($declaration:tt)*) => { $crate::__declare_static!(StaticGauge, Gauge, F64, $($declaration)*); };
}

/// Declares a histogram (`f64`) in a static; see [`declare_static_counter!`](crate::declare_static_counter). After
/// the others may come `bounds`, a `&'static [f64]`.
#[macro_export]
macro_rules! declare_static_histogram {
    ($($declaration:tt)*) => { $crate::__declare_static!(StaticHistogram, Histogram, F64, $($declaration)*); };
}

/// Declares a gauge (`f64`) in a static whose value the callback reports at each collection, from the moment that a
/// provider is installed.
///
/// After the names of the static and of the metric comes the callback, a function or a closure that captures nothing; then,
/// each optional, `unit` and `description`.
///
/// ```
/// use throughline_metrics::declare_observable_gauge;
///
/// declare_observable_gauge!(LOAD, "machine.load", |observer| observer.observe(0.25, &()), unit = "1");
///
/// assert_eq!(LOAD.definition().name, "machine.load");
/// ```
#[macro_export]
macro_rules! declare_observable_gauge {
    ($(#[$meta:meta])* $vis:vis $name:ident, $key:expr, $callback:expr
        $(, unit = $unit:expr)? $(, description = $description:expr)? $(,)?) => {
        $(#[$meta])*
        $vis static $name: $crate::statics::StaticObservableGauge = {
            const DEF: $crate::core::MetricDef = $crate::core::MetricDef::new(
                $key,
                $crate::core::InstrumentKind::ObservableGauge,
                $crate::core::NumberKind::F64,
            )
            $(.with_unit($unit))?
            $(.with_description($description))?;
            const SCOPE: &str = env!("CARGO_PKG_NAME");
            $crate::statics::inventory::submit! { $crate::statics::Declared { scope: SCOPE, def: DEF } }
            $crate::statics::inventory::submit! { $crate::statics::Observed(&$name) }
            $crate::statics::StaticObservableGauge::new(SCOPE, DEF, $callback)
        };
    };
}

/// A slice of attributes.
///
/// ```
/// use throughline_metrics::kv_pairs;
///
/// assert_eq!(kv_pairs!("method" => "GET", "status" => 200).len(), 2);
/// ```
#[macro_export]
macro_rules! kv_pairs {
    ($($key:expr => $value:expr),* $(,)?) => {
        &[$($crate::key_value!($key, $value)),*][..]
    };
}

/// One attribute.
///
/// ```
/// use throughline_metrics::{key_value, kv_pairs};
///
/// assert_eq!(kv_pairs!("method" => "GET"), [key_value!("method", "GET")]);
/// ```
#[macro_export]
macro_rules! key_value {
    ($key:expr, $value:expr $(,)?) => {
        $crate::core::KeyValue::new($key, $value)
    };
}
