//! Stop 5 in the life of an increment: the cells of all threads become one number, as one reader wants it.
//!
//! `reader.rs` calls this for each stream; the result is in the shapes of `data.rs`, the next stop. Cells are only
//! read, so no writer is disturbed. Points are updated in place: a series keeps its point, its attributes and its
//! buckets from one collection to the next.

use std::collections::HashMap;
use std::sync::Arc;

use throughline_core::attribute::ValueRef;
use throughline_core::{AttributeSet, KeyValue, NumberKind, Timestamp};

use crate::aggregation::{Aggregation, Cells, exponential, histogram, last_value, sum};
use crate::cell::arena::Slab;
use crate::data::{
    ExponentialValue, HistogramValue, MetricData, Number as AnyNumber, Point, SeriesId, Temporality,
};
use crate::instrument::observable::Observation;
use crate::number::Number;
use crate::series::{Mirror, OVERFLOW_KEY, Series};
use crate::stream::{Stream, next_series_id};

/// When a collection is made, and what it reads.
#[derive(Debug)]
pub(crate) struct Moment<'a> {
    pub(crate) now: Timestamp,
    /// When this reader collected last; zero before the first time.
    pub(crate) last: Timestamp,
    pub(crate) slabs: &'a [Slab],
}

impl Moment<'_> {
    /// What a point counts from. Never later than now: a series can have appeared since this moment, and a clock can
    /// have been set back.
    fn start(&self, series: Timestamp, temporality: Temporality) -> Timestamp {
        let start = match temporality {
            Temporality::Cumulative => series,
            Temporality::Delta => self.last.max(series),
        };
        start.min(self.now)
    }
}

/// What one reader knows of one stream.
#[derive(Debug)]
pub(crate) struct StreamCollector {
    stream: Arc<Stream>,
    temporality: Temporality,
    mirror: Mirror,
    /// What the last collection reported in all, where that is needed.
    earlier: HashMap<SeriesId, Earlier, foldhash::fast::RandomState>,
    observed: Observed,
}

/// The total of a series at the last collection.
#[derive(Debug)]
enum Earlier {
    Bits(u64),
    Updates(u64),
    Histogram(HistogramValue),
    Exponential(ExponentialValue),
}

impl StreamCollector {
    pub(crate) fn new(stream: Arc<Stream>, temporality: Temporality) -> Self {
        let (mirror, earlier, observed) = (Mirror::default(), HashMap::default(), Observed::default());
        Self { stream, temporality, mirror, earlier, observed }
    }

    /// The shape of a stream's data, without points.
    pub(crate) fn no_points(stream: &Stream, temporality: Temporality) -> MetricData {
        match &stream.aggregation {
            Aggregation::Sum { monotonic } => {
                MetricData::Sum { monotonic: *monotonic, temporality, points: Vec::new() }
            }
            Aggregation::LastValue => MetricData::Gauge { points: Vec::new() },
            Aggregation::Histogram { bounds } => {
                MetricData::Histogram { temporality, bounds: bounds.shared(), points: Vec::new() }
            }
            Aggregation::Exponential(_) => {
                MetricData::ExponentialHistogram { temporality, points: Vec::new() }
            }
        }
    }

    /// Writes this reader's view of the stream to `data`.
    pub(crate) fn collect(&mut self, moment: &Moment<'_>, observed: Vec<Observation>, data: &mut MetricData) {
        if self.stream.kind.is_observable() {
            return match self.stream.number {
                NumberKind::U64 => self.collect_observed::<u64>(moment, observed, data),
                NumberKind::I64 => self.collect_observed::<i64>(moment, observed, data),
                NumberKind::F64 => self.collect_observed::<f64>(moment, observed, data),
            };
        }
        self.stream.series.mirror(&mut self.mirror);
        match data {
            MetricData::Gauge { points } => match self.stream.number {
                NumberKind::U64 => self.collect_gauge::<u64>(moment, points),
                NumberKind::I64 => self.collect_gauge::<i64>(moment, points),
                NumberKind::F64 => self.collect_gauge::<f64>(moment, points),
            },
            MetricData::Sum { points, .. } => match self.stream.number {
                NumberKind::U64 => self.collect_sum::<u64>(moment, points),
                NumberKind::I64 => self.collect_sum::<i64>(moment, points),
                NumberKind::F64 => self.collect_sum::<f64>(moment, points),
            },
            MetricData::Histogram { points, bounds, .. } => self.collect_histogram(moment, bounds, points),
            MetricData::ExponentialHistogram { points, .. } => self.collect_exponential(moment, points),
        }
        self.forget_left();
    }

