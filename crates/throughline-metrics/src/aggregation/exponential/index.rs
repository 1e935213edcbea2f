//! The bucket index of a value, from the bits of the float.
//!
//! At scale `s`, bucket `i` holds `(2^(i/2^s), 2^((i+1)/2^s)]`. The exponent of the float gives the power of two; a
//! table of the 256 bounds between two powers gives the rest: the leading bits of the fraction lead to the one bound
//! that the value has to be compared with. Coarser scales are a shift of the index at scale 8, since their buckets nest.

use std::sync::OnceLock;

use super::MAX_SCALE;

/// Buckets between two powers of two at the finest scale.
const FINE: usize = 1 << MAX_SCALE;
/// Entries: twice as many as buckets, so that no more than one bound lies in the reach of an entry.
const ENTRIES: usize = 2 * FINE;
const FRACTION_BITS: u32 = f64::MANTISSA_DIGITS - 1;
const FRACTION: u64 = (1 << FRACTION_BITS) - 1;
/// The index of 1.0 and what is just above it is zero; exponents have a bias, and entries count buckets from one.
const ZEROTH: i32 = (1023 << MAX_SCALE) + 1;
/// Bits above the fraction: sign and exponent. As many are free in an entry, below the bound.
const ABOVE: u32 = u64::BITS - FRACTION_BITS;

/// The bounds between two powers of two.
///
/// For the leading nine bits of a fraction: in the upper bits the fraction of the bound that lies in the entry's
/// reach, in the lower ones how many bounds are below that one.
#[derive(Debug)]
pub(crate) struct IndexTable([u64; ENTRIES]);

impl IndexTable {
    /// The table of the process: four KiB, computed once.
    pub(crate) fn shared() -> &'static Self {
        static TABLE: OnceLock<Box<IndexTable>> = OnceLock::new();
        TABLE.get_or_init(|| Box::new(Self::compute()))
    }

    fn compute() -> Self {
        let bounds: [u64; FINE] =
            std::array::from_fn(|j| (j as f64 / FINE as f64).exp2().to_bits() & FRACTION);
        Self(std::array::from_fn(|entry| {
            let reach = FRACTION_BITS - ENTRIES.trailing_zeros();
            let (lowest, highest) = ((entry as u64) << reach, (entry as u64 + 1) << reach);
            // The buckets that begin before the reach, or at its very beginning.
            let below = bounds.partition_point(|bound| *bound <= lowest);
            match bounds.get(below) {
                Some(bound) if *bound < highest => bound << ABOVE | below as u64,
                // A bound of zero is one that every fraction has reached.
                _ => below as u64 - 1,
            }
        }))
    }

    /// The index of a finite value above zero, at scale [`MAX_SCALE`].
    ///
    /// Subnormal numbers count as the smallest normal one, as the specification allows.
    #[inline]
    pub(crate) fn index(&self, value: f64) -> i32 {
        self.index_of_bits(value.to_bits().max(f64::MIN_POSITIVE.to_bits()))
    }

    /// The same; `None` when the value is not a normal number above zero.
    #[inline]
    pub(crate) fn index_of_normal(&self, value: f64) -> Option<i32> {
        const LOWEST: u64 = f64::MIN_POSITIVE.to_bits();
        let bits = value.to_bits();
        // What is negative, infinite or no number has bits beyond all others.
        (bits.wrapping_sub(LOWEST) <= f64::MAX.to_bits() - LOWEST).then(|| self.index_of_bits(bits))
    }

    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "the one caller that counts is a function that does nothing else"
    )]
    fn index_of_bits(&self, bits: u64) -> i32 {
        // Buckets contain their upper bounds: the float just below the value is in a bucket that contains its lower
        // bound instead, which is where looking up bits leads.
        let bits = bits - 1;
        let entry = self.0[(bits >> (FRACTION_BITS - ENTRIES.trailing_zeros())) as usize % ENTRIES];
        let below = entry & ((1 << ABOVE) - 1);
        let reached = bits << ABOVE | ((1 << ABOVE) - 1) >= entry;
        let exponent = (bits >> FRACTION_BITS) as i32;
        (exponent << MAX_SCALE) + below as i32 + i32::from(reached) - ZEROTH
    }
}

/// By how many scales the indexes `low..=high` must be coarsened to fit in `max_size` buckets.
pub(crate) fn excess(low: i32, high: i32, max_size: usize) -> i32 {
    let mut by = 0;
    while ((high >> by) - (low >> by)) as usize >= max_size {
        by += 1;
    }
    by
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The upper bound of a bucket at the finest scale.
    fn upper(index: i32) -> f64 {
        (f64::from(index + 1) / FINE as f64).exp2()
    }

    #[test]
    fn powers_of_two_are_upper_bounds() {
        let table = IndexTable::shared();
        for exponent in -1022..1024 {
            let value = f64::from(exponent).exp2();
            assert_eq!(table.index(value), (exponent << MAX_SCALE) - 1, "2^{exponent}");
            assert_eq!(table.index(value.next_up()), exponent << MAX_SCALE, "just above 2^{exponent}");
        }
        assert_eq!(table.index(5e-324), table.index(f64::MIN_POSITIVE));
    }

    proptest! {
        #[test]
        fn what_is_normal_and_above_zero_has_the_same_index(bits in any::<u64>()) {
            let (table, value) = (IndexTable::shared(), f64::from_bits(bits));
            let expected = (value.is_normal() && value > 0.0).then(|| table.index(value));
            prop_assert_eq!(table.index_of_normal(value), expected, "{}", value);
        }

        #[test]
        fn a_value_lies_within_its_bucket(value in 1e-300..1e300_f64) {
            let index = IndexTable::shared().index(value);
            // The bounds computed here may be one rounding away from the table's.
            prop_assert!(value <= upper(index) * (1.0 + 1e-12), "{value} {index}");
            prop_assert!(value > upper(index - 1) * (1.0 - 1e-12), "{value} {index}");
        }

        #[test]
        fn indexes_are_in_order(a in 1e-300..1e300_f64, b in 1e-300..1e300_f64) {
            let table = IndexTable::shared();
            prop_assert!(a > b || table.index(a) <= table.index(b));
        }
    }
}
