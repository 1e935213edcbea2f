//! Stop 5 in the life of an increment: the cells of all threads become one number, as one reader wants it.
//!
//! `reader.rs` calls this for each stream; the result is in the shapes of `data/mod.rs`, the next stop. Cells are only
//! read, so no writer is disturbed. Points are updated in place: a series keeps its row, with its attributes, from one
//! collection to the next, and what a collection writes are numbers in a row.

use std::collections::HashMap;
use std::sync::Arc;

use throughline_core::{NumberKind, Timestamp};

use crate::aggregation::{Aggregation, Cells, exponential, histogram, last_value, sum};
use crate::cell::Place;
use crate::cell::arena::Slab;
use crate::data::{
    self, ExponentialValue, HistogramValue, Histograms, MetricData, Numbers, Points, SeriesId, Temporality,
    Totals, Values,
};
use crate::instrument::observable::Observation;
use crate::number::Number;
use crate::observed::{Observed, ObservedSeries};
use crate::series::{Mirror, Series};
use crate::stream::Stream;
use crate::sync::Ordering;

/// When a collection is made, and what it reads.
#[derive(Debug)]
pub(crate) struct Moment<'a> {
    pub(crate) now: Timestamp,
    /// When this reader collected last; zero before the first time.
    pub(crate) last: Timestamp,
    pub(crate) slabs: &'a [Slab],
}

impl Moment<'_> {
    /// Between which times a point can begin. Never later than now: a series can have appeared since this moment, and a
    /// clock can have been set back.
    fn bounds_of_start(&self, temporality: Temporality) -> (Timestamp, Timestamp) {
        match temporality {
            Temporality::Cumulative => (Timestamp::default(), self.now),
            Temporality::Delta => (self.last, self.now),
        }
    }
}

/// What one reader knows of one stream.
#[derive(Debug)]
pub(crate) struct StreamCollector {
    stream: Arc<Stream>,
    temporality: Temporality,
    mirror: Mirror,
    /// In the order of the points' list of series.
    rows: Vec<Row>,
    /// Whether `rows` has series that are gone by now.
    stale: bool,
    /// Places of gauges that were not set yet: they have no value, and no row.
    unset: Vec<u32>,
    /// What each row reported last, of a delta reader.
    earlier: Vec<Earlier>,
    sampled: Sampled,
    observed: Observed,
    /// Room for the exponential histogram at hand, and for one thread's part of it.
    merging: [ExponentialValue; 2],
}

/// Where to read a series: kept side by side, so that a collection walks through memory in order.
#[derive(Clone, Copy, Debug)]
struct Row {
    /// In the mirror; what is beyond its places are series that left.
    place: u32,
    /// The series' first slot; of no meaning for exponential histograms.
    slot: u32,
}

/// The rows that have exemplars.
#[derive(Debug, Default)]
struct Sampled {
    rows: Vec<u32>,
    /// How many reservoirs the stream had made when `rows` was found; zero when it has to be found again.
    made: usize,
}

/// The total of a series at the last collection.
#[derive(Debug)]
enum Earlier {
    /// There was none.
    Nothing,
    /// Of a sum.
    Bits(u64),
    /// How often a gauge was set.
    Updates(u64),
    Histogram(Totals, Box<[u64]>),
    Exponential(Box<ExponentialValue>),
}

impl StreamCollector {
    pub(crate) fn new(stream: Arc<Stream>, temporality: Temporality) -> Self {
        Self {
            stream,
            temporality,
            mirror: Mirror::default(),
            rows: Vec::new(),
            stale: false,
            unset: Vec::new(),
            earlier: Vec::new(),
            sampled: Sampled::default(),
            observed: Observed::default(),
            merging: Default::default(),
        }
    }

    /// The shape of a stream's data, without points.
    pub(crate) fn no_points(stream: &Stream, temporality: Temporality) -> MetricData {
        let numbers = || {
            let values = match stream.number {
                NumberKind::U64 => Numbers::U64(Vec::new()),
                NumberKind::I64 => Numbers::I64(Vec::new()),
                NumberKind::F64 => Numbers::F64(Vec::new()),
            };
            Points::new(Vec::new(), values)
        };
        match &stream.aggregation {
            Aggregation::Sum { monotonic } => {
                MetricData::Sum { monotonic: *monotonic, temporality, points: numbers() }
            }
            Aggregation::LastValue => MetricData::Gauge { points: numbers() },
            Aggregation::Histogram { bounds } => {
                let points = Points::new(Vec::new(), Histograms::new(bounds.shared()));
                MetricData::Histogram { temporality, points }
            }
            Aggregation::Exponential(_) => {
                MetricData::ExponentialHistogram { temporality, points: Points::new(Vec::new(), Vec::new()) }
            }
        }
    }

