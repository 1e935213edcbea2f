//! [`Points`]: the values of a metric's series at one moment.
//!
//! A collection that is repeated changes the values and hardly anything else. So values stand in columns of their own
//! ([`Values`]), and what stays is in a list of [`Series`] that collections share. [`Points::version`] says whether it
//! is still the list that was seen before: exporters keep what they rendered of it, in its order, and look at numbers
//! alone.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use throughline_core::{AttributeSet, Timestamp};

use super::values::Values;
use super::{Exemplar, SeriesId};

/// What all points of a series have in common.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// Which series.
    pub id: SeriesId,
    /// Its attributes.
    pub attributes: AttributeSet,
    /// Since when it counts: its first measurement, or its last reset.
    pub start: Timestamp,
}

/// One point: the value of one series.
#[derive(Clone, Copy, Debug)]
pub struct Point<'a, V> {
    /// Which series.
    pub series: SeriesId,
    /// Its attributes: the same for as long as `series` is.
    pub attributes: &'a AttributeSet,
    /// Since when: the series' first measurement, or the last collection when the temporality is delta.
    pub start: Timestamp,
    /// The value.
    pub value: V,
    /// Sample measurements with the trace they were made in.
    pub exemplars: &'a [Exemplar],
}

/// Says which series, in which order, a list has.
///
/// Equal versions mean equal lists, whichever collection they came with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeriesVersion {
    lineage: u64,
    len: usize,
}

impl SeriesVersion {
    /// The version of a list that nobody has seen before.
    fn new(len: usize) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Self { lineage: NEXT.fetch_add(1, Ordering::Relaxed), len }
    }

    /// Whether a list of this version begins with all series that one of the `earlier` version had.
    pub fn extends(self, earlier: Self) -> bool {
        self.lineage == earlier.lineage && self.len >= earlier.len
    }
}

/// The points of one metric: a list of series, and the values of all or some of them.
///
/// Copying shares the list of series and copies the values.
///
/// ```
/// use throughline_core::{AttributeSet, Timestamp};
/// use throughline_metrics::data::{Number, Numbers, Points, Series, SeriesId};
///
/// let start = Timestamp::from_nanos(1);
/// let series = Series { id: SeriesId(7), attributes: AttributeSet::empty(), start };
/// let points = Points::new(vec![series], Numbers::U64(vec![3]));
/// assert_eq!(points.at(0).value, Number::U64(3));
/// ```
#[derive(Clone, Debug)]
pub struct Points<C> {
    list: Arc<SeriesList>,
    /// The places in the list that the points are of, ascending; `None` when they are all.
    rows: Option<Vec<u32>>,
    values: C,
    /// Of those points that have any, in order.
    exemplars: Vec<(u32, Vec<Exemplar>)>,
    /// No point counts from before the first, nor from after the second.
    between: (Timestamp, Timestamp),
}

#[derive(Clone, Debug)]
struct SeriesList {
    version: SeriesVersion,
    series: Vec<Series>,
}

impl SeriesList {
    fn new(series: Vec<Series>) -> Arc<Self> {
        Arc::new(Self { version: SeriesVersion::new(series.len()), series })
    }
}

impl<C: Values> Points<C> {
    /// One point for each series, with the value at the same place.
    ///
    /// # Panics
    /// When there are not as many values as series.
    pub fn new(series: Vec<Series>, values: C) -> Self {
        assert_eq!(series.len(), values.count(), "there is a value for each series");
        Self {
            list: SeriesList::new(series),
            rows: None,
            values,
            exemplars: Vec::new(),
            between: (Timestamp::default(), Timestamp::from_nanos(u64::MAX)),
        }
    }

    /// Gives the point at this place exemplars.
    pub fn with_exemplars(mut self, at: usize, exemplars: Vec<Exemplar>) -> Self {
        self.exemplars.push((at as u32, exemplars));
        self.exemplars.sort_by_key(|(at, _)| *at);
        self
    }

