//! The exporter's own memory: which families there are, and what decides how they are shown.
//!
//! Stop 7 begins here. A [`View`] is what one kind of scraper sees; [`View::refresh`] compares a collection with what it
//! knows and works out only what is new. As long as no instrument and no series come or go, that is one comparison a
//! metric, and the families (`family.rs`) have everything rendered but the numbers. What left the collection is forgotten.
//!
//! Families are shared with the expositions that are under way (`chunks.rs`): one that changes meanwhile is copied.
//!
//! Order is stable: families by name. Of instruments that get in each other's way the one created first stays, whatever
//! came later. Called by `exporter.rs`.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use throughline_core::Resource;
use throughline_core::name::{FamilyKind, TranslationStrategy};
use throughline_core::unit::prometheus_word;
use throughline_metrics::data::{Collection, Metric, MetricData, StreamId, Temporality};

use crate::chunks::Page;
use crate::family::{Family, FamilyType, Member, Scoped, Shape, scoped};
use crate::labels::{LabelNamer, Labels};
use crate::problem::{Problem, ProblemKind, Problems};
use crate::{Format, PrometheusConfig, protobuf};

/// Everything that is known about the families, as one kind of scraper sees them.
#[derive(Debug)]
pub(crate) struct View {
    pub(crate) page: Page,
    scope_labels: bool,
    target_info: bool,
    /// The streams of the last collection, in its order, with what decides how they are shown.
    streams: Vec<(StreamId, Option<FamilyType>)>,
    resource: Option<Arc<Resource>>,
}

impl View {
    pub(crate) fn new(format: Format, config: &PrometheusConfig) -> Self {
        let page = Page {
            shape: format.exposition.shape(),
            namer: LabelNamer { strategy: config.strategy, escaping: format.escaping },
            target: Arc::default(),
            families: Vec::new(),
        };
        Self {
            page,
            scope_labels: config.scope_labels,
            target_info: config.target_info,
            streams: Vec::new(),
            resource: None,
        }
    }

    pub(crate) fn is_for(&self, format: Format) -> bool {
        self.page.shape == format.exposition.shape() && self.page.namer.escaping == format.escaping
    }

    /// Learns what is new in the collection.
    pub(crate) fn refresh(&mut self, collection: &Collection, problems: &mut Problems) {
        let same_resource =
            self.resource.as_ref().is_some_and(|known| Arc::ptr_eq(known, &collection.resource));
        let streams = || collection.metrics().map(|(_, metric)| (metric.id, family_type(&metric.data)));
        if !same_resource || !streams().eq(self.streams.iter().copied()) {
            self.resource = Some(Arc::clone(&collection.resource));
            self.streams = streams().collect();
            self.plan(collection, problems);
        }
        let Page { shape, namer, families, .. } = &mut self.page;
        for family in families {
            if !family.members.iter().all(|member| member.is_current(collection)) {
                Arc::make_mut(family).follow(*shape, *namer, collection, problems);
            }
        }
    }

    /// Decides the families anew, keeping the series that are known.
    fn plan(&mut self, collection: &Collection, problems: &mut Problems) {
        let mut plan = Plan::default();
        let target_labels = self.target_labels();
        let target_name = self.page.namer.escaping.metric_name("target_info").into_owned();
        if !target_labels.is_empty() {
            plan.taken.insert(target_name.clone(), target_name.clone());
        }
        let scopes = collection.scopes.iter().enumerate();
        let places = scopes.flat_map(|(at, scope)| (0..scope.metrics.len()).map(move |metric| (at, metric)));
        let mut by_age: Vec<(usize, usize)> = places.collect();
        by_age.sort_by_key(|at| scoped(collection, *at).1.id);
        for at in by_age {
            if let Err(problem) = self.place(&mut plan, at, scoped(collection, at), problems) {
                problems.report(problem);
            }
        }
        let Plan { mut families, taken } = plan;
        for known in std::mem::take(&mut self.page.families) {
            if let Some(family) = families.get_mut(&known.name) {
                family.inherit(Arc::unwrap_or_clone(known));
            }
        }
        for family in families.values_mut() {
            family.names = family.render_names(self.page.shape, &taken);
        }
        self.page.target = self.render_target(&target_name, &target_labels, &taken).into();
        self.page.families = families.into_values().map(Arc::new).collect();
    }

