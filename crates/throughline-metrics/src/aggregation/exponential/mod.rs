//! Stop 3 for base-2 exponential histograms: buckets that fit themselves to the values.
//!
//! Each thread counts in a [`Block`](block::Block) of its own cells, at a scale of its own, and the collector brings
//! the blocks to one scale and adds them. A block is coarsened when a value does not fit the largest number of buckets;
//! scales only fall, as counts only grow. Threads without cells of their own take turns at the common cells, behind a
//! lock that is held for one addition.
//!
//! Limits: the finest scale is [`MAX_SCALE`], which is also the finest that Prometheus stores, and the most buckets
//! are [`MAX_SIZE`]. A series with the default of 160 takes 263 slots, and 257 more when it sees values below zero.
//!
//! Specification: [base-2 exponential
//! histogram](https://opentelemetry.io/docs/specs/otel/metrics/sdk/#base2-exponential-bucket-histogram-aggregation).

pub(crate) mod block;
pub(crate) mod index;
mod window;

use std::sync::{Mutex, OnceLock};

use crate::cell::arena::Slab;
use crate::cell::local::{self, own};
use crate::cell::{Place, Sharing};
use crate::data::{Buckets, ExponentialValue};
use crate::number::Number as _;
use block::Block;
use index::IndexTable;

/// The finest scale: 256 buckets for each power of two, an error of at most 0.14 %.
pub const MAX_SCALE: i32 = 8;
/// The coarsest scale the specification knows: one bucket holds 1024 powers of two.
pub const MIN_SCALE: i32 = -10;
/// The most buckets on either side of zero: the specification's default is 160.
pub const MAX_SIZE: usize = 512;

/// The shape of an exponential histogram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Config {
    /// The most buckets above zero, and below.
    pub(crate) max_size: usize,
    /// The scale to start with.
    pub(crate) max_scale: i32,
}

impl Config {
    /// The specification's size, at the finest scale there is.
    pub(crate) const DEFAULT: Self = Self { max_size: 160, max_scale: MAX_SCALE };

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
    sharing: Sharing,
    /// A block of each thread.
    block: Place,
    /// The window below zero of each block; there is none before the first such value.
    negative: OnceLock<Place>,
}

impl Exponential {
    /// Takes slots. Allocates.
    pub(crate) fn new(config: Config, sharing: Sharing) -> Self {
        let block = Place::allocate(block::cells(config), sharing);
        Self { config, table: IndexTable::shared(), sharing, block, negative: OnceLock::new() }
    }

    /// Where each thread's block is.
    pub(crate) fn place(&self) -> &Place {
        &self.block
    }

    /// Records a finite value.
    #[inline]
    pub(crate) fn record(&self, value: f64) {
        let cells = own(self.block.slots());
        if !cells.is_some_and(|cells| block::record_within(cells, self.table, value)) {
            self.record_any(value);
        }
    }

    #[inline(never)]
    fn record_any(&self, value: f64) {
        let negative = if value < 0.0 { Some(self.negative()) } else { self.negative.get() };
        // Either call can exchange the thread's slab: block and window are looked up in the one that it has then.
        for place in negative.into_iter().chain([&self.block]) {
            let _own = own(place.slots());
        }
        match self.block_in(local::slab(), negative) {
            // Without a window for it, a value below zero goes where there is one.
            Some(block) if value >= 0.0 || block.has_negative() => {
                block.record(self.config, self.table, value);
            }
            _ => self.record_common(value),
        }
    }

    fn block_in(&self, slab: Slab, negative: Option<&Place>) -> Option<Block<'static>> {
        Block::new(slab.run(self.block.slots())?, negative.and_then(|negative| slab.run(negative.slots())))
    }

    /// Takes slots for the windows below zero, the first time.
    fn negative(&self) -> &Place {
        let allocate = || Place::allocate(window::cells(self.config.max_size), self.sharing);
        self.negative.get_or_init(allocate)
    }

    #[cold]
    fn record_common(&self, value: f64) {
        let turn = &TURNS[self.block.slots().start as usize % TURNS.len()];
        let _turn = turn.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        // Looked up within the turn: who comes later must not know less of the windows than who came before.
        if let Some(block) = Block::new(self.block.common(), self.negative.get().map(Place::common)) {
            block.record(self.config, self.table, value);
        }
    }

    /// The histogram over all threads.
    pub(crate) fn total(&self, slabs: &[Slab]) -> ExponentialValue {
        let negative = self.negative.get();
        let own = slabs.iter().filter_map(|slab| self.block_in(*slab, negative));
        let common = || Block::new(self.block.written_common()?, negative.and_then(Place::written_common));
        let mut total = ExponentialValue { scale: self.config.max_scale, ..Default::default() };
        for block in own.chain(common()) {
            add(&mut total, &block.snapshot(), self.config.max_size);
        }
        total
    }
}

/// Whose turn it is to write a common block, for the series that have these numbers, modulo how many there are.
static TURNS: [Mutex<()>; 64] = [const { Mutex::new(()) }; 64];

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