    /// Writes this reader's view of the stream to `data`.
    pub(crate) fn collect(&mut self, moment: &Moment<'_>, observed: Vec<Observation>, data: &mut MetricData) {
        match data {
            MetricData::Gauge { points } | MetricData::Sum { points, .. }
                if self.stream.kind.is_observable() =>
            {
                self.collect_observed(moment, observed, points);
            }
            MetricData::Gauge { points } => self.collect_from_cells(moment, points, Self::collect_gauges),
            MetricData::Sum { points, .. } => self.collect_from_cells(moment, points, Self::collect_sums),
            MetricData::Histogram { points, .. } => {
                self.collect_from_cells(moment, points, Self::collect_histograms);
            }
            MetricData::ExponentialHistogram { points, .. } => {
                self.collect_from_cells(moment, points, Self::collect_exponentials);
            }
        }
    }

    /// Brings the rows up to date, has `collect` write the values, and adds the exemplars.
    fn collect_from_cells<C: Values>(
        &mut self,
        moment: &Moment<'_>,
        points: &mut Points<C>,
        collect: impl FnOnce(&mut Self, &Moment<'_>, &mut Points<C>),
    ) {
        let (earliest, latest) = moment.bounds_of_start(self.temporality);
        points.begin(earliest, latest);
        self.follow(points);
        collect(self, moment, points);
        self.collect_exemplars(points);
        // Series that vanished were reported one last time, where somebody needs that.
        self.stale = !self.mirror.left.is_empty();
        self.mirror.left.clear();
    }

    fn collect_sums(&mut self, moment: &Moment<'_>, points: &mut Points<Numbers>) {
        let (reported, values) = points.target(self.temporality == Temporality::Delta);
        match values {
            Numbers::U64(values) => self.collect_sums_of(moment, reported, values),
            Numbers::I64(values) => self.collect_sums_of(moment, reported, values),
            Numbers::F64(values) => self.collect_sums_of(moment, reported, values),
        }
    }

    fn collect_sums_of<N: Number>(
        &mut self,
        moment: &Moment<'_>,
        reported: Option<&mut Vec<u32>>,
        values: &mut Vec<N>,
    ) {
        let Self { rows, earlier, .. } = self;
        let totals = rows.iter().map(|row| sum::total::<N>(row.slot, moment.slabs));
        values.clear();
        let Some(reported) = reported else { return values.extend(totals) };
        for ((row, total), earlier) in (0..).zip(totals).zip(earlier) {
            let value = match std::mem::replace(earlier, Earlier::Bits(total.to_bits())) {
                Earlier::Bits(bits) if bits == total.to_bits() => continue,
                Earlier::Bits(bits) => total.minus(N::from_bits(bits)),
                _ => total,
            };
            reported.push(row);
            values.push(value);
        }
    }

    fn collect_gauges(&mut self, _: &Moment<'_>, points: &mut Points<Numbers>) {
        let (reported, values) = points.target(self.temporality == Temporality::Delta);
        match values {
            Numbers::U64(values) => self.collect_gauges_of(reported, values),
            Numbers::I64(values) => self.collect_gauges_of(reported, values),
            Numbers::F64(values) => self.collect_gauges_of(reported, values),
        }
    }

    fn collect_gauges_of<N: Number>(&mut self, reported: Option<&mut Vec<u32>>, values: &mut Vec<N>) {
        let Self { mirror, rows, earlier, .. } = self;
        let last = rows.iter().map(|row| mirror.last::<N>(row.place));
        values.clear();
        let Some(reported) = reported else { return values.extend(last.map(|(value, _)| value)) };
        for ((row, (value, updates)), earlier) in (0..).zip(last).zip(earlier) {
            let known = std::mem::replace(earlier, Earlier::Updates(updates));
            if !matches!(known, Earlier::Updates(known) if known == updates) {
                reported.push(row);
                values.push(value);
            }
        }
    }

    fn collect_histograms(&mut self, moment: &Moment<'_>, points: &mut Points<Histograms>) {
        let (reported, values) = points.target(self.temporality == Temporality::Delta);
        let Self { mirror, rows, earlier, .. } = self;
        let Some(reported) = reported else {
            values.resize(rows.len());
            for (row, (totals, buckets)) in rows.iter().zip(values.iter_mut()) {
                *totals = mirror.histogram(row.place, moment.slabs, buckets);
            }
            return;
        };
        values.clear();
        let mut buckets = vec![0; values.bounds().len() + 1];
        for ((number, row), earlier) in (0..).zip(rows.iter()).zip(earlier) {
            let totals = mirror.histogram(row.place, moment.slabs, &mut buckets);
            let (mut count, mut sum) = (totals.count, totals.sum);
            match earlier {
                // Its sum may be ahead of its count: then the sum is reported with the count, next time.
                Earlier::Histogram(known, _) if known.count == count => continue,
                Earlier::Histogram(known, known_buckets) => {
                    (count, sum) = (count - known.count, sum - known.sum);
                    *known = totals;
                    for (bucket, known) in buckets.iter_mut().zip(known_buckets) {
                        let total = std::mem::replace(bucket, *bucket - *known);
                        *known = total;
                    }
                }
                _ => *earlier = Earlier::Histogram(totals, buckets.as_slice().into()),
            }
            reported.push(number);
            values.push(HistogramValue { count, sum, min: None, max: None, buckets: &buckets });
        }
    }

    fn collect_exponentials(&mut self, moment: &Moment<'_>, points: &mut Points<Vec<ExponentialValue>>) {
        let (reported, values) = points.target(self.temporality == Temporality::Delta);
        let Self { mirror, rows, earlier, merging: [total, part], .. } = self;
        let Some(reported) = reported else {
            values.resize_with(rows.len(), ExponentialValue::default);
            for (row, value) in rows.iter().zip(values) {
                mirror.exponential(row.place, moment.slabs, value, part);
            }
            return;
        };
        for ((number, row), earlier) in (0..).zip(rows.iter()).zip(earlier) {
            mirror.exponential(row.place, moment.slabs, total, part);
            // As above.
            if matches!(earlier, Earlier::Exponential(known) if known.count == total.count) {
                continue;
            }
            if values.len() == reported.len() {
                values.push(ExponentialValue::default());
            }
            difference(total, earlier, &mut values[reported.len()]);
            reported.push(number);
        }
        values.truncate(reported.len());
    }

    /// Brings rows and series in line with the stream's table.
    fn follow<C: Values>(&mut self, points: &mut Points<C>) {
        let known = self.mirror.places.len();
        let moved = self.stream.series.mirror(&mut self.mirror);
        if moved || self.stale {
            return self.rebuild(points);
        }
        let unset = std::mem::take(&mut self.unset);
        let new = known as u32..self.mirror.places.len() as u32;
        let rows = self.rows.len();
        self.add_rows(unset.into_iter().chain(new));
        if self.rows.len() > rows {
            let Self { mirror, rows: all, .. } = &*self;
            points.extend_series(all[rows..].iter().filter_map(|row| mirror.describe(row.place)));
            self.sampled.made = 0;
        }
        self.remember();
    }

    /// Finds all rows anew; what is remembered of them goes with their series.
    fn rebuild<C: Values>(&mut self, points: &mut Points<C>) {
        let earlier = points.series().iter().map(|series| series.id).zip(self.earlier.drain(..));
        let mut earlier: HashMap<SeriesId, Earlier> = earlier.collect();
        if self.temporality == Temporality::Cumulative {
            self.mirror.left.clear();
        }
        self.rows.clear();
        self.unset.clear();
        let all = self.mirror.places.len() + self.mirror.left.len();
        self.add_rows(0..all as u32);
        let series: Vec<_> = self.rows.iter().filter_map(|row| self.mirror.describe(row.place)).collect();
        if !earlier.is_empty() {
            let known = series.iter().map(|series| earlier.remove(&series.id).unwrap_or(Earlier::Nothing));
            self.earlier.extend(known);
        }
        points.set_series(series);
        self.sampled.made = 0;
        self.remember();
    }

    /// Adds rows for those of these places that have a value; a gauge that was never set has none.
    fn add_rows(&mut self, places: impl Iterator<Item = u32>) {
        let Self { mirror, rows, unset, stream, .. } = self;
        let is_gauge = matches!(stream.aggregation, Aggregation::LastValue);
        for place in places {
            let Some(series) = mirror.at(place) else { continue };
            if is_gauge && mirror.last::<u64>(place).1 == 0 {
                unset.push(place);
                continue;
            }
            let slot = match &series.cells {
                Cells::Place(cells) => cells.slots().start,
                Cells::Exponential(_) => 0,
            };
            rows.push(Row { place, slot });
        }
    }

    /// Makes room for what a delta reader remembers of each row.
    fn remember(&mut self) {
        if self.temporality == Temporality::Delta {
            self.earlier.resize_with(self.rows.len(), || Earlier::Nothing);
        }
    }

    fn collect_exemplars<C: Values>(&mut self, points: &mut Points<C>) {
        let Self { stream, mirror, rows, sampled, .. } = self;
        // Acquire, partner of the Release in `Stream::offer_exemplar`: who sees it counted finds the reservoir.
        let made = stream.reservoirs.load(Ordering::Acquire);
        let reservoir = |row: u32| mirror.at(rows[row as usize].place)?.exemplars.get();
        if sampled.made != made {
            sampled.made = made;
            sampled.rows.clear();
            sampled.rows.extend((0..rows.len() as u32).filter(|row| reservoir(*row).is_some()));
        }
        for row in &sampled.rows {
            let mut exemplars = Vec::new();
            if let Some(reservoir) = reservoir(*row) {
                reservoir.collect(points.row_start(*row), &mut exemplars);
            }
            points.push_exemplars(*row, exemplars);
        }
    }

    fn collect_observed(
        &mut self,
        moment: &Moment<'_>,
        seen: Vec<Observation>,
        points: &mut Points<Numbers>,
    ) {
        let sums = matches!(self.stream.aggregation, Aggregation::Sum { .. });
        let temporality = if sums { self.temporality } else { Temporality::Cumulative };
        let (earliest, latest) = moment.bounds_of_start(temporality);
        points.begin(earliest, latest);
        let (_all, values) = points.target(false);
        let series = match values {
            Numbers::U64(values) => self.collect_observed_of(moment, seen, temporality, values),
            Numbers::I64(values) => self.collect_observed_of(moment, seen, temporality, values),
            Numbers::F64(values) => self.collect_observed_of(moment, seen, temporality, values),
        };
        points.set_series(series);
    }

    fn collect_observed_of<N: Number>(
        &mut self,
        moment: &Moment<'_>,
        seen: Vec<Observation>,
        temporality: Temporality,
        values: &mut Vec<N>,
    ) -> Vec<data::Series> {
        let sums = matches!(self.stream.aggregation, Aggregation::Sum { .. });
        let monotonic = matches!(self.stream.aggregation, Aggregation::Sum { monotonic: true });
        let current = self.observed.update::<N>(&self.stream, moment.now, seen, sums);
        values.clear();
        let mut list = Vec::with_capacity(current.len());
        for series in current {
            let total = N::from_bits(series.bits);
            let mut earlier = series.reported.replace(series.bits).map(N::from_bits);
            // A counter that shrank was reset: it counts from zero since the last collection.
            if monotonic && earlier.is_some_and(|earlier| total < earlier) {
                earlier = None;
                series.start = moment.last.max(series.start);
            }
            values.push(match (temporality, earlier) {
                (Temporality::Delta, Some(earlier)) => total.minus(earlier),
                _ => total,
            });
            let ObservedSeries { id, start, ref attributes, .. } = *series;
            list.push(data::Series { id, attributes: attributes.clone(), start });
        }
        list
    }
}

/// Reading the cells of the series at a place.
impl Mirror {
    fn at(&self, place: u32) -> Option<&Series> {
        let place = place as usize;
        match self.places.get(place) {
            Some(series) => series.as_deref(),
            None => self.left.get(place - self.places.len()).map(|series| &**series),
        }
    }

