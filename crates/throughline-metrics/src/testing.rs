//! Reading back what was recorded, in a test.
//!
//! Give the code under test a provider of its own and ask for a [`Snapshot`] of it. Nothing global is involved, so
//! tests run in parallel, and recordings of other threads are seen too.
//!
//! ```
//! use throughline_core::KeyValue;
//! use throughline_metrics::MeterProvider;
//! use throughline_metrics::testing::Snapshot;
//!
//! let provider = MeterProvider::default();
//! let latency = provider.meter("shop").f64_histogram("latency").with_unit("s").build();
//! latency.record(0.2, &[KeyValue::new("route", "/cart")]);
//!
//! let snapshot = Snapshot::of(&provider);
//! assert_eq!(snapshot.histogram("latency", &[KeyValue::new("route", "/cart")]).count, 1);
//! assert_eq!(snapshot.names(), ["latency"]);
//! ```

use std::fmt::Write as _;
use std::sync::Arc;

use throughline_core::attribute::Attributes;
use throughline_core::{AttributeSet, InstrumentationScope};

use crate::data::{Collection, ExponentialValue, HistogramValue, Metric, MetricData, Points, Values};
use crate::provider::MeterProvider;
use crate::reader::{Reader, TemporalityPreference};

/// What was recorded up to one moment. Its look-ups panic, with a list of what there is, when there is no such point.
#[derive(Clone, Debug)]
pub struct Snapshot(Arc<Collection>);

impl Snapshot {
    /// Everything that was recorded in this provider.
    pub fn of(provider: &MeterProvider) -> Self {
        Self::collected(&mut provider.reader(TemporalityPreference::Cumulative))
    }

    /// What this reader sees now: for a delta reader, what is new.
    pub fn collected(reader: &mut Reader) -> Self {
        Self(Arc::clone(reader.collect()))
    }

    /// The collection.
    pub fn collection(&self) -> &Collection {
        &self.0
    }

    /// The names of the metrics that have points, in order of scope and creation.
    pub fn names(&self) -> Vec<&str> {
        let recorded = self.0.metrics().filter(|(_, metric)| !metric.data.is_empty());
        recorded.map(|(_, metric)| &*metric.name).collect()
    }

    /// The metric of this name, with its scope.
    ///
    /// # Panics
    /// When there is none.
    #[track_caller]
    pub fn metric(&self, name: &str) -> (&InstrumentationScope, &Metric) {
        self.0.metrics().find(|(_, metric)| &*metric.name == name).unwrap_or_else(|| self.missing(name))
    }

    /// The value of a sum or gauge.
    ///
    /// # Panics
    /// When there is no such point.
    #[track_caller]
    pub fn sum<A: Attributes + ?Sized>(&self, name: &str, attributes: &A) -> f64 {
        match &self.metric(name).1.data {
            MetricData::Sum { points, .. } | MetricData::Gauge { points } => {
                self.value(name, points, attributes).as_f64()
            }
            _ => self.missing(name),
        }
    }

    /// The value of a gauge: another name for [`sum`](Self::sum), for tests that read better with it.
    ///
    /// # Panics
    /// When there is no such point.
    #[track_caller]
    pub fn gauge<A: Attributes + ?Sized>(&self, name: &str, attributes: &A) -> f64 {
        self.sum(name, attributes)
    }

    /// The value of a histogram with explicit bounds.
    ///
    /// # Panics
    /// When there is no such point.
    #[track_caller]
    pub fn histogram<A: Attributes + ?Sized>(&self, name: &str, attributes: &A) -> HistogramValue<'_> {
        match &self.metric(name).1.data {
            MetricData::Histogram { points, .. } => self.value(name, points, attributes),
            _ => self.missing(name),
        }
    }

    /// The value of an exponential histogram.
    ///
    /// # Panics
    /// When there is no such point.
    #[track_caller]
    pub fn exponential<A: Attributes + ?Sized>(&self, name: &str, attributes: &A) -> &ExponentialValue {
        match &self.metric(name).1.data {
            MetricData::ExponentialHistogram { points, .. } => self.value(name, points, attributes),
            _ => self.missing(name),
        }
    }

    #[track_caller]
    fn value<'a, V: Values, A: Attributes + ?Sized>(
        &self,
        name: &str,
        points: &'a Points<V>,
        attributes: &A,
    ) -> V::Value<'a> {
        let wanted = AttributeSet::new(attributes);
        let found = points.iter().find(|point| *point.attributes == wanted);
        found.unwrap_or_else(|| self.missing(&format!("{name}{wanted}"))).value
    }

    #[track_caller]
    #[expect(clippy::panic, reason = "a test helper: it says what was not there")]
    fn missing(&self, wanted: &str) -> ! {
        panic!("there is no `{wanted}` of that kind; recorded were:\n{}", self.listing());
    }

    fn listing(&self) -> String {
        let mut listing = String::new();
        for (_, metric) in self.0.metrics() {
            let sets: Vec<&AttributeSet> = match &metric.data {
                MetricData::Gauge { points } | MetricData::Sum { points, .. } => attributes(points),
                MetricData::Histogram { points, .. } => attributes(points),
                MetricData::ExponentialHistogram { points, .. } => attributes(points),
            };
            for set in sets {
                let _infallible = writeln!(listing, "  {}{set}", metric.name);
            }
        }
        listing
    }
}

fn attributes<V: Values>(points: &Points<V>) -> Vec<&AttributeSet> {
    points.iter().map(|point| point.attributes).collect()
}
