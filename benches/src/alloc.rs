//! The program's allocator: the system's, with counts of what is live, what was live at most, and how many calls.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Counts, and passes on to [`System`].
pub struct Counting;

static CALLS: AtomicUsize = AtomicUsize::new(0);
static LIVE: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);
/// Counting costs a few nanoseconds a call, which peers that allocate while recording must not be charged for.
static ENABLED: AtomicUsize = AtomicUsize::new(0);

/// What a piece of work did to the heap.
#[derive(Clone, Copy, Debug)]
pub struct Usage {
    /// Allocations and reallocations.
    pub calls: usize,
    /// Bytes that stayed, less those that were given back.
    pub live: isize,
    /// Bytes that were live at most, above those live before.
    pub peak: usize,
}

/// Does the work and says what it did to the heap; allocations of all threads count.
pub fn usage<T>(work: impl FnOnce() -> T) -> (T, Usage) {
    let (calls, live) = (CALLS.load(Relaxed), LIVE.load(Relaxed));
    PEAK.store(live, Relaxed);
    ENABLED.store(1, Relaxed);
    let result = work();
    ENABLED.store(0, Relaxed);
    let usage = Usage {
        calls: CALLS.load(Relaxed) - calls,
        live: LIVE.load(Relaxed).wrapping_sub(live) as isize,
        peak: PEAK.load(Relaxed).wrapping_sub(live),
    };
    (result, usage)
}

fn grew(by: usize) {
    if ENABLED.load(Relaxed) != 0 {
        CALLS.fetch_add(1, Relaxed);
        let live = LIVE.fetch_add(by, Relaxed).wrapping_add(by);
        if live.wrapping_sub(PEAK.load(Relaxed)) as isize > 0 {
            PEAK.store(live, Relaxed);
        }
    }
}

fn shrank(by: usize) {
    if ENABLED.load(Relaxed) != 0 {
        LIVE.fetch_sub(by, Relaxed);
    }
}

#[expect(unsafe_code, reason = "an allocator cannot be written without; every call is passed on as it came")]
// SAFETY: every method hands its arguments unchanged to `System`, and returns what that returned.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        grew(layout.size());
        // SAFETY: the caller keeps the contract of this method, which is that of `System`'s.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        grew(layout.size());
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, place: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        grew(size);
        shrank(layout.size());
        // SAFETY: as above.
        unsafe { System.realloc(place, layout, size) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        shrank(layout.size());
        // SAFETY: as above.
        unsafe { System.dealloc(place, layout) }
    }
}
