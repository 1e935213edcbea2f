//! The bucket index of a value, from the bits of the float.
//!
//! At scale `s`, bucket `i` holds `(2^(i/2^s), 2^((i+1)/2^s)]`. The exponent of the float gives the power of two; a
//! table of the 256 bounds between two powers gives the rest, first guessed from the leading bits of the fraction and
//! then corrected by one comparison. Coarser scales are a shift of the index at scale 8, since their buckets nest.

use std::sync::OnceLock;

use super::MAX_SCALE;

/// Buckets between two powers of two at the finest scale.
const FINE: usize = 1 << MAX_SCALE;
/// Guesses: twice as many as buckets, so that a guess is never off by more than one.
const GUESSES: usize = 2 * FINE;
const FRACTION_BITS: u32 = f64::MANTISSA_DIGITS - 1;
const FRACTION: u64 = (1 << FRACTION_BITS) - 1;
const BIAS: i32 = 1023;

/// The bounds between two powers of two, and where to start looking.
#[derive(Debug)]
pub(crate) struct IndexTable {
    /// `bounds[j]` is the fraction of `2^(j/256)`; one more than any fraction at the end.
    bounds: [u64; FINE + 2],
    /// For the leading nine bits of a fraction, the bucket of its lowest value.
    guess: [u16; GUESSES],
}

impl IndexTable {
    /// The table of the process: four KiB, computed once.
    pub(crate) fn shared() -> &'static Self {
        static TABLE: OnceLock<Box<IndexTable>> = OnceLock::new();
        TABLE.get_or_init(|| Box::new(Self::compute()))
    }

    fn compute() -> Self {
        let mut bounds = [u64::MAX; FINE + 2];
        for (j, bound) in bounds.iter_mut().enumerate().take(FINE) {
            *bound = (j as f64 / FINE as f64).exp2().to_bits() & FRACTION;
        }
        let mut guess = [0; GUESSES];
        for (leading, first) in guess.iter_mut().enumerate() {
            let lowest = (leading as u64) << (FRACTION_BITS - GUESSES.trailing_zeros());
            let below = bounds[..FINE].partition_point(|bound| *bound < lowest);
            *first = below.saturating_sub(1) as u16;
        }
        Self { bounds, guess }
    }

    /// The index of a finite value above zero, at scale [`MAX_SCALE`].
    ///
    /// Subnormal numbers count as the smallest normal one, as the specification allows.
    #[inline]
    pub(crate) fn index(&self, value: f64) -> i32 {
        let bits = value.max(f64::MIN_POSITIVE).to_bits();
        let exponent = (bits >> FRACTION_BITS) as i32 - BIAS;
        let fraction = bits & FRACTION;
        let guess = self.guess[(fraction >> (FRACTION_BITS - GUESSES.trailing_zeros())) as usize % GUESSES];
        let guess = usize::from(guess) % FINE;
        let within = guess as i32 + i32::from(self.bounds[guess + 1] < fraction);
        // An exact power of two belongs to the bucket below, whose upper bound it is.
        (exponent << MAX_SCALE) + within - i32::from(fraction == 0)
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
