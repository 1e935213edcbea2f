//! Interceptors: what stands between a request and its handler, one after the other.

use throughline_macros::{AttributeValue, Attributes, MetricSet};
use throughline_metrics::{Counter, Histogram, Meter, MetricSet as _};

use super::{Classify, End, Guard, Scope};

/// What is recorded of interceptors.
#[derive(Clone, Debug, MetricSet)]
#[metric(crate = throughline_metrics)]
#[expect(clippy::exhaustive_structs, reason = "plain instruments: other names are put in their places")]
pub struct InterceptorMetrics {
    /// How long an interceptor took.
    #[metric(name = "interceptor.duration", unit = "s")]
    pub duration: Histogram<f64, Intercepted>,
    /// Interceptors that failed, rather than decide.
    #[metric(name = "interceptor.errors", unit = "{error}")]
    pub errors: Counter<u64, Refused>,
    /// What interceptors decided.
    #[metric(name = "interceptor.actions", unit = "{action}")]
    pub actions: Counter<u64, Acted>,
}

/// Which interceptor, on the way in or out.
#[derive(Clone, Copy, Debug, Attributes)]
#[attribute(crate = throughline_core)]
#[expect(clippy::exhaustive_structs, reason = "plain data, recorded by whoever has the instrument")]
pub struct Intercepted {
    /// The interceptor's name in the code.
    pub interceptor: &'static str,
    /// What was intercepted.
    pub phase: Phase,
}

/// Which interceptor failed, and how.
#[derive(Clone, Copy, Debug, Attributes)]
#[attribute(crate = throughline_core)]
#[expect(clippy::exhaustive_structs, reason = "plain data, recorded by whoever has the instrument")]
pub struct Refused {
    /// The interceptor's name in the code.
    pub interceptor: &'static str,
    /// The kind of error: see [`Classify`].
    pub error_type: &'static str,
}

/// Which interceptor decided what.
#[derive(Clone, Copy, Debug, Attributes)]
#[attribute(crate = throughline_core)]
#[expect(clippy::exhaustive_structs, reason = "plain data, recorded by whoever has the instrument")]
pub struct Acted {
    /// What it decided.
    pub action: Action,
    /// The interceptor's name in the code.
    pub interceptor: &'static str,
}

/// What is intercepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, AttributeValue)]
#[attribute(crate = throughline_core)]
#[non_exhaustive]
pub enum Phase {
    /// The request.
    Request,
    /// The response.
    Response,
}

/// What an interceptor decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, AttributeValue)]
#[attribute(crate = throughline_core)]
#[non_exhaustive]
pub enum Action {
    /// It goes on as it is.
    Continue,
    /// It goes on changed.
    Modify,
    /// It does not go on.
    Block,
    /// It is answered in place of the handler.
    Mock,
    /// It goes on later.
    Delay,
}

/// The interceptors of a service.
#[derive(Clone, Debug)]
pub struct Interceptors(InterceptorMetrics);

impl From<InterceptorMetrics> for Interceptors {
    fn from(metrics: InterceptorMetrics) -> Self {
        Self(metrics)
    }
}

impl Interceptors {
    /// Under the names of this kit.
    pub fn new(meter: &Meter) -> Self {
        InterceptorMetrics::new(meter).into()
    }

    /// An interceptor begins. `interceptor` is its name in the code.
    pub fn enter(&self, interceptor: &'static str, phase: Phase) -> Interception<'_> {
        Interception(Guard::begin(Intercepting { metrics: &self.0, of: Intercepted { interceptor, phase } }))
    }
}

/// An interceptor at work. One that does not say what it decided has failed: it was cancelled, or panicked.
#[derive(Debug)]
#[must_use = "the interceptor ends when this is dropped"]
pub struct Interception<'a>(Guard<Intercepting<'a>>);

impl Interception<'_> {
    /// Ends it: it decided.
    pub fn decide(self, action: Action) {
        let Intercepting { metrics, of } = *self.0.scope();
        metrics.actions.add(1, &Acted { action, interceptor: of.interceptor });
        self.0.ok();
    }

    /// Ends it: it could not decide.
    pub fn fail<E: Classify + ?Sized>(self, error: &E) {
        self.0.fail(error);
    }
}

#[derive(Clone, Copy, Debug)]
struct Intercepting<'a> {
    metrics: &'a InterceptorMetrics,
    of: Intercepted,
}

impl Scope for Intercepting<'_> {
    fn end(&mut self, end: End) {
        let Self { metrics, of } = *self;
        metrics.duration.record(end.seconds(), &of);
        if let Some(error_type) = end.error_type {
            metrics.errors.add(1, &Refused { interceptor: of.interceptor, error_type });
        }
    }
}