    fn cells(&self, place: u32) -> Option<&Place> {
        match &self.at(place)?.cells {
            Cells::Place(cells) => Some(cells),
            Cells::Exponential(_) => None,
        }
    }

    fn describe(&self, place: u32) -> Option<data::Series> {
        let Series { id, attributes, start, .. } = self.at(place)?;
        Some(data::Series { id: *id, attributes: attributes.clone(), start: *start })
    }

    fn last<N: Number>(&self, place: u32) -> (N, u64) {
        self.cells(place).map_or_else(Default::default, last_value::last)
    }

    fn histogram(&self, place: u32, slabs: &[Slab], buckets: &mut [u64]) -> Totals {
        self.cells(place).map_or_else(Totals::default, |cells| histogram::total(cells, slabs, buckets))
    }

    fn exponential(
        &self,
        place: u32,
        slabs: &[Slab],
        total: &mut ExponentialValue,
        part: &mut ExponentialValue,
    ) {
        if let Some(Cells::Exponential(cells)) = self.at(place).map(|series| &series.cells) {
            cells.total(slabs, total, part);
        }
    }
}

/// Writes to `value` what `total` has and `earlier` had not, and replaces that with `total`.
fn difference(total: &ExponentialValue, earlier: &mut Earlier, value: &mut ExponentialValue) {
    if let Earlier::Exponential(known) = earlier {
        exponential::take_from(total, known);
        std::mem::swap(value, known);
        return exponential::copy(total, known);
    }
    *earlier = Earlier::Exponential(Box::new(total.clone()));
    exponential::copy(total, value);
    (value.min, value.max) = (None, None);
}
