//! Who is recorded: decided when a span starts, before anything else is done for it.
//!
//! Asked by `builder.rs` through the [`SamplerSwitch`], which can be set while the program runs. The samplers that most
//! programs use (always on, always off, a ratio, each with or without respect for the parent) are one word in that
//! switch, and cost a load and a comparison.

mod parent;
mod parse;
mod quick;
mod rate;
mod ratio;
mod rules;
mod switch;

pub use parent::ParentBased;
pub use parse::ParseSamplerError;
pub use ratio::Ratio;
pub use rules::{Rule, Rules};
pub use switch::SamplerSwitch;
pub(crate) use switch::Switch;

pub(crate) use quick::Quick;

use std::fmt;
use std::sync::Arc;

use opentelemetry::KeyValue;
use opentelemetry::trace::{Link, SpanContext, SpanKind, TraceId, TraceState};
use throughline_core::Clock;
use throughline_core::attribute::ValueRef;

use rate::RateLimited;

/// Decides about each span that starts.
///
/// ```
/// use throughline_trace::sampler::Sampler;
///
/// // What the specification has as its default, at one trace in ten.
/// let sampler = Sampler::parent_based(Sampler::ratio(0.1));
/// assert_eq!(sampler.to_string(), "ParentBased{TraceIdRatioBased{0.1}}");
/// ```
#[derive(Clone, Debug)]
pub struct Sampler(Kind);

#[derive(Clone, Debug)]
enum Kind {
    AlwaysOn,
    AlwaysOff,
    Ratio(Ratio),
    ParentBased(Arc<ParentBased>),
    RateLimited(Arc<RateLimited>),
    Rules(Arc<Rules>),
    Custom(Arc<dyn ShouldSample>),
}

impl Sampler {
    /// Every span.
    pub const fn always_on() -> Self {
        Self(Kind::AlwaysOn)
    }

    /// No span.
    pub const fn always_off() -> Self {
        Self(Kind::AlwaysOff)
    }

    /// This share of all traces, the same ones in every process that asks for as much or more; see [`Ratio`]. Below
    /// zero is none, above one is all, and what is not a number is all.
    ///
    /// It does not look at the parent: put it into [`parent_based`](Self::parent_based).
    pub fn ratio(ratio: f64) -> Self {
        Self(Kind::Ratio(Ratio::new(ratio)))
    }

    /// As the parent was; where there is none, as `root` says.
    pub fn parent_based(root: Self) -> Self {
        ParentBased::new(root).into()
    }

    /// So many traces per second, on average and after one second of silence at once. For roots: put it into
    /// [`parent_based`](Self::parent_based).
    pub fn rate_limited(traces_per_second: f64, clock: Arc<dyn Clock>) -> Self {
        Self(Kind::RateLimited(Arc::new(RateLimited::new(traces_per_second, clock))))
    }

    /// Somebody else's.
    pub fn custom(sampler: impl ShouldSample + 'static) -> Self {
        Self(Kind::Custom(Arc::new(sampler)))
    }

    /// The sampler that `OTEL_TRACES_SAMPLER` and `OTEL_TRACES_SAMPLER_ARG` name: `always_on`, `always_off`,
    /// `traceidratio`, `parentbased_always_on`, `parentbased_always_off`, `parentbased_traceidratio`.
    ///
    /// # Errors
    /// When the name is none of these, or the argument is not a number from 0 to 1.
    pub fn parse(name: &str, argument: Option<&str>) -> Result<Self, ParseSamplerError> {
        parse::parse(name, argument)
    }

    /// Decides about a span.
    pub fn sample(&self, span: &SamplingInput<'_>) -> Sampling {
        match &self.0 {
            Kind::AlwaysOn => Sampling::of(true),
            Kind::AlwaysOff => Sampling::of(false),
            Kind::Ratio(ratio) => ratio.sample(span),
            Kind::ParentBased(sampler) => sampler.sample(span),
            Kind::RateLimited(sampler) => Sampling::of(sampler.take()),
            Kind::Rules(sampler) => sampler.sample(span),
            Kind::Custom(sampler) => sampler.sample(span),
        }
    }

