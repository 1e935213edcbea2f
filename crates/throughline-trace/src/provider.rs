//! The provider: what all spans of a program have in common, and the tracers that start them.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use opentelemetry::{InstrumentationScope, Key};
use throughline_core::Clock;

use crate::builder::SpanBuilder;
use crate::clock::SpanClock;
use crate::drops::DropReason;
use crate::id::IdGenerator;
use crate::keep::KeepErrors;
use crate::limits::SpanLimits;
use crate::reader::SpanReader;
use crate::ring::Channel;
use crate::sampler::{Quick, Sampler, SamplerSwitch, Switch};
use crate::scope::Scopes;

/// What spans refer to. It lives as long as the process: a span then needs no count of references, which all threads
/// would share, and a program has one provider.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) sampler: Switch,
    pub(crate) channel: Channel,
    pub(crate) clock: SpanClock,
    pub(crate) limits: SpanLimits,
    pub(crate) ids: Option<Box<dyn IdGenerator>>,
    pub(crate) scopes: Scopes,
    pub(crate) keep: Option<KeepErrors>,
    /// What of the baggage becomes attributes.
    pub(crate) baggage: Box<[Key]>,
    /// Whether spans are recorded at all; else a span that has a parent is that parent.
    pub(crate) records: bool,
    /// Spans that waited for the end of their trace, which did not fail.
    pub(crate) discarded: AtomicU64,
}

impl Shared {
    /// Whether spans that the sampler left out are recorded, to be kept should their trace fail.
    #[inline]
    pub(crate) fn keeps_errors(&self) -> bool {
        self.keep.is_some()
    }

    /// Whether the child of a span that is not sampled is not recorded either, whatever it is.
    #[inline]
    pub(crate) fn follows_unsampled(&self) -> bool {
        !self.keeps_errors() && self.sampler.quick().is_some_and(Quick::is_parent_based)
    }
}

/// Makes tracers. Clones are the same provider; the little that it is made of is never freed.
#[derive(Clone, Copy, Debug)]
pub struct TracerProvider(pub(crate) &'static Shared);

/// The specification's defaults.
impl Default for TracerProvider {
    fn default() -> Self {
        Self::builder().build()
    }
}

impl TracerProvider {
    /// A provider to be set up.
    pub fn builder() -> TracerProviderBuilder {
        TracerProviderBuilder::default()
    }

    /// A tracer for the scope of this name: the library or module that makes the spans.
    ///
    /// Takes a lock; ask once and keep it.
    pub fn tracer(self, name: impl Into<std::borrow::Cow<'static, str>>) -> Tracer {
        self.tracer_with_scope(InstrumentationScope::builder(name).build())
    }

    /// A tracer for this scope.
    pub fn tracer_with_scope(self, scope: InstrumentationScope) -> Tracer {
        Tracer { shared: self.0, scope: self.0.scopes.register(scope) }
    }

    /// The reader of all its spans, for whoever asks first: spans are taken out of it, so a second reader would get
    /// other ones.
    pub fn reader(self) -> Option<SpanReader> {
        SpanReader::new(self.0)
    }

    /// Changes the sampler.
    pub fn sampler(self) -> SamplerSwitch {
        SamplerSwitch(&self.0.sampler)
    }

    /// The spans that were dropped, by reason.
    pub fn drops(self) -> Vec<(DropReason, u64)> {
        self.0.channel.drops().by_reason()
    }

    /// The spans that the sampler left out, and whose traces did not fail either ([`KeepErrors`]). They are not lost:
    /// nobody wanted them.
    pub fn discarded(self) -> u64 {
        self.0.discarded.load(Ordering::Relaxed)
    }
}

/// Sets up a [`TracerProvider`].
#[derive(Debug)]
pub struct TracerProviderBuilder {
    sampler: Sampler,
    limits: SpanLimits,
    clock: Option<Arc<dyn Clock>>,
    ids: Option<Box<dyn IdGenerator>>,
    keep: Option<KeepErrors>,
    baggage: Vec<Key>,
    records: bool,
}

impl Default for TracerProviderBuilder {
    fn default() -> Self {
        Self {
            sampler: Sampler::default(),
            limits: SpanLimits::default(),
            clock: None,
            ids: None,
            keep: None,
            baggage: Vec::new(),
            records: true,
        }
    }
}

impl TracerProviderBuilder {
    /// Decides which spans are recorded. Without it, those whose parents are, and all roots.
    pub fn with_sampler(self, sampler: impl Into<Sampler>) -> Self {
        Self { sampler: sampler.into(), ..self }
    }

    /// How much a span may carry.
    pub fn with_limits(self, limits: SpanLimits) -> Self {
        Self { limits, ..self }
    }

    /// Where spans get their times. Without it, from the processor's counter, which costs a third of a system clock.
    pub fn with_clock(self, clock: Arc<dyn Clock>) -> Self {
        Self { clock: Some(clock), ..self }
    }

    /// Where ids come from.
    pub fn with_ids(self, ids: impl IdGenerator + 'static) -> Self {
        Self { ids: Some(Box::new(ids)), ..self }
    }

    /// Keeps traces that the sampler left out, should they fail.
    pub fn with_keep_errors(self, keep: KeepErrors) -> Self {
        Self { keep: Some(keep), ..self }
    }

    /// Gives spans the items of the baggage that have these keys, as attributes: those of the context that the span has its
    /// parent from, or else of the current one. An attribute that the span starts with wins over an item of the same key;
    /// `set_parent` comes later, so the items of that context win over what is there.
    ///
    /// None unless named, since baggage comes from whoever calls. A span then takes the longer way that samplers of one's
    /// own take, too: about a hundred nanoseconds.
    pub fn with_baggage_attributes<K: Into<Key>>(self, keys: impl IntoIterator<Item = K>) -> Self {
        Self { baggage: keys.into_iter().map(Into::into).collect(), ..self }
    }

    /// Records no spans, for a program that has nowhere to send them. It then is as if it were not on the way: a span that
    /// has a parent *is* that parent, ids, flags and trace state, so that whoever is called belongs to a span that somebody
    /// has. A span without parent gets ids, and the sampler decides as ever: log records and exemplars carry its trace id,
    /// and those who are called record their part of it.
    pub fn without_recording(self) -> Self {
        Self { records: false, ..self }
    }

    /// The provider.
    pub fn build(self) -> TracerProvider {
        let Self { sampler, limits, clock, ids, keep, baggage, records } = self;
        let may_be_quick = ids.is_none() && baggage.is_empty() && records;
        TracerProvider(Box::leak(Box::new(Shared {
            sampler: Switch::new(sampler, may_be_quick),
            channel: Channel::new(),
            clock: clock.map_or_else(SpanClock::system, SpanClock::Given),
            limits,
            ids,
            scopes: Scopes::default(),
            keep,
            baggage: baggage.into(),
            records,
            discarded: AtomicU64::new(0),
        })))
    }
}

/// Starts spans of one scope. Copying it costs nothing.
#[derive(Clone, Copy, Debug)]
pub struct Tracer {
    pub(crate) shared: &'static Shared,
    pub(crate) scope: u32,
}

impl Tracer {
    /// A span of this name, to be started.
    #[inline]
    pub fn span<'a>(&self, name: &'a str) -> SpanBuilder<'a> {
        SpanBuilder::new(name).with_tracer(*self)
    }
}

