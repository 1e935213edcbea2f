//! Gauges of the `metrics` crate: they are set, incremented and decremented, so each keeps its value itself, and the engine
//! asks for it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use ::metrics::{Gauge, GaugeFn, Key, KeyName};
use throughline_core::KeyValue;
use throughline_metrics::{DEFAULT_LIMIT, Meter, Observer};

use super::{Described, attributes};

/// All gauges, by name.
#[derive(Debug, Default)]
pub(super) struct Gauges(RwLock<HashMap<KeyName, Arc<Series>>>);

/// The gauges of one name, by labels.
#[derive(Debug, Default)]
struct Series {
    cells: RwLock<HashMap<Key, Arc<Cell>>>,
    /// Stands for all that are beyond the limit.
    overflow: Arc<Cell>,
}

/// The value of a gauge, as bits.
#[derive(Debug)]
struct Cell(AtomicU64);

/// A value that no arithmetic gives: the gauge was not set yet.
const UNSET: u64 = u64::MAX;

/// What says that a series stands for several.
const OVERFLOW: &str = "otel.metric.overflow";

impl Gauges {
    /// The gauge of this key. The first one of a name makes the instrument.
    pub(super) fn find_or_make(
        &self,
        key: &Key,
        meter: &Meter,
        describe: impl FnOnce() -> Described,
    ) -> Gauge {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner).get(key.name()).cloned();
        let series = known.unwrap_or_else(|| self.make(key, meter, describe()));
        Gauge::from_arc(series.cell(key))
    }

    fn make(&self, key: &Key, meter: &Meter, described: Described) -> Arc<Series> {
        let new = Arc::<Series>::default();
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let series =
            Arc::clone(all.entry(key.name_shared().to_retained()).or_insert_with(|| Arc::clone(&new)));
        drop(all);
        if Arc::ptr_eq(&series, &new) {
            let Described { unit, description } = described;
            let gauge = meter.f64_observable_gauge(key.name().to_owned());
            let gauge = gauge.with_unit(unit).with_description(description);
            let _lives_with_the_provider = gauge.with_callback(move |observer| new.observe(observer)).build();
        }
        series
    }
}

impl Series {
    /// The cell of these labels. Labels may come from outside, so there is a limit, that of an instrument.
    fn cell(&self, key: &Key) -> Arc<Cell> {
        if let Some(known) = self.cells.read().unwrap_or_else(PoisonError::into_inner).get(key) {
            return Arc::clone(known);
        }
        let mut cells = self.cells.write().unwrap_or_else(PoisonError::into_inner);
        if cells.len() >= DEFAULT_LIMIT && !cells.contains_key(key) {
            return Arc::clone(&self.overflow);
        }
        Arc::clone(cells.entry(key.to_retained()).or_default())
    }

    fn observe(&self, observer: &Observer<'_, f64>) {
        let cells = self.cells.read().unwrap_or_else(PoisonError::into_inner);
        let set: Vec<_> =
            cells.iter().filter_map(|(key, cell)| Some((attributes(key), cell.value()?))).collect();
        drop(cells);
        for (attributes, value) in set {
            observer.observe(value, &attributes[..]);
        }
        if let Some(value) = self.overflow.value() {
            observer.observe(value, &[KeyValue::new(OVERFLOW, true)][..]);
        }
    }
}

impl Default for Cell {
    fn default() -> Self {
        Self(AtomicU64::new(UNSET))
    }
}

impl Cell {
    fn value(&self) -> Option<f64> {
        number(self.0.load(Ordering::Relaxed))
    }
}

fn number(bits: u64) -> Option<f64> {
    (bits != UNSET).then(|| f64::from_bits(bits))
}

impl GaugeFn for Cell {
    fn increment(&self, value: f64) {
        let add = |bits| Some((number(bits).unwrap_or_default() + value).to_bits());
        // Never refused.
        let _before = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add);
    }

    fn decrement(&self, value: f64) {
        self.increment(-value);
    }

    fn set(&self, value: f64) {
        self.0.store(value.to_bits(), Ordering::Relaxed);
    }
}
