//! What an application asks of its traces: [`TraceConfig`].

use std::fmt;
use std::sync::Arc;

use throughline_core::SystemClock;
use throughline_trace::sampler::Sampler;
use throughline_trace::{KeepErrors, SpanLimits};

use super::batch::BatchConfiguration;
use crate::config::ExportConfig;

/// How spans are sampled, kept and pushed.
///
/// ```
/// use throughline::{SamplingStrategy, TelemetryConfig, TraceConfig};
///
/// let root = Box::new(SamplingStrategy::TraceIdRatio { ratio: 0.1 });
/// let traces = TraceConfig::new().with_sampling(SamplingStrategy::ParentBased { root });
/// let config = TelemetryConfig::new("shop").with_traces(traces);
/// ```
#[derive(Clone, Default)]
#[must_use = "a configuration does nothing until it is part of a `TelemetryConfig`"]
pub struct TraceConfig {
    pub(crate) export: ExportConfig,
    pub(crate) batch: BatchConfiguration,
    pub(crate) sampler: Option<Sampler>,
    pub(crate) limits: Option<SpanLimits>,
    pub(crate) keep_errors: Option<KeepErrors>,
    pub(crate) baggage: Option<Vec<String>>,
}

impl TraceConfig {
    /// Traces with defaults that run.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets where and how spans are pushed, where that differs from other signals.
    pub fn with_export(mut self, export: ExportConfig) -> Self {
        self.export = export;
        self
    }

    /// Sets how many spans are pushed at once, and how often.
    pub fn with_batch(mut self, batch: BatchConfiguration) -> Self {
        self.batch = batch;
        self
    }

    /// Decides which spans are recorded: a [`SamplingStrategy`], or a [`Sampler`] of any kind. Those whose parents are,
    /// and all roots, unless set. It can be changed while the program runs.
    pub fn with_sampling(mut self, sampling: impl Into<Sampler>) -> Self {
        self.sampler = Some(sampling.into());
        self
    }

    /// Sets how much a span may carry.
    pub fn with_limits(mut self, limits: SpanLimits) -> Self {
        self.limits = Some(limits);
        self
    }

    /// Gives spans the items of the baggage that have these keys, as attributes. None unless named: baggage comes from
    /// whoever calls. See [`TracerProviderBuilder`](throughline_trace::TracerProviderBuilder::with_baggage_attributes) for
    /// whose baggage it is, and what it costs.
    ///
    /// ```
    /// use throughline::TraceConfig;
    ///
    /// let traces = TraceConfig::new().with_baggage_attributes(["tenant", "user.id"]);
    /// ```
    pub fn with_baggage_attributes<K: Into<String>>(mut self, keys: impl IntoIterator<Item = K>) -> Self {
        self.baggage = Some(keys.into_iter().map(Into::into).collect());
        self
    }

    /// Keeps traces that were sampled out when they fail or take long. Their spans are recorded then, which costs as much
    /// as if they were sampled.
    pub fn with_keep_errors(mut self, keep: KeepErrors) -> Self {
        self.keep_errors = Some(keep);
        self
    }
}

impl fmt::Debug for TraceConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TraceConfig")
            .field("export", &self.export)
            .field("batch", &self.batch)
            .field("sampler", &self.sampler)
            .finish_non_exhaustive()
    }
}

/// Which traces are recorded, in the words of a configuration file.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum SamplingStrategy {
    /// Every span.
    AlwaysOn,
    /// No span.
    AlwaysOff,
    /// A share of all traces, the same ones in every service that asks for as much.
    TraceIdRatio {
        /// From 0 to 1.
        ratio: f64,
    },
    /// As the parent was; where there is none, as `root` says.
    ParentBased {
        /// What decides about traces that begin here.
        root: Box<Self>,
    },
    /// So many traces per second.
    RateLimited {
        /// On average.
        traces_per_second: f64,
    },
}

impl From<SamplingStrategy> for Sampler {
    fn from(strategy: SamplingStrategy) -> Self {
        match strategy {
            SamplingStrategy::AlwaysOn => Self::always_on(),
            SamplingStrategy::AlwaysOff => Self::always_off(),
            SamplingStrategy::TraceIdRatio { ratio } => Self::ratio(ratio),
            SamplingStrategy::ParentBased { root } => Self::parent_based((*root).into()),
            SamplingStrategy::RateLimited { traces_per_second } => {
                Self::rate_limited(traces_per_second, Arc::new(SystemClock))
            }
        }
    }
}
