//! The pipeline of content: generated, curated, published, and how long each stage takes.

use std::time::Instant;

use throughline_macros::{AttributeValue, Attributes, MetricSet};
use throughline_metrics::{Counter, Histogram, Meter, MetricSet as _};

use crate::clock::now;

/// A stage of the pipeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, AttributeValue)]
#[attribute(crate = throughline_core)]
#[expect(clippy::exhaustive_enums, reason = "each has a counter of its own")]
pub enum Stage {
    /// A model makes it.
    Generation,
    /// Somebody chooses.
    Curation,
    /// It goes out.
    Publication,
}

#[derive(Clone, Copy, Debug, Attributes)]
#[attribute(crate = throughline_core)]
struct OfStage {
    stage: Stage,
}

#[derive(Clone, Debug, MetricSet)]
#[metric(crate = throughline_metrics)]
pub(super) struct PipelineMetrics {
    /// Items that were generated.
    #[metric(name = "pipeline.generated", unit = "{item}")]
    generated: Counter<u64, ()>,
    /// Items that were good enough.
    #[metric(name = "pipeline.curated", unit = "{item}")]
    curated: Counter<u64, ()>,
    /// Items that went out.
    #[metric(name = "pipeline.published", unit = "{item}")]
    published: Counter<u64, ()>,
    /// Time that an item spends in a stage, also one that does not come through.
    #[metric(name = "pipeline.stage.latency", unit = "s")]
    latency: Histogram<f64, OfStage>,
}

/// The pipeline of content.
///
/// ```
/// use throughline_instruments::gen_ai::{Pipeline, Stage};
/// use throughline_metrics::MeterProvider;
/// # use throughline_metrics::testing::Snapshot;
///
/// let provider = MeterProvider::default();
/// let pipeline = Pipeline::new(&provider.meter("pipeline"));
///
/// let stage = pipeline.enter(Stage::Generation);
/// // … a model writes …
/// stage.pass();
/// # assert_eq!(Snapshot::of(&provider).sum("pipeline.generated", &()), 1.0);
/// ```
#[derive(Clone, Debug)]
pub struct Pipeline(PipelineMetrics);

impl Pipeline {
    /// Takes locks and allocates; keep it.
    pub fn new(meter: &Meter) -> Self {
        Self(PipelineMetrics::new(meter))
    }

    /// An item enters a stage.
    pub fn enter(&self, stage: Stage) -> InStage<'_> {
        InStage { pipeline: self, stage, started: now() }
    }
}

/// An item in a stage. Its time there is recorded when this is dropped; it is counted when it comes
/// [through](Self::pass).
#[derive(Debug)]
#[must_use = "an item that is dropped does not come through"]
pub struct InStage<'a> {
    pipeline: &'a Pipeline,
    stage: Stage,
    started: Instant,
}

impl InStage<'_> {
    /// The item has come through.
    pub fn pass(self) {
        let PipelineMetrics { generated, curated, published, .. } = &self.pipeline.0;
        let counter = match self.stage {
            Stage::Generation => generated,
            Stage::Curation => curated,
            Stage::Publication => published,
        };
        counter.add(1, &());
    }
}

impl Drop for InStage<'_> {
    fn drop(&mut self) {
        let took = self.started.elapsed().as_secs_f64();
        self.pipeline.0.latency.record(took, &OfStage { stage: self.stage });
    }
}