    fn collect_sum<N: Number>(&mut self, moment: &Moment<'_>, points: &mut Vec<Point<AnyNumber>>) {
        let mut points = Points::new(points);
        for series in self.mirror.series(self.temporality) {
            let Cells::Place(place) = &series.cells else {
                continue;
            };
            let total: N = sum::total(place, moment.slabs);
            let value = match self.temporality {
                Temporality::Cumulative => total,
                Temporality::Delta => {
                    let earlier = self.earlier.insert(series.id, Earlier::Bits(total.to_bits()));
                    match earlier {
                        Some(Earlier::Bits(bits)) if bits == total.to_bits() => continue,
                        Some(Earlier::Bits(bits)) => total.minus(N::from_bits(bits)),
                        _ => total,
                    }
                }
            };
            points.next(series, self.temporality, moment, |point| *point = value.to_data());
        }
    }

    fn collect_gauge<N: Number>(&mut self, moment: &Moment<'_>, points: &mut Vec<Point<AnyNumber>>) {
        let mut points = Points::new(points);
        for series in self.mirror.series(self.temporality) {
            let Cells::Place(place) = &series.cells else {
                continue;
            };
            let (value, updates) = last_value::last::<N>(place);
            if updates == 0 {
                continue;
            }
            if self.temporality == Temporality::Delta {
                let earlier = self.earlier.insert(series.id, Earlier::Updates(updates));
                if matches!(earlier, Some(Earlier::Updates(earlier)) if earlier == updates) {
                    continue;
                }
            }
            points.next(series, self.temporality, moment, |point| *point = value.to_data());
        }
    }

    fn collect_histogram(
        &mut self,
        moment: &Moment<'_>,
        bounds: &[f64],
        points: &mut Vec<Point<HistogramValue>>,
    ) {
        let mut points = Points::new(points);
        for series in self.mirror.series(self.temporality) {
            let Cells::Place(place) = &series.cells else {
                continue;
            };
            if self.temporality == Temporality::Cumulative {
                let write = |value: &mut HistogramValue| histogram::total(place, bounds, moment.slabs, value);
                points.next(series, self.temporality, moment, write);
                continue;
            }
            let mut total = HistogramValue::default();
            histogram::total(place, bounds, moment.slabs, &mut total);
            let mut value = total.clone();
            match self.earlier.get(&series.id) {
                // Its sum may be ahead of its count: then the sum is reported with the count, next time.
                Some(Earlier::Histogram(earlier)) if earlier.count == total.count => continue,
                Some(Earlier::Histogram(earlier)) => subtract(&mut value, earlier),
                _ => {}
            }
            self.earlier.insert(series.id, Earlier::Histogram(total));
            (value.min, value.max) = (None, None);
            points.next(series, self.temporality, moment, |point| *point = value);
        }
    }

    fn collect_exponential(&mut self, moment: &Moment<'_>, points: &mut Vec<Point<ExponentialValue>>) {
        let mut points = Points::new(points);
        for series in self.mirror.series(self.temporality) {
            let Cells::Exponential(cells) = &series.cells else {
                continue;
            };
            let total = cells.total(moment.slabs);
            let value = match self.temporality {
                Temporality::Cumulative => total,
                Temporality::Delta => {
                    let value = match self.earlier.get(&series.id) {
                        // As above.
                        Some(Earlier::Exponential(earlier)) if earlier.count == total.count => continue,
                        Some(Earlier::Exponential(earlier)) => exponential::difference(&total, earlier),
                        _ => ExponentialValue { min: None, max: None, ..total.clone() },
                    };
                    self.earlier.insert(series.id, Earlier::Exponential(total));
                    value
                }
            };
            points.next(series, self.temporality, moment, |point| *point = value);
        }
    }

