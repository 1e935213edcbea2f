//! Hands out slots and slabs, and adds up what all threads wrote.
//!
//! Slabs are made for the life of the process and passed on: a thread that ends leaves its slab, counts and all, to
//! the next thread that starts. So no count is ever moved, nothing races with a collector, and there are as many slabs
//! as there were threads recording at the same time.

use super::place::Slots;
use crate::number::Number;
use crate::sync::{AtomicU64, Mutex, Ordering};

/// Slots in a slab: 128 KiB for each recording thread.
///
/// Counters take one, a histogram with 14 bounds 18. Series that find no slots left live in shared atomics
/// ([`Place::Shared`](super::Place)), so memory does not grow as threads × series.
#[cfg(not(loom))]
pub(crate) const SLOTS: usize = 1 << 14;
#[cfg(loom)]
pub(crate) const SLOTS: usize = 2;

/// One thread's cells. Written by the thread that holds it alone, read by any.
///
/// A slab is never freed, so this is a plain value, which a thread-local holds without another step to the cells.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Slab {
    cells: &'static [AtomicU64; SLOTS],
    /// Its place among all slabs of the arena.
    pub(crate) number: usize,
}

impl Slab {
    fn new(number: usize) -> Self {
        Self { cells: Box::leak(zeroed()), number }
    }

    /// The cell of a slot. The mask is the proof, for the compiler, that there is one.
    #[inline]
    pub(crate) fn cell(self, slot: usize) -> &'static AtomicU64 {
        &self.cells[slot & (SLOTS - 1)]
    }

    /// Adds to a cell: a load and a store, since nobody but the calling thread writes this slab.
    #[inline]
    pub(crate) fn add<N: Number>(self, slot: usize, value: N) {
        let cell = self.cell(slot);
        let sum = N::from_bits(cell.load(Ordering::Relaxed)).plus(value);
        cell.store(sum.to_bits(), Ordering::Relaxed);
    }
}

/// Zeroed cells that cost no memory until a page of them is written.
#[cfg(not(loom))]
#[expect(unsafe_code, reason = "no safe way to ask the allocator for zeroed atomics at this Rust version")]
fn zeroed() -> Box<[AtomicU64; SLOTS]> {
    let zeros: Box<[u64; SLOTS]> =
        vec![0_u64; SLOTS].into_boxed_slice().try_into().expect("the vector has SLOTS elements");
    // SAFETY: `AtomicU64` is documented to have the same size and bit validity as `u64`. Its alignment is that of its
    // size, eight, and `u64`'s is checked to be the same here, so the memory is given back with the layout it was
    // allocated with. The box is unique, so nobody sees the memory as `u64` any more.
    unsafe { Box::from_raw(Box::into_raw(zeros).cast()) }
}
#[cfg(not(loom))]
const _: () = assert!(align_of::<u64>() == align_of::<AtomicU64>());

#[cfg(loom)]
fn zeroed() -> Box<[AtomicU64; SLOTS]> {
    Box::new(std::array::from_fn(|_| AtomicU64::new(0)))
}

/// All slabs, and which slots are taken.
#[derive(Debug)]
pub(crate) struct Arena {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    slabs: Vec<Slab>,
    /// Slabs without a thread.
    idle: Vec<Slab>,
    /// The first slot never handed out.
    next: usize,
    /// Runs of slots given back.
    free: Vec<Slots>,
}

impl Arena {
    pub(crate) fn new() -> Self {
        Self { state: Mutex::new(State::default()) }
    }

    /// Gives the calling thread a slab to write. The lock makes everything that its last holder wrote visible.
    pub(crate) fn lease(&self) -> Slab {
        let mut state = self.lock();
        if let Some(slab) = state.idle.pop() {
            return slab;
        }
        let slab = Slab::new(state.slabs.len());
        state.slabs.push(slab);
        slab
    }

    /// Takes back the slab of a thread that ends. Its counts stay where they are.
    pub(crate) fn give_back(&self, slab: Slab) {
        self.lock().idle.push(slab);
    }

    /// Takes `len` consecutive slots, zero in all slabs, or `None` when too few are left.
    pub(crate) fn allocate(&self, len: usize) -> Option<Slots> {
        let mut state = self.lock();
        if let Some(at) = state.free.iter().position(|slots| slots.len == len) {
            return Some(state.free.swap_remove(at));
        }
        let start = state.next;
        (start + len <= SLOTS).then(|| {
            state.next += len;
            Slots { start, len }
        })
    }

    /// Takes slots back and zeroes them.
    ///
    /// The caller must be the last one to know them: a write that still came would land in somebody else's series.
    pub(crate) fn free(&self, slots: Slots) {
        let mut state = self.lock();
        for slab in &state.slabs {
            for slot in slots.range() {
                slab.cell(slot).store(0, Ordering::Relaxed);
            }
        }
        state.free.push(slots);
    }

