//! Quantiles estimated from the buckets of a histogram, for people who look at a console.

use std::cmp::Ordering;

use throughline_metrics::data::{ExponentialValue, HistogramValue};

/// The value below which this share of the measurements is, as if each bucket's were spread evenly.
pub(super) fn of_histogram(value: &HistogramValue<'_>, bounds: &[f64], quantile: f64) -> Option<f64> {
    let (bucket, within) = find(value.buckets.iter().copied(), value.count, quantile)?;
    let lowest = value.min.unwrap_or_else(|| bounds.first().map_or(0.0, |first| first.min(0.0)));
    let below = if bucket == 0 { lowest } else { bounds[bucket - 1].max(lowest) };
    // Beyond the last bound nothing is known but the largest value.
    let above = bounds.get(bucket).copied().or(value.max).unwrap_or(below);
    let above = above.min(value.max.unwrap_or(above)).max(below);
    Some(below + (above - below) * within)
}

/// As [`of_histogram`], of an exponential one: its buckets are narrow, so the middle of one will do.
pub(super) fn of_exponential(value: &ExponentialValue, quantile: f64) -> Option<f64> {
    let ExponentialValue { negative, positive, zero_count, scale, .. } = value;
    let counts = negative.counts.iter().rev().chain([zero_count]).chain(&positive.counts);
    let (bucket, _) = find(counts.copied(), value.count, quantile)?;
    let middle = |index: i64| ((index as f64 + 0.5) * (-f64::from(*scale)).exp2()).exp2();
    let negatives = negative.counts.len();
    let estimate = match bucket.cmp(&negatives) {
        Ordering::Less => -middle(i64::from(negative.offset) + (negatives - 1 - bucket) as i64),
        Ordering::Equal => 0.0,
        Ordering::Greater => middle(i64::from(positive.offset) + (bucket - negatives - 1) as i64),
    };
    Some(estimate.max(value.min.unwrap_or(f64::NEG_INFINITY)).min(value.max.unwrap_or(f64::INFINITY)))
}

/// The bucket that the quantile is in, and how far.
fn find(buckets: impl Iterator<Item = u64>, count: u64, quantile: f64) -> Option<(usize, f64)> {
    let wanted = count as f64 * quantile;
    let mut before = 0.0;
    let mut last = None;
    for (bucket, count) in buckets.enumerate().filter(|(_, count)| *count > 0) {
        let count = count as f64;
        if before + count >= wanted {
            return Some((bucket, (wanted - before) / count));
        }
        before += count;
        last = Some((bucket, 1.0));
    }
    last
}

#[cfg(test)]
mod tests {
    use throughline_metrics::data::Buckets;

    use super::*;

    #[test]
    fn quantiles_are_where_the_measurements_are() {
        let buckets = [0, 10, 80, 10];
        let value =
            HistogramValue { count: 100, sum: 0.0, min: Some(1.5), max: Some(40.0), buckets: &buckets };
        let bounds = [1.0, 2.0, 10.0];
        let at = |quantile| of_histogram(&value, &bounds, quantile);
        assert_eq!(at(0.0), Some(1.5));
        assert_eq!(at(0.1), Some(2.0));
        assert_eq!(at(0.5), Some(6.0));
        assert_eq!(at(1.0), Some(40.0));
        let none = HistogramValue { count: 0, buckets: &[0; 4], ..value };
        assert_eq!(of_histogram(&none, &bounds, 0.5), None);
    }

    #[test]
    fn exponential_quantiles_are_in_the_middle_of_their_bucket() {
        let value = ExponentialValue {
            count: 10,
            scale: 0,
            zero_count: 1,
            negative: Buckets { offset: 0, counts: vec![1] },
            positive: Buckets { offset: 1, counts: vec![0, 8] },
            ..ExponentialValue::default()
        };
        assert_eq!(of_exponential(&value, 0.05), Some(-(2f64.sqrt())));
        assert_eq!(of_exponential(&value, 0.2), Some(0.0));
        // The bucket from 4 to 8.
        let middle = of_exponential(&value, 0.9).expect("there are measurements");
        assert!((middle - 32f64.sqrt()).abs() < 1e-9, "{middle}");
    }
}