    /// How many points there are.
    pub fn len(&self) -> usize {
        self.values.count()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The points, in order. Cheap: nothing is copied.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = Point<'_, C::Value<'_>>> + ExactSizeIterator {
        (0..self.len()).map(|at| self.at(at))
    }

    /// The point at this place.
    ///
    /// # Panics
    /// When there are fewer.
    pub fn at(&self, at: usize) -> Point<'_, C::Value<'_>> {
        let series = &self.list.series[self.row(at)];
        Point {
            series: series.id,
            attributes: &series.attributes,
            start: self.start(at),
            value: self.values.value(at),
            exemplars: self.exemplars(at),
        }
    }

    /// The series, of which each has at most one point.
    pub fn series(&self) -> &[Series] {
        &self.list.series
    }

    /// The version of [`series`](Self::series).
    pub fn version(&self) -> SeriesVersion {
        self.list.version
    }

    /// Whether each series has a point, which is then at the same place.
    pub fn is_whole(&self) -> bool {
        self.rows.is_none()
    }

    /// The place among the [`series`](Self::series) of the point at this place.
    #[inline]
    pub fn row(&self, at: usize) -> usize {
        self.rows.as_ref().map_or(at, |rows| rows[at] as usize)
    }

    /// The values, at the places of the points.
    pub fn values(&self) -> &C {
        &self.values
    }

    /// Since when the point at this place counts: [`Point::start`].
    #[inline]
    pub fn start(&self, at: usize) -> Timestamp {
        self.row_start(self.row(at) as u32)
    }

    /// The exemplars of the point at this place.
    #[inline]
    pub fn exemplars(&self, at: usize) -> &[Exemplar] {
        if self.exemplars.is_empty() {
            return &[];
        }
        let found = self.exemplars.binary_search_by_key(&(at as u32), |(at, _)| *at);
        found.map_or(&[], |place| &self.exemplars[place].1)
    }

    /// Whether any point has exemplars.
    pub fn has_exemplars(&self) -> bool {
        !self.exemplars.is_empty()
    }
}

/// What the collector writes.
impl<C: Values> Points<C> {
    /// Starts a collection in which no point counts from before `earliest`, nor from after `latest`.
    pub(crate) fn begin(&mut self, earliest: Timestamp, latest: Timestamp) {
        self.between = (earliest, latest);
        self.exemplars.clear();
    }

    /// Exchanges the list of series, unless it is the same.
    pub(crate) fn set_series(&mut self, series: Vec<Series>) {
        if self.list.series != series {
            self.list = SeriesList::new(series);
        }
    }

    /// Adds to the list of series.
    pub(crate) fn extend_series(&mut self, series: impl IntoIterator<Item = Series>) {
        let list = Arc::make_mut(&mut self.list);
        list.series.extend(series);
        list.version.len = list.series.len();
    }

    /// The values, to be written in order; when only some series have one, with the places of these in the list.
    pub(crate) fn target(&mut self, part: bool) -> (Option<&mut Vec<u32>>, &mut C) {
        let rows = part.then(|| std::mem::take(&mut self.rows).unwrap_or_default());
        self.rows = rows;
        if let Some(rows) = &mut self.rows {
            rows.clear();
        }
        (self.rows.as_mut(), &mut self.values)
    }

    /// Since when the point of this row counts.
    pub(crate) fn row_start(&self, row: u32) -> Timestamp {
        let (earliest, latest) = self.between;
        self.list.series[row as usize].start.max(earliest).min(latest)
    }

    /// Gives the point of this row exemplars. Called in ascending order.
    pub(crate) fn push_exemplars(&mut self, row: u32, exemplars: Vec<Exemplar>) {
        let at = match &self.rows {
            None => Some(row),
            Some(rows) => rows.binary_search(&row).ok().map(|at| at as u32),
        };
        if let Some(at) = at.filter(|_| !exemplars.is_empty()) {
            self.exemplars.push((at, exemplars));
        }
    }
}
