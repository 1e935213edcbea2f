//! Series found by three strings: by their addresses, when they are literals, or by their bytes.
//!
//! Each thread has a table of its own, so there is one writer and no lock. Both compare in full.

use std::cell::RefCell;
use std::sync::RwLock;

use hashbrown::HashTable;

use super::slab::{HISTOGRAM_SLOTS, slab};
use super::{candidate, other};
use crate::harness::Candidate;
use crate::workload::{Inputs, Strings, cycle};

/// Slots by the addresses and lengths of literals: a power of two with room to spare for what a case has.
const PLACES: usize = 1 << 11;

#[derive(Clone, Copy)]
struct Place {
    strings: Strings<&'static str>,
    slot: usize,
}

thread_local! {
    static BY_ADDRESS: RefCell<Box<[Place; PLACES]>> =
        RefCell::new(Box::new([Place { strings: [""; 3], slot: 0 }; PLACES]));
    static BY_BYTES: RefCell<Table> = RefCell::new(Table::default());
}

fn same_literal(a: &'static str, b: &'static str) -> bool {
    std::ptr::eq(a, b)
}

/// Mixes three words at once: their products do not wait for each other.
#[inline]
fn mix(words: [u64; 3]) -> u64 {
    const MULTIPLIERS: [u64; 3] = [0x9e37_79b9_7f4a_7c15, 0xd6e8_feb8_6659_fd93, 0xa076_1d64_78bd_642f];
    let products = std::array::from_fn::<_, 3, _>(|at| words[at].wrapping_mul(MULTIPLIERS[at]));
    products[0] ^ products[1] ^ products[2]
}

/// Two literals with the same address and length are the same text; the reverse need not hold, and costs a slot.
#[inline]
fn slot_of_literals(strings: &Strings<&'static str>) -> usize {
    BY_ADDRESS.with_borrow_mut(|places| {
        let hash = mix(strings.each_ref().map(|string| string.as_ptr().addr() as u64));
        let mut at = (hash >> (u64::BITS - PLACES.ilog2())) as usize;
        loop {
            let place = &mut places[at & (PLACES - 1)];
            if place.strings.iter().zip(strings).all(|(a, b)| same_literal(a, b)) {
                return place.slot;
            }
            if place.slot == 0 {
                *place = Place { strings: *strings, slot: (at & (PLACES - 1)) + 1 };
                return place.slot;
            }
            at += 1;
        }
    })
}

#[derive(Default)]
struct Table {
    slots: HashTable<(Strings<Box<str>>, usize)>,
}

/// The two halves of a product, folded into one: the mixing step of most fast hashes.
#[inline]
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a ^ 0x243f_6a88_85a3_08d3) * u128::from(b ^ 0x1319_8a2e_0370_7344);
    (product as u64) ^ (product >> 64) as u64
}

/// Up to seven bytes in two overlapping halves, or one by one.
#[inline]
fn short_word(bytes: &[u8]) -> u64 {
    match (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
        (Some(first), Some(last)) => {
            (u64::from(u32::from_le_bytes(*first)) << 32) | u64::from(u32::from_le_bytes(*last))
        }
        _ => bytes.iter().fold(0, |word, byte| (word << 8) | u64::from(*byte)),
    }
}

#[inline]
fn hash<S: AsRef<str>>(strings: &Strings<S>) -> u64 {
    let mut hash = 1;
    for string in strings {
        let mut rest = string.as_ref().as_bytes();
        hash ^= rest.len() as u64;
        while let Some((word, tail)) = rest.split_first_chunk() {
            hash = fold(hash, u64::from_le_bytes(*word));
            rest = tail;
        }
        hash = fold(hash, short_word(rest));
    }
    hash
}

impl Table {
    fn find<S: AsRef<str>>(&self, hash: u64, strings: &Strings<S>) -> Option<usize> {
        let same = |known: &Strings<Box<str>>| known.iter().zip(strings).all(|(a, b)| **a == *b.as_ref());
        self.slots.find(hash, |(known, _)| same(known)).map(|(_, slot)| *slot)
    }

    fn slot<S: AsRef<str>>(&mut self, strings: &Strings<S>) -> usize {
        let hash = hash(strings);
        if let Some(slot) = self.find(hash, strings) {
            return slot;
        }
        let slot = self.slots.len();
        let key = strings.each_ref().map(|string| string.as_ref().into());
        self.slots.insert_unique(hash, (key, slot), |(known, _)| self::hash(known));
        slot
    }
}

pub fn counter_literals(inputs: &Inputs<Strings<&'static str>>) -> Candidate {
    candidate(cycle(inputs, |strings| slab().add(slot_of_literals(strings), 1)))
}

pub fn counter_bytes(inputs: &Inputs<Strings<&'static str>>) -> Candidate {
    candidate(cycle(inputs, |strings| BY_BYTES.with_borrow_mut(|table| slab().add(table.slot(strings), 1))))
}

pub fn histogram_bytes(inputs: &Inputs<(Strings<&'static str>, f64)>) -> Candidate {
    candidate(cycle(inputs, |(strings, value)| {
        BY_BYTES.with_borrow_mut(|table| slab().observe(table.slot(strings) * HISTOGRAM_SLOTS, *value));
    }))
}

/// The same behind one lock that all threads read: what a shared table costs.
pub fn counter_locked(inputs: &Inputs<Strings<&'static str>>) -> Candidate {
    let table = RwLock::new(Table::default());
    for strings in inputs.iter() {
        table.write().expect("nobody panicked").slot(strings);
    }
    Candidate::new(
        other("std RwLock"),
        cycle(inputs, move |strings| {
            let table = table.read().expect("nobody panicked");
            slab().add(table.find(hash(strings), strings).unwrap_or(0), 1);
        }),
    )
}
