//! The exporter's own memory: which families there are, under which names, with which series in which order.
//!
//! Stop 7 begins here. A [`View`] is what one kind of scraper sees; [`View::refresh`] compares a collection with what it
//! knows and works out only what is new. As long as no instrument and no series come or go, that is one comparison a
//! metric, and `text.rs` or `protobuf.rs` copies what was rendered before. What left the collection is forgotten.
//!
//! Families are shared with the expositions that are under way (`chunks.rs`): one that changes meanwhile is copied.
//!
//! Order is stable: families by name, series by their rendered labels. Of instruments that get in each other's way the
//! one created first stays, whatever came later. Called by `exporter.rs`.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use throughline_core::name::FamilyKind;
use throughline_core::protobuf::Writer;
use throughline_core::unit::prometheus_word;
use throughline_core::{AttributeSet, InstrumentationScope, Resource};
use throughline_metrics::data::{
    Collection, Metric, MetricData, Points, SeriesId, SeriesVersion, StreamId, Temporality, Values,
};

use crate::chunks::Page;
use crate::labels::{self, LabelNamer, Labels};
use crate::lines::Lines;
use crate::problem::{Problem, ProblemKind, Problems};
use crate::text::{Bounds, TextNames};
use crate::{Format, PrometheusConfig, protobuf};

/// A metric with the scope that created it.
type Scoped<'a> = (&'a InstrumentationScope, &'a Metric);

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
    pub(crate) page: Page,
    scope_labels: bool,
    target_info: bool,
    /// The streams of the last collection, in its order, with what decides how they are shown.
    streams: Vec<(StreamId, Option<FamilyType>)>,
    resource: Option<Arc<Resource>>,
}

/// A metric family.
#[derive(Clone, Debug)]
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
    /// The series to show, in order.
    pub(crate) lines: Lines,
}

/// A family's metadata, rendered for the view's shape.
#[derive(Clone, Debug)]
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
#[derive(Clone, Debug)]
pub(crate) struct Member {
    /// The stream's place in the collection: scope, and metric in it.
    at: (usize, usize),
    stream: StreamId,
    instrument: Arc<str>,
    scope: String,
    scope_labels: Labels,
    /// The number of its first point among those of all members.
    first: u32,
    /// The series of its points, in their order.
    series: Vec<SeriesId>,
    /// The version of that list; nothing when it must be looked at whatever the version is.
    version: Option<SeriesVersion>,
    /// The rendered bounds of an explicit histogram.
    pub(crate) bounds: Bounds,
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
        let translated =
            self.page.namer.strategy.metric_name(&metric.name, &metric.unit, family_kind(&metric.data));
        let translated = translated.map_err(|_nothing_left| problem("", ProblemKind::NoName))?;
        let name = self.page.namer.escaping.metric_name(&translated).into_owned();
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
            scope_labels: if self.scope_labels { self.page.namer.scope_labels(scope) } else { Labels::new() },
            first: 0,
            series: Vec::new(),
            version: None,
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
            lines: Lines::default(),
        };
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

impl Family {
    /// Takes over what is known of the series of streams that are in the family still.
    fn inherit(&mut self, known: Self) {
        let Self { kind, members, lines, .. } = self;
        if *kind != known.kind {
            return;
        }
        let mut first = 0;
        let mut moved = vec![None; known.points()];
        for old in known.members {
            let Some(member) = members.iter_mut().find(|member| member.stream == old.stream) else {
                continue;
            };
            moved[old.first as usize..][..old.series.len()]
                .iter_mut()
                .zip(first..)
                .for_each(|(moved, point)| *moved = Some(point));
            member.first = first;
            member.series = old.series;
            first += member.series.len() as u32;
        }
        let nothing = Lines::default();
        *lines = known.lines.merged(|point| moved[point as usize], &nothing, |text| text, |_| ());
    }

    /// How many points all members had when the family was looked at last.
    fn points(&self) -> usize {
        self.members.iter().map(|member| member.series.len()).sum()
    }

    /// Makes the lines agree with the points again: those of series that are gone go, new ones are rendered.
    fn follow(&mut self, shape: Shape, namer: LabelNamer, collection: &Collection, problems: &mut Problems) {
        let mut moved = vec![None; self.points()];
        let mut first = 0;
        for member in &mut self.members {
            let before = member.first as usize..member.first as usize + member.series.len();
            member.first = first;
            member.follow(&scoped(collection, member.at).1.data, &mut moved[before]);
            first += member.series.len() as u32;
        }
        let mut shown = vec![false; first as usize];
        for (_, point) in self.lines.walk(Default::default()) {
            if let Some(point) = moved[point as usize] {
                shown[point as usize] = true;
            }
        }
        let new = self.render_new(shape, namer, collection, &shown);
        let mut left_out = Vec::new();
        let note = |point: u32| left_out.push(self.member_of(point).0);
        self.lines =
            self.lines.merged(|point| moved[point as usize], &new, |line| self.names.labels(line), note);
        self.report_left_out(left_out, problems);
    }

