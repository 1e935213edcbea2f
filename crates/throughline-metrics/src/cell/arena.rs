//! Hands out slots and slabs.
//!
//! Slabs are made for the life of the process and passed on: a thread that ends leaves its slab, counts and all, to
//! the next thread that starts. So no count is ever moved, and nothing races with a collector. A thread that records
//! in a slot beyond its slab exchanges it for a longer one, and what it counted stays in the shorter one in the same
//! way.

use super::common::Common;
use super::slots::{Numbers, OWN, Sharing, Slots};
use crate::sync::{AtomicU64, Mutex, Ordering};

/// The lengths of slabs. Every thread can have one of the first: 32 KiB.
///
/// Counters take one slot, a histogram with 14 bounds 18, an exponential one 263.
#[cfg(not(loom))]
const LENGTHS: [usize; 4] = [1 << 12, 1 << 14, 1 << 16, OWN as usize];
/// No slab ends within a run of slots that is no longer than a chunk, since none of these straddles two: who finds one cell of
/// such a series in a slab finds the others.
#[cfg(not(loom))]
const _: () = {
    let mut at = 0;
    while at < LENGTHS.len() {
        assert!(LENGTHS[at] % super::common::CHUNK as usize == 0);
        at += 1;
    }
};
#[cfg(loom)]
const LENGTHS: [usize; 2] = [2, OWN as usize];

/// Cells in all slabs longer than the first length: 64 MiB in the process, of which those pages are in memory that
/// were written. Beyond it, threads that record in many series share cells, so that memory does not grow as
/// threads × series.
const LONGER: usize = 1 << 23;

/// One thread's cells. Written by the thread that holds it alone, read by any.
///
/// A slab is never freed, so this is a plain value, which a thread-local holds without another step to the cells.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Slab(&'static [AtomicU64]);

impl Slab {
    /// A slab without cells.
    pub(crate) const NONE: Self = Self(&[]);

    /// A slab of a model.
    #[cfg(all(test, loom))]
    pub(crate) fn of(cells: &'static [AtomicU64]) -> Self {
        Self(cells)
    }

    /// Whether it has no cells.
    #[inline]
    pub(crate) fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    /// The cell of a slot, if the slab is long enough.
    #[inline]
    pub(crate) fn cell(self, slot: usize) -> Option<&'static AtomicU64> {
        self.0.get(slot)
    }

    /// Some cells from a slot on, if the slab is long enough.
    #[inline]
    pub(crate) fn cells<const LEN: usize>(self, first: usize) -> Option<&'static [AtomicU64; LEN]> {
        self.0.get(first..first + LEN)?.first_chunk()
    }

    /// The cells of a run, if the slab has all of them.
    #[inline]
    pub(crate) fn run(self, slots: Slots) -> Option<&'static [AtomicU64]> {
        self.0.get(slots.range())
    }
}

/// Zeroed cells that, many of them, cost no memory until a page of them is written.
#[cfg(not(loom))]
#[expect(unsafe_code, reason = "no safe way to ask the allocator for zeroed atomics at this Rust version")]
pub(crate) fn zeroed(len: usize) -> Box<[AtomicU64]> {
    let zeros = Box::into_raw(vec![0_u64; len].into_boxed_slice());
    // SAFETY: `AtomicU64` is documented to have the same size and bit validity as `u64`. Its alignment is that of its
    // size, eight, and `u64`'s is checked to be the same here, so the memory is given back with the layout it was
    // allocated with. The slice keeps its length in the cast. The box is unique, so nobody sees the memory as `u64`
    // any more.
    unsafe { Box::from_raw(zeros as *mut [AtomicU64]) }
}
#[cfg(not(loom))]
const _: () = assert!(align_of::<u64>() == align_of::<AtomicU64>());

#[cfg(loom)]
pub(crate) fn zeroed(len: usize) -> Box<[AtomicU64]> {
    (0..len).map(|_| AtomicU64::new(0)).collect()
}

/// All slabs, and which slots are taken.
#[derive(Debug)]
pub(crate) struct Arena {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    slabs: Vec<Slab>,
    /// Slabs without a thread, by their length.
    idle: [Vec<Slab>; LENGTHS.len()],
    /// Cells in slabs longer than the first length.
    longer: usize,
    numbers: Numbers,
}

impl Arena {
    pub(crate) fn new() -> Self {
        let idle = std::array::from_fn(|_| Vec::new());
        let state = State { slabs: Vec::new(), idle, longer: 0, numbers: Numbers::new() };
        Self { state: Mutex::new(state) }
    }

    /// Gives the calling thread a slab to write, the longest there is without a thread. The lock makes everything that
    /// its last holder wrote visible.
    pub(crate) fn lease(&self) -> Slab {
        let mut state = self.lock();
        let idle = state.idle.iter_mut().rev().find_map(Vec::pop);
        idle.unwrap_or_else(|| state.make(LENGTHS[0]))
    }

    /// Gives a slab of at least `len` cells for the calling thread's own, or that one back when there is none to have.
    pub(crate) fn exchange(&self, own: Slab, len: usize) -> Slab {
        let mut state = self.lock();
        match state.at_least(len) {
            Some(slab) => {
                state.put(own);
                slab
            }
            None => own,
        }
    }

    /// Takes back the slab of a thread that ends. Its counts stay where they are.
    pub(crate) fn give_back(&self, slab: Slab) {
        self.lock().put(slab);
    }

    /// Takes `len` consecutive slots, zero in all slabs and in common.
    pub(crate) fn allocate(&self, len: u32, sharing: Sharing) -> Slots {
        self.lock().numbers.take(len, sharing)
    }

