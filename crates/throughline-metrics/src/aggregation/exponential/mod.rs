//! Stop 3 for base-2 exponential histograms: buckets that fit themselves to the values.
//!
//! Each thread counts in a [`Block`](block::Block) of its own, at a scale of its own, and the collector brings the
//! blocks to one scale and adds them. A block is coarsened when a value does not fit the largest number of buckets;
//! scales only fall, as counts only grow.
//!
//! Limits: the finest scale is [`MAX_SCALE`], which is also the finest that Prometheus stores. The first
//! [`OWN_BLOCKS`] blocks of the process belong to one thread each; series that come later, and threads beyond
//! [`THREADS`], share one block a series behind a lock that is held for one addition.
//!
//! Specification: [base-2 exponential
//! histogram](https://opentelemetry.io/docs/specs/otel/metrics/sdk/#base2-exponential-bucket-histogram-aggregation).

pub(crate) mod block;
pub(crate) mod index;

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::cell::local::with_slab;
use crate::data::{Buckets, ExponentialValue};
use crate::number::Number as _;
use crate::sync::Mutex;
use block::Block;
use index::IndexTable;

/// The finest scale: 256 buckets for each power of two, an error of at most 0.14 %.
pub const MAX_SCALE: i32 = 8;
/// The coarsest scale the specification knows: one bucket holds 1024 powers of two.
pub const MIN_SCALE: i32 = -10;
/// The most buckets on either side of zero: the specification's default is 160.
pub const MAX_SIZE: usize = 512;
/// Threads that can have blocks of their own in one series.
const THREADS: usize = 32;
/// Blocks in the process that belong to a thread: at two KiB each, 8 MiB.
const OWN_BLOCKS: usize = 4096;

static BLOCKS: AtomicUsize = AtomicUsize::new(0);

/// The shape of an exponential histogram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Config {
    /// The most buckets above zero, and below.
    pub(crate) max_size: usize,
    /// The scale to start with.
    pub(crate) max_scale: i32,
}

impl Config {
    /// As the specification has it, within our limits.
    pub(crate) fn new(max_size: usize, max_scale: i32) -> Self {
        Self { max_size: max_size.clamp(2, MAX_SIZE), max_scale: max_scale.clamp(MIN_SCALE, MAX_SCALE) }
    }
}

/// The cells of one series.
#[derive(Debug)]
pub(crate) struct Exponential {
    config: Config,
    table: &'static IndexTable,
    /// One for each thread, by the number of its slab.
    own: Box<[OnceLock<Option<Box<Block>>>]>,
    /// For everybody else, one at a time.
    shared: OnceLock<Box<Block>>,
    turn: Mutex<()>,
}

impl Exponential {
    pub(crate) fn new(config: Config) -> Self {
        Self {
            config,
            table: IndexTable::shared(),
            own: (0..THREADS).map(|_| OnceLock::new()).collect(),
            shared: OnceLock::new(),
            turn: Mutex::new(()),
        }
    }

    /// Records a finite value.
    #[inline]
    pub(crate) fn record(&self, value: f64) {
        with_slab(|slab| match self.own.get(slab.number).map(|own| own.get_or_init(|| self.own_block())) {
            Some(Some(block)) => block.record(self.table, value),
            _ => self.record_shared(value),
        });
    }

    #[cold]
    fn own_block(&self) -> Option<Box<Block>> {
        let taken = BLOCKS.fetch_add(1, Ordering::Relaxed);
        if taken < OWN_BLOCKS {
            return Some(Box::new(Block::new(self.config)));
        }
        BLOCKS.fetch_sub(1, Ordering::Relaxed);
        None
    }

    #[cold]
    fn record_shared(&self, value: f64) {
        let block = self.shared.get_or_init(|| Box::new(Block::new(self.config)));
        let _turn = self.turn.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        block.record(self.table, value);
    }

    /// The histogram over all threads.
    pub(crate) fn total(&self) -> ExponentialValue {
        let own = self.own.iter().filter_map(|own| own.get()?.as_deref());
        let mut total = ExponentialValue { scale: self.config.max_scale, ..Default::default() };
        for block in own.chain(self.shared.get().map(|block| &**block)) {
            add(&mut total, &block.snapshot(), self.config.max_size);
        }
        total
    }
}

impl Drop for Exponential {
    fn drop(&mut self) {
        let own = self.own.iter().filter(|own| matches!(own.get(), Some(Some(_)))).count();
        BLOCKS.fetch_sub(own, Ordering::Relaxed);
    }
}

/// Adds `part` to `total`, at the finest scale that both, and `max_size` buckets, allow.
fn add(total: &mut ExponentialValue, part: &ExponentialValue, max_size: usize) {
    let mut part = part.clone();
    let scale = total.scale.min(part.scale);
    coarsen(total, scale);
    coarsen(&mut part, scale);
    let excess = span_excess(&total.positive, &part.positive, max_size).max(span_excess(
        &total.negative,
        &part.negative,
        max_size,
    ));
    coarsen(total, scale - excess);
    coarsen(&mut part, scale - excess);
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
        total.clone_from(part);
        return;
    }
    let low = total.offset.min(part.offset);
    let missing = (total.offset - low) as usize;
    total.counts.splice(0..0, std::iter::repeat_n(0, missing));
    total.offset = low;
    let shift = (part.offset - low) as usize;
    let needed = shift + part.counts.len();
    total.counts.resize(total.counts.len().max(needed), 0);
    for (at, count) in part.counts.iter().enumerate() {
        total.counts[shift + at] += count;
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

fn coarsen_buckets(buckets: &mut Buckets, by: i32) {
    let fine = std::mem::take(buckets);
    for (at, count) in fine.counts.into_iter().enumerate() {
        let index = (fine.offset + at as i32) >> by;
        if buckets.counts.is_empty() {
            buckets.offset = index;
        }
        let place = (index - buckets.offset) as usize;
        buckets.counts.resize(place + 1, 0);
        buckets.counts[place] += count;
    }
}

/// What `total` has that `earlier` had not: the value of a delta reader. `earlier` is an older total of the same
/// series, so its scale is at least as fine and its counts are at most as high.
pub(crate) fn difference(total: &ExponentialValue, earlier: &ExponentialValue) -> ExponentialValue {
    let mut earlier = earlier.clone();
    coarsen(&mut earlier, total.scale);
    ExponentialValue {
        count: total.count - earlier.count,
        sum: total.sum - earlier.sum,
        min: None,
        max: None,
        scale: total.scale,
        zero_count: total.zero_count - earlier.zero_count,
        positive: buckets_difference(&total.positive, &earlier.positive),
        negative: buckets_difference(&total.negative, &earlier.negative),
    }
}

fn buckets_difference(total: &Buckets, earlier: &Buckets) -> Buckets {
    let mut difference = total.clone();
    for (at, count) in earlier.counts.iter().enumerate() {
        let place = earlier.offset + at as i32 - total.offset;
        difference.counts[place as usize] -= count;
    }
    trim(&mut difference);
    difference
}

/// Drops empty buckets at both ends.
pub(crate) fn trim(buckets: &mut Buckets) {
    let used = |count: &u64| *count != 0;
    let Some(first) = buckets.counts.iter().position(used) else {
        *buckets = Buckets::default();
        return;
    };
    let last = buckets.counts.iter().rposition(used).map_or(0, |at| at + 1);
    buckets.counts.truncate(last);
    buckets.counts.drain(..first);
    buckets.offset += first as i32;
}

#[cfg(test)]
mod tests;
