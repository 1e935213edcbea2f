//! Stop 1 for histograms: `record(value, attributes)`. Next: `series.rs`, then `aggregation/histogram.rs`.

use std::sync::Arc;

use throughline_core::KeyValue;
use throughline_core::attribute::Attributes;

use super::{Bound, Recorder, instrument};
use crate::number::Number;

/// A distribution of values: durations, sizes.
///
/// `N` is `u64` or `f64`. `A` is what it is recorded with: a slice of [`KeyValue`], or a `#[derive(Attributes)]` type,
/// in whose place it takes the same type with other lifetimes.
/// Cloning is cheap, and clones record in the same series. Recording takes no lock and, when the
/// series exists, does not allocate.
///
/// ```
/// use throughline_core::KeyValue;
/// use throughline_metrics::MeterProvider;
///
/// let meter = MeterProvider::default().meter("shop");
/// let duration = meter.f64_histogram("http.duration").with_unit("s").build();
/// duration.record(0.042, &[KeyValue::new("route", "/cart")]);
/// ```
pub struct Histogram<N: Number, A: Attributes + ?Sized = [KeyValue]>(pub(crate) Arc<Recorder<N, A>>);

instrument!(Histogram, BoundHistogram, Histogram);

impl<N: Number, A: Attributes + ?Sized> Histogram<N, A> {
    /// Records a value in the series of these attributes. A non-finite value is dropped and counted.
    #[inline]
    pub fn record<B>(&self, value: N, attributes: &B)
    where
        B: Attributes<Shape = A::Shape> + ?Sized,
    {
        self.0.record_in_bucket(value, attributes);
    }
}

/// A [`Histogram`] bound to one attribute set.
#[derive(Debug)]
pub struct BoundHistogram<N: Number>(Bound<N>);

impl<N: Number> BoundHistogram<N> {
    /// Records a value in the series. A non-finite value is dropped and counted.
    #[inline]
    pub fn record(&self, value: N) {
        self.0.distribute(value);
    }
}
