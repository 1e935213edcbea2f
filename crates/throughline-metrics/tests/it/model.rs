//! Random programs against a model that is too simple to be wrong.

use std::collections::BTreeMap;
use std::sync::Arc;

use opentelemetry::metrics as api;
use proptest::prelude::*;
use throughline_core::attribute::ValueRef;
use throughline_core::clock::ManualClock;
use throughline_core::{AttributeSet, KeyValue, Timestamp, Value};
use throughline_metrics::TemporalityPreference::{self, Cumulative, Delta, LowMemory};
use throughline_metrics::data::{Collection, MetricData, Temporality};
use throughline_metrics::view::View;
use throughline_metrics::{Counter, Gauge, Histogram, Meter, MeterProvider, Reader, UpDownCounter};

use crate::support::{SECOND, manual_clock};

/// Which instrument: each is made the first time it is recorded, by the API that the step says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Counter,
    UpDown,
    Gauge,
    Histogram,
    Exponential,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::UpDown => "up_down",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
            Self::Exponential => "exponential",
        }
    }

    fn is_delta(self, preference: TemporalityPreference) -> bool {
        preference != Cumulative && !matches!(self, Self::UpDown | Self::Gauge)
    }
}

#[derive(Clone, Copy, Debug)]
enum Way {
    Ours,
    Bound,
    Theirs,
}