struct Global {
    provider: TracerProvider,
    /// For spans without a tracer of their own.
    tracer: Tracer,
}

static GLOBAL: OnceLock<Global> = OnceLock::new();

/// Makes this the provider of spans that are started without a tracer.
///
/// # Errors
/// When there is one already; it stays, and the new one is given back.
pub fn install_global(provider: TracerProvider) -> Result<(), TracerProvider> {
    let tracer = provider.tracer("");
    GLOBAL.set(Global { provider, tracer }).map_err(|refused| refused.provider)
}

/// The provider of spans that are started without a tracer, once there is one.
pub fn global() -> Option<TracerProvider> {
    GLOBAL.get().map(|global| global.provider)
}

#[inline]
pub(crate) fn global_tracer() -> Option<Tracer> {
    GLOBAL.get().map(|global| global.tracer)
}

/// A tracer in a static, of the global provider from the moment there is one.
///
/// ```
/// use throughline_trace::StaticTracer;
///
/// static TRACER: StaticTracer = StaticTracer::new(env!("CARGO_PKG_NAME"));
///
/// let span = TRACER.span("checkout").start();
/// ```
#[derive(Debug)]
pub struct StaticTracer {
    scope: &'static str,
    tracer: OnceLock<Tracer>,
}

impl StaticTracer {
    /// For the scope of this name: the library or module that makes the spans.
    pub const fn new(scope: &'static str) -> Self {
        Self { scope, tracer: OnceLock::new() }
    }

    /// A span of this name, to be started. Costs a branch and does nothing before a provider is installed.
    #[inline]
    pub fn span<'a>(&self, name: &'a str) -> SpanBuilder<'a> {
        let span = SpanBuilder::new(name);
        match self.tracer.get().copied().or_else(|| self.find()) {
            Some(tracer) => span.with_tracer(tracer),
            None => span,
        }
    }

    #[cold]
    fn find(&self) -> Option<Tracer> {
        let tracer = global()?.tracer(self.scope);
        Some(*self.tracer.get_or_init(|| tracer))
    }
}
