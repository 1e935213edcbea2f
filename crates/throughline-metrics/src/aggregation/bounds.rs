//! The bounds of a histogram's buckets, and a quick way to the bucket of a value.
//!
//! The leading bits of a float, exponent and some of the fraction, lead through a small table to a bound, and one
//! comparison with it to the bucket. The table is fine enough when no two bounds have their leading bits in common;
//! bounds so dense, or so far apart, that such a table would be large are searched instead.

use std::ops::Deref;
use std::sync::Arc;

/// The upper bounds of a histogram's buckets, ascending and finite. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Bounds(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    bounds: Arc<[f64]>,
    table: Table,
}

/// Leads from the leading bits of a value to the bound that it has to be compared with.
#[derive(Debug, Default)]
struct Table {
    /// How many bits of a float follow the leading ones.
    shift: u32,
    /// The leading bits of the first entry.
    base: u64,
    /// What is lower than this shares the first entry, and what is higher than that the last one.
    lowest: f64,
    highest: f64,
    /// Empty when the bounds have to be searched.
    entries: Box<[Entry]>,
}

/// What the leading bits of a value say of its bucket.
#[derive(Clone, Copy, Debug)]
struct Entry {
    /// How many bounds are below all values that begin so.
    below: usize,
    /// The next bound, or infinity.
    next: f64,
}

/// The largest table: eight KiB for each stream. Bounds for durations need less than one.
const ENTRIES: u64 = 512;
const FRACTION_BITS: u32 = f64::MANTISSA_DIGITS - 1;

impl Bounds {
    pub(crate) fn new(bounds: &[f64]) -> Self {
        // Coarse tables first: they stay in the processor's cache.
        let table = (0..=7).find_map(|bits| Table::new(bounds, FRACTION_BITS - bits));
        Self(Arc::new(Inner { bounds: Arc::from(bounds), table: table.unwrap_or_default() }))
    }

    /// The bounds as plain data.
    pub(crate) fn shared(&self) -> Arc<[f64]> {
        Arc::clone(&self.0.bounds)
    }

    /// The bucket of a value: how many bounds are below it, since upper bounds are inclusive.
    #[inline]
    pub(crate) fn bucket(&self, value: f64) -> usize {
        self.0.table.bucket(value).unwrap_or_else(|| self.search(value))
    }

    /// As [`bucket`](Self::bucket), unless the bounds have to be searched.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "into functions that do nothing else")]
    pub(crate) fn quick_bucket(&self, value: f64) -> Option<usize> {
        self.0.table.bucket(value)
    }

    #[inline(never)]
    fn search(&self, value: f64) -> usize {
        self.0.bounds.partition_point(|bound| *bound < value)
    }
}

impl Deref for Bounds {
    type Target = [f64];

    #[inline]
    fn deref(&self) -> &[f64] {
        &self.0.bounds
    }
}

impl Table {
    /// The table for leading bits that `shift` others follow, if it is small and no two bounds share an entry.
    fn new(bounds: &[f64], shift: u32) -> Option<Self> {
        let positive = bounds.partition_point(|bound| *bound <= 0.0);
        // The first entry is for everything below the first positive bound's, where one more bound can lie.
        let base = bounds.get(positive).map_or(Some(0), |bound| leading(*bound, shift).checked_sub(1))?;
        let place = |bound: &f64| if *bound > 0.0 { leading(*bound, shift) - base } else { 0 };
        let last = bounds.last().map_or(0, place) + 1;
        if last >= ENTRIES || bounds.windows(2).any(|pair| place(&pair[0]) == place(&pair[1])) {
            return None;
        }
        let entry = |at| {
            let below = bounds.partition_point(|bound| place(bound) < at);
            Entry { below, next: bounds.get(below).copied().unwrap_or(f64::INFINITY) }
        };
        let first_of = |leading: u64| f64::from_bits(leading << shift);
        let (lowest, highest) = (first_of(base), first_of(base + last));
        Some(Self { shift, base, lowest, highest, entries: (0..=last).map(entry).collect() })
    }

    /// The bucket, unless the bounds have to be searched. Without a branch that depends on the value.
    #[inline]
    fn bucket(&self, value: f64) -> Option<usize> {
        let Self { shift, base, lowest, highest, entries } = self;
        // Written so that each is one instruction.
        let within = if value > *lowest { value } else { *lowest };
        let within = if within < *highest { within } else { *highest };
        let entry = entries.get((leading(within, *shift) - base) as usize)?;
        Some(entry.below + usize::from(entry.next < value))
    }
}

/// In order of the values, for those that are not negative.
#[inline]
fn leading(value: f64, shift: u32) -> u64 {
    value.to_bits() >> shift
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn upper_bounds_are_inclusive() {
        let bounds = Bounds::new(&[0.0, 5.0, 10.0]);
        let cases =
            [(-1.0, 0), (-0.0, 0), (0.0, 0), (5e-324, 1), (0.1, 1), (5.0, 1), (5.1, 2), (10.0, 2), (11.0, 3)];
        for (value, expected) in cases {
            assert_eq!(bounds.bucket(value), expected, "{value}");
        }
        assert_eq!(Bounds::new(&[]).bucket(1.0), 0);
    }

    #[test]
    fn usual_bounds_have_a_table_and_dense_ones_are_searched() {
        let seconds = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];
        let table = &Bounds::new(&seconds).0.table.entries;
        assert!(!table.is_empty() && table.len() <= 64, "{}", table.len());
        let dense: Vec<f64> = (0..5000).map(f64::from).collect();
        assert!(Bounds::new(&dense).0.table.entries.is_empty());
    }

    fn bounds() -> impl Strategy<Value = Vec<f64>> {
        let one = prop_oneof![
            -1e3..1e3_f64,
            1e-9..1e9_f64,
            Just(0.0),
            Just(1.0),
            (-1022..1023).prop_map(|e| f64::from(e).exp2())
        ];
        prop::collection::vec(one, 0..40).prop_map(|mut bounds| {
            bounds.sort_by(f64::total_cmp);
            bounds.dedup();
            bounds
        })
    }

    proptest! {
        #[test]
        fn the_bucket_is_how_many_bounds_are_below(bounds in bounds(), values in prop::collection::vec(any::<f64>(), 1..50)) {
            let fast = Bounds::new(&bounds);
            let near = bounds.iter().flat_map(|bound| [bound.next_down(), *bound, bound.next_up()]);
            for value in values.into_iter().filter(|value| value.is_finite()).chain(near) {
                let below = bounds.iter().filter(|bound| **bound < value).count();
                prop_assert_eq!(fast.bucket(value), below, "{} in {:?}", value, bounds);
            }
        }
    }
}
