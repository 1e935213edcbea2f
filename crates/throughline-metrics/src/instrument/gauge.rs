//! Stop 1 for gauges: `set(value, attributes)`. Next: `series.rs`.

use std::sync::Arc;

use throughline_core::KeyValue;
use throughline_core::attribute::Attributes;

use super::{Bound, Recorder, instrument};
use crate::number::Number;

/// The last value set: a temperature, a configured limit.
///
/// `N` is `u64`, `i64` or `f64`. `A` is what it is recorded with: a slice of [`KeyValue`], or a `#[derive(Attributes)]` type,
/// in whose place it takes the same type with other lifetimes.
/// Cloning is cheap, and clones record in the same series. All threads write one
/// cell, since the last of several values can be known in no other way.
///
/// ```
/// use throughline_core::KeyValue;
/// use throughline_metrics::MeterProvider;
///
/// let meter = MeterProvider::default().meter("shop");
/// let depth = meter.u64_gauge("queue.depth").build();
/// depth.set(17, &[KeyValue::new("queue", "mail")]);
/// ```
pub struct Gauge<N: Number, A: Attributes + ?Sized = [KeyValue]>(pub(crate) Arc<Recorder<N, A>>);

instrument!(Gauge, BoundGauge, Gauge);

impl<N: Number, A: Attributes + ?Sized> Gauge<N, A> {
    /// Sets the series of these attributes to the value. A non-finite value is dropped and counted.
    #[inline]
    pub fn set<B>(&self, value: N, attributes: &B)
    where
        B: Attributes<Shape = A::Shape> + ?Sized,
    {
        self.0.record_each(value, attributes);
    }
}

/// A [`Gauge`] bound to one attribute set.
#[derive(Debug)]
pub struct BoundGauge<N: Number>(Bound<N>);

impl<N: Number> BoundGauge<N> {
    /// Sets the series to the value. A non-finite value is dropped and counted.
    #[inline]
    pub fn set(&self, value: N) {
        self.0.record(value);
    }
}
