//! Narratives: prompts in several acts, each a call of a model, whose answers are to be JSON.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use throughline_macros::{Attributes, MetricSet};
use throughline_metrics::{BoundCounter, Counter, Histogram, Meter, MetricSet as _};

use crate::clock::now;

#[derive(Clone, Copy, Debug, Attributes)]
#[attribute(crate = throughline_core)]
struct Named<'a> {
    narrative_name: &'a str,
}

#[derive(Clone, Copy, Debug, Attributes)]
#[attribute(crate = throughline_core)]
struct Ended<'a> {
    narrative_name: &'a str,
    success: bool,
}

#[derive(Clone, Copy, Debug, Attributes)]
#[attribute(crate = throughline_core)]
struct OfAct<'a> {
    act_name: &'a str,
}

#[derive(Clone, Debug, MetricSet)]
#[metric(crate = throughline_metrics)]
pub(super) struct NarrativeMetrics {
    /// Executions of narratives that have ended, by whether they went well.
    #[metric(name = "narrative.executions", unit = "{execution}")]
    executions: Counter<u64, Ended<'static>>,
    /// Duration of the executions of narratives.
    #[metric(name = "narrative.duration", unit = "s")]
    duration: Histogram<f64, Ended<'static>>,
    /// Duration of the acts of narratives, those that failed too.
    #[metric(name = "narrative.act.duration", unit = "s")]
    act_duration: Histogram<f64, OfAct<'static>>,
    /// Answers of models that are the JSON they were to be.
    #[metric(name = "narrative.json.success", unit = "{answer}")]
    json_success: Counter<u64, Named<'static>>,
    /// Answers of models that are not.
    #[metric(name = "narrative.json.failures", unit = "{answer}")]
    json_failures: Counter<u64, Named<'static>>,
}

/// A narrative, told again and again. Cloning is cheap.
///
/// ```
/// use throughline_instruments::gen_ai::Narrative;
/// use throughline_metrics::MeterProvider;
/// # use throughline_metrics::testing::Snapshot;
/// # use throughline_core::KeyValue;
///
/// let provider = MeterProvider::default();
/// let narrative = Narrative::new(&provider.meter("narratives"), "greeting");
///
/// fn tell(narrative: &Narrative) -> Result<u8, std::num::ParseIntError> {
///     let execution = narrative.execute();
///     let act = execution.act("greet");
///     let answer = "42"; // … of a model …
///     drop(act);
///     let parsed = execution.parsed(answer.parse())?;
///     execution.succeed();
///     Ok(parsed)
/// }
///
/// assert_eq!(tell(&narrative), Ok(42));
/// # let snapshot = Snapshot::of(&provider);
/// # assert_eq!(snapshot.sum("narrative.json.success", &[KeyValue::new("narrative_name", "greeting")]), 1.0);
/// ```
#[derive(Clone)]
pub struct Narrative(Arc<Inner>);

struct Inner {
    name: String,
    metrics: NarrativeMetrics,
    json_success: BoundCounter<u64>,
    json_failures: BoundCounter<u64>,
}

impl Narrative {
    /// The narrative of this name, which becomes an attribute: one that the program, or a file of its own, has. Takes locks
    /// and allocates; keep it.
    pub fn new(meter: &Meter, name: impl Into<String>) -> Self {
        let (name, metrics) = (name.into(), NarrativeMetrics::new(meter));
        let of = Named { narrative_name: &name };
        let (json_success, json_failures) = (metrics.json_success.bind(&of), metrics.json_failures.bind(&of));
        Self(Arc::new(Inner { name, metrics, json_success, json_failures }))
    }

    /// It is told once more.
    pub fn execute(&self) -> NarrativeExecution {
        NarrativeExecution { narrative: self.clone(), started: now(), has_succeeded: false }
    }
}

impl fmt::Debug for Narrative {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Narrative").field(&self.0.name).finish()
    }
}

/// A narrative that is being told. Dropped without [`succeed`](Self::succeed), it has failed.
#[derive(Debug)]
#[must_use = "a narrative that is dropped has failed"]
pub struct NarrativeExecution {
    narrative: Narrative,
    started: Instant,
    has_succeeded: bool,
}

impl NarrativeExecution {
    /// An act begins; it ends when what is returned is dropped.
    pub fn act<'a>(&'a self, name: &'a str) -> Act<'a> {
        Act { narrative: &self.narrative, name, started: now() }
    }

    /// Counts whether an answer could be parsed, and hands on what came of it.
    ///
    /// # Errors
    /// The one it was given.
    pub fn parsed<T, E>(&self, parsed: Result<T, E>) -> Result<T, E> {
        let Inner { json_success, json_failures, .. } = &*self.narrative.0;
        let counter = if parsed.is_ok() { json_success } else { json_failures };
        counter.add(1);
        parsed
    }

    /// It went well.
    pub fn succeed(mut self) {
        self.has_succeeded = true;
    }
}

impl Drop for NarrativeExecution {
    fn drop(&mut self) {
        let Inner { name, metrics, .. } = &*self.narrative.0;
        let ended = Ended { narrative_name: name, success: self.has_succeeded };
        metrics.executions.add(1, &ended);
        metrics.duration.record(self.started.elapsed().as_secs_f64(), &ended);
    }
}

/// An act of a narrative. Ends when dropped.
#[derive(Debug)]
#[must_use = "an act ends when it is dropped"]
pub struct Act<'a> {
    narrative: &'a Narrative,
    name: &'a str,
    started: Instant,
}

impl Drop for Act<'_> {
    fn drop(&mut self) {
        let took = self.started.elapsed().as_secs_f64();
        self.narrative.0.metrics.act_duration.record(took, &OfAct { act_name: self.name });
    }
}
