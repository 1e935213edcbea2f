//! Requests of any kind: how many, how many at once, how long, and what went wrong.

use throughline_macros::{Attributes, MetricSet};
use throughline_metrics::{Counter, Histogram, Meter, MetricSet as _, UpDownCounter};

use super::{End, ErrorType, Guard, Outcome, Scope};

/// What is recorded of requests.
#[derive(Clone, Debug, MetricSet)]
#[metric(crate = throughline_metrics)]
#[expect(clippy::exhaustive_structs, reason = "plain instruments: other names are put in their places")]
pub struct RequestMetrics {
    /// Requests that began.
    #[metric(name = "requests.total", unit = "{request}")]
    pub total: Counter<u64, Requested>,
    /// Requests under way.
    #[metric(name = "requests.active", unit = "{request}")]
    pub active: UpDownCounter<i64>,
    /// How long requests took.
    #[metric(name = "request.duration", unit = "s")]
    pub duration: Histogram<f64, Answered>,
    /// Requests that did not end well.
    #[metric(name = "request.errors", unit = "{error}")]
    pub errors: Counter<u64, ErrorType>,
}

/// What was asked for.
#[derive(Clone, Copy, Debug, Attributes)]
#[attribute(crate = throughline_core)]
#[expect(clippy::exhaustive_structs, reason = "plain data, recorded by whoever has the instrument")]
pub struct Requested {
    /// Its name in the code: never what a client sent.
    pub method: &'static str,
}

/// What was asked for, and how it went.
#[derive(Clone, Copy, Debug, Attributes)]
#[attribute(crate = throughline_core)]
#[expect(clippy::exhaustive_structs, reason = "plain data, recorded by whoever has the instrument")]
pub struct Answered {
    /// Its name in the code: never what a client sent.
    pub method: &'static str,
    /// How it went.
    pub status: Outcome,
}

/// The requests of a service.
#[derive(Clone, Debug)]
pub struct Requests(RequestMetrics);

impl From<RequestMetrics> for Requests {
    fn from(metrics: RequestMetrics) -> Self {
        Self(metrics)
    }
}

impl Requests {
    /// Under the names of this kit.
    pub fn new(meter: &Meter) -> Self {
        RequestMetrics::new(meter).into()
    }

    /// A request began; it is under way as long as the guard lives.
    ///
    /// ```
    /// # use throughline_instruments::guard::{Classify, Requests};
    /// # struct NotFound;
    /// # impl Classify for NotFound {}
    /// async fn search(requests: &Requests, text: &str) -> Result<usize, NotFound> {
    ///     requests.begin("search").watch(async { text.find("needle").ok_or(NotFound) }).await
    /// }
    /// ```
    pub fn begin(&self, method: &'static str) -> Guard<InFlight<'_>> {
        Guard::begin(InFlight { metrics: &self.0, method })
    }
}

/// A request under way.
#[derive(Clone, Copy, Debug)]
pub struct InFlight<'a> {
    metrics: &'a RequestMetrics,
    method: &'static str,
}

impl Scope for InFlight<'_> {
    fn begin(&mut self) {
        self.metrics.total.add(1, &Requested { method: self.method });
        self.metrics.active.add(1, &[]);
    }

    fn end(&mut self, end: End) {
        let Self { metrics, method } = *self;
        metrics.active.add(-1, &[]);
        metrics.duration.record(end.seconds(), &Answered { method, status: end.outcome });
        if let Some(error_type) = end.error_type {
            metrics.errors.add(1, &ErrorType { error_type });
        }
    }
}
