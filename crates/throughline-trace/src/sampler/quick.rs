//! The common samplers as one word, so that reading them takes one load.

use opentelemetry::trace::{TraceFlags, TraceState};

use super::Ratio;
use super::ratio::RANDOM_BITS;

/// A sampler in one word: the threshold of the ratio in the low bits, and flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Quick(u64);

/// Set in every valid word, so that zero can say that there is none.
const VALID: u64 = 1 << 63;
const PARENT_BASED: u64 = 1 << 62;
/// The threshold goes into the trace state: it is a ratio that somebody chose.
const ANNOUNCED: u64 = 1 << 61;
const THRESHOLD: u64 = (1 << (RANDOM_BITS + 1)) - 1;

impl Quick {
    pub(crate) const ALWAYS_ON: Self = Self(VALID);
    pub(crate) const ALWAYS_OFF: Self = Self(VALID | 1 << RANDOM_BITS);

    pub(super) fn ratio(ratio: Ratio) -> Self {
        Self(VALID | ANNOUNCED | ratio.threshold())
    }

    pub(super) fn under_parent(self) -> Self {
        Self(self.0 | PARENT_BASED)
    }

    pub(crate) fn is_parent_based(self) -> bool {
        self.0 & PARENT_BASED != 0
    }

    pub(super) fn from_bits(bits: u64) -> Option<Self> {
        (bits & VALID != 0).then_some(Self(bits))
    }

    pub(super) fn bits(self) -> u64 {
        self.0
    }

    /// Whether a root is sampled whose trace id ends with these bytes.
    #[inline]
    pub(crate) fn samples_root(self, trace_id_end: u64) -> bool {
        trace_id_end & (THRESHOLD >> 1) >= self.threshold()
    }

    /// Whether a child is sampled whose parent has these flags.
    #[inline]
    pub(crate) fn samples_child(self, parent: TraceFlags) -> bool {
        if self.is_parent_based() { parent.is_sampled() } else { self.threshold() == 0 }
    }

    /// Whether this is a ratio that roots announce in their trace state.
    #[inline]
    pub(crate) fn is_announced(self) -> bool {
        self.0 & ANNOUNCED != 0
    }

    /// The trace state of a sampled root.
    #[cold]
    pub(crate) fn announced(self) -> TraceState {
        Ratio::from_threshold(self.threshold()).announced(None)
    }

    /// Whether this word says all: a ratio that does not go by the parent has to look at the parent's trace state.
    pub(super) fn is_whole(self) -> bool {
        self.is_parent_based() || !self.is_announced()
    }

    #[inline]
    fn threshold(self) -> u64 {
        self.0 & THRESHOLD
    }
}
