//! A metric family: under which name, with which series in which order.
//!
//! Part of stop 7. Made by `view.rs`, which has [`Family::follow`] called when series come or go; that works out only what
//! is new. `text.rs` or `protobuf.rs` copies what was rendered.
//!
//! Order is stable: series are sorted by their rendered labels. Of those with the same labels the one of the member created
//! first stays.

use std::collections::HashMap;
use std::sync::Arc;

use throughline_core::protobuf::Writer;
use throughline_core::{AttributeSet, InstrumentationScope};
use throughline_metrics::data::{
    Collection, Metric, MetricData, Points, SeriesId, SeriesVersion, StreamId, Values,
};

use crate::labels::{self, LabelNamer, Labels};
use crate::lines::{Lines, Place};
use crate::problem::{Problem, ProblemKind, Problems};
use crate::protobuf;
use crate::text::{Bounds, TextNames};
use crate::view::strategy;

/// A metric with the scope that created it.
pub(crate) type Scoped<'a> = (&'a InstrumentationScope, &'a Metric);

/// What the bytes of a view are made for. Both versions of the text format look the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    Text,
    OpenMetrics,
    Protobuf,
}

/// A metric family.
#[derive(Clone, Debug)]
pub(crate) struct Family {
    /// The name of its samples; a counter's ends with `_total` where suffixes are added.
    pub(crate) name: String,
    pub(crate) kind: FamilyType,
    pub(crate) help: Arc<str>,
    /// The unit as a word, or empty.
    pub(crate) unit: String,
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

impl Family {
    /// A family of one stream, with nothing rendered yet.
    pub(crate) fn new(name: String, kind: FamilyType, help: &Arc<str>, unit: String, member: Member) -> Self {
        let (help, names) = (Arc::clone(help), Names::Protobuf(Vec::new()));
        Self { name, kind, help, unit, names, members: vec![member], lines: Lines::default() }
    }

    /// Takes over what is known of the series of streams that are in the family still.
    pub(crate) fn inherit(&mut self, known: Self) {
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
    pub(crate) fn follow(
        &mut self,
        shape: Shape,
        namer: LabelNamer,
        collection: &Collection,
        problems: &mut Problems,
    ) {
        let mut moved = vec![None; self.points()];
        let mut first = 0;
        for member in &mut self.members {
            let before = member.first as usize..member.first as usize + member.series.len();
            member.first = first;
            member.follow(&scoped(collection, member.at).1.data, &mut moved[before]);
            first += member.series.len() as u32;
        }
        let mut shown = vec![false; first as usize];
        for (_, point) in self.lines.walk(Place::default()) {
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
            let metric = scoped(collection, member.at).1;
            let (data, strategy) = (&metric.data, strategy(namer.strategy, metric));
            let namer = LabelNamer { strategy, ..namer };
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

    pub(crate) fn render_names(&self, shape: Shape, taken: &HashMap<String, String>) -> Names {
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
    /// A stream of which no series is known yet. `at` is its place in the collection.
    pub(crate) fn new(at: (usize, usize), (scope, metric): Scoped<'_>, scope_labels: Labels) -> Self {
        Self {
            at,
            stream: metric.id,
            instrument: Arc::clone(&metric.name),
            scope: scope.name().to_owned(),
            scope_labels,
            first: 0,
            series: Vec::new(),
            version: None,
            bounds: Bounds::default(),
        }
    }

    /// Its points in this collection.
    pub(crate) fn data<'a>(&self, collection: &'a Collection) -> &'a MetricData {
        &scoped(collection, self.at).1.data
    }

    /// Whether its points are of the series that it knows.
    pub(crate) fn is_current(&self, collection: &Collection) -> bool {
        let current = version(self.data(collection));
        current.is_some() && current == self.version && self.bounds.is_current(self.data(collection))
    }

    /// Learns the series of its points. `moved` has a place for each one it knew, where its new number is put.
    fn follow(&mut self, data: &MetricData, moved: &mut [Option<u32>]) {
        self.bounds.refresh(data);
        self.version = version(data);
        match data {
            MetricData::Gauge { points } | MetricData::Sum { points, .. } => {
                self.follow_points(points, moved);
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

pub(crate) fn scoped(collection: &Collection, (scope, metric): (usize, usize)) -> Scoped<'_> {
    let scope = &collection.scopes[scope];
    (&scope.scope, &scope.metrics[metric])
}
