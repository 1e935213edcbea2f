//! Consistent probability sampling by the trace id.
//!
//! The last 56 bits of a trace id are random (or those of `rv` in the trace state's `ot` member, where somebody says
//! so). A trace is sampled when they reach a threshold: the same threshold in every process gives the same traces, and
//! whoever samples more samples all of whoever samples less. The threshold goes along in the trace state as `ot=th:…`,
//! so that a backend can count what a sampled span stands for.
//!
//! Specification: [probability sampling](https://opentelemetry.io/docs/specs/otel/trace/tracestate-probability-sampling/).

use opentelemetry::trace::{SpanContext, TraceId, TraceState};

use super::{Sampling, SamplingInput};

/// Bits of randomness in a trace id.
pub(super) const RANDOM_BITS: u32 = 56;
const RANDOM_MASK: u64 = (1 << RANDOM_BITS) - 1;
/// Nothing reaches this threshold.
const NEVER: u64 = 1 << RANDOM_BITS;
/// Hex digits of a threshold that count, beyond leading `f`s: enough for any ratio somebody writes down, and short in
/// the header.
const PRECISION: u32 = 4;

/// A share of all traces.
///
/// ```
/// use throughline_trace::sampler::Ratio;
///
/// assert_eq!(Ratio::new(0.25).header(), "c");
/// assert_eq!(Ratio::new(0.1).header(), "e666");
/// assert_eq!(Ratio::new(1.0).header(), "0");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ratio {
    threshold: u64,
}

impl Ratio {
    /// This share. Below zero is none, above one is all, and what is not a number is all.
    ///
    /// The threshold is rounded to four hex digits after leading `f`s, as the specification recommends: 0.1 becomes
    /// 0.1000061.
    pub fn new(ratio: f64) -> Self {
        if ratio.is_nan() || ratio >= 1.0 {
            return Self { threshold: 0 };
        }
        let whole = NEVER as f64;
        let accepted = (ratio * whole).round() as u64;
        if accepted == 0 {
            return Self { threshold: NEVER };
        }
        Self { threshold: rounded(NEVER - accepted.min(NEVER)) }
    }

    pub(super) fn from_threshold(threshold: u64) -> Self {
        Self { threshold }
    }

    pub(super) fn threshold(self) -> u64 {
        self.threshold
    }

    /// The share that is sampled, in four digits.
    pub fn as_f64(self) -> f64 {
        let share = (NEVER - self.threshold) as f64 / NEVER as f64;
        // As somebody would have written it: the digits beyond come from the rounding of the threshold.
        format!("{share:.3e}").parse().unwrap_or(share)
    }

    /// The threshold as in `ot=th:…`: hex without trailing zeros.
    pub fn header(self) -> String {
        let digits = format!("{:014x}", self.threshold & RANDOM_MASK);
        let digits = digits.trim_end_matches('0');
        if digits.is_empty() { "0".to_owned() } else { digits.to_owned() }
    }

    pub(super) fn sample(self, span: &SamplingInput<'_>) -> Sampling {
        let parent_state = span.parent.map(SpanContext::trace_state);
        let randomness = randomness_of(span.trace_id, parent_state.unwrap_or(&TraceState::NONE));
        if randomness < self.threshold {
            return Sampling::of(false);
        }
        Sampling { trace_state: Some(self.announced(parent_state)), ..Sampling::of(true) }
    }

    /// The parent's trace state with this threshold in it.
    pub(super) fn announced(self, parent: Option<&TraceState>) -> TraceState {
        let parent = parent.unwrap_or(&TraceState::NONE);
        let mut member = format!("th:{}", self.header());
        for other in parent.get("ot").unwrap_or_default().split(';') {
            if !other.is_empty() && !other.starts_with("th:") {
                member.push(';');
                member.push_str(other);
            }
        }
        parent.insert("ot", member).unwrap_or_else(|_| parent.clone())
    }
}

/// A threshold with the digits after the [`PRECISION`] rounded away.
fn rounded(threshold: u64) -> u64 {
    // Leading `f`s tell small ratios apart, so they do not count as precision.
    let leading = (!threshold & RANDOM_MASK).leading_zeros().saturating_sub(u64::BITS - RANDOM_BITS) / 4;
    let kept = 4 * (leading + PRECISION);
    let Some(cut) = RANDOM_BITS.checked_sub(kept).filter(|cut| *cut > 0) else { return threshold };
    let unit = 1_u64 << cut;
    ((threshold + unit / 2) & !(unit - 1)).min(NEVER)
}

/// The 56 random bits of a trace.
pub(super) fn randomness_of(trace_id: TraceId, trace_state: &TraceState) -> u64 {
    let explicit = trace_state.get("ot").and_then(|member| {
        let value = member.split(';').find_map(|field| field.strip_prefix("rv:"))?;
        (value.len() == 14).then(|| u64::from_str_radix(value, 16).ok()).flatten()
    });
    explicit.unwrap_or_else(|| u128::from_be_bytes(trace_id.to_bytes()) as u64 & RANDOM_MASK)
}
