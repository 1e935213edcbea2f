//! What a caller decided about sampling, where that is more than the one bit of a span context.

use opentelemetry::Context;
use opentelemetry::trace::TraceContextExt as _;

/// What the caller decided about sampling, as B3, Jaeger and X-Ray can say it.
///
/// A span context has one bit for this. What that bit cannot say is kept in the [`Context`]: samplers may ask for it
/// with [`Sampling::of`], and the formats that know it pass it on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Sampling {
    /// The trace is not to be recorded.
    Deny,
    /// The trace is to be recorded.
    Accept,
    /// The trace is to be recorded, and no sampler further on is to think otherwise.
    Debug,
    /// The caller leaves the decision to whoever comes next.
    Defer,
}

impl Sampling {
    /// What the caller of this context decided, where its span context does not say it: [`Debug`](Self::Debug), which
    /// holds for the whole trace; [`Defer`](Self::Defer), until somebody has decided; and any decision that came
    /// without a trace.
    pub fn of(context: &Context) -> Option<Self> {
        let sampling = context.get::<Kept>()?.0?;
        let span = context.span();
        let span = span.span_context();
        match sampling {
            Self::Debug => Some(Self::Debug),
            Self::Defer if span.is_valid() => span.is_remote().then_some(Self::Defer),
            other => (!span.is_valid()).then_some(other),
        }
    }

    pub(super) const fn is_sampled(self) -> bool {
        matches!(self, Self::Accept | Self::Debug)
    }

    /// The part that flags cannot say.
    pub(super) fn beyond_flags(self) -> Option<Self> {
        matches!(self, Self::Debug | Self::Defer).then_some(self)
    }

    /// The decision of the span context, or what is kept beside it.
    pub(super) fn decided(kept: Option<Self>, sampled: bool) -> Self {
        kept.unwrap_or(if sampled { Self::Accept } else { Self::Deny })
    }

    /// Keeps a decision in a context, and forgets one that belonged to another trace. Allocates only when there is
    /// something to keep or to forget.
    pub(super) fn keep(context: &Context, sampling: Option<Self>) -> Context {
        if sampling.is_some() || context.get::<Kept>().is_some() {
            context.with_value(Kept(sampling))
        } else {
            context.clone()
        }
    }
}

/// The context's value; a type of our own, so that nobody else's is mistaken for it.
#[derive(Debug)]
struct Kept(Option<Sampling>);
