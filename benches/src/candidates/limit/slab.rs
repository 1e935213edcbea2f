//! One slab of cells for each thread, and what needs nothing more: counters, closed sets, histograms.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::{candidate, other};
use crate::harness::Candidate;
use crate::workload::{BOUNDS, Closed, Inputs, cycle};

const SLOTS: usize = 1 << 14;
/// A power of two that holds 14 buckets with their overflow and the sum; what is unused costs nothing here.
pub const HISTOGRAM_SLOTS: usize = 16;

/// A thread's cells. Atomics, so that a collector could read them and the compiler cannot merge writes.
pub struct Slab(Box<[AtomicU64; SLOTS]>);

thread_local! {
    static SLAB: Cell<Option<&'static Slab>> = const { Cell::new(None) };
}

/// The calling thread's slab. Never given back: a run has a few hundred threads at most.
#[inline]
pub fn slab() -> &'static Slab {
    SLAB.get().unwrap_or_else(make_slab)
}

#[cold]
fn make_slab() -> &'static Slab {
    let cells: Vec<AtomicU64> = (0..SLOTS).map(|_| AtomicU64::new(0)).collect();
    let cells = cells.try_into().unwrap_or_else(|_| unreachable!("there are SLOTS of them"));
    let slab: &'static Slab = Box::leak(Box::new(Slab(cells)));
    SLAB.set(Some(slab));
    slab
}

impl Slab {
    #[inline]
    pub fn add(&self, slot: usize, value: u64) {
        let cell = &self.0[slot & (SLOTS - 1)];
        cell.store(cell.load(Relaxed) + value, Relaxed);
    }

    #[inline]
    pub fn add_float(&self, slot: usize, value: f64) {
        let cell = &self.0[slot & (SLOTS - 1)];
        cell.store((f64::from_bits(cell.load(Relaxed)) + value).to_bits(), Relaxed);
    }

    /// One bucket and the sum.
    #[inline]
    pub fn observe(&self, start: usize, value: f64) {
        let bucket: usize = BOUNDS.iter().map(|bound| usize::from(*bound < value)).sum();
        self.add(start + bucket, 1);
        self.add_float(start + BOUNDS.len() + 1, value);
    }
}

/// A handle that knows its slot.
pub fn counter() -> Candidate {
    let slot = std::hint::black_box(7);
    candidate(move |times| (0..times).for_each(|_| slab().add(slot, 1)))
}

pub fn counter_fetch_add() -> Candidate {
    let counter = AtomicU64::new(0);
    Candidate::repeating(other("fetch_add"), move || {
        counter.fetch_add(1, Relaxed);
    })
}

#[inline]
fn index(Closed { method, status, outcome }: Closed) -> usize {
    (method as usize * 5 + status as usize) * 4 + outcome as usize
}

/// The slots of a closed set stand in a row.
pub fn counter_typed(inputs: &Inputs<Closed>) -> Candidate {
    candidate(cycle(inputs, |closed| slab().add(index(*closed), 1)))
}

pub fn histogram(inputs: &Inputs<f64>) -> Candidate {
    candidate(cycle(inputs, |value| slab().observe(0, *value)))
}

pub fn histogram_typed(inputs: &Inputs<(Closed, f64)>) -> Candidate {
    candidate(cycle(inputs, |(closed, value)| slab().observe(index(*closed) * HISTOGRAM_SLOTS, *value)))
}

/// Sixteen buckets for each power of two are the upper bits of a float; 512 of them reach from 2^-16 to 2^16.
pub fn exponential(inputs: &Inputs<f64>) -> Candidate {
    const SHIFT: u32 = f64::MANTISSA_DIGITS - 1 - 4;
    const LOWEST: u64 = (1023 - 16) << 4;
    candidate(cycle(inputs, |value| {
        let bucket = ((value.to_bits() >> SHIFT) - LOWEST) as usize & 511;
        slab().add(bucket, 1);
        slab().add_float(512, *value);
    }))
}
