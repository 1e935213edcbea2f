//! Stop 1 in the life of an increment: `add(n, attributes)`.
//!
//! Called by user code. Nothing is returned: recording cannot fail, and what is dropped is counted (`drops.rs`). A
//! bound counter goes straight to stop 3, `aggregation/sum.rs`; next for the others: `series.rs`.

use std::sync::Arc;

use throughline_core::KeyValue;
use throughline_core::attribute::Attributes;

use super::{Bound, Recorder, instrument};
use crate::number::Number;

/// A sum that only grows: requests, bytes, errors.
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
/// let requests = meter.u64_counter("http.requests").with_unit("{request}").build();
/// requests.add(1, &[KeyValue::new("method", "GET")]);
///
/// let gets = requests.bind(&[KeyValue::new("method", "GET")]);
/// gets.add(1);
/// ```
pub struct Counter<N: Number, A: Attributes + ?Sized = [KeyValue]>(pub(crate) Arc<Recorder<N, A>>);

instrument!(Counter, BoundCounter, Counter);

impl<N: Number, A: Attributes + ?Sized> Counter<N, A> {
    /// Adds to the series of these attributes. A negative or non-finite value is dropped and counted.
    #[inline]
    pub fn add<B>(&self, value: N, attributes: &B)
    where
        B: Attributes<Shape = A::Shape> + ?Sized,
    {
        self.0.record(value, attributes);
    }
}

/// A [`Counter`] bound to one attribute set.
#[derive(Debug)]
pub struct BoundCounter<N: Number>(Bound<N>);

impl<N: Number> BoundCounter<N> {
    /// Adds to the series. A negative or non-finite value is dropped and counted.
    #[inline]
    pub fn add(&self, value: N) {
        self.0.record(value);
    }
}
