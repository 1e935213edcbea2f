//! Handles by their keys: what a macro looks up each time it is passed.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use ::metrics::Key;

/// So many handles of a kind are kept. Labels may come from outside, so what is beyond is made anew each time: slower, and
/// within the engine's limit of series all the same.
const HANDLES_MAX: usize = 10_000;

/// Handles of one kind.
#[derive(Debug)]
pub(super) struct Handles<H>(RwLock<HashMap<Key, H>>);

impl<H> Default for Handles<H> {
    fn default() -> Self {
        Self(RwLock::default())
    }
}

impl<H: Clone> Handles<H> {
    /// The handle of this key, made when it is new. Nothing is locked meanwhile: what is made may be said in a log.
    pub(super) fn find_or_make(&self, key: &Key, make: impl FnOnce() -> H) -> H {
        if let Some(known) = self.0.read().unwrap_or_else(PoisonError::into_inner).get(key) {
            return known.clone();
        }
        let made = make();
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= HANDLES_MAX {
            return made;
        }
        all.entry(key.to_retained()).or_insert(made).clone()
    }
}
