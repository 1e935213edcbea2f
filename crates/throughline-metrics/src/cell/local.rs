//! The calling thread's own slab, and what else recording keeps in thread-local storage.
//!
//! All but the last of these thread-locals are plain data without a destructor, which the compiler turns into one load
//! each; the last has the destructor that gives the slab back.

use std::cell::Cell;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU8, Ordering};

use super::arena::{Arena, Slab};
use super::common::Common;
use super::slots::{OWN, Slots};
use crate::exemplar;
use crate::sync::{Apart, AtomicU64};

/// The process's arena. One for all engines, because a thread can find only what is in a static without a search.
pub(crate) static ARENA: LazyLock<Arena> = LazyLock::new(Arena::new);
/// The process's common cells.
pub(crate) static COMMON: Common = Common::new();

thread_local! {
    /// The slab, unless the thread is in a sampled span: one check answers whether there is a cell, and nothing else
    /// to do than to write it.
    static QUIET: Cell<Slab> = const { Cell::new(Slab::NONE) };
    static SLAB: Cell<Slab> = const { Cell::new(Slab::NONE) };
    /// Slots from here on are not asked for: their cells are common for this thread.
    static REFUSED: Cell<usize> = const { Cell::new(OWN as usize) };
    static LEASE: Lease = Lease(Cell::new(ARENA.lease()));
}

struct Lease(Cell<Slab>);

impl Drop for Lease {
    fn drop(&mut self) {
        QUIET.set(Slab::NONE);
        SLAB.set(Slab::NONE);
        ARENA.give_back(self.0.get());
    }
}

/// Why a thread cannot tell by itself that it leaves no exemplars: bits that are set for good.
static LOUD: Apart<AtomicU8> = Apart(AtomicU8::new(0));
/// Spans may be current of which only OpenTelemetry's context knows.
const IN_CONTEXT: u8 = 1;
/// Some provider wants exemplars outside of spans, too.
const ANYWHERE: u8 = 2;

/// Makes all threads look for their span in OpenTelemetry's context.
pub(crate) fn ask_current_context() {
    if !asks_current_context() {
        LOUD.0.fetch_or(IN_CONTEXT, Ordering::Relaxed);
    }
}

/// Makes all threads take the way on which exemplars are thought of, wherever they are.
pub(crate) fn never_be_quiet() {
    LOUD.0.fetch_or(ANYWHERE, Ordering::Relaxed);
}

/// Whether threads look for their span in OpenTelemetry's context.
#[inline]
pub(crate) fn asks_current_context() -> bool {
    LOUD.0.load(Ordering::Relaxed) & IN_CONTEXT != 0
}

/// The calling thread's slab when the thread leaves no exemplars; one without cells otherwise, or `None` when that takes
/// longer to find out.
#[inline]
pub(crate) fn quiet_slab() -> Option<Slab> {
    (LOUD.0.load(Ordering::Relaxed) == 0).then(|| QUIET.get())
}

/// Says whether the calling thread is in a sampled span.
pub(crate) fn in_span(sampled: bool) {
    QUIET.set(if sampled { Slab::NONE } else { SLAB.get() });
}

/// The calling thread's slab as it is; one without cells when it has none yet, or none any more.
pub(crate) fn slab() -> Slab {
    SLAB.get()
}

/// The calling thread's own cells of these slots; `None` when their common cells are to be written.
///
/// The first call for slots beyond the thread's slab leases a longer one, which takes a lock and may allocate.
#[inline]
pub(crate) fn own(slots: Slots) -> Option<&'static [AtomicU64]> {
    match SLAB.get().run(slots) {
        None if slots.end() <= REFUSED.get() => longer(slots),
        own => own,
    }
}

/// A thread that ends, and has given its slab back already, has no cells of its own any more.
#[cold]
#[inline(never)]
fn longer(slots: Slots) -> Option<&'static [AtomicU64]> {
    let slab = LEASE.try_with(|lease| {
        if lease.0.get().run(slots).is_none() {
            lease.0.set(ARENA.exchange(lease.0.get(), slots.end()));
        }
        lease.0.get()
    });
    let slab = slab.ok()?;
    SLAB.set(slab);
    in_span(exemplar::current().is_some());
    let own = slab.run(slots);
    if own.is_none() {
        REFUSED.set(slots.end() - 1);
    }
    own
}