    /// All slabs there are now, into `into`.
    pub(crate) fn slabs(&self, into: &mut Vec<Slab>) {
        into.clear();
        into.extend_from_slice(&self.lock().slabs);
    }

    #[cfg(not(loom))]
    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    #[cfg(loom)]
    fn lock(&self) -> loom::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

#[cfg(all(test, loom))]
mod loom_tests {
    use loom::sync::Arc;
    use loom::thread;

    use super::*;

    fn sum(arena: &Arena, slot: usize) -> u64 {
        let mut slabs = Vec::new();
        arena.slabs(&mut slabs);
        slabs.iter().map(|slab| slab.cell(slot).load(Ordering::Relaxed)).sum()
    }

    /// Two writers that start and end, and a collector meanwhile: it sees a sum that never shrinks, and in the end
    /// all of it.
    #[test]
    fn loom_thread_exit_loses_and_doubles_nothing() {
        loom::model(|| {
            let arena = Arc::new(Arena::new());
            let slot = arena.allocate(1).unwrap().start;
            let writer = |n: u64| {
                let arena = Arc::clone(&arena);
                thread::spawn(move || {
                    let slab = arena.lease();
                    slab.add(slot, n);
                    arena.give_back(slab);
                })
            };
            let (first, second) = (writer(1), writer(2));
            let seen = sum(&arena, slot);
            let seen_later = sum(&arena, slot);
            assert!(seen <= seen_later && seen_later <= 3);
            first.join().unwrap();
            second.join().unwrap();
            assert_eq!(sum(&arena, slot), 3);
        });
    }

    /// A slab that goes from one thread to the next carries its counts.
    #[test]
    fn loom_a_slab_is_passed_on_with_its_counts() {
        loom::model(|| {
            let arena = Arc::new(Arena::new());
            let slot = arena.allocate(1).unwrap().start;
            for _ in 0..2 {
                let arena = Arc::clone(&arena);
                thread::spawn(move || {
                    let slab = arena.lease();
                    slab.add(slot, 1_u64);
                    arena.give_back(slab);
                })
                .join()
                .unwrap();
            }
            assert_eq!(sum(&arena, slot), 2);
        });
    }

    /// Slots given back start from zero for their next owner, whichever thread writes them then.
    #[test]
    fn loom_freed_slots_start_from_zero() {
        loom::model(|| {
            let arena = Arc::new(Arena::new());
            let slots = arena.allocate(1).unwrap();
            let slot = slots.start;
            let writer = {
                let arena = Arc::clone(&arena);
                thread::spawn(move || {
                    let slab = arena.lease();
                    slab.add(slot, 5_u64);
                    arena.give_back(slab);
                })
            };
            writer.join().unwrap();
            arena.free(slots);
            let slot = arena.allocate(1).unwrap().start;
            let slab = arena.lease();
            slab.add(slot, 1_u64);
            assert_eq!(sum(&arena, slot), 1);
        });
    }

    /// Slots are zeroed while threads write their neighbours and a collector reads these.
    #[test]
    fn loom_freeing_slots_disturbs_no_neighbour() {
        loom::model(|| {
            let arena = Arc::new(Arena::new());
            let (kept, freed) = (arena.allocate(1).unwrap(), arena.allocate(1).unwrap());
            let slab = arena.lease();
            slab.add(freed.start, 7_u64);
            arena.give_back(slab);
            let writer = {
                let arena = Arc::clone(&arena);
                thread::spawn(move || {
                    let slab = arena.lease();
                    slab.add(kept.start, 1_u64);
                    slab.add(kept.start, 1_u64);
                    arena.give_back(slab);
                })
            };
            arena.free(freed);
            assert!(sum(&arena, kept.start) <= 2);
            let reused = arena.allocate(1).unwrap();
            assert_eq!((reused, sum(&arena, reused.start)), (freed, 0));
            writer.join().unwrap();
            assert_eq!((sum(&arena, kept.start), sum(&arena, reused.start)), (2, 0));
        });
    }

    /// A delta collector takes what is new, twice while a writer writes and once more when it has ended.
    #[test]
    fn loom_deltas_add_up() {
        loom::model(|| {
            let arena = Arc::new(Arena::new());
            let slot = arena.allocate(1).unwrap().start;
            let writer = {
                let arena = Arc::clone(&arena);
                thread::spawn(move || {
                    for n in [1_u64, 2] {
                        let slab = arena.lease();
                        slab.add(slot, n);
                        arena.give_back(slab);
                    }
                })
            };
            let (mut earlier, mut deltas) = (0, 0);
            let mut collect = || {
                let total = sum(&arena, slot);
                deltas += total.checked_sub(earlier).unwrap();
                earlier = total;
                deltas
            };
            assert!(collect() <= collect());
            writer.join().unwrap();
            assert_eq!(collect(), 3);
        });
    }
}
