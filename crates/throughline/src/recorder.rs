//! Recording by name, for code that has no place to keep instruments: [`MetricsRecorder`].

use std::collections::HashMap;
use std::sync::{OnceLock, PoisonError, RwLock};

use throughline_core::attribute::{Attributes, Visitor};
use throughline_core::{Key, KeyValue, Value};
use throughline_metrics::{Counter, Gauge, Histogram, Meter, statics};

/// Records metrics by their names, with attributes that all of them share.
///
/// Instruments are made at their first recording and kept. Each recording takes a lock that only new instruments take
/// for writing, and hashes two names: where that counts, keep an instrument, or declare one in a static. Until
/// [`init_telemetry`](crate::init_telemetry) has been called, and when it left the globals alone, recording does nothing.
///
/// ```
/// use throughline::{KeyValue, MetricsRecorder};
///
/// let recorder = MetricsRecorder::new().with_attribute("processor.id", "p-7");
/// recorder.record_counter("processor", "events.processed", 1, vec![]);
/// recorder.record_histogram("processor", "processing.duration", 0.012, [KeyValue::new("event.type", "metric")]);
/// recorder.record_gauge("processor", "watermark.lag", 3.5, &[]);
/// ```
#[derive(Clone, Debug, Default)]
pub struct MetricsRecorder {
    attributes: Vec<KeyValue>,
}

impl MetricsRecorder {
    /// A recorder without attributes of its own.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an attribute to everything it records.
    pub fn with_attribute(self, key: impl Into<Key>, value: impl Into<Value>) -> Self {
        self.with_attributes([KeyValue::new(key, value)])
    }

    /// Adds attributes to everything it records.
    pub fn with_attributes(mut self, attributes: impl IntoIterator<Item = KeyValue>) -> Self {
        self.attributes.extend(attributes);
        self
    }

    /// Adds to the counter of this name in this scope.
    pub fn record_counter(
        &self,
        scope: &'static str,
        name: &str,
        value: u64,
        attributes: impl AsRef<[KeyValue]>,
    ) {
        let attributes = self.joined(attributes.as_ref());
        instruments().counters.with(scope, name, |counter| counter.add(value, &attributes));
    }

    /// Records a value in the histogram of this name in this scope.
    pub fn record_histogram(
        &self,
        scope: &'static str,
        name: &str,
        value: f64,
        attributes: impl AsRef<[KeyValue]>,
    ) {
        let attributes = self.joined(attributes.as_ref());
        instruments().histograms.with(scope, name, |histogram| histogram.record(value, &attributes));
    }

    /// Sets the gauge of this name in this scope: the last value counts.
    pub fn record_gauge(
        &self,
        scope: &'static str,
        name: &str,
        value: f64,
        attributes: impl AsRef<[KeyValue]>,
    ) {
        let attributes = self.joined(attributes.as_ref());
        instruments().gauges.with(scope, name, |gauge| gauge.set(value, &attributes));
    }

    fn joined<'a>(&'a self, own: &'a [KeyValue]) -> Joined<'a> {
        Joined { shared: &self.attributes, own }
    }
}

/// The recorder's attributes and those of one call: of equal keys, the call's wins.
struct Joined<'a> {
    shared: &'a [KeyValue],
    own: &'a [KeyValue],
}

impl Attributes for Joined<'_> {
    type Shape = [KeyValue];
    const NUMBERED: usize = <[KeyValue] as Attributes>::NUMBERED;

    fn number(&self) -> usize {
        if self.shared.is_empty() { self.own.number() } else { usize::MAX }
    }

    fn visit<V: Visitor>(&self, visitor: &mut V) {
        self.shared.visit(visitor);
        self.own.visit(visitor);
    }
}

/// The instruments that recorders have made.
#[derive(Default)]
struct Instruments {
    counters: Named<Counter<u64>>,
    histograms: Named<Histogram<f64>>,
    gauges: Named<Gauge<f64>>,
}

fn instruments() -> &'static Instruments {
    static INSTRUMENTS: OnceLock<Instruments> = OnceLock::new();
    INSTRUMENTS.get_or_init(Instruments::default)
}

/// Instruments of one kind, by scope and name.
struct Named<I>(RwLock<HashMap<&'static str, HashMap<String, I>>>);

impl<I> Default for Named<I> {
    fn default() -> Self {
        Self(RwLock::default())
    }
}

/// What can be made from a meter and a name.
trait ByName: Clone {
    fn make(meter: &Meter, name: String) -> Self;
}

impl ByName for Counter<u64> {
    fn make(meter: &Meter, name: String) -> Self {
        meter.u64_counter(name).build()
    }
}

impl ByName for Histogram<f64> {
    fn make(meter: &Meter, name: String) -> Self {
        meter.f64_histogram(name).build()
    }
}

impl ByName for Gauge<f64> {
    fn make(meter: &Meter, name: String) -> Self {
        meter.f64_gauge(name).build()
    }
}

impl<I: ByName> Named<I> {
    /// The instrument leaves the lock before anything is recorded: a log subscriber may record in turn.
    fn with(&self, scope: &'static str, name: &str, record: impl FnOnce(&I)) {
        let known = {
            let instruments = self.0.read().unwrap_or_else(PoisonError::into_inner);
            instruments.get(scope).and_then(|of_scope| of_scope.get(name)).cloned()
        };
        if let Some(instrument) = known.or_else(|| self.make(scope, name)) {
            record(&instrument);
        }
    }

    #[cold]
    fn make(&self, scope: &'static str, name: &str) -> Option<I> {
        let instrument = I::make(&statics::global()?.meter(scope), name.to_owned());
        let mut instruments = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let of_scope = instruments.entry(scope).or_default();
        Some(of_scope.entry(name.to_owned()).or_insert(instrument).clone())
    }
}