    /// The sampler as one word, if it fits.
    pub(crate) fn quick(&self) -> Option<Quick> {
        match &self.0 {
            Kind::AlwaysOn => Some(Quick::ALWAYS_ON),
            Kind::AlwaysOff => Some(Quick::ALWAYS_OFF),
            Kind::Ratio(ratio) => Some(Quick::ratio(*ratio)),
            Kind::ParentBased(sampler) => sampler.quick(),
            Kind::RateLimited(_) | Kind::Rules(_) | Kind::Custom(_) => None,
        }
    }
}

/// The specification's default: as the parent was, and every root.
impl Default for Sampler {
    fn default() -> Self {
        Self::parent_based(Self::always_on())
    }
}

impl From<ParentBased> for Sampler {
    fn from(sampler: ParentBased) -> Self {
        Self(Kind::ParentBased(Arc::new(sampler)))
    }
}

impl From<Rules> for Sampler {
    fn from(rules: Rules) -> Self {
        Self(Kind::Rules(Arc::new(rules)))
    }
}

/// The description that the specification asks for.
impl fmt::Display for Sampler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::AlwaysOn => f.write_str("AlwaysOnSampler"),
            Kind::AlwaysOff => f.write_str("AlwaysOffSampler"),
            Kind::Ratio(ratio) => write!(f, "TraceIdRatioBased{{{}}}", ratio.as_f64()),
            Kind::ParentBased(sampler) => sampler.fmt(f),
            Kind::RateLimited(sampler) => sampler.fmt(f),
            Kind::Rules(sampler) => sampler.fmt(f),
            Kind::Custom(sampler) => write!(f, "{sampler:?}"),
        }
    }
}

/// A sampler of one's own.
///
/// Called when a span starts, on its thread, with nothing of ours locked. It must not block; it may allocate, at its own
/// cost.
pub trait ShouldSample: Send + Sync + fmt::Debug {
    /// Decides about a span.
    fn sample(&self, span: &SamplingInput<'_>) -> Sampling;
}

/// What is known of a span before it starts.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct SamplingInput<'a> {
    /// The parent, here or in another process.
    pub parent: Option<&'a SpanContext>,
    /// The trace it will belong to.
    pub trace_id: TraceId,
    /// Its name.
    pub name: &'a str,
    /// Its kind.
    pub kind: &'a SpanKind,
    /// The attributes it will start with.
    pub attributes: &'a dyn StartAttributes,
    /// The spans it will be linked with.
    pub links: &'a [Link],
}

impl fmt::Debug for SamplingInput<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { parent, trace_id, name, kind, .. } = self;
        write!(
            f,
            "SamplingInput {{ parent: {parent:?}, trace_id: {trace_id}, name: {name}, kind: {kind:?} }}"
        )
    }
}

/// The attributes that a span will start with.
pub trait StartAttributes {
    /// Shows each of them.
    fn each(&self, see: &mut dyn FnMut(&str, ValueRef<'_>));
}

/// None.
impl StartAttributes for () {
    fn each(&self, _see: &mut dyn FnMut(&str, ValueRef<'_>)) {}
}

/// A decision.
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "the specification's sampling result; made by users' samplers")]
pub struct Sampling {
    /// What is to be done with the span.
    pub decision: Decision,
    /// The trace state the span gets; `None` for its parent's.
    pub trace_state: Option<TraceState>,
    /// Attributes that the span gets in addition.
    pub attributes: Vec<KeyValue>,
}

impl Sampling {
    /// Recorded and exported, or neither.
    pub const fn of(sampled: bool) -> Self {
        let decision = if sampled { Decision::Sample } else { Decision::Drop };
        Self { decision, trace_state: None, attributes: Vec::new() }
    }
}

/// What is to be done with a span.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "the specification's three")]
pub enum Decision {
    /// Nothing is recorded.
    #[default]
    Drop,
    /// It is recorded, for whoever looks at it while it is open, but not exported.
    Record,
    /// It is recorded, exported, and its children are told so.
    Sample,
}
