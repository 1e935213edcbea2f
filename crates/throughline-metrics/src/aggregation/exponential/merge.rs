//! Exponential histograms as numbers: brought to one scale, added up, and taken from each other.
//!
//! Called by the totals of a series (`mod.rs`) and by delta readers (`collect.rs`). Everything is done in place, in buckets
//! that are used again, so that a collection allocates for what it has not seen before alone.

use super::index;
use crate::data::{Buckets, ExponentialValue};
use crate::number::Number as _;

/// Makes it a histogram of nothing at this scale. Its buckets keep their room.
pub(super) fn clear(value: &mut ExponentialValue, scale: i32) {
    let ExponentialValue { mut positive, mut negative, .. } = std::mem::take(value);
    clear_buckets(&mut positive);
    clear_buckets(&mut negative);
    *value = ExponentialValue { scale, positive, negative, ..Default::default() };
}

fn clear_buckets(buckets: &mut Buckets) {
    buckets.offset = 0;
    buckets.counts.clear();
}

/// Makes a copy in the room that `into` has.
pub(crate) fn copy(from: &ExponentialValue, into: &mut ExponentialValue) {
    let ExponentialValue { mut positive, mut negative, .. } = std::mem::take(into);
    copy_buckets(&from.positive, &mut positive);
    copy_buckets(&from.negative, &mut negative);
    let ExponentialValue { count, sum, min, max, scale, zero_count, positive: _, negative: _ } = *from;
    *into = ExponentialValue { count, sum, min, max, scale, zero_count, positive, negative };
}

fn copy_buckets(from: &Buckets, into: &mut Buckets) {
    into.offset = from.offset;
    into.counts.clone_from(&from.counts);
}

/// Adds `part` to `total`, at the finest scale that both, and `max_size` buckets, allow. What is left in `part` has no
/// meaning.
pub(super) fn add(total: &mut ExponentialValue, part: &mut ExponentialValue, max_size: usize) {
    let scale = total.scale.min(part.scale);
    coarsen(total, scale);
    coarsen(part, scale);
    let positive = span_excess(&total.positive, &part.positive, max_size);
    let scale = scale - positive.max(span_excess(&total.negative, &part.negative, max_size));
    coarsen(total, scale);
    coarsen(part, scale);
    total.count += part.count;
    total.sum = (total.sum + part.sum).saturated();
    total.zero_count += part.zero_count;
    total.min = total.min.into_iter().chain(part.min).reduce(f64::min);
    total.max = total.max.into_iter().chain(part.max).reduce(f64::max);
    add_buckets(&mut total.positive, &part.positive);
    add_buckets(&mut total.negative, &part.negative);
}

/// By how many scales two runs of buckets must be coarsened so that both fit in `max_size` buckets.
fn span_excess(a: &Buckets, b: &Buckets, max_size: usize) -> i32 {
    let ends = |run: &Buckets| {
        (!run.counts.is_empty()).then(|| (run.offset, run.offset + run.counts.len() as i32 - 1))
    };
    let (Some((a_low, a_high)), Some((b_low, b_high))) = (ends(a), ends(b)) else {
        return 0;
    };
    index::excess(a_low.min(b_low), a_high.max(b_high), max_size)
}

fn add_buckets(total: &mut Buckets, part: &Buckets) {
    if part.counts.is_empty() {
        return;
    }
    if total.counts.is_empty() {
        return copy_buckets(part, total);
    }
    extend_down(total, part.offset);
    let shift = (part.offset - total.offset) as usize;
    let needed = shift + part.counts.len();
    total.counts.resize(total.counts.len().max(needed), 0);
    for (count, more) in total.counts[shift..].iter_mut().zip(&part.counts) {
        *count += more;
    }
}

/// Makes the buckets begin at `low`, if they begin above.
fn extend_down(buckets: &mut Buckets, low: i32) {
    if let Some(missing) = usize::try_from(buckets.offset - low).ok().filter(|missing| *missing > 0) {
        buckets.counts.resize(buckets.counts.len() + missing, 0);
        buckets.counts.rotate_right(missing);
        buckets.offset = low;
    }
}

/// Lowers the scale to `scale`, if it is finer: neighbouring buckets are added up.
fn coarsen(value: &mut ExponentialValue, scale: i32) {
    let by = value.scale - scale;
    if by > 0 {
        value.scale = scale;
        coarsen_buckets(&mut value.positive, by);
        coarsen_buckets(&mut value.negative, by);
    }
}

/// A count never moves up, so one pass from the lowest on is enough.
fn coarsen_buckets(buckets: &mut Buckets, by: i32) {
    let Buckets { offset, counts } = buckets;
    let low = *offset >> by;
    let mut end = 0;
    for at in 0..counts.len() {
        let count = std::mem::take(&mut counts[at]);
        let place = (((*offset + at as i32) >> by) - low) as usize;
        counts[place] += count;
        end = place + 1;
    }
    counts.truncate(end);
    *offset = low;
}

/// Turns `earlier`, an older total of the same series, into what `total` has and it had not: the value of a delta reader.
/// Its scale is at least as fine and its counts are at most as high.
pub(crate) fn take_from(total: &ExponentialValue, earlier: &mut ExponentialValue) {
    coarsen(earlier, total.scale);
    earlier.count = total.count - earlier.count;
    earlier.sum = total.sum - earlier.sum;
    (earlier.min, earlier.max) = (None, None);
    earlier.scale = total.scale;
    earlier.zero_count = total.zero_count - earlier.zero_count;
    take_buckets_from(&total.positive, &mut earlier.positive);
    take_buckets_from(&total.negative, &mut earlier.negative);
}

fn take_buckets_from(total: &Buckets, earlier: &mut Buckets) {
    if earlier.counts.is_empty() {
        earlier.offset = total.offset;
    }
    extend_down(earlier, total.offset);
    earlier.counts.resize(total.counts.len(), 0);
    for (count, total) in earlier.counts.iter_mut().zip(&total.counts) {
        *count = total - *count;
    }
    trim(earlier);
}

/// Drops empty buckets at both ends.
pub(super) fn trim(buckets: &mut Buckets) {
    let used = |count: &u64| *count != 0;
    let Some(first) = buckets.counts.iter().position(used) else {
        return clear_buckets(buckets);
    };
    let last = buckets.counts.iter().rposition(used).map_or(0, |at| at + 1);
    buckets.counts.truncate(last);
    buckets.counts.drain(..first);
    buckets.offset += first as i32;
}
