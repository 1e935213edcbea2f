//! The current span: OpenTelemetry's own [`Context`], so that there is one answer for everybody.
//!
//! Whoever makes a context current here also tells the metrics engine, so that measurements carry the span as exemplar.
//! The parent of a new span is read from there by `builder.rs`.

use std::future::Future;
use std::pin::Pin;
use std::task::Poll;
use std::thread::{self, JoinHandle};

use opentelemetry::trace::{SpanContext, TraceContextExt as _};
use opentelemetry::{Context, ContextGuard};
use pin_project_lite::pin_project;
use throughline_metrics::exemplar::{self, TraceContext};

use crate::local;
use crate::span::Span;

/// Makes the previous context current again when dropped.
#[derive(Debug)]
#[must_use = "the context is left as soon as this guard is dropped"]
pub struct Entered {
    _exemplar: exemplar::Entered,
    _context: ContextGuard,
}

/// What can be made current: a [`Span`] or a [`Context`].
pub trait Enter {
    /// Makes it current on this thread, until the guard is dropped.
    fn enter(&self) -> Entered;
}

impl Enter for Context {
    fn enter(&self) -> Entered {
        enter_context(self.clone())
    }
}

#[inline]
pub(crate) fn enter_context(context: Context) -> Entered {
    let exemplar = exemplar::enter(TraceContext::of(context.span().span_context()));
    Entered { _exemplar: exemplar, _context: context.attach() }
}

impl Enter for Span {
    fn enter(&self) -> Entered {
        Self::enter(self)
    }
}

impl Span {
    /// Makes it the current span of this thread, until the guard is dropped: spans that start then are its children,
    /// log records and measurements belong to it.
    ///
    /// The current context knows this span by its ids alone: what is said of `Context::current().span()` does not reach
    /// it. Where libraries are to find it there, hand it over: `Context::current_with_span(span)`.
    ///
    /// Costs one allocation, which OpenTelemetry's context is made of.
    pub fn enter(&self) -> Entered {
        self.in_current_context().enter()
    }

    /// The current context with this span in it, to be carried elsewhere.
    pub fn context(&self) -> Context {
        note_carried(self.span_context());
        self.in_current_context()
    }

    fn in_current_context(&self) -> Context {
        Context::map_current(|context| context.with_remote_span_context(self.span_context().clone()))
    }
}

/// The current span of this thread, whoever made it: its ids are what a line on the console shows. `None` when there is
/// none, and while the thread ends.
pub fn current_span() -> Option<SpanContext> {
    if !local::is_alive() {
        return None;
    }
    Context::map_current(|context| {
        let current = context.span();
        Some(current.span_context()).filter(|span| span.is_valid()).cloned()
    })
}

/// Makes a span or a context current while an expression runs, and gives its value.
///
/// ```
/// use throughline_trace::{SpanBuilder, in_context};
///
/// let span = SpanBuilder::new("outer").start();
/// let inner = in_context!(&span, SpanBuilder::new("inner").start());
/// ```
#[macro_export]
macro_rules! in_context {
    ($context:expr, $($body:tt)+) => {{
        let _entered = $crate::Enter::enter($context);
        $($body)+
    }};
}

/// Makes the context current whenever the future is polled, on whichever thread.
///
/// ```
/// use throughline_trace::{SpanBuilder, with_context};
///
/// let span = SpanBuilder::new("request").start();
/// let response = with_context(span.context(), async { /* children of `request` */ });
/// ```
pub fn with_context<F: Future>(context: Context, future: F) -> WithContext<F> {
    WithContext { context, future }
}

/// Makes the context that is current now current whenever the future is polled.
pub fn propagate_context<F: Future>(future: F) -> WithContext<F> {
    with_context(Context::current(), future)
}

pin_project! {
    /// A future that runs in a context; see [`with_context`].
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct WithContext<F> {
        context: Context,
        #[pin]
        future: F,
    }
}

impl<F: Future> Future for WithContext<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut std::task::Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let _entered = this.context.enter();
        this.future.poll(cx)
    }
}

/// Starts a thread in the context that is current now; otherwise as [`std::thread::spawn`].
///
/// # Panics
/// When the system cannot start a thread.
pub fn spawn_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
    let context = Context::current();
    thread::spawn(move || {
        let _entered = context.enter();
        work()
    })
}

/// To be called where a span gets into a context that may be attached by OpenTelemetry alone, of which nobody tells us.
/// From then on, measurements look for their span in the current context.
#[inline]
pub(crate) fn note_carried(span: &SpanContext) {
    if span.is_sampled() {
        exemplar::ask_current_context();
    }
}
