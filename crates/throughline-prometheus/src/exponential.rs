//! Exponential histograms for formats of two kinds: as native histograms, and as buckets with bounds.
//!
//! Part of stop 7. `protobuf.rs` writes them as native histograms. The text formats cannot carry those, so `text.rs`
//! writes a classic histogram whose bounds are exponential boundaries. Its resolution is fixed at two buckets for each
//! power of two, √2 apart, so that the bounds stay the same while the engine's own scale follows the values: a series
//! `le` that was shown is shown for ever. Four decades are some thirty bounds; a quantile is off by at most 41 %, half of
//! that when interpolated. Whoever wants the full resolution lets Prometheus scrape protobuf.

use std::borrow::Cow;

use throughline_metrics::data::{Buckets, ExponentialValue};

/// The scale of the buckets in text.
const TEXT_SCALE: i32 = 1;

/// How many buckets the text formats show, 80 powers of two; values further apart get coarser buckets.
const TEXT_BUCKETS_MAX: usize = 160;

/// The scales that a native histogram can have.
pub(crate) const NATIVE_SCALE_MAX: i32 = 8;
pub(crate) const NATIVE_SCALE_MIN: i32 = -4;

/// A run of buckets without empty ones at its ends.
#[derive(Debug)]
pub(crate) struct Run<'a> {
    /// The index of the first bucket, in OpenTelemetry's counting.
    pub(crate) first: i64,
    pub(crate) counts: Cow<'a, [u64]>,
}

impl<'a> Run<'a> {
    /// The buckets at a scale lower by `by`.
    pub(crate) fn new(buckets: &'a Buckets, by: u32) -> Self {
        let Buckets { offset, counts } = buckets;
        let leading = counts.iter().take_while(|count| **count == 0).count();
        let trailing = counts[leading..].iter().rev().take_while(|count| **count == 0).count();
        let first = i64::from(*offset) + leading as i64;
        let counts = &counts[leading..counts.len() - trailing];
        if by == 0 || counts.is_empty() {
            return Self { first, counts: Cow::Borrowed(counts) };
        }
        let by = by.min(62);
        let merged_first = first >> by;
        let mut merged: Vec<u64> = Vec::new();
        for (index, count) in (first..).zip(counts) {
            let place = usize::try_from((index >> by) - merged_first).unwrap_or(0);
            merged.resize(merged.len().max(place + 1), 0);
            merged[place] += count;
        }
        Self { first: merged_first, counts: Cow::Owned(merged) }
    }
}

/// Calls `bucket` with each bound, ascending, and the number of values up to it. Returns the number of all values.
///
/// A value that is exactly a negative boundary is counted in the bucket above it, because exponential buckets are
/// closed towards infinity and bounds are inclusive. Boundaries beyond what a float can be are left out.
pub(crate) fn for_each_bound(value: &ExponentialValue, mut bucket: impl FnMut(f64, u64)) -> u64 {
    let (scale, negative, positive) = text_runs(value);
    let mut total = 0;
    let mut last = f64::NEG_INFINITY;
    let mut show = |bound: f64, total: u64| {
        if bound > last && bound.is_finite() {
            last = bound;
            bucket(bound, total);
        }
    };
    for (place, count) in negative.counts.iter().enumerate().rev() {
        total += count;
        show(-boundary(negative.first + place as i64, scale), total);
    }
    total += value.zero_count;
    if value.zero_count > 0 || !negative.counts.is_empty() {
        show(0.0, total);
    }
    if !positive.counts.is_empty() {
        show(boundary(positive.first, scale), total);
    }
    for (index, count) in (positive.first..).zip(positive.counts.iter()) {
        total += count;
        show(boundary(index + 1, scale), total);
    }
    total
}

fn text_runs(value: &ExponentialValue) -> (i32, Run<'_>, Run<'_>) {
    let mut scale = value.scale.min(TEXT_SCALE);
    loop {
        let by = value.scale.saturating_sub(scale).unsigned_abs();
        let (negative, positive) = (Run::new(&value.negative, by), Run::new(&value.positive, by));
        if negative.counts.len() + positive.counts.len() <= TEXT_BUCKETS_MAX {
            return (scale, negative, positive);
        }
        scale -= 1;
    }
}

