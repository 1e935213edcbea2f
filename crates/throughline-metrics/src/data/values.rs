//! The values of points, as they stand side by side: [`Numbers`], [`Histograms`], and a vector of
//! [`ExponentialValue`]s.

use std::sync::Arc;

/// The values of a metric's points, in order. Sealed: one kind for each shape of
/// [`MetricData`](super::MetricData).
pub trait Values: sealed::Sealed {
    /// One of them.
    type Value<'a>
    where
        Self: 'a;

    /// How many there are.
    fn count(&self) -> usize;

    /// The value at this place.
    ///
    /// # Panics
    /// When there are fewer.
    fn value(&self, at: usize) -> Self::Value<'_>;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::Numbers {}
    impl Sealed for super::Histograms {}
    impl Sealed for Vec<super::ExponentialValue> {}
}

/// A number of the type that the instrument records.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Number {
    /// Of a `u64` instrument.
    U64(u64),
    /// Of an `i64` instrument.
    I64(i64),
    /// Of an `f64` instrument.
    F64(f64),
}

/// Zero.
impl Default for Number {
    fn default() -> Self {
        Self::U64(0)
    }
}

impl Number {
    /// The number as a float; large integers lose precision.
    pub fn as_f64(self) -> f64 {
        match self {
            Self::U64(v) => v as f64,
            Self::I64(v) => v as f64,
            Self::F64(v) => v,
        }
    }
}

/// The values of sums and gauges: eight bytes each, all of the instrument's type.
#[derive(Clone, Debug, PartialEq)]
pub enum Numbers {
    /// Of a `u64` instrument.
    U64(Vec<u64>),
    /// Of an `i64` instrument.
    I64(Vec<i64>),
    /// Of an `f64` instrument.
    F64(Vec<f64>),
}

impl Values for Numbers {
    type Value<'a> = Number;

    #[inline]
    fn count(&self) -> usize {
        match self {
            Self::U64(values) => values.len(),
            Self::I64(values) => values.len(),
            Self::F64(values) => values.len(),
        }
    }

    #[inline]
    fn value(&self, at: usize) -> Number {
        match self {
            Self::U64(values) => Number::U64(values[at]),
            Self::I64(values) => Number::I64(values[at]),
            Self::F64(values) => Number::F64(values[at]),
        }
    }
}

/// The values of histograms with the same bounds. Their buckets stand in one piece of memory.
#[derive(Clone, Debug)]
pub struct Histograms {
    bounds: Arc<[f64]>,
    totals: Vec<Totals>,
    /// As many for each value as there are bounds, and one.
    buckets: Vec<u64>,
}

/// What a histogram has beside its buckets.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Totals {
    pub(crate) count: u64,
    pub(crate) sum: f64,
    /// Not a number when there is none.
    pub(crate) min: f64,
    pub(crate) max: f64,
}

/// Nothing measured.
impl Default for Totals {
    fn default() -> Self {
        Self { count: 0, sum: 0.0, min: f64::NAN, max: f64::NAN }
    }
}

/// One value of [`Histograms`].
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct HistogramValue<'a> {
    /// How many measurements.
    pub count: u64,
    /// Their sum.
    pub sum: f64,
    /// The smallest; only with cumulative temporality, because the engine's cells never shrink.
    pub min: Option<f64>,
    /// The largest; only with cumulative temporality.
    pub max: Option<f64>,
    /// How many in each bucket; one more than bounds.
    pub buckets: &'a [u64],
}

impl Histograms {
    /// No values yet. `bounds` are the buckets' upper bounds, inclusive, ascending.
    pub fn new(bounds: impl Into<Arc<[f64]>>) -> Self {
        Self { bounds: bounds.into(), totals: Vec::new(), buckets: Vec::new() }
    }

    /// The upper bounds of the buckets; there is one bucket more, for what is above them all.
    pub fn bounds(&self) -> &Arc<[f64]> {
        &self.bounds
    }

    /// Adds a value.
    ///
    /// # Panics
    /// When it has not one bucket more than there are bounds.
    pub fn push(&mut self, value: HistogramValue<'_>) {
        let HistogramValue { count, sum, min, max, buckets } = value;
        assert_eq!(buckets.len(), self.width(), "there is one bucket more than bounds");
        let [min, max] = [min, max].map(|extreme| extreme.unwrap_or(f64::NAN));
        self.totals.push(Totals { count, sum, min, max });
        self.buckets.extend_from_slice(buckets);
    }

    fn width(&self) -> usize {
        self.bounds.len() + 1
    }

    /// Makes room for so many values, whatever they are.
    pub(crate) fn resize(&mut self, count: usize) {
        self.totals.resize(count, Totals::default());
        self.buckets.resize(count * self.width(), 0);
    }

    /// Each value, to be written.
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (&mut Totals, &mut [u64])> {
        let width = self.width();
        self.totals.iter_mut().zip(self.buckets.chunks_exact_mut(width))
    }

    pub(crate) fn clear(&mut self) {
        self.totals.clear();
        self.buckets.clear();
    }
}

impl Values for Histograms {
    type Value<'a> = HistogramValue<'a>;

    #[inline]
    fn count(&self) -> usize {
        self.totals.len()
    }

    #[inline]
    fn value(&self, at: usize) -> HistogramValue<'_> {
        let Totals { count, sum, min, max } = self.totals[at];
        let [min, max] = [min, max].map(|extreme| (!extreme.is_nan()).then_some(extreme));
        let buckets = &self.buckets[at * self.width()..][..self.width()];
        HistogramValue { count, sum, min, max, buckets }
    }
}

/// A base-2 exponential histogram: bucket `i` holds values in `(2^(i·2^-scale), 2^((i+1)·2^-scale)]`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ExponentialValue {
    /// How many measurements.
    pub count: u64,
    /// Their sum.
    pub sum: f64,
    /// The smallest; only with cumulative temporality.
    pub min: Option<f64>,
    /// The largest; only with cumulative temporality.
    pub max: Option<f64>,
    /// The resolution: each power of two is cut in `2^scale` buckets.
    pub scale: i32,
    /// How many measurements were zero.
    pub zero_count: u64,
    /// Measurements above zero.
    pub positive: Buckets,
    /// Measurements below zero, by magnitude.
    pub negative: Buckets,
}

/// A run of exponential buckets.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Buckets {
    /// The index of the first bucket.
    pub offset: i32,
    /// How many measurements in each bucket from there on.
    pub counts: Vec<u64>,
}

impl Values for Vec<ExponentialValue> {
    type Value<'a> = &'a ExponentialValue;

    fn count(&self) -> usize {
        self.len()
    }

    fn value(&self, at: usize) -> &ExponentialValue {
        &self[at]
    }
}
