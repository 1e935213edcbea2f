//! The calling thread's own slab, and what else recording keeps in thread-local storage.
//!
//! Two thread-locals: the first is plain data without a destructor, which the compiler turns into one load; the second
//! has the destructor that gives the slab back.

use std::cell::Cell;
use std::sync::LazyLock;

use super::arena::{Arena, Slab};

/// The process's arena. One for all engines, because a thread can find only what is in a static without a search.
pub(crate) static ARENA: LazyLock<Arena> = LazyLock::new(Arena::new);

thread_local! {
    static SLAB: Cell<Option<&'static Slab>> = const { Cell::new(None) };
    static LEASE: Lease = Lease(ARENA.lease());
}

struct Lease(&'static Slab);

impl Drop for Lease {
    fn drop(&mut self) {
        SLAB.set(None);
        ARENA.give_back(self.0);
    }
}

/// Calls `write` with the calling thread's slab.
///
/// A thread's first call leases a slab, which takes a lock and may allocate. A call from another thread-local's
/// destructor, after the slab has gone, borrows one for the moment.
#[inline]
pub(crate) fn with_slab<R>(write: impl FnOnce(&'static Slab) -> R) -> R {
    match SLAB.get() {
        Some(slab) => write(slab),
        None => with_slab_cold(write),
    }
}

#[cold]
#[inline(never)]
fn with_slab_cold<R>(write: impl FnOnce(&'static Slab) -> R) -> R {
    if let Ok(slab) = LEASE.try_with(|lease| lease.0) {
        SLAB.set(Some(slab));
        return write(slab);
    }
    let borrowed = Lease(ARENA.lease());
    write(borrowed.0)
}
