//! Which sets of attributes a thread's cache may take for one another: those of one stream and one shape.
//!
//! Given to an instrument's way into a stream (`instrument/mod.rs`) when it is made; part of each entry (`table.rs`).

use std::any::TypeId;
use std::hash::BuildHasher as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

/// A stream and a shape of attributes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scope {
    /// Never given twice in a process, but for [`Scope::NONE`].
    pub(super) number: u32,
    /// What hashes are mixed with: secrets of this process, so that nobody outside can make sets collide.
    pub(super) seed: u64,
    pub(super) other_seed: u64,
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
    /// The scope whose sets are not remembered: that of those who do without, and of all scopes that a process makes
    /// when it has made 2^32.
    pub(crate) const NONE: Self = Self { number: 0, seed: 0, other_seed: 0 };

    fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        u32::try_from(number).map_or(Self::NONE, Self::numbered)
    }

    /// The scope of this number.
    pub(super) fn numbered(number: u32) -> Self {
        static SECRET: OnceLock<foldhash::fast::RandomState> = OnceLock::new();
        let secret = SECRET.get_or_init(foldhash::fast::RandomState::default);
        Self { number, seed: secret.hash_one(number), other_seed: secret.hash_one(!number) }
    }
}
