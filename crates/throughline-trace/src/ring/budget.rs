//! How much memory all rings of a channel may take, beyond the first chunk of each.
//!
//! Asked by `ring.rs` when a writer needs one more chunk, and told when one is freed. It is a number and nothing is
//! ordered by it, so that models have no need to see it.

use std::sync::atomic::{AtomicUsize, Ordering};

/// A number of chunks.
#[derive(Debug)]
pub(super) struct Budget {
    used: AtomicUsize,
    max: usize,
}

impl Budget {
    pub(super) const fn new(max: usize) -> Self {
        Self { used: AtomicUsize::new(0), max }
    }

    /// Takes one chunk, if there is one left.
    pub(super) fn take(&self) -> bool {
        let within = self.used.fetch_add(1, Ordering::Relaxed) < self.max;
        if !within {
            self.give_back();
        }
        within
    }

    pub(super) fn give_back(&self) {
        self.used.fetch_sub(1, Ordering::Relaxed);
    }

    #[cfg(all(test, not(loom)))]
    pub(super) fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }
}
