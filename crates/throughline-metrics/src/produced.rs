//! What producers said, as points: part of stop 5.
//!
//! `reader.rs` hands over what each producer (`producer.rs`) said in one round. Like the series of callbacks (`observed.rs`)
//! these have no cells: each reader remembers for itself which there were, so that a series keeps its id, and what it came
//! to, so that a delta reader is told what was added.

use std::collections::HashMap;
use std::sync::Arc;

use throughline_core::{AttributeSet, InstrumentKind, Timestamp};

use crate::data::{
    HistogramValue, Histograms, Metric, MetricData, Numbers, Points, ScopeMetrics, Series, SeriesId,
    StreamId, Temporality, Values,
};
use crate::drops::{DropReason, Drops};
use crate::producer::{Joined, ProducedData, ProducedHistogram, ProducedMetric};
use crate::reader::TemporalityPreference;
use crate::stream::{next_series_id, next_stream_id};

/// So many series of one producer are shown; what is beyond is dropped and counted. A registry has them all in memory
/// anyway, so this is far more than an instrument may have. It bounds what each reader and exporter needs besides.
const SERIES_MAX: usize = 100_000;

/// What all producers said in one round.
pub(crate) type Said = Vec<(Arc<Joined>, Vec<ProducedMetric>)>;

/// What one reader has seen of all producers.
#[derive(Debug, Default)]
pub(crate) struct Produced {
    /// In the order that the producers were added.
    producers: Vec<Streams>,
}

/// One collection of one reader.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Round<'a> {
    pub(crate) preference: TemporalityPreference,
    /// When this reader collected last, and now.
    pub(crate) between: (Timestamp, Timestamp),
    pub(crate) drops: &'a Drops,
}

impl Produced {
    /// The metrics of all producers as the reader wants them, a scope for each producer that has any.
    pub(crate) fn collect(&mut self, said: Said, round: Round<'_>) -> impl Iterator<Item = ScopeMetrics> {
        self.producers.resize_with(said.len(), Streams::default);
        let scopes = self.producers.iter_mut().zip(said).map(move |(streams, (joined, metrics))| {
            let metrics = streams.collect(joined.since, metrics, round);
            ScopeMetrics { scope: joined.scope.clone(), metrics }
        });
        scopes.filter(|scope| !scope.metrics.is_empty())
    }
}

/// The metrics of one producer. Its gauges and sums of one name are different ones, as histograms with other bounds are.
#[derive(Debug, Default)]
struct Streams {
    numbers: HashMap<(String, InstrumentKind), Stream<f64>>,
    histograms: HashMap<(String, Vec<u64>), Stream<ProducedHistogram>>,
    round: u64,
}

impl Streams {
    fn collect(&mut self, since: Timestamp, metrics: Vec<ProducedMetric>, round: Round<'_>) -> Vec<Metric> {
        self.round += 1;
        let (last, now) = round.between;
        let mut taking =
            Taking { number: self.round, start: since.max(last).min(now), round, room: SERIES_MAX };
        let shown = metrics.into_iter().filter_map(|metric| self.take(metric, &mut taking)).collect();
        // What was not said again is forgotten.
        self.numbers.retain(|_, stream| stream.round == self.round);
        self.histograms.retain(|_, stream| stream.round == self.round);
        shown
    }

    /// The metric as the reader wants it; none when it was there already.
    fn take(&mut self, metric: ProducedMetric, taking: &mut Taking<'_>) -> Option<Metric> {
        let ProducedMetric { name, verbatim, description, unit, data } = metric;
        let (name_shared, temporality) = (Arc::from(&*name), taking.round.preference.of(kind(&data)));
        let (id, data) = match data {
            ProducedData::Gauge(seen) => {
                let stream = self.numbers(name, InstrumentKind::ObservableGauge);
                let points = stream.take(seen, Total::Any, taking)?;
                (stream.id, MetricData::Gauge { points })
            }
            ProducedData::Sum { monotonic: false, points: seen } => {
                let stream = self.numbers(name, InstrumentKind::ObservableUpDownCounter);
                let points = stream.take(seen, Total::Any, taking)?;
                (stream.id, MetricData::Sum { monotonic: false, temporality, points })
            }
            ProducedData::Sum { monotonic: true, points: seen } => {
                let stream = self.numbers(name, InstrumentKind::ObservableCounter);
                let points = stream.take(seen, Total::Grows(temporality), taking)?;
                (stream.id, MetricData::Sum { monotonic: true, temporality, points })
            }
            ProducedData::Histogram { bounds, points: mut seen } => {
                let said = seen.len();
                seen.retain(|(_, value)| value.buckets.len() == bounds.len() + 1);
                taking.drop(DropReason::ProducedInvalid, said - seen.len());
                let bits = bounds.iter().map(|bound| bound.to_bits()).collect();
                let new = || Stream::new(Histograms::new(bounds));
                let stream = self.histograms.entry((name, bits)).or_insert_with(new);
                let points = stream.take(seen, Total::Grows(temporality), taking)?;
                (stream.id, MetricData::Histogram { temporality, points })
            }
        };
        let (description, unit) = (description.into(), unit.into());
        Some(Metric { id, name: name_shared, verbatim, description, unit, data })
    }

    fn numbers(&mut self, name: String, kind: InstrumentKind) -> &mut Stream<f64> {
        let new = || Stream::new(Numbers::F64(Vec::new()));
        self.numbers.entry((name, kind)).or_insert_with(new)
    }
}

