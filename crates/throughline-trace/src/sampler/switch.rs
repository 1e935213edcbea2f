//! The sampler of a provider, which can be set while spans are started.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock};

use super::{Quick, Sampler};

/// What is behind a [`SamplerSwitch`].
#[derive(Debug)]
pub(crate) struct Switch {
    /// The sampler, if it fits into a word, and spans may be started by it alone; else zero.
    quick: AtomicU64,
    full: RwLock<Sampler>,
    /// Whether spans may be started the quick way at all.
    may_be_quick: bool,
}

impl Switch {
    /// `may_be_quick` is false when somebody wants to be asked about more than the sampler.
    pub(crate) fn new(sampler: Sampler, may_be_quick: bool) -> Self {
        let switch = Self { quick: AtomicU64::new(0), full: RwLock::default(), may_be_quick };
        switch.set(sampler);
        switch
    }

    #[inline]
    pub(crate) fn quick(&self) -> Option<Quick> {
        Quick::from_bits(self.quick.load(Ordering::Relaxed))
    }

    /// The sampler; cloned, so that nothing is locked while it is asked.
    pub(crate) fn full(&self) -> Sampler {
        self.full.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, sampler: Sampler) {
        let mut full = self.full.write().unwrap_or_else(PoisonError::into_inner);
        let quick = sampler.quick().filter(|quick| quick.is_whole() && self.may_be_quick);
        self.quick.store(quick.map_or(0, Quick::bits), Ordering::Relaxed);
        *full = sampler;
    }
}

/// Changes the sampler of a provider while the program runs.
///
/// Spans that start later are decided about by the new one; a trace keeps its decision, as far as samplers respect the
/// parent.
#[derive(Clone, Copy, Debug)]
pub struct SamplerSwitch(pub(crate) &'static Switch);

impl SamplerSwitch {
    /// Puts this sampler into force.
    pub fn set(self, sampler: Sampler) {
        self.0.set(sampler);
    }

    /// The sampler in force.
    pub fn current(self) -> Sampler {
        self.0.full()
    }
}
