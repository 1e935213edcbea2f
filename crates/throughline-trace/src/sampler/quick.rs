//! The common samplers as one word, so that reading them takes one load.

use opentelemetry::trace::{SpanContext, TraceState};

use super::Ratio;
use super::ratio::{RANDOM_BITS, randomness_of};

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

    /// Whether a child of this parent is sampled.
    #[inline]
    pub(crate) fn samples_child(self, parent: &SpanContext) -> bool {
        if self.is_parent_based() {
            parent.is_sampled()
        } else {
            randomness_of(parent.trace_id(), parent.trace_state()) >= self.threshold()
        }
    }

    /// The trace state of a sampled span, where it is not its parent's.
    #[inline]
    pub(crate) fn trace_state(self, parent: Option<&SpanContext>) -> Option<TraceState> {
        let own = self.0 & ANNOUNCED != 0 && (parent.is_none() || !self.is_parent_based());
        own.then(|| Ratio::from_threshold(self.threshold()).announced(parent.map(SpanContext::trace_state)))
    }

    #[inline]
    fn threshold(self) -> u64 {
        self.0 & THRESHOLD
    }
}