#[derive(Clone, Debug)]
enum Step {
    Record { kind: Kind, way: Way, value: i32, attributes: Vec<(&'static str, Value)> },
    Collect { reader: usize },
    Tick,
}

fn attributes() -> impl Strategy<Value = Vec<(&'static str, Value)>> {
    let key = prop::sample::select(vec!["a", "b", "", "long.key"]);
    let value = prop_oneof![
        (0..3_i64).prop_map(Value::from),
        prop::sample::select(vec!["", "x", "1"]).prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        Just(Value::from(1.0)),
    ];
    prop::collection::vec((key, value), 0..4)
}

fn step() -> impl Strategy<Value = Step> {
    let kind = prop::sample::select(vec![
        Kind::Counter,
        Kind::UpDown,
        Kind::Gauge,
        Kind::Histogram,
        Kind::Exponential,
    ]);
    let way = prop::sample::select(vec![Way::Ours, Way::Bound, Way::Theirs]);
    prop_oneof![
        8 => (kind, way, -50..100_i32, attributes())
            .prop_map(|(kind, way, value, attributes)| Step::Record { kind, way, value, attributes }),
        2 => (0..3_usize).prop_map(|reader| Step::Collect { reader }),
        1 => Just(Step::Tick),
    ]
}

/// Records with one of our instruments, or through a handle bound to the attributes.
macro_rules! ours {
    ($instrument:expr, $way:expr, $verb:ident, $value:expr, $set:expr) => {
        match $way {
            Way::Bound => $instrument.bind($set).$verb($value),
            _ => $instrument.$verb($value, $set),
        }
    };
}

fn record(meter: &Meter, theirs: &api::Meter, kind: Kind, way: Way, value: i32, set: &[KeyValue]) {
    let (name, float) = (kind.name(), f64::from(value));
    if let Way::Theirs = way {
        return match kind {
            Kind::Counter => theirs.f64_counter(name).build().add(float, set),
            Kind::UpDown => theirs.i64_up_down_counter(name).build().add(value.into(), set),
            Kind::Gauge => theirs.f64_gauge(name).build().record(float, set),
            Kind::Histogram | Kind::Exponential => theirs.f64_histogram(name).build().record(float, set),
        };
    }
    match kind {
        Kind::Counter => {
            let counter: Counter<f64> = meter.f64_counter(name).build();
            ours!(counter, way, add, float, set);
        }
        Kind::UpDown => {
            let up_down: UpDownCounter<i64> = meter.i64_up_down_counter(name).build();
            ours!(up_down, way, add, value.into(), set);
        }
        Kind::Gauge => {
            let gauge: Gauge<f64> = meter.f64_gauge(name).build();
            ours!(gauge, way, set, float, set);
        }
        Kind::Histogram | Kind::Exponential => {
            let histogram: Histogram<f64> = meter.f64_histogram(name).build();
            ours!(histogram, way, record, float, set);
        }
    }
}

/// Attributes as text: sorted, the last of equal keys.
type Key = (Kind, BTreeMap<String, String>);

/// A series as the model knows it: everything that was recorded, in order.
#[derive(Clone, Debug, Default)]
struct Modelled {
    start: Timestamp,
    values: Vec<f64>,
    /// For each reader, how many of the values it has collected; none, when it has not seen the series.
    seen: [Option<usize>; 3],
}

#[derive(Debug, Default)]
struct Model {
    series: BTreeMap<Key, Modelled>,
    last: [Timestamp; 3],
    negative: u64,
}

impl Model {
    fn record(&mut self, now: Timestamp, kind: Kind, way: Way, value: i32, set: &[KeyValue]) {
        let dropped = kind == Kind::Counter && value < 0;
        self.negative += u64::from(dropped);
        if dropped && !matches!(way, Way::Bound) {
            return;
        }
        let text = |value| format!("{:?}", ValueRef::from(value));
        let set = set.iter().map(|pair| (pair.key.to_string(), text(&pair.value))).collect();
        let series =
            self.series.entry((kind, set)).or_insert_with(|| Modelled { start: now, ..Modelled::default() });
        if !dropped {
            series.values.push(value.into());
        }
    }

    /// What the reader has to report: start and values of each series.
    fn collect(&mut self, reader: usize, now: Timestamp) -> BTreeMap<Key, (Timestamp, Vec<f64>)> {
        let last = std::mem::replace(&mut self.last[reader], now);
        let mut expected = BTreeMap::new();
        for (key, series) in &mut self.series {
            let seen = series.seen[reader].replace(series.values.len());
            let is_delta = key.0.is_delta(PREFERENCES[reader]);
            let values = &series.values[if is_delta { seen.unwrap_or(0) } else { 0 }..];
            let is_new = seen.is_none();
            // A sum that has not changed is not new, even when something was added to it.
            let unchanged =
                if key.0 == Kind::Counter { values.iter().sum::<f64>() == 0.0 } else { values.is_empty() };
            if (is_delta && unchanged && !is_new) || (key.0 == Kind::Gauge && values.is_empty()) {
                continue;
            }
            let start = if is_delta { last.max(series.start) } else { series.start };
            expected.insert(key.clone(), (start, values.to_vec()));
        }
        expected
    }
}

const PREFERENCES: [TemporalityPreference; 3] = [Cumulative, Delta, LowMemory];
const BOUNDS: [f64; 4] = [-10.0, 0.0, 10.0, 50.0];

/// What a point says, and what the values it was made of should have made it say.
#[derive(Debug, PartialEq)]
enum Said {
    Number(f64),
    Histogram { count: u64, sum: f64, extremes: Option<(f64, f64)>, buckets: Vec<u64> },
    Exponential { count: u64, sum: f64, extremes: Option<(f64, f64)>, zero: u64, signs: (u64, u64) },
}

fn expected(kind: Kind, is_delta: bool, values: &[f64]) -> Said {
    let (count, sum) = (values.len() as u64, values.iter().sum());
    let least = values.iter().copied().reduce(f64::min).filter(|_| !is_delta);
    let extremes = least.zip(values.iter().copied().reduce(f64::max));
    let number_of = |is: &dyn Fn(f64) -> bool| values.iter().filter(|value| is(**value)).count() as u64;
    match kind {
        Kind::Counter | Kind::UpDown => Said::Number(sum),
        Kind::Gauge => Said::Number(values.last().copied().unwrap_or_default()),
        Kind::Histogram => {
            let mut buckets = vec![0; BOUNDS.len() + 1];
            for value in values {
                buckets[BOUNDS.iter().position(|bound| value <= bound).unwrap_or(BOUNDS.len())] += 1;
            }
            Said::Histogram { count, sum, extremes, buckets }
        }
        Kind::Exponential => {
            let (zero, signs) =
                (number_of(&|v| v == 0.0), (number_of(&|v| v > 0.0), number_of(&|v| v < 0.0)));
            Said::Exponential { count, sum, extremes, zero, signs }
        }
    }
}

fn key(kind: Kind, set: &AttributeSet) -> Key {
    (kind, set.iter().map(|(key, value)| (key.to_owned(), format!("{value:?}"))).collect())
}

/// What was collected, in the model's terms.
fn said(collection: &Collection, preference: TemporalityPreference) -> BTreeMap<Key, (Timestamp, Said)> {
    let kinds = [Kind::Counter, Kind::UpDown, Kind::Gauge, Kind::Histogram, Kind::Exponential];
    let mut said = BTreeMap::new();
    for (_, metric) in collection.metrics() {
        let Some(kind) = kinds.into_iter().find(|kind| kind.name() == &*metric.name) else { continue };
        let mut put = |set: &AttributeSet, start: Timestamp, value: Said| {
            assert!(start <= collection.time);
            let twice = said.insert(key(kind, set), (start, value));
            assert!(twice.is_none(), "{kind:?} {set} stands twice");
        };
        let wanted = if kind.is_delta(preference) { Temporality::Delta } else { Temporality::Cumulative };
        match &metric.data {
            MetricData::Sum { points, temporality, .. } => {
                assert_eq!(*temporality, wanted);
                for point in points.iter() {
                    put(point.attributes, point.start, Said::Number(point.value.as_f64()));
                }
            }
            MetricData::Gauge { points } => {
                for point in points.iter() {
                    put(point.attributes, point.start, Said::Number(point.value.as_f64()));
                }
            }
            MetricData::Histogram { points, temporality, .. } => {
                assert_eq!(*temporality, wanted);
                for point in points.iter() {
                    let v = point.value;
                    let (count, sum, extremes) = (v.count, v.sum, v.min.zip(v.max));
                    put(
                        point.attributes,
                        point.start,
                        Said::Histogram { count, sum, extremes, buckets: v.buckets.to_vec() },
                    );
                }
            }
            MetricData::ExponentialHistogram { points, temporality } => {
                assert_eq!(*temporality, wanted);
                for point in points.iter() {
                    let v = &point.value;
                    let (count, sum, extremes, zero) = (v.count, v.sum, v.min.zip(v.max), v.zero_count);
                    let signs = (v.positive.counts.iter().sum(), v.negative.counts.iter().sum());
                    put(
                        point.attributes,
                        point.start,
                        Said::Exponential { count, sum, extremes, zero, signs },
                    );
                }
            }
        }
    }
    said
}

fn check(model: &mut Model, reader: &mut Reader, at: usize, clock: &ManualClock) {
    let now = throughline_core::Clock::now(clock);
    let seen = said(reader.collect(), PREFERENCES[at]);
    let wanted: BTreeMap<_, _> = model
        .collect(at, now)
        .into_iter()
        .map(|(key, (start, values))| {
            let is_delta = key.0.is_delta(PREFERENCES[at]);
            let said = expected(key.0, is_delta, &values);
            (key, (start, said))
        })
        .collect();
    assert_eq!(seen, wanted);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]

    #[test]
    fn readers_see_what_was_recorded(steps in prop::collection::vec(step(), 1..80)) {
        let clock = manual_clock();
        let provider = MeterProvider::builder()
            .with_clock(Arc::clone(&clock) as _)
            .with_view(View::of("histogram").bounds(BOUNDS))
            .with_view(View::of("exponential").exponential())
            .build();
        let meter = provider.meter("it");
        let theirs = api::MeterProvider::meter(&provider, "it");
        let mut model = Model::default();
        let mut readers = PREFERENCES.map(|preference| provider.reader(preference));
        for step in steps {
            match step {
                Step::Tick => clock.advance(SECOND),
                Step::Collect { reader } => check(&mut model, &mut readers[reader], reader, &clock),
                Step::Record { kind, way, value, attributes } => {
                    let set: Vec<_> =
                        attributes.into_iter().map(|(key, value)| KeyValue::new(key, value)).collect();
                    record(&meter, &theirs, kind, way, value, &set);
                    let now = throughline_core::Clock::now(&*clock);
                    model.record(now, kind, way, value, &set);
                }
            }
        }
        for (at, reader) in readers.iter_mut().enumerate() {
            check(&mut model, reader, at, &clock);
        }
        let dropped = crate::support::dropped(&provider, throughline_metrics::DropReason::Negative);
        prop_assert_eq!(dropped, model.negative);
    }
}