/// The lower bound of the bucket `index`: `2^(index · 2^-scale)`, for scales up to [`TEXT_SCALE`].
///
/// Only powers of two and √2 are needed, so that the result is the same on every machine, and so is the text of `le`.
fn boundary(index: i64, scale: i32) -> f64 {
    let (exponent, root) = if scale > 0 {
        (index.div_euclid(2), index.rem_euclid(2) == 1)
    } else {
        (index.checked_shl(scale.unsigned_abs()).unwrap_or(i64::MAX), false)
    };
    let exponent = i32::try_from(exponent.clamp(-2000, 2000)).unwrap_or(0);
    let power = 2.0_f64.powi(exponent);
    if root { power * std::f64::consts::SQRT_2 } else { power }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bounds(value: &ExponentialValue) -> (Vec<(f64, u64)>, u64) {
        let mut shown = Vec::new();
        let total = for_each_bound(value, |bound, count| shown.push((bound, count)));
        (shown, total)
    }

    fn run(offset: i32, counts: &[u64]) -> Buckets {
        Buckets { offset, counts: counts.to_vec() }
    }

    #[test]
    fn bounds_rise_and_counts_add_up() {
        let value = ExponentialValue {
            scale: 0,
            zero_count: 3,
            positive: run(-1, &[1, 0, 2]),
            negative: run(1, &[4, 5]),
            ..ExponentialValue::default()
        };
        let (shown, total) = bounds(&value);
        assert_eq!(shown, [(-4.0, 5), (-2.0, 9), (0.0, 12), (0.5, 12), (1.0, 13), (2.0, 13), (4.0, 15)]);
        assert_eq!(total, 15);
    }

    #[test]
    fn finer_buckets_are_merged_into_the_same_bounds() {
        let root = std::f64::consts::SQRT_2;
        let fine = ExponentialValue { scale: 3, positive: run(-2, &[1; 8]), ..ExponentialValue::default() };
        let (shown, total) = bounds(&fine);
        assert_eq!(shown, [(root / 2.0, 0), (1.0, 2), (root, 6), (2.0, 8)]);
        assert_eq!(total, 8);
    }

    #[test]
    fn extreme_values_stay_within_the_limit_and_lose_nothing() {
        for scale in [-10, 0, 1, 20] {
            let mut counts = vec![1; 4_000];
            counts[0] = 7;
            let value =
                ExponentialValue { scale, positive: run(-2_000, &counts), ..ExponentialValue::default() };
            let (shown, total) = bounds(&value);
            assert!(shown.len() <= TEXT_BUCKETS_MAX + 1, "{}", shown.len());
            assert!(shown.windows(2).all(|pair| pair[0].0 < pair[1].0 && pair[0].1 <= pair[1].1));
            assert_eq!(total, 4_006, "scale {scale}");
        }
        for offset in [i32::MIN, i32::MAX - 1] {
            let value = ExponentialValue {
                scale: 20,
                positive: run(offset, &[1, 1]),
                negative: run(offset, &[1, 1]),
                ..ExponentialValue::default()
            };
            assert_eq!(bounds(&value).1, 4);
        }
    }

    #[test]
    fn nothing_measured_has_no_bounds() {
        assert_eq!(bounds(&ExponentialValue::default()), (Vec::new(), 0));
        let zeros = ExponentialValue { positive: run(5, &[0, 0]), ..ExponentialValue::default() };
        assert_eq!(bounds(&zeros), (Vec::new(), 0));
    }

    proptest::proptest! {
        #[test]
        fn a_lower_scale_keeps_the_count(
            offset in -5_000..5_000_i32,
            counts in proptest::collection::vec(0..5_u64, 0..200),
            by in 0..12_u32,
        ) {
            let buckets = Buckets { offset, counts };
            let merged = Run::new(&buckets, by);
            assert_eq!(merged.counts.iter().sum::<u64>(), buckets.counts.iter().sum::<u64>());
            for (place, count) in buckets.counts.iter().enumerate().filter(|(_, count)| **count > 0) {
                let index = (i64::from(offset) + place as i64) >> by;
                let at = usize::try_from(index - merged.first).expect("not below the first");
                assert!(merged.counts[at] >= *count);
            }
        }
    }
}
