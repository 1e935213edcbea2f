//! The calling thread's own slab, and what else recording keeps in thread-local storage.
//!
//! The first two thread-locals are plain data without a destructor, which the compiler turns into one load each; the
//! third has the destructor that gives the slab back.

use std::cell::Cell;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, Ordering};

use super::arena::{Arena, Slab};
use crate::exemplar;

/// The process's arena. One for all engines, because a thread can find only what is in a static without a search.
pub(crate) static ARENA: LazyLock<Arena> = LazyLock::new(Arena::new);

thread_local! {
    /// The slab, unless the thread is in a sampled span: one check answers whether there is a slab, and nothing else
    /// to do than to write it.
    static QUIET: Cell<Option<Slab>> = const { Cell::new(None) };
    static SLAB: Cell<Option<Slab>> = const { Cell::new(None) };
    static LEASE: Lease = Lease(ARENA.lease());
}

struct Lease(Slab);

impl Drop for Lease {
    fn drop(&mut self) {
        QUIET.set(None);
        SLAB.set(None);
        ARENA.give_back(self.0);
    }
}

/// Whether spans may be current of which only OpenTelemetry's context knows. Never false again.
static ASKS_CONTEXT: AtomicBool = AtomicBool::new(false);

/// Makes all threads look for their span in OpenTelemetry's context.
pub(crate) fn ask_current_context() {
    if !asks_current_context() {
        ASKS_CONTEXT.store(true, Ordering::Relaxed);
    }
}

/// Whether threads look for their span in OpenTelemetry's context.
#[inline]
pub(crate) fn asks_current_context() -> bool {
    ASKS_CONTEXT.load(Ordering::Relaxed)
}

/// The calling thread's slab, when it has one already and leaves no exemplars.
#[inline]
pub(crate) fn quiet_slab() -> Option<Slab> {
    if asks_current_context() { quiet_slab_in_context() } else { QUIET.get() }
}

#[inline(never)]
fn quiet_slab_in_context() -> Option<Slab> {
    SLAB.get().filter(|_| exemplar::of_current_context().is_none())
}

/// Says whether the calling thread is in a sampled span.
pub(crate) fn in_span(sampled: bool) {
    QUIET.set(if sampled { None } else { SLAB.get() });
}

/// Calls `write` with the calling thread's slab.
///
/// A thread's first call leases a slab, which takes a lock and may allocate. A call from another thread-local's
/// destructor, after the slab has gone, borrows one for the moment.
#[inline]
pub(crate) fn with_slab<R>(write: impl FnOnce(Slab) -> R) -> R {
    match SLAB.get() {
        Some(slab) => write(slab),
        None => with_slab_cold(write),
    }
}

#[cold]
#[inline(never)]
fn with_slab_cold<R>(write: impl FnOnce(Slab) -> R) -> R {
    if let Ok(slab) = LEASE.try_with(|lease| lease.0) {
        SLAB.set(Some(slab));
        in_span(exemplar::current().is_some());
        return write(slab);
    }
    let borrowed = Lease(ARENA.lease());
    write(borrowed.0)
}
