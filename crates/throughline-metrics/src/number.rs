//! The number types that instruments record: `u64`, `i64` and `f64`, each kept as the 64 bits of a cell.

use std::fmt;

use throughline_core::NumberKind;

use crate::data;
use crate::sync::{AtomicU64, Ordering};

/// A number that an instrument can record: `u64`, `i64` or `f64`. Sealed.
pub trait Number: sealed::Sealed + Copy + PartialOrd + Default + Send + Sync + fmt::Debug + 'static {
    /// Which type this is.
    const KIND: NumberKind;

    /// The bits a cell holds. Zero is all zeroes.
    #[doc(hidden)]
    fn to_bits(self) -> u64;
    /// The number of a cell's bits.
    #[doc(hidden)]
    fn from_bits(bits: u64) -> Self;
    /// The sum; integers wrap around.
    #[doc(hidden)]
    fn plus(self, other: Self) -> Self;
    /// The difference; integers wrap around.
    #[doc(hidden)]
    fn minus(self, other: Self) -> Self;
    /// The number, or, where a sum went beyond it, the largest or smallest float there is.
    #[doc(hidden)]
    fn saturated(self) -> Self {
        self
    }
    /// Adds to a cell that other threads add to as well.
    #[doc(hidden)]
    fn fetch_add(self, cell: &AtomicU64);
    /// As a float.
    #[doc(hidden)]
    fn as_f64(self) -> f64;
    /// As plain data.
    #[doc(hidden)]
    fn to_data(self) -> data::Number;
    /// Neither infinite nor not-a-number.
    #[doc(hidden)]
    fn is_finite(self) -> bool;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for u64 {}
    impl Sealed for i64 {}
    impl Sealed for f64 {}
}

impl Number for u64 {
    const KIND: NumberKind = NumberKind::U64;

    #[inline]
    fn to_bits(self) -> u64 {
        self
    }
    #[inline]
    fn from_bits(bits: u64) -> Self {
        bits
    }
    #[inline]
    fn plus(self, other: Self) -> Self {
        self.wrapping_add(other)
    }
    #[inline]
    fn minus(self, other: Self) -> Self {
        self.wrapping_sub(other)
    }
    #[inline]
    fn fetch_add(self, cell: &AtomicU64) {
        cell.fetch_add(self, Ordering::Relaxed);
    }
    #[inline]
    fn as_f64(self) -> f64 {
        self as f64
    }
    fn to_data(self) -> data::Number {
        data::Number::U64(self)
    }
    #[inline]
    fn is_finite(self) -> bool {
        true
    }
}

impl Number for i64 {
    const KIND: NumberKind = NumberKind::I64;

    #[inline]
    fn to_bits(self) -> u64 {
        self as u64
    }
    #[inline]
    fn from_bits(bits: u64) -> Self {
        bits as Self
    }
    #[inline]
    fn plus(self, other: Self) -> Self {
        self.wrapping_add(other)
    }
    #[inline]
    fn minus(self, other: Self) -> Self {
        self.wrapping_sub(other)
    }
    #[inline]
    fn fetch_add(self, cell: &AtomicU64) {
        cell.fetch_add(self as u64, Ordering::Relaxed);
    }
    #[inline]
    fn as_f64(self) -> f64 {
        self as f64
    }
    fn to_data(self) -> data::Number {
        data::Number::I64(self)
    }
    #[inline]
    fn is_finite(self) -> bool {
        true
    }
}

impl Number for f64 {
    const KIND: NumberKind = NumberKind::F64;

    #[inline]
    fn to_bits(self) -> u64 {
        self.to_bits()
    }
    #[inline]
    fn from_bits(bits: u64) -> Self {
        Self::from_bits(bits)
    }
    #[inline]
    fn plus(self, other: Self) -> Self {
        self + other
    }
    #[inline]
    fn minus(self, other: Self) -> Self {
        self - other
    }
    #[inline]
    fn saturated(self) -> Self {
        self.clamp(Self::MIN, Self::MAX)
    }
    /// A loop of compare-and-exchange: there is no atomic addition of floats.
    #[inline]
    fn fetch_add(self, cell: &AtomicU64) {
        let add = |bits| Some((Self::from_bits(bits) + self).to_bits());
        let _previous = cell.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add);
    }
    #[inline]
    fn as_f64(self) -> f64 {
        self
    }
    fn to_data(self) -> data::Number {
        data::Number::F64(self)
    }
    #[inline]
    fn is_finite(self) -> bool {
        self.is_finite()
    }
}