    /// Puts a stream in its family.
    fn place(
        &self,
        plan: &mut Plan,
        at: (usize, usize),
        (scope, metric): Scoped<'_>,
        problems: &mut Problems,
    ) -> Result<(), Problem> {
        let problem = |family: &str, kind| Problem {
            family: family.to_owned(),
            instrument: metric.name.to_string(),
            scope: scope.name().to_owned(),
            kind,
        };
        let strategy = strategy(self.page.namer.strategy, metric);
        let translated = strategy.metric_name(&metric.name, &metric.unit, family_kind(&metric.data));
        let translated = translated.map_err(|_nothing_left| problem("", ProblemKind::NoName))?;
        let name = self.page.namer.escaping.metric_name(&translated).into_owned();
        let kind = family_type(&metric.data).ok_or_else(|| problem(&name, ProblemKind::Delta))?;
        let unit = match family_kind(&metric.data) {
            FamilyKind::Gauge if &*metric.unit == "1" => "ratio".into(),
            _ => prometheus_word(&metric.unit),
        };
        let scope_labels =
            if self.scope_labels { self.page.namer.scope_labels(scope) } else { Labels::new() };
        let member = Member::new(at, (scope, metric), scope_labels);
        if let Some(family) = plan.families.get_mut(&name) {
            if family.kind != kind {
                return Err(problem(&name, ProblemKind::OtherType));
            }
            if family.unit != unit {
                problems.report(problem(&name, ProblemKind::OtherUnit));
            }
            if family.help != metric.description {
                problems.report(problem(&name, ProblemKind::OtherDescription));
            }
            family.members.push(member);
            return Ok(());
        }
        plan.claim(&name, kind).map_err(|by| problem(&name, ProblemKind::NameTaken { by }))?;
        let family = Family::new(name.clone(), kind, &metric.description, unit.into_owned(), member);
        plan.families.insert(name, family);
        Ok(())
    }

    fn target_labels(&self) -> Labels {
        match &self.resource {
            Some(resource) if self.target_info => self.page.namer.labels(resource.attributes()),
            _ => Labels::new(),
        }
    }

    fn render_target(&self, name: &str, labels: &Labels, taken: &HashMap<String, String>) -> Vec<u8> {
        if labels.is_empty() {
            return Vec::new();
        }
        match self.page.shape {
            Shape::Protobuf => protobuf::target_info(name, labels),
            Shape::Text => crate::text::target_info(name, name, "gauge", labels),
            Shape::OpenMetrics => {
                match name.strip_suffix("_info").filter(|base| !taken.contains_key(*base)) {
                    Some(base) => crate::text::target_info(base, name, "info", labels),
                    None => crate::text::target_info(name, name, "gauge", labels),
                }
            }
        }
    }
}

/// The families while they are decided.
#[derive(Default)]
struct Plan {
    families: BTreeMap<String, Family>,
    /// The names of all samples, with the family they are of.
    taken: HashMap<String, String>,
}

impl Plan {
    /// Takes all names that the family's samples have.
    ///
    /// # Errors
    /// The family that has one of them.
    fn claim(&mut self, name: &str, kind: FamilyType) -> Result<(), String> {
        let suffixes: &[&str] = match kind {
            FamilyType::Histogram => &["", "_bucket", "_sum", "_count", "_created"],
            FamilyType::Counter | FamilyType::Gauge => &[""],
        };
        let names = || suffixes.iter().map(|suffix| format!("{name}{suffix}"));
        if let Some(by) = names().find_map(|name| self.taken.get(&name)) {
            return Err(by.clone());
        }
        self.taken.extend(names().map(|sample| (sample, name.to_owned())));
        Ok(())
    }
}

/// How the names of a metric are translated: not at all when they are Prometheus names already.
pub(crate) fn strategy(configured: TranslationStrategy, metric: &Metric) -> TranslationStrategy {
    if metric.verbatim { TranslationStrategy::NoTranslation } else { configured }
}

/// What the points become, or `None` where Prometheus cannot take them.
fn family_type(data: &MetricData) -> Option<FamilyType> {
    match data {
        MetricData::Sum { temporality: Temporality::Delta, .. }
        | MetricData::Histogram { temporality: Temporality::Delta, .. }
        | MetricData::ExponentialHistogram { temporality: Temporality::Delta, .. } => None,
        MetricData::Sum { monotonic: true, .. } => Some(FamilyType::Counter),
        MetricData::Gauge { .. } | MetricData::Sum { monotonic: false, .. } => Some(FamilyType::Gauge),
        MetricData::Histogram { .. } | MetricData::ExponentialHistogram { .. } => Some(FamilyType::Histogram),
    }
}

fn family_kind(data: &MetricData) -> FamilyKind {
    match data {
        MetricData::Gauge { .. } => FamilyKind::Gauge,
        MetricData::Sum { monotonic: true, .. } => FamilyKind::Counter,
        MetricData::Sum { monotonic: false, .. } => FamilyKind::UpDown,
        MetricData::Histogram { .. } | MetricData::ExponentialHistogram { .. } => FamilyKind::Histogram,
    }
}
