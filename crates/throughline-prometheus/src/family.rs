//! The exporter's own memory: which families there are, under which names, with which series in which order.
//!
//! Stop 7 begins here. A [`View`] is what one kind of scraper sees; [`View::refresh`] compares a collection with what it
//! knows and works out only what is new. As long as no instrument and no series come or go, that is one comparison a
//! series, and `text.rs` or `protobuf.rs` copies what was rendered before. What left the collection is forgotten.
//!
//! Order is stable: families by name, series by their rendered labels. Of instruments that get in each other's way the
//! one created first stays, whatever came later. Called by `exporter.rs`.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use throughline_core::name::FamilyKind;
use throughline_core::protobuf::Writer;
use throughline_core::unit::prometheus_word;
use throughline_core::{AttributeSet, InstrumentationScope, Resource};
use throughline_metrics::data::{Collection, Metric, MetricData, Point, SeriesId, StreamId, Temporality};

use crate::labels::{self, LabelNamer, Labels};
use crate::problem::{Problem, ProblemKind, Problems};
use crate::text::{Bounds, TextNames};
use crate::{Format, PrometheusConfig, protobuf};

/// A metric with the scope that created it.
pub(crate) type Scoped<'a> = (&'a InstrumentationScope, &'a Metric);

/// What the bytes of a view are made for. Both versions of the text format look the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    Text,
    OpenMetrics,
    Protobuf,
}

/// Everything that is known about the families, as one kind of scraper sees them.
#[derive(Debug)]
pub(crate) struct View {
    pub(crate) shape: Shape,
    pub(crate) namer: LabelNamer,
    scope_labels: bool,
    target_info: bool,
    /// The streams of the last collection, in its order, with what decides how they are shown.
    streams: Vec<(StreamId, Option<FamilyType>)>,
    resource: Option<Arc<Resource>>,
    /// The family `target_info`, or nothing.
    pub(crate) target: Vec<u8>,
    /// Sorted by name.
    pub(crate) families: Vec<Family>,
}

/// A metric family.
#[derive(Debug)]
pub(crate) struct Family {
    /// The name of its samples; a counter's ends with `_total` where suffixes are added.
    pub(crate) name: String,
    pub(crate) kind: FamilyType,
    help: Arc<str>,
    /// The unit as a word, or empty.
    unit: String,
    /// `TYPE`, `HELP` and the names of the samples, rendered.
    pub(crate) names: Names,
    pub(crate) members: Vec<Member>,
    /// The series to show: member and place in it.
    pub(crate) order: Vec<(u32, u32)>,
}

/// A family's metadata, rendered for the view's shape.
#[derive(Debug)]
pub(crate) enum Names {
    Text(Box<TextNames>),
    /// The fields of `MetricFamily` before its metrics.
    Protobuf(Vec<u8>),
}

/// The types of Prometheus that the engine's aggregations become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FamilyType {
    Counter,
    Gauge,
    Histogram,
}

/// One stream of a family.
#[derive(Debug)]
pub(crate) struct Member {
    /// The stream's place in the collection.
    pub(crate) at: usize,
    stream: StreamId,
    instrument: Arc<str>,
    scope: String,
    scope_labels: Labels,
    /// As many as points, in their order.
    pub(crate) series: Vec<Series>,
    /// The rendered bounds of an explicit histogram.
    pub(crate) bounds: Bounds,
}

/// One series with its rendered labels.
#[derive(Debug)]
pub(crate) struct Series {
    id: SeriesId,
    pub(crate) labels: Box<[u8]>,
}

impl View {
    pub(crate) fn new(format: Format, config: &PrometheusConfig) -> Self {
        Self {
            shape: format.exposition.shape(),
            namer: LabelNamer { strategy: config.strategy, escaping: format.escaping },
            scope_labels: config.scope_labels,
            target_info: config.target_info,
            streams: Vec::new(),
            resource: None,
            target: Vec::new(),
            families: Vec::new(),
        }
    }

    pub(crate) fn is_for(&self, format: Format) -> bool {
        self.shape == format.exposition.shape() && self.namer.escaping == format.escaping
    }