    fn collect_observed<N: Number>(
        &mut self,
        moment: &Moment<'_>,
        seen: Vec<Observation>,
        data: &mut MetricData,
    ) {
        let sums = matches!(self.stream.aggregation, Aggregation::Sum { .. });
        let monotonic = matches!(self.stream.aggregation, Aggregation::Sum { monotonic: true });
        let current = self.observed.update::<N>(&self.stream, moment.now, seen, sums);
        let (MetricData::Gauge { points } | MetricData::Sum { points, .. }) = data else {
            return;
        };
        points.clear();
        for series in current {
            let total = N::from_bits(series.bits);
            let mut earlier = series.reported.replace(series.bits).map(N::from_bits);
            // A counter that shrank was reset: it counts from zero since the last collection.
            if monotonic && earlier.is_some_and(|earlier| total < earlier) {
                earlier = None;
                series.start = moment.last.max(series.start);
            }
            let (value, start) = match self.temporality {
                Temporality::Delta if sums => (
                    earlier.map_or(total, |earlier| total.minus(earlier)),
                    moment.start(series.start, Temporality::Delta),
                ),
                _ => (total, moment.start(series.start, Temporality::Cumulative)),
            };
            points.push(Point {
                series: series.id,
                attributes: series.attributes.clone(),
                start,
                value: value.to_data(),
                exemplars: Vec::new(),
            });
        }
    }

    /// Series that vanished were reported one last time; nothing needs to be remembered of them.
    fn forget_left(&mut self) {
        for series in self.mirror.left.drain(..) {
            self.earlier.remove(&series.id);
        }
    }
}

fn subtract(total: &mut HistogramValue, earlier: &HistogramValue) {
    total.count -= earlier.count;
    total.sum -= earlier.sum;
    for (bucket, earlier) in total.buckets.iter_mut().zip(&earlier.buckets) {
        *bucket -= earlier;
    }
}

impl Mirror {
    /// The series to report: those there are, and, for a delta reader, those that vanished since its last collection.
    fn series(&self, temporality: Temporality) -> impl Iterator<Item = &Arc<Series>> {
        let left = if temporality == Temporality::Delta { self.left.as_slice() } else { &[] };
        self.places.iter().flatten().chain(left)
    }
}

/// Writes points over those of the last collection.
struct Points<'a, V> {
    points: &'a mut Vec<Point<V>>,
    used: usize,
}

impl<'a, V: Default> Points<'a, V> {
    fn new(points: &'a mut Vec<Point<V>>) -> Self {
        Self { points, used: 0 }
    }

    fn next(
        &mut self,
        series: &Series,
        temporality: Temporality,
        moment: &Moment<'_>,
        write: impl FnOnce(&mut V),
    ) {
        let start = moment.start(series.start, temporality);
        match self.points.get_mut(self.used) {
            Some(point) if point.series == series.id => {}
            _ => {
                let point = Point {
                    series: series.id,
                    attributes: series.attributes.clone(),
                    start,
                    value: V::default(),
                    exemplars: Vec::new(),
                };
                self.points.truncate(self.used);
                self.points.push(point);
            }
        }
        let point = &mut self.points[self.used];
        self.used += 1;
        point.start = start;
        write(&mut point.value);
        point.exemplars.clear();
        if let Some(exemplars) = series.exemplars.get() {
            exemplars.collect(start, &mut point.exemplars);
        }
    }
}

impl<V> Drop for Points<'_, V> {
    fn drop(&mut self) {
        self.points.truncate(self.used);
    }
}