    /// The lines of those points that are not shown yet.
    fn render_new(&self, shape: Shape, namer: LabelNamer, collection: &Collection, shown: &[bool]) -> Lines {
        let histogram = self.kind == FamilyType::Histogram;
        let mut new = Lines::default();
        for member in &self.members {
            let shown = &shown[member.first as usize..][..member.series.len()];
            let data = &scoped(collection, member.at).1.data;
            for (row, _) in shown.iter().enumerate().filter(|(_, shown)| !**shown) {
                let labels = namer.series(attributes(data, row), &member.scope_labels, histogram);
                new.push(member.first + row as u32, &self.render_line(shape, &labels));
            }
        }
        new
    }

    /// What is copied of a series with these labels: the start of its line, or, of a histogram, the labels alone.
    fn render_line(&self, shape: Shape, labels: &Labels) -> Vec<u8> {
        match (&self.names, shape) {
            (Names::Text(names), Shape::Text | Shape::OpenMetrics) => names.line(&labels::to_text(labels)),
            _ => {
                let mut writer = Writer::default();
                labels::to_protobuf(&mut writer, protobuf::METRIC_LABEL, labels);
                writer.take()
            }
        }
    }

    /// The member that has this point, and the point's place in it.
    #[inline]
    pub(crate) fn member_of(&self, point: u32) -> (usize, usize) {
        let member = match self.members.len() {
            1 => 0,
            _ => self.members.partition_point(|member| member.first <= point) - 1,
        };
        (member, (point - self.members[member].first) as usize)
    }

    /// Says of which members some series have the labels of another series.
    fn report_left_out(&self, mut members: Vec<usize>, problems: &mut Problems) {
        members.sort_unstable();
        members.dedup();
        for Member { instrument, scope, .. } in members.into_iter().map(|number| &self.members[number]) {
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

impl Names {
    /// The labels of a line: what lines are sorted by.
    fn labels<'a>(&self, line: &'a [u8]) -> &'a [u8] {
        match self {
            Self::Text(names) => names.labels(line),
            Self::Protobuf(_) => line,
        }
    }
}

impl Member {
    /// Its points in this collection.
    pub(crate) fn data<'a>(&self, collection: &'a Collection) -> &'a MetricData {
        &scoped(collection, self.at).1.data
    }

    /// Whether its points are of the series that it knows.
    fn is_current(&self, collection: &Collection) -> bool {
        let current = version(self.data(collection));
        current.is_some() && current == self.version && self.bounds.is_current(self.data(collection))
    }

    /// Learns the series of its points. `moved` has a place for each one it knew, where its new number is put.
    fn follow(&mut self, data: &MetricData, moved: &mut [Option<u32>]) {
        self.bounds.refresh(data);
        self.version = version(data);
        match data {
            MetricData::Gauge { points } | MetricData::Sum { points, .. } => {
                self.follow_points(points, moved)
            }
            MetricData::Histogram { points, .. } => self.follow_points(points, moved),
            MetricData::ExponentialHistogram { points, .. } => self.follow_points(points, moved),
        }
    }

    fn follow_points<C: Values>(&mut self, points: &Points<C>, moved: &mut [Option<u32>]) {
        let Self { series: known, first, .. } = self;
        let id = |at: usize| points.series()[points.row(at)].id;
        let same = known.iter().zip(0..points.len()).take_while(|(known, at)| **known == id(*at)).count();
        for (moved, point) in moved[..same].iter_mut().zip(*first..) {
            *moved = Some(point);
        }
        if known.len() > same {
            let later: HashMap<SeriesId, u32> =
                (same..points.len()).zip(*first + same as u32..).map(|(at, point)| (id(at), point)).collect();
            for (moved, known) in moved[same..].iter_mut().zip(&known[same..]) {
                *moved = later.get(known).copied();
            }
        }
        known.truncate(same);
        known.extend((same..points.len()).map(id));
    }
}

/// The version of the series that have points; nothing when only some of the list have.
fn version(data: &MetricData) -> Option<SeriesVersion> {
    fn of<C: Values>(points: &Points<C>) -> Option<SeriesVersion> {
        points.is_whole().then(|| points.version())
    }
    match data {
        MetricData::Gauge { points } | MetricData::Sum { points, .. } => of(points),
        MetricData::Histogram { points, .. } => of(points),
        MetricData::ExponentialHistogram { points, .. } => of(points),
    }
}

/// The attributes of the point at this place.
fn attributes(data: &MetricData, at: usize) -> &AttributeSet {
    match data {
        MetricData::Gauge { points } | MetricData::Sum { points, .. } => points.at(at).attributes,
        MetricData::Histogram { points, .. } => points.at(at).attributes,
        MetricData::ExponentialHistogram { points, .. } => points.at(at).attributes,
    }
}

fn scoped(collection: &Collection, (scope, metric): (usize, usize)) -> Scoped<'_> {
    let scope = &collection.scopes[scope];
    (&scope.scope, &scope.metrics[metric])
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