/// What an instrument of the kind would be, for its temporality.
fn kind(data: &ProducedData) -> InstrumentKind {
    match data {
        ProducedData::Gauge(_) => InstrumentKind::ObservableGauge,
        ProducedData::Sum { monotonic: true, .. } => InstrumentKind::ObservableCounter,
        ProducedData::Sum { monotonic: false, .. } => InstrumentKind::ObservableUpDownCounter,
        ProducedData::Histogram { .. } => InstrumentKind::Histogram,
    }
}

/// One collection of one producer.
struct Taking<'a> {
    number: u64,
    /// Since when a series counts that was not there the last time.
    start: Timestamp,
    /// How many series more may come.
    room: usize,
    round: Round<'a>,
}

impl Taking<'_> {
    fn drop(&self, reason: DropReason, points: usize) {
        self.round.drops.add(reason, points as u64);
    }
}

/// What values are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Total {
    /// Shown as they are.
    Any,
    /// Totals that only grow, and are shown so.
    Grows(Temporality),
}

/// What a reader knows of a metric.
#[derive(Debug)]
struct Stream<T: Value> {
    id: StreamId,
    /// In which round it was said last.
    round: u64,
    rows: HashMap<AttributeSet, Row<T>>,
    /// Kept, so that the list of series is the same as long as they are.
    points: Points<T::Column>,
}

/// What a reader knows of a series.
#[derive(Debug)]
struct Row<T> {
    id: SeriesId,
    start: Timestamp,
    /// What it came to last, unless it is new.
    last: Option<T>,
}

impl<T: Value> Stream<T> {
    fn new(values: T::Column) -> Self {
        let points = Points::new(Vec::new(), values);
        Self { id: next_stream_id(), round: 0, rows: HashMap::new(), points }
    }

    /// The points of this round; none when there were some already.
    fn take(
        &mut self,
        seen: Vec<(AttributeSet, T)>,
        total: Total,
        taking: &mut Taking<'_>,
    ) -> Option<Points<T::Column>> {
        if std::mem::replace(&mut self.round, taking.number) == taking.number {
            taking.drop(DropReason::ProducedInvalid, seen.len());
            return None;
        }
        let (last, now) = taking.round.between;
        let earliest = if total == Total::Grows(Temporality::Delta) { last } else { Timestamp::default() };
        self.points.begin(earliest, now);
        let mut known = std::mem::take(&mut self.rows);
        let mut series = Vec::with_capacity(seen.len());
        let (_all, values) = self.points.target(false);
        T::clear(values);
        for (attributes, value) in seen {
            if self.rows.contains_key(&attributes) {
                taking.drop(DropReason::ProducedInvalid, 1);
                continue;
            }
            if taking.room == 0 {
                taking.drop(DropReason::ProducerLimit, 1);
                continue;
            }
            taking.room -= 1;
            let new = || Row { id: next_series_id(), start: taking.start, last: None };
            let mut row = known.remove(&attributes).unwrap_or_else(new);
            row.advance(value, total, last).push(values);
            series.push(Series { id: row.id, attributes: attributes.clone(), start: row.start });
            self.rows.insert(attributes, row);
        }
        self.points.set_series(series);
        Some(self.points.clone())
    }
}

impl<T: Value> Row<T> {
    /// Takes in the value that came `last`'s collection after the one it had, and gives the one to show.
    fn advance(&mut self, value: T, total: Total, last: Timestamp) -> T {
        let Total::Grows(temporality) = total else { return value };
        let earlier = self.last.replace(value.clone());
        let Some(earlier) = earlier else { return value };
        match (value.since(&earlier), temporality) {
            (Some(added), Temporality::Delta) => added,
            (Some(_), Temporality::Cumulative) => value,
            // It was reset: it counts from zero since the last collection.
            (None, _) => {
                self.start = self.start.max(last);
                value
            }
        }
    }
}

/// A value of a series, and the column that such values stand in.
trait Value: Clone {
    type Column: Values + Clone;

    /// What came since it was `earlier`; none when it shrank.
    fn since(&self, earlier: &Self) -> Option<Self>;

    fn clear(column: &mut Self::Column);

    fn push(self, column: &mut Self::Column);
}

impl Value for f64 {
    type Column = Numbers;

    fn since(&self, earlier: &Self) -> Option<Self> {
        (self >= earlier).then_some(self - earlier)
    }

    fn clear(column: &mut Numbers) {
        if let Numbers::F64(values) = column {
            values.clear();
        }
    }

    fn push(self, column: &mut Numbers) {
        if let Numbers::F64(values) = column {
            values.push(self);
        }
    }
}

impl Value for ProducedHistogram {
    type Column = Histograms;

    fn since(&self, earlier: &Self) -> Option<Self> {
        let buckets = self.buckets.iter().zip(&earlier.buckets).map(|(now, then)| now.checked_sub(*then));
        Some(Self { sum: self.sum - earlier.sum, buckets: buckets.collect::<Option<_>>()? })
    }

    fn clear(column: &mut Histograms) {
        column.clear();
    }

    fn push(self, column: &mut Histograms) {
        let Self { sum, buckets } = self;
        let count = buckets.iter().fold(0, |sum: u64, count| sum.saturating_add(*count));
        column.push(HistogramValue { count, sum, min: None, max: None, buckets: &buckets });
    }
}
