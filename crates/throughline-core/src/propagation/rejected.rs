//! What was not propagated, counted by reason: nothing is left out without passing here.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

/// Why a header, or a part of it, was not read or not written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Rejected {
    /// A `traceparent` was not what the specification allows, or was there twice: the trace begins anew.
    TraceParent,
    /// A `tracestate` was not what the specification allows: all of it was left out.
    TraceState,
    /// A member of a `tracestate` was too much for a header, or for OpenTelemetry's type.
    TraceStateMember,
    /// A member of a `baggage`, or a baggage header of Jaeger's, was not what the specification allows.
    BaggageMember,
    /// There was more baggage than the limits allow.
    BaggageLimit,
    /// A B3 header was not what its specification allows.
    B3,
    /// An `uber-trace-id` was not what its specification allows.
    Jaeger,
    /// An `x-amzn-trace-id` was not what its specification allows.
    XRay,
}

impl Rejected {
    /// All reasons.
    pub const ALL: [Self; 8] = [
        Self::TraceParent,
        Self::TraceState,
        Self::TraceStateMember,
        Self::BaggageMember,
        Self::BaggageLimit,
        Self::B3,
        Self::Jaeger,
        Self::XRay,
    ];

    /// The reason as the value of an attribute.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TraceParent => "traceparent",
            Self::TraceState => "tracestate",
            Self::TraceStateMember => "tracestate_member",
            Self::BaggageMember => "baggage_member",
            Self::BaggageLimit => "baggage_limit",
            Self::B3 => "b3",
            Self::Jaeger => "jaeger",
            Self::XRay => "xray",
        }
    }

    /// How often this happened in this process.
    pub fn count(self) -> u64 {
        COUNTS[self as usize].load(Ordering::Relaxed)
    }

    #[cold]
    pub(super) fn add(self, times: u64) {
        COUNTS[self as usize].fetch_add(times, Ordering::Relaxed);
    }
}

impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Of the process: headers are read before anything else is known of a request, by code that has no provider at hand.
static COUNTS: [AtomicU64; Rejected::ALL.len()] = [const { AtomicU64::new(0) }; Rejected::ALL.len()];