    /// Takes slots back and zeroes them.
    ///
    /// The caller must be the last one to know them: a write that still came would land in somebody else's series.
    pub(crate) fn free(&self, slots: Slots, common: &Common) {
        let mut state = self.lock();
        for cell in state.slabs.iter().filter_map(|slab| slab.run(slots)).flatten() {
            cell.store(0, Ordering::Relaxed);
        }
        common.zero(slots);
        state.numbers.give_back(slots);
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

impl State {
    /// A slab of at least `len` cells, if there is one without a thread or one more may be made.
    fn at_least(&mut self, len: usize) -> Option<Slab> {
        let class = LENGTHS.iter().position(|length| *length >= len)?;
        if let Some(slab) = self.idle[class..].iter_mut().find_map(Vec::pop) {
            return Some(slab);
        }
        let longer = self.longer + LENGTHS[class];
        (longer <= LONGER).then(|| {
            self.longer = longer;
            self.make(LENGTHS[class])
        })
    }

    fn make(&mut self, len: usize) -> Slab {
        let slab = Slab(Box::leak(zeroed(len)));
        self.slabs.push(slab);
        slab
    }

    fn put(&mut self, slab: Slab) {
        if let Some(class) = LENGTHS.iter().position(|length| *length == slab.0.len()) {
            self.idle[class].push(slab);
        }
    }
}

#[cfg(all(test, loom))]
mod loom_tests {
    use loom::sync::Arc;
    use loom::thread;

    use super::super::place::add_own;
    use super::*;

    fn sum(arena: &Arena, slot: usize) -> u64 {
        let mut slabs = Vec::new();
        arena.slabs(&mut slabs);
        slabs.iter().filter_map(|slab| slab.cell(slot)).map(|cell| cell.load(Ordering::Relaxed)).sum()
    }

    fn add(slab: Slab, slot: usize, n: u64) {
        add_own(slab.cell(slot).unwrap(), n);
    }

    /// Two writers that start and end, and a collector meanwhile: it sees a sum that never shrinks, and in the end
    /// all of it.
    #[test]
    fn loom_thread_exit_loses_and_doubles_nothing() {
        loom::model(|| {
            let arena = Arc::new(Arena::new());
            let slot = arena.allocate(1, Sharing::Own).start as usize;
            let writer = |n: u64| {
                let arena = Arc::clone(&arena);
                thread::spawn(move || {
                    let slab = arena.lease();
                    add(slab, slot, n);
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
            let slot = arena.allocate(1, Sharing::Own).start as usize;
            for _ in 0..2 {
                let arena = Arc::clone(&arena);
                thread::spawn(move || {
                    let slab = arena.lease();
                    add(slab, slot, 1_u64);
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
            let slots = arena.allocate(1, Sharing::Own);
            let slot = slots.start as usize;
            let writer = {
                let arena = Arc::clone(&arena);
                thread::spawn(move || {
                    let slab = arena.lease();
                    add(slab, slot, 5_u64);
                    arena.give_back(slab);
                })
            };
            writer.join().unwrap();
            arena.free(slots, &Common::new());
            let slot = arena.allocate(1, Sharing::Own).start as usize;
            let slab = arena.lease();
            add(slab, slot, 1_u64);
            assert_eq!(sum(&arena, slot), 1);
        });
    }

    /// Slots are zeroed while threads write their neighbours and a collector reads these.
    #[test]
    fn loom_freeing_slots_disturbs_no_neighbour() {
        loom::model(|| {
            let arena = Arc::new(Arena::new());
            let (kept, freed) = (arena.allocate(1, Sharing::Own), arena.allocate(1, Sharing::Own));
            let slab = arena.lease();
            add(slab, freed.start as usize, 7_u64);
            arena.give_back(slab);
            let writer = {
                let arena = Arc::clone(&arena);
                thread::spawn(move || {
                    let slab = arena.lease();
                    add(slab, kept.start as usize, 1_u64);
                    add(slab, kept.start as usize, 1_u64);
                    arena.give_back(slab);
                })
            };
            arena.free(freed, &Common::new());
            assert!(sum(&arena, kept.start as usize) <= 2);
            let reused = arena.allocate(1, Sharing::Own);
            assert_eq!((reused, sum(&arena, reused.start as usize)), (freed, 0));
            writer.join().unwrap();
            assert_eq!((sum(&arena, kept.start as usize), sum(&arena, reused.start as usize)), (2, 0));
        });
    }

    /// A delta collector takes what is new, twice while a writer writes and once more when it has ended.
    #[test]
    fn loom_deltas_add_up() {
        loom::model(|| {
            let arena = Arc::new(Arena::new());
            let slot = arena.allocate(1, Sharing::Own).start as usize;
            let writer = {
                let arena = Arc::clone(&arena);
                thread::spawn(move || {
                    for n in [1_u64, 2] {
                        let slab = arena.lease();
                        add(slab, slot, n);
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

    /// A thread whose slab becomes too short goes on in a longer one, while another takes over the short one.
    #[test]
    fn loom_an_exchanged_slab_keeps_its_counts() {
        loom::model(|| {
            let arena = Arc::new(Arena::new());
            let slot = arena.allocate(1, Sharing::Own).start as usize;
            let other = {
                let arena = Arc::clone(&arena);
                thread::spawn(move || {
                    let slab = arena.lease();
                    add(slab, slot, 1);
                    arena.give_back(slab);
                })
            };
            let short = arena.lease();
            add(short, slot, 1);
            let long = arena.exchange(short, LENGTHS[0] + 1);
            add(long, slot, 1);
            other.join().unwrap();
            assert_eq!(sum(&arena, slot), 3);
        });
    }
}