    /// Learns what is new in the collection. `metrics` are its metrics, in order.
    pub(crate) fn refresh(
        &mut self,
        collection: &Collection,
        metrics: &[Scoped<'_>],
        problems: &mut Problems,
    ) {
        let same_resource =
            self.resource.as_ref().is_some_and(|known| Arc::ptr_eq(known, &collection.resource));
        let streams = || metrics.iter().map(|(_, metric)| (metric.id, family_type(&metric.data)));
        if !same_resource || !streams().eq(self.streams.iter().copied()) {
            self.resource = Some(Arc::clone(&collection.resource));
            self.streams = streams().collect();
            self.plan(metrics, problems);
        }
        for family in &mut self.families {
            family.refresh(self.shape, self.namer, metrics, problems);
        }
    }

    /// Decides the families anew, keeping the series that are known.
    fn plan(&mut self, metrics: &[Scoped<'_>], problems: &mut Problems) {
        let known = self.families.drain(..).flat_map(|family| family.members);
        let mut known: HashMap<StreamId, Vec<Series>> =
            known.map(|member| (member.stream, member.series)).collect();
        let mut plan = Plan::default();
        let target_labels = self.target_labels();
        let target_name = self.namer.escaping.metric_name("target_info").into_owned();
        if !target_labels.is_empty() {
            plan.taken.insert(target_name.clone(), target_name.clone());
        }
        let mut by_age: Vec<usize> = (0..metrics.len()).collect();
        by_age.sort_by_key(|at| metrics[*at].1.id);
        for at in by_age {
            if let Err(problem) = self.place(&mut plan, at, metrics[at], &mut known, problems) {
                problems.report(problem);
            }
        }
        let Plan { mut families, taken } = plan;
        for family in families.values_mut() {
            family.names = family.render_names(self.shape, &taken);
        }
        self.target = self.render_target(&target_name, &target_labels, &taken);
        self.families = families.into_values().collect();
    }

    /// Puts a stream in its family.
    fn place(
        &self,
        plan: &mut Plan,
        at: usize,
        (scope, metric): Scoped<'_>,
        known: &mut HashMap<StreamId, Vec<Series>>,
        problems: &mut Problems,
    ) -> Result<(), Problem> {
        let problem = |family: &str, kind| Problem {
            family: family.to_owned(),
            instrument: metric.name.to_string(),
            scope: scope.name().to_owned(),
            kind,
        };
        let translated =
            self.namer.strategy.metric_name(&metric.name, &metric.unit, family_kind(&metric.data));
        let translated = translated.map_err(|_nothing_left| problem("", ProblemKind::NoName))?;
        let name = self.namer.escaping.metric_name(&translated).into_owned();
        let kind = family_type(&metric.data).ok_or_else(|| problem(&name, ProblemKind::Delta))?;
        let unit = match family_kind(&metric.data) {
            FamilyKind::Gauge if &*metric.unit == "1" => "ratio".into(),
            _ => prometheus_word(&metric.unit),
        };
        let member = Member {
            at,
            stream: metric.id,
            instrument: Arc::clone(&metric.name),
            scope: scope.name().to_owned(),
            scope_labels: if self.scope_labels { self.namer.scope_labels(scope) } else { Labels::new() },
            series: known.remove(&metric.id).unwrap_or_default(),
            bounds: Bounds::default(),
        };
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
        let family = Family {
            name: name.clone(),
            kind,
            help: Arc::clone(&metric.description),
            unit: unit.into_owned(),
            names: Names::Protobuf(Vec::new()),
            members: vec![member],
            order: Vec::new(),
        };
        plan.families.insert(name, family);
        Ok(())
    }

    fn target_labels(&self) -> Labels {
        match &self.resource {
            Some(resource) if self.target_info => self.namer.labels(resource.attributes()),
            _ => Labels::new(),
        }
    }

    fn render_target(&self, name: &str, labels: &Labels, taken: &HashMap<String, String>) -> Vec<u8> {
        if labels.is_empty() {
            return Vec::new();
        }
        match self.shape {
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

impl Family {
    fn refresh(&mut self, shape: Shape, namer: LabelNamer, metrics: &[Scoped<'_>], problems: &mut Problems) {
        let histogram = self.kind == FamilyType::Histogram;
        let mut changed = self.order.is_empty();
        for member in &mut self.members {
            changed |= member.refresh(&metrics[member.at].1.data, shape, namer, histogram);
        }
        if changed {
            self.sort(problems);
        }
    }

    /// Sorts the series of all members; of series with the same labels the first member's stays.
    fn sort(&mut self, problems: &mut Problems) {
        let Self { members, order, .. } = self;
        order.clear();
        for (number, member) in (0_u32..).zip(members.iter()) {
            order.extend((0_u32..).zip(&member.series).map(|(place, _)| (number, place)));
        }
        let labels = |(member, place): &(u32, u32)| &members[*member as usize].series[*place as usize].labels;
        order.sort_unstable_by(|a, b| labels(a).cmp(labels(b)).then(a.cmp(b)));
        let mut left_out = Vec::new();
        order.dedup_by(|later, first| {
            let same = labels(later) == labels(first);
            if same {
                left_out.push(later.0 as usize);
            }
            same
        });
        left_out.sort_unstable();
        left_out.dedup();
        for Member { instrument, scope, .. } in left_out.into_iter().map(|number| &self.members[number]) {
            problems.report(Problem {
                family: self.name.clone(),
                instrument: instrument.to_string(),
                scope: scope.clone(),
                kind: ProblemKind::SameLabels,
            });
        }
    }

    fn render_names(&self, shape: Shape, taken: &HashMap<String, String>) -> Names {
        let base = match self.kind {
            FamilyType::Counter => self.name.strip_suffix("_total"),
            FamilyType::Gauge | FamilyType::Histogram => Some(&*self.name),
        };
        let unit = base.filter(|base| base.strip_suffix(&*self.unit).is_some_and(|rest| rest.ends_with('_')));
        let unit = if self.unit.is_empty() { None } else { unit.map(|_| &*self.unit) };
        match shape {
            Shape::Protobuf => Names::Protobuf(protobuf::metadata(&self.name, &self.help, self.kind, unit)),
            Shape::Text => Names::Text(Box::new(TextNames::text(&self.name, &self.help, self.kind))),
            Shape::OpenMetrics => {
                let free = |base: &&str| {
                    self.kind != FamilyType::Counter
                        || !(taken.contains_key(*base) || taken.contains_key(&format!("{base}_created")))
                };
                let base = base.filter(free);
                Names::Text(Box::new(TextNames::openmetrics(&self.name, base, &self.help, self.kind, unit)))
            }
        }
    }
}

impl Member {
    /// Makes `series` parallel to the points again. Whether anything changed.
    fn refresh(&mut self, data: &MetricData, shape: Shape, namer: LabelNamer, histogram: bool) -> bool {
        if let (MetricData::Histogram { bounds, .. }, true) = (data, shape != Shape::Protobuf) {
            self.bounds.refresh(bounds);
        }
        let Self { series, scope_labels, .. } = self;
        let mut render = |attributes: &AttributeSet| {
            let labels = namer.series(attributes, scope_labels, histogram);
            match shape {
                Shape::Text | Shape::OpenMetrics => labels::to_text(&labels).into_boxed_slice(),
                Shape::Protobuf => {
                    let mut writer = Writer::default();
                    labels::to_protobuf(&mut writer, protobuf::METRIC_LABEL, &labels);
                    writer.take().into_boxed_slice()
                }
            }
        };
        match data {
            MetricData::Gauge { points } | MetricData::Sum { points, .. } => {
                follow(series, points, &mut render)
            }
            MetricData::Histogram { points, .. } => follow(series, points, &mut render),
            MetricData::ExponentialHistogram { points, .. } => follow(series, points, &mut render),
        }
    }
}

/// Makes `series` parallel to `points`, rendering those that are new and dropping those that are gone.
fn follow<V>(
    series: &mut Vec<Series>,
    points: &[Point<V>],
    render: &mut impl FnMut(&AttributeSet) -> Box<[u8]>,
) -> bool {
    let same = series.iter().zip(points).take_while(|(series, point)| series.id == point.series).count();
    if same == series.len() && same == points.len() {
        return false;
    }
    let mut known: HashMap<SeriesId, Box<[u8]>> =
        series.drain(same..).map(|Series { id, labels }| (id, labels)).collect();
    series.extend(points[same..].iter().map(|point| {
        let labels = known.remove(&point.series).unwrap_or_else(|| render(&point.attributes));
        Series { id: point.series, labels }
    }));
    true
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
