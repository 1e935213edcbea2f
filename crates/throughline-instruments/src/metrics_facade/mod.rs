//! What is recorded through the [`metrics`] crate.
//!
//! ```
//! use throughline_instruments::metrics_facade::FacadeRecorder;
//! use throughline_metrics::MeterProvider;
//! use throughline_metrics::testing::Snapshot;
//!
//! let provider = MeterProvider::default();
//! let recorder = FacadeRecorder::new(&provider.meter("shop"));
//! // In a program: metrics::set_global_recorder(recorder)
//! metrics::with_local_recorder(&recorder, || {
//!     metrics::describe_counter!("orders", metrics::Unit::Count, "Orders that were paid.");
//!     metrics::counter!("orders", "country" => "nl").increment(2);
//! });
//!
//! let country = throughline_core::KeyValue::new("country", "nl");
//! assert_eq!(Snapshot::of(&provider).sum("orders", &[country]), 2.0);
//! ```
//!
//! Counters and histograms become those of the engine, with all that it has: views, limits, temporality, exemplars. A gauge
//! keeps its value in a cell of its own, since it can be incremented as well as set, and is read by a callback. Names are
//! translated for Prometheus as those of all instruments: `orders` is `orders_total` there, unless suffixes are off.
//!
//! Units and descriptions have an effect when they come before the first use of the name.

mod gauge;
mod handles;

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use ::metrics::{
    Counter, CounterFn, Gauge, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder, SharedString, Unit,
};
use throughline_core::KeyValue;
use throughline_metrics::{BoundCounter, BoundHistogram, Meter};

use self::gauge::Gauges;
use self::handles::Handles;

/// Records in a meter what is recorded through the `metrics` crate: a [`Recorder`] to be installed with
/// [`set_global_recorder`](::metrics::set_global_recorder).
///
/// A macro such as `counter!` looks up its handle with its labels: a lock that is shared by those who look, and one hash; no
/// allocation unless the handle is new. Recording on a handle is as cheap as on a bound instrument.
pub struct FacadeRecorder {
    meter: Meter,
    described: RwLock<HashMap<(Kind, KeyName), Described>>,
    counters: Handles<Counter>,
    gauges: Gauges,
    histograms: Handles<Histogram>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Kind {
    Counter,
    Gauge,
    Histogram,
}

/// What was said of a metric.
#[derive(Clone, Debug, Default)]
struct Described {
    unit: &'static str,
    description: String,
}

impl FacadeRecorder {
    /// Makes a recorder whose instruments are those of this meter.
    pub fn new(meter: &Meter) -> Self {
        Self {
            meter: meter.clone(),
            described: RwLock::default(),
            counters: Handles::default(),
            gauges: Gauges::default(),
            histograms: Handles::default(),
        }
    }

    fn describe(&self, kind: Kind, name: KeyName, unit: Option<Unit>, description: &SharedString) {
        let described =
            Described { unit: unit.map_or("", ucum), description: description.as_ref().to_owned() };
        let mut all = self.described.write().unwrap_or_else(PoisonError::into_inner);
        all.insert((kind, name), described);
    }

    fn described(&self, kind: Kind, name: &KeyName) -> Described {
        let all = self.described.read().unwrap_or_else(PoisonError::into_inner);
        all.get(&(kind, name.clone())).cloned().unwrap_or_default()
    }

    fn counter(&self, key: &Key) -> Counter {
        let Described { unit, description } = self.described(Kind::Counter, &key.name_shared());
        let counter =
            self.meter.u64_counter(key.name().to_owned()).with_unit(unit).with_description(description);
        let bound = counter.build().bind(&attributes(key)[..]);
        Counter::from_arc(Arc::new(Counted { bound, absolute: AtomicU64::new(0) }))
    }

    fn histogram(&self, key: &Key) -> Histogram {
        let Described { unit, description } = self.described(Kind::Histogram, &key.name_shared());
        let histogram =
            self.meter.f64_histogram(key.name().to_owned()).with_unit(unit).with_description(description);
        Histogram::from_arc(Arc::new(Distributed(histogram.build().bind(&attributes(key)[..]))))
    }
}

impl Recorder for FacadeRecorder {
    fn describe_counter(&self, key: KeyName, unit: Option<Unit>, description: SharedString) {
        self.describe(Kind::Counter, key, unit, &description);
    }

    fn describe_gauge(&self, key: KeyName, unit: Option<Unit>, description: SharedString) {
        self.describe(Kind::Gauge, key, unit, &description);
    }

    fn describe_histogram(&self, key: KeyName, unit: Option<Unit>, description: SharedString) {
        self.describe(Kind::Histogram, key, unit, &description);
    }

    fn register_counter(&self, key: &Key, _metadata: &Metadata<'_>) -> Counter {
        self.counters.find_or_make(key, || self.counter(key))
    }

    fn register_gauge(&self, key: &Key, _metadata: &Metadata<'_>) -> Gauge {
        self.gauges.find_or_make(key, &self.meter, || self.described(Kind::Gauge, &key.name_shared()))
    }

    fn register_histogram(&self, key: &Key, _metadata: &Metadata<'_>) -> Histogram {
        self.histograms.find_or_make(key, || self.histogram(key))
    }
}

impl fmt::Debug for FacadeRecorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FacadeRecorder").field("meter", &self.meter).finish_non_exhaustive()
    }
}

fn attributes(key: &Key) -> Vec<KeyValue> {
    key.labels().map(|label| KeyValue::new(label.key().to_owned(), label.value().to_owned())).collect()
}

struct Counted {
    bound: BoundCounter<u64>,
    /// The largest value that it was set to.
    absolute: AtomicU64,
}

impl CounterFn for Counted {
    fn increment(&self, value: u64) {
        self.bound.add(value);
    }

    /// Adds what the value is above the largest one before. A counter that is incremented as well counts both.
    fn absolute(&self, value: u64) {
        let before = self.absolute.fetch_max(value, Ordering::Relaxed);
        if value > before {
            self.bound.add(value - before);
        }
    }
}

struct Distributed(BoundHistogram<f64>);

impl HistogramFn for Distributed {
    fn record(&self, value: f64) {
        self.0.record(value);
    }
}

fn ucum(unit: Unit) -> &'static str {
    match unit {
        Unit::Count => "",
        Unit::Percent => "%",
        Unit::Seconds => "s",
        Unit::Milliseconds => "ms",
        Unit::Microseconds => "us",
        Unit::Nanoseconds => "ns",
        Unit::Tebibytes => "TiBy",
        Unit::Gibibytes => "GiBy",
        Unit::Mebibytes => "MiBy",
        Unit::Kibibytes => "KiBy",
        Unit::Bytes => "By",
        Unit::TerabitsPerSecond => "Tbit/s",
        Unit::GigabitsPerSecond => "Gbit/s",
        Unit::MegabitsPerSecond => "Mbit/s",
        Unit::KilobitsPerSecond => "kbit/s",
        Unit::BitsPerSecond => "bit/s",
        Unit::CountPerSecond => "1/s",
    }
}
