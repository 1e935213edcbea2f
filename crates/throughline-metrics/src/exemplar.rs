//! Exemplars: sample measurements that carry the trace they were made in.
//!
//! Whoever runs spans says which one a thread is in with [`enter`]; recording looks at that thread-local and, only
//! when there is a sampled span, leaves an exemplar at the series. Without one the cost is that of asking for
//! the thread's cells, which are where they are only outside of such a span (`cell/local.rs`).
//!
//! A series keeps the latest exemplar of each histogram bucket, or the latest one of a sum or gauge. An exemplar that
//! would have to wait for a lock is not taken: they are samples.
//!
//! Specification: [exemplar](https://opentelemetry.io/docs/specs/otel/metrics/sdk/#exemplar).

use std::cell::Cell;
use std::marker::PhantomData;
use std::panic::catch_unwind;
use std::sync::Mutex;

use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, TraceContextExt as _};
use throughline_core::{AttributeSet, Timestamp};

use crate::cell::local::{self, in_span};
use crate::data::{Exemplar, Number};

/// The ids of a sampled span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "the two ids that W3C trace context knows")]
pub struct TraceContext {
    /// The trace.
    pub trace_id: [u8; 16],
    /// The span.
    pub span_id: [u8; 8],
}

impl TraceContext {
    /// The ids of this span; `None` when it is not sampled.
    pub fn of(span: &SpanContext) -> Option<Self> {
        let ids = || Self { trace_id: span.trace_id().to_bytes(), span_id: span.span_id().to_bytes() };
        span.is_sampled().then(ids)
    }
}

/// Which measurements can become exemplars (`OTEL_METRICS_EXEMPLAR_FILTER`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "the specification's three")]
pub enum ExemplarFilter {
    /// Those made in a sampled span: the specification's default.
    #[default]
    TraceBased,
    /// All of them. Each reads the clock then and tries for a lock, wherever it is made; the measurements of other
    /// providers in the process cost some nanoseconds more.
    AlwaysOn,
    /// None.
    AlwaysOff,
}

impl ExemplarFilter {
    /// The filter of this name in the specification: `trace_based`, `always_on` or `always_off`.
    ///
    /// ```
    /// use throughline_metrics::exemplar::ExemplarFilter;
    ///
    /// assert_eq!(ExemplarFilter::parse("always_off"), Some(ExemplarFilter::AlwaysOff));
    /// assert_eq!(ExemplarFilter::parse("sometimes"), None);
    /// ```
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "trace_based" => Some(Self::TraceBased),
            "always_on" => Some(Self::AlwaysOn),
            "always_off" => Some(Self::AlwaysOff),
            _ => None,
        }
    }

    /// The span of a measurement that is made now and can become an exemplar; without ids when it is in none.
    #[inline]
    pub(crate) fn admit(self) -> Option<TraceContext> {
        match self {
            Self::TraceBased => current(),
            Self::AlwaysOn => Some(current().unwrap_or(TraceContext { trace_id: [0; 16], span_id: [0; 8] })),
            Self::AlwaysOff => None,
        }
    }
}

thread_local! {
    static CURRENT: Cell<Current> = const { Cell::new(Current { span: None, is_pinned: false }) };
    static CONTEXT: ContextLives = ContextLives::new();
}

/// What a thread was told.
#[derive(Clone, Copy, Debug)]
struct Current {
    span: Option<TraceContext>,
    /// Whether OpenTelemetry's context does not matter.
    is_pinned: bool,
}

/// Says that the calling thread is inside a sampled span, until the guard is dropped.
///
/// ```
/// use throughline_metrics::exemplar::{TraceContext, enter};
///
/// let _in_span = enter(Some(TraceContext { trace_id: [1; 16], span_id: [2; 8] }));
/// // What is recorded now carries these ids.
/// ```
pub fn enter(context: Option<TraceContext>) -> Entered {
    replace(Current { span: context, is_pinned: false })
}

/// As [`enter`], for measurements of a span that is not current, such as one that has just ended: whatever
/// OpenTelemetry's context says. No code of others should run until the guard is dropped.
///
/// Costs no more than two thread-locals, which making a context current does.
pub fn pin(context: Option<TraceContext>) -> Entered {
    replace(Current { span: context, is_pinned: true })
}

fn replace(current: Current) -> Entered {
    in_span(current.span.is_some());
    Entered { outer: CURRENT.replace(current), not_send: PhantomData }
}

/// Ends, when dropped, what [`enter`] or [`pin`] began.
#[derive(Debug)]
#[must_use = "the span is left as soon as this guard is dropped"]
pub struct Entered {
    outer: Current,
    /// The guard must be dropped on the thread that made it.
    not_send: PhantomData<*const ()>,
}

impl Drop for Entered {
    fn drop(&mut self) {
        CURRENT.set(self.outer);
        in_span(self.outer.span.is_some());
    }
}

/// Makes measurements look for their span in OpenTelemetry's current context from now on, in the whole process and for
/// good.
///
/// There is no other way to learn of a context that OpenTelemetry itself attaches. Whoever puts sampled spans into such
/// contexts calls this; a program that never does keeps the cheaper way, which [`enter`] is enough for. Looking costs a
/// measurement some nanoseconds.
pub fn ask_current_context() {
    local::ask_current_context();
}

/// The sampled span that the calling thread is in.
#[inline]
pub(crate) fn current() -> Option<TraceContext> {
    let Current { span, is_pinned } = CURRENT.get();
    if local::asks_current_context() && !is_pinned { of_current_context() } else { span }
}

/// The sampled span in OpenTelemetry's current context; `None` when the thread is ending and the context has gone.
fn of_current_context() -> Option<TraceContext> {
    let lives = CONTEXT.try_with(|context| context.0).unwrap_or(false);
    let ids = |context: &Context| TraceContext::of(context.span().span_context());
    if lives { Context::map_current(ids) } else { None }
}

/// Whether the thread has OpenTelemetry's context, which offers no way to ask: thread-locals are destroyed in the opposite
/// order of their making, so it is there as long as this one, unless it had already gone when this one was made.
struct ContextLives(bool);

impl ContextLives {
    fn new() -> Self {
        Self(catch_unwind(|| Context::map_current(|_| ())).is_ok())
    }
}

/// Only what has a destructor is ever gone.
#[expect(clippy::empty_drop, reason = "its being there is its effect")]
impl Drop for ContextLives {
    fn drop(&mut self) {}
}

/// The exemplars of one series.
#[derive(Debug)]
pub(crate) struct Reservoir {
    /// One place for each bucket.
    places: Mutex<Box<[Option<Exemplar>]>>,
}

impl Reservoir {
    pub(crate) fn new(places: usize) -> Self {
        Self { places: Mutex::new(vec![None; places].into_boxed_slice()) }
    }

    /// Keeps the exemplar, unless somebody else is at it.
    pub(crate) fn offer(
        &self,
        place: usize,
        value: Number,
        time: Timestamp,
        context: TraceContext,
        attributes: AttributeSet,
    ) {
        let Ok(mut places) = self.places.try_lock() else {
            return;
        };
        if let Some(kept) = places.get_mut(place) {
            let TraceContext { trace_id, span_id } = context;
            *kept = Some(Exemplar { value, time, trace_id, span_id, attributes });
        }
    }

    /// The exemplars since `start`, in order of their places.
    pub(crate) fn collect(&self, start: Timestamp, into: &mut Vec<Exemplar>) {
        let places = self.places.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        into.extend(places.iter().flatten().filter(|exemplar| exemplar.time >= start).cloned());
    }
}
