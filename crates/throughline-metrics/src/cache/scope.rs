//! Which sets of attributes a thread's cache may take for one another: those of one stream and one shape.
//!
//! Given to an instrument's way into a stream (`instrument/mod.rs`) when it is made; part of each key (`key.rs`).

use std::any::TypeId;
use std::hash::BuildHasher as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use super::key::TYPES;

/// A stream and a shape of attributes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scope {
    /// Never given twice in a process, and above the bits for the types of values.
    pub(super) number: u64,
    /// What fingerprints begin with: a secret of this process, so that nobody outside can make sets collide.
    pub(super) seed: u64,
}

/// The scopes of one stream: one for each shape that it is recorded with.
#[derive(Debug, Default)]
pub(crate) struct Scopes(Mutex<Vec<(TypeId, Scope)>>);

impl Scopes {
    /// The scope of this shape. Takes a lock, and allocates the first time.
    pub(crate) fn of<Shape: ?Sized + 'static>(&self) -> Scope {
        let shape = TypeId::of::<Shape>();
        let mut scopes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, scope)) = scopes.iter().find(|(known, _)| *known == shape) {
            return *scope;
        }
        let scope = Scope::new();
        scopes.push((shape, scope));
        scope
    }
}

impl Scope {
    fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        static SECRET: OnceLock<foldhash::fast::RandomState> = OnceLock::new();
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let seed = SECRET.get_or_init(foldhash::fast::RandomState::default).hash_one(number);
        Self { number: number << TYPES, seed }
    }
}