/// The series that callbacks report to one reader.
#[derive(Debug, Default)]
struct Observed {
    series: HashMap<AttributeSet, ObservedSeries, foldhash::fast::RandomState>,
    round: u64,
}

#[derive(Debug)]
struct ObservedSeries {
    id: SeriesId,
    attributes: AttributeSet,
    /// When this reader first saw it.
    start: Timestamp,
    bits: u64,
    /// What the last collection saw.
    reported: Option<u64>,
    /// In which round it was last reported.
    round: u64,
}

impl Observed {
    /// Takes in one round of observations and gives the series reported in it, in order of their first appearance.
    /// Those that were not reported are gone.
    fn update<N: Number>(
        &mut self,
        stream: &Stream,
        now: Timestamp,
        mut seen: Vec<Observation>,
        sums: bool,
    ) -> Vec<&mut ObservedSeries> {
        self.round += 1;
        let round = self.round;
        if sums && (!stream.keys.keeps_all() || seen.len() > stream.series.limit()) {
            keep_last(&mut seen);
        }
        let is_known = |seen: &Observation| self.series.contains_key(&seen.attributes);
        let seen = seen.into_iter().map(|seen| filtered(stream, seen));
        let (known, new): (Vec<_>, Vec<_>) = seen.partition(is_known);
        for observation in known {
            self.take::<N>(stream, now, observation, sums);
        }
        // What was not reported again makes room; the overflow series may still come.
        self.series.retain(|attributes, series| series.round == round || is_overflow(attributes));
        for mut observation in new {
            self.limit(stream, &mut observation);
            self.take::<N>(stream, now, observation, sums);
        }
        self.series.retain(|_, series| series.round == round);
        stream.series.note_observed(self.series.len());
        let mut current: Vec<_> = self.series.values_mut().collect();
        current.sort_unstable_by_key(|series| series.id);
        current
    }

    fn take<N: Number>(&mut self, stream: &Stream, now: Timestamp, seen: Observation, sums: bool) {
        let Observation { attributes, bits } = seen;
        let series = self.series.entry(attributes).or_insert_with_key(|attributes| ObservedSeries {
            id: next_series_id(),
            attributes: attributes.clone(),
            start: now,
            bits: 0,
            reported: None,
            round: 0,
        });
        // Observations that a view, or the limit, made equal are added up; otherwise the last one counts.
        let merged = series.round == self.round
            && sums
            && (!stream.keys.keeps_all() || is_overflow(&series.attributes));
        let sum = || N::from_bits(series.bits).plus(N::from_bits(bits)).saturated().to_bits();
        series.bits = if merged { sum() } else { bits };
        series.round = self.round;
    }

    /// Sends what is beyond the limit to the overflow series.
    fn limit(&self, stream: &Stream, seen: &mut Observation) {
        if self.series.len() < stream.series.limit() || self.series.contains_key(&seen.attributes) {
            return;
        }
        let overflow = AttributeSet::new(&[KeyValue::new(OVERFLOW_KEY, true)][..]);
        let series = self.series.len() - usize::from(self.series.contains_key(&overflow));
        if series >= stream.series.limit() {
            stream.series.note_overflow(stream, || self.series.keys().cloned().collect());
            seen.attributes = overflow;
        }
    }
}

/// Keeps the last observation of each attribute set, as callbacks gave it.
fn keep_last(seen: &mut Vec<Observation>) {
    let mut known = std::collections::HashSet::new();
    seen.reverse();
    seen.retain(|observation| known.insert(observation.attributes.clone()));
    seen.reverse();
}

fn is_overflow(attributes: &AttributeSet) -> bool {
    attributes.value(OVERFLOW_KEY) == Some(ValueRef::Bool(true))
}

/// The observation with those attributes that the stream keeps.
fn filtered(stream: &Stream, seen: Observation) -> Observation {
    if stream.keys.keeps_all() {
        return seen;
    }
    Observation { attributes: seen.attributes.filtered(|key| stream.keys.keeps(key)), ..seen }
}
