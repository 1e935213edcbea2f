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
mod merge;
mod window;

use std::sync::{Mutex, OnceLock};

use crate::cell::arena::Slab;
use crate::cell::local::{self, own};
use crate::cell::{Place, Sharing};
use crate::data::ExponentialValue;
use block::Block;
use index::IndexTable;
pub(crate) use merge::{copy, take_from};

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

    /// The way to record most values in a thread's own block, for who keeps this series.
    pub(crate) fn quick(&self) -> block::Quick {
        block::Quick::new(self.block.slots(), self.table)
    }

    /// Records a finite value.
    #[inline]
    pub(crate) fn record(&self, value: f64) {
        if !self.quick().record_within(local::slab(), value) {
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

    /// The histogram over all threads, written to `total`; `part` is room for that of one. Does not allocate when both
    /// have held a histogram of this size before.
    pub(crate) fn total(&self, slabs: &[Slab], total: &mut ExponentialValue, part: &mut ExponentialValue) {
        let negative = self.negative.get();
        let own = slabs.iter().filter_map(|slab| self.block_in(*slab, negative));
        let common = || Block::new(self.block.written_common()?, negative.and_then(Place::written_common));
        merge::clear(total, self.config.max_scale);
        for block in own.chain(common()) {
            block.snapshot(part);
            merge::add(total, part, self.config.max_size);
        }
    }

    /// How many values were recorded.
    pub(crate) fn count(&self, slabs: &[Slab]) -> u64 {
        let mut total = ExponentialValue::default();
        self.total(slabs, &mut total, &mut ExponentialValue::default());
        total.count
    }
}

/// Whose turn it is to write a common block, for the series that have these numbers, modulo how many there are.
static TURNS: [Mutex<()>; 64] = [const { Mutex::new(()) }; 64];

#[cfg(test)]
mod tests;
