//! Stop 1 for up-down counters: `add(n, attributes)`, where `n` may be negative. Next: `series.rs`.

use std::sync::Arc;

use throughline_core::KeyValue;
use throughline_core::attribute::Attributes;

use super::{Bound, Recorder, instrument};
use crate::number::Number;

/// A sum that grows and shrinks: open connections, queued jobs.
///
/// `N` is `i64` or `f64`. `A` is what it is recorded with: a slice of [`KeyValue`], or a `#[derive(Attributes)]` type,
/// in whose place it takes the same type with other lifetimes.
/// Cloning is cheap, and clones record in the same series. Recording takes no lock and, when the
/// series exists, does not allocate.
///
/// ```
/// use throughline_core::KeyValue;
/// use throughline_metrics::MeterProvider;
///
/// let meter = MeterProvider::default().meter("shop");
/// let open = meter.i64_up_down_counter("connections.open").build();
/// open.add(1, &[]);
/// open.add(-1, &[]);
/// # let _ = KeyValue::new("", "");
/// ```
pub struct UpDownCounter<N: Number, A: Attributes + ?Sized = [KeyValue]>(pub(crate) Arc<Recorder<N, A>>);

instrument!(UpDownCounter, BoundUpDownCounter, UpDownCounter);

impl<N: Number, A: Attributes + ?Sized> UpDownCounter<N, A> {
    /// Adds to the series of these attributes; a negative value subtracts. A non-finite value is dropped and counted.
    #[inline]
    pub fn add<B>(&self, value: N, attributes: &B)
    where
        B: Attributes<Shape = A::Shape> + ?Sized,
    {
        self.0.record(value, attributes);
    }
}

/// A [`UpDownCounter`] bound to one attribute set.
#[derive(Debug)]
pub struct BoundUpDownCounter<N: Number>(Bound<N>);

impl<N: Number> BoundUpDownCounter<N> {
    /// Adds to the series; a negative value subtracts. A non-finite value is dropped and counted.
    #[inline]
    pub fn add(&self, value: N) {
        self.0.record(value);
    }
}
