//! A child is sampled as its parent was, unless one says otherwise for one of the four cases.

use std::fmt;

use opentelemetry::trace::SpanContext;

use super::{Quick, Sampler, Sampling, SamplingInput};

/// Asks one of five samplers, by what the parent is.
///
/// ```
/// use throughline_trace::sampler::{ParentBased, Sampler};
///
/// // Callers from outside may not decide for us.
/// let tenth = Sampler::ratio(0.1);
/// let sampler: Sampler = ParentBased::new(tenth.clone()).with_remote_sampled(tenth).into();
/// ```
#[derive(Clone, Debug)]
pub struct ParentBased {
    root: Sampler,
    remote_sampled: Sampler,
    remote_not_sampled: Sampler,
    local_sampled: Sampler,
    local_not_sampled: Sampler,
}

impl ParentBased {
    /// As the parent was; where there is none, as `root` says.
    pub const fn new(root: Sampler) -> Self {
        Self {
            root,
            remote_sampled: Sampler::always_on(),
            remote_not_sampled: Sampler::always_off(),
            local_sampled: Sampler::always_on(),
            local_not_sampled: Sampler::always_off(),
        }
    }

    /// For children of a sampled span in another process.
    pub fn with_remote_sampled(self, sampler: Sampler) -> Self {
        Self { remote_sampled: sampler, ..self }
    }

    /// For children of a span in another process that is not sampled.
    pub fn with_remote_not_sampled(self, sampler: Sampler) -> Self {
        Self { remote_not_sampled: sampler, ..self }
    }

    /// For children of a sampled span in this process.
    pub fn with_local_sampled(self, sampler: Sampler) -> Self {
        Self { local_sampled: sampler, ..self }
    }

    /// For children of a span in this process that is not sampled.
    pub fn with_local_not_sampled(self, sampler: Sampler) -> Self {
        Self { local_not_sampled: sampler, ..self }
    }

    pub(super) fn sample(&self, span: &SamplingInput<'_>) -> Sampling {
        self.branch(span.parent).sample(span)
    }

    fn branch(&self, parent: Option<&SpanContext>) -> &Sampler {
        match parent.map(|parent| (parent.is_remote(), parent.is_sampled())) {
            None => &self.root,
            Some((true, true)) => &self.remote_sampled,
            Some((true, false)) => &self.remote_not_sampled,
            Some((false, true)) => &self.local_sampled,
            Some((false, false)) => &self.local_not_sampled,
        }
    }

    /// As one word, when children go by their parents.
    pub(super) fn quick(&self) -> Option<Quick> {
        let Self { root, remote_sampled, remote_not_sampled, local_sampled, local_not_sampled } = self;
        let on = [remote_sampled, local_sampled].iter().all(|s| s.quick() == Some(Quick::ALWAYS_ON));
        let off =
            [remote_not_sampled, local_not_sampled].iter().all(|s| s.quick() == Some(Quick::ALWAYS_OFF));
        let root = root.quick().filter(|root| !root.is_parent_based() && on && off)?;
        Some(root.under_parent())
    }
}

impl fmt::Display for ParentBased {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ParentBased{{{}}}", self.root)
    }
}
