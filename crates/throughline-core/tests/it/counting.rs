//! An allocator that counts, for tests of what allocates nothing. It is the whole test program's.
#![expect(unsafe_code, reason = "a global allocator that counts cannot be written without")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
    static BYTES: Cell<i64> = const { Cell::new(0) };
}

// SAFETY: every call is passed on to the system's allocator as it came; counting touches a thread-local without a
// destructor, which neither allocates nor can be gone.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        BYTES.set(BYTES.get() + layout.size() as i64);
        // SAFETY: the caller keeps the contract, which is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        BYTES.set(BYTES.get() - layout.size() as i64);
        // SAFETY: the caller keeps the contract, which is the same.
        unsafe { System.dealloc(ptr, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// How often this thread allocates in `run`.
pub(crate) fn allocations<T>(run: impl FnOnce() -> T) -> u64 {
    heap(run).0
}

/// How often this thread allocates in `run`, and how many bytes more it holds at its end.
pub(crate) fn heap<T>(run: impl FnOnce() -> T) -> (u64, i64) {
    let (allocations, bytes) = (ALLOCATIONS.get(), BYTES.get());
    let result = run();
    let counts = (ALLOCATIONS.get() - allocations, BYTES.get() - bytes);
    drop(result);
    counts
}
