//! Stop 7 in the life of an increment: finished numbers become text.
//!
//! One writer for the Prometheus text format (0.0.4, and 1.0.0 which only adds quoted names) and OpenMetrics 1.0. Before
//! it stand `data/mod.rs` (stop 6) and `family.rs`, which rendered names and labels; behind it `chunks.rs` and the wire
//! (stop 8). It writes as much of a family as there is room for into the buffer it is given and allocates nothing for a
//! series it has seen, exemplars aside.
//!
//! What differs in OpenMetrics:
//! - A counter's family is named without `_total`. A counter whose name has no `_total`, because the strategy adds no
//!   suffixes, or whose family name is taken by another family, is exposed as `unknown`: renaming its samples would give
//!   the series another name than in the other formats.
//! - `_created` says since when counters and histograms count, `# UNIT` what they count, where the name ends with it.
//! - Exemplars.
//! - No `_sum` where it could shrink: of histograms with negative bounds, and where it is negative or not a number. The
//!   standard then forbids `_count` as well; the bucket `+Inf` has the same number.
//!
//! Specifications: [text](https://prometheus.io/docs/instrumenting/exposition_formats/),
//! [OpenMetrics](https://prometheus.io/docs/specs/om/open_metrics_spec/).

use std::sync::Arc;

use throughline_core::Timestamp;
use throughline_metrics::data::{
    Collection, Exemplar, ExponentialValue, Histograms, MetricData, Numbers, Points, Values,
};

use crate::blocks::{Block, Blocks, Room};
use crate::chunks::Context;
use crate::escaping::metric_needs_quotes;
use crate::exemplar;
use crate::exponential::for_each_bound;
use crate::family::{FamilyType, Member};
use crate::labels::{LabelNamer, Labels, escape, to_text, write_name};
use crate::lines::{Lines, Place};
use crate::number::{write_bound, write_f64, write_i64, write_number, write_seconds, write_u64};

/// A family's metadata lines and the names of its samples, rendered.
#[derive(Clone, Debug)]
pub(crate) struct TextNames {
    head: Vec<u8>,
    sample: SampleName,
    bucket: SampleName,
    sum: SampleName,
    count: SampleName,
    created: Option<SampleName>,
    openmetrics: bool,
    /// Whether a series is kept with its name, not as labels alone.
    framed: bool,
}

impl TextNames {
    /// For the Prometheus text format.
    pub(crate) fn text(name: &str, help: &str, kind: FamilyType) -> Self {
        Self::new(name, kind, head(name, help, type_name(kind), None, false), None, false)
    }

    /// For OpenMetrics. `base` is the family's name, when there is one that the samples' name can be derived from.
    pub(crate) fn openmetrics(
        name: &str,
        base: Option<&str>,
        help: &str,
        kind: FamilyType,
        unit: Option<&str>,
    ) -> Self {
        let Some(base) = base else {
            return Self::new(name, kind, head(name, help, "unknown", None, true), None, true);
        };
        let created = (kind != FamilyType::Gauge).then_some(base);
        Self::new(name, kind, head(base, help, type_name(kind), unit, true), created, true)
    }

    fn new(name: &str, kind: FamilyType, head: Vec<u8>, created: Option<&str>, openmetrics: bool) -> Self {
        Self {
            head,
            sample: SampleName::new(name, ""),
            bucket: SampleName::new(name, "_bucket"),
            sum: SampleName::new(name, "_sum"),
            count: SampleName::new(name, "_count"),
            created: created.map(|base| SampleName::new(base, "_created")),
            openmetrics,
            framed: kind != FamilyType::Histogram,
        }
    }

    /// What is kept of a series with these labels: its line up to the value; of a histogram the labels alone, because
    /// it has lines of three names.
    pub(crate) fn line(&self, labels: &[u8]) -> Vec<u8> {
        if !self.framed {
            return labels.to_vec();
        }
        let mut line = Vec::new();
        self.sample.write(&mut line, labels);
        line
    }

    /// The labels in what [`line`](Self::line) made.
    pub(crate) fn labels<'a>(&self, line: &'a [u8]) -> &'a [u8] {
        let frame = self.sample.open.len()..line.len().saturating_sub(LABELS_END.len());
        if self.framed { line.get(frame).unwrap_or_default() } else { line }
    }
}

/// Between labels and value.
const LABELS_END: &[u8] = b"} ";

/// The start of a sample line: `name` and `name{`, or `{"na.me"` and `{"na.me",`.
#[derive(Clone, Debug)]
struct SampleName {
    bare: Vec<u8>,
    open: Vec<u8>,
    quoted: bool,
}

impl SampleName {
    fn new(name: &str, suffix: &str) -> Self {
        let name = format!("{name}{suffix}");
        let quoted = metric_needs_quotes(&name);
        let mut bare = if quoted { b"{".to_vec() } else { Vec::new() };
        write_name(&mut bare, &name, quoted);
        let mut open = bare.clone();
        open.push(if quoted { b',' } else { b'{' });
        Self { bare, open, quoted }
    }

    /// Writes name and labels, up to the space before the value.
    fn write(&self, out: &mut Vec<u8>, labels: &[u8]) {
        if labels.is_empty() {
            out.extend_from_slice(&self.bare);
            out.extend_from_slice(if self.quoted { b"} " } else { b" " });
        } else {
            out.extend_from_slice(&self.open);
            out.extend_from_slice(labels);
            out.extend_from_slice(b"} ");
        }
    }

    /// The same up to where one more label can be: `name{` or `name{labels,`.
    fn write_open(&self, out: &mut Vec<u8>, labels: &[u8]) {
        out.extend_from_slice(&self.open);
        if !labels.is_empty() {
            out.extend_from_slice(labels);
            out.push(b',');
        }
    }
}

/// The bounds of an explicit histogram, each with the text that comes behind the other labels, rendered once.
#[derive(Clone, Debug, Default)]
pub(crate) struct Bounds {
    of: Option<Arc<[f64]>>,
    /// The last one is infinite; those that are not shown have no text.
    rendered: Vec<(f64, Option<Block>)>,
}

impl Bounds {
    /// Whether these are the bounds of the data, where it has any.
    pub(crate) fn is_current(&self, data: &MetricData) -> bool {
        match data {
            MetricData::Histogram { points, .. } => {
                self.of.as_ref().is_some_and(|of| Arc::ptr_eq(of, points.values().bounds()))
            }
            _ => true,
        }
    }

    pub(crate) fn refresh(&mut self, data: &MetricData) {
        let MetricData::Histogram { points, .. } = data else { return };
        if !self.is_current(data) {
            let bounds = points.values().bounds();
            // A bound that is no number, or infinite as the last bucket is, would be a second `+Inf`.
            let render = |bound: &f64| (*bound, (*bound < f64::INFINITY).then(|| le(*bound)));
            self.rendered = bounds.iter().map(render).collect();
            self.rendered.push((f64::INFINITY, Some(le(f64::INFINITY))));
            self.of = Some(Arc::clone(bounds));
        }
    }
}

/// The label of a bound, the last one, up to the value. The longest float has 24 characters, so it fits.
fn le(bound: f64) -> Block {
    let mut text = b"le=\"".to_vec();
    write_bound(&mut text, bound);
    text.extend_from_slice(b"\"} ");
    Block::new(&text)
}

/// Appends what comes after `place` of a family, one series at least, until there are `length_max` bytes and some in
/// `out`; gives the place it came to. Nothing when the family has no series.
pub(crate) fn write_family(
    out: &mut Vec<u8>,
    context: Context<'_>,
    names: &TextNames,
    mut place: Place,
    length_max: usize,
) -> Place {
    let Context { family, namer, collection } = context;
    if place.line == 0 && !family.lines.is_empty() {
        out.extend_from_slice(&names.head);
    }
    let mut writer =
        Writer { out, names, namer, length_max, start: Blocks::default(), room: Room::default() };
    if let [member] = &*family.members {
        match member.data(collection) {
            MetricData::Gauge { points } | MetricData::Sum { points, .. } if writer.is_plain(points) => {
                return writer.numbers(&family.lines, points.values(), place);
            }
            _ => {}
        }
    }
    for (line, point) in family.lines.walk(place) {
        place = Lines::after(place, line);
        let (member, at) = family.member_of(point);
        writer.series(line, &family.members[member], collection, at, family.kind);
        if writer.is_full() {
            break;
        }
    }
    place
}

/// A bucket to be written.
struct Bucket {
    upper: f64,
    /// The label of its bound.
    le: Block,
    /// How many values there are up to its bound.
    total: u64,
}

/// Writes samples of one family.
struct Writer<'a> {
    out: &'a mut Vec<u8>,
    names: &'a TextNames,
    namer: LabelNamer,
    length_max: usize,
    /// Name and labels of the buckets of the histogram at hand.
    start: Blocks,
    /// The lines of its buckets.
    room: Room,
}

impl Writer<'_> {
    fn is_full(&self) -> bool {
        self.out.len() >= self.length_max
    }

    /// Whether a point is its line and its value, no more.
    fn is_plain(&self, points: &Points<Numbers>) -> bool {
        self.names.created.is_none() && !points.has_exemplars()
    }

    fn numbers(&mut self, lines: &Lines, values: &Numbers, place: Place) -> Place {
        match values {
            Numbers::U64(values) => self.plain(lines, values, place, write_u64),
            Numbers::I64(values) => self.plain(lines, values, place, write_i64),
            Numbers::F64(values) => self.plain(lines, values, place, write_f64),
        }
    }

    /// The whole of most expositions: lines copied, and numbers formatted.
    #[inline]
    fn plain<N: Copy>(
        &mut self,
        lines: &Lines,
        values: &[N],
        mut place: Place,
        write: impl Fn(&mut Vec<u8>, N),
    ) -> Place {
        for (line, point) in lines.walk(place) {
            place = Lines::after(place, line);
            self.out.extend_from_slice(line);
            write(self.out, values[point as usize]);
            self.out.push(b'\n');
            if self.is_full() {
                break;
            }
        }
        place
    }

    fn series(&mut self, line: &[u8], member: &Member, collection: &Collection, at: usize, kind: FamilyType) {
        match member.data(collection) {
            MetricData::Gauge { points } | MetricData::Sum { points, .. } => {
                self.number(line, points, at, kind);
            }
            MetricData::Histogram { points, .. } => self.histogram(line, points, at, &member.bounds),
            MetricData::ExponentialHistogram { points, .. } => self.exponential(line, points, at),
        }
    }

    fn number(&mut self, line: &[u8], points: &Points<Numbers>, at: usize, kind: FamilyType) {
        self.out.extend_from_slice(line);
        write_number(self.out, points.values().value(at));
        if kind == FamilyType::Counter && self.names.created.is_some() {
            self.exemplar(exemplar::latest(points.exemplars(at), |_| true));
        }
        self.out.push(b'\n');
        if self.names.created.is_some() {
            self.created(self.names.labels(line), points.start(at));
        }
    }

    fn histogram(&mut self, labels: &[u8], points: &Points<Histograms>, at: usize, bounds: &Bounds) {
        let value = points.values().value(at);
        let mut total = 0;
        let buckets = bounds.rendered.iter().zip(value.buckets).filter_map(|((upper, le), count)| {
            total += count;
            Some(Bucket { upper: *upper, le: (*le)?, total })
        });
        self.buckets(labels, value.buckets.len(), buckets, points.exemplars(at));
        let negative = bounds.rendered.first().is_some_and(|(bound, _)| *bound < 0.0);
        self.rest_of_histogram(labels, points.start(at), total, value.sum, negative);
    }

    fn exponential(&mut self, labels: &[u8], points: &Points<Vec<ExponentialValue>>, at: usize) {
        let value = points.values().value(at);
        let mut buckets = Vec::new();
        let mut push = |upper, total| buckets.push(Bucket { upper, le: le(upper), total });
        let total = for_each_bound(value, &mut push);
        push(f64::INFINITY, total);
        let negative = buckets[0].upper < 0.0;
        self.buckets(labels, buckets.len(), buckets.into_iter(), points.exemplars(at));
        self.rest_of_histogram(labels, points.start(at), total, value.sum, negative);
    }

    /// At most `count` buckets.
    #[inline]
    fn buckets(
        &mut self,
        labels: &[u8],
        count: usize,
        buckets: impl Iterator<Item = Bucket>,
        exemplars: &[Exemplar],
    ) {
        self.start.set(|start| self.names.bucket.write_open(start, labels));
        if !exemplars.is_empty() {
            return self.buckets_with_exemplars(buckets, exemplars);
        }
        let Self { out, start, room, .. } = self;
        room.begin(count, start);
        for Bucket { le, total, .. } in buckets {
            room.blocks(start);
            room.block(&le);
            room.number(total);
        }
        out.extend_from_slice(room.text());
    }

    fn buckets_with_exemplars(&mut self, buckets: impl Iterator<Item = Bucket>, exemplars: &[Exemplar]) {
        let mut below = f64::NEG_INFINITY;
        for Bucket { upper, le, total } in buckets {
            self.out.extend_from_slice(self.start.text());
            self.out.extend_from_slice(le.text());
            write_u64(self.out, total);
            self.exemplar(exemplar::latest(exemplars, |value| value > below && value <= upper));
            self.out.push(b'\n');
            below = upper;
        }
    }

    /// What follows the buckets.
    fn rest_of_histogram(&mut self, labels: &[u8], start: Timestamp, total: u64, sum: f64, negative: bool) {
        if !self.names.openmetrics || (!negative && sum >= 0.0) {
            self.names.sum.write(self.out, labels);
            write_f64(self.out, sum);
            self.out.push(b'\n');
            self.names.count.write(self.out, labels);
            write_u64(self.out, total);
            self.out.push(b'\n');
        }
        self.created(labels, start);
    }

    fn created(&mut self, labels: &[u8], start: Timestamp) {
        if let Some(name) = self.names.created.as_ref().filter(|_| start.as_nanos() > 0) {
            name.write(self.out, labels);
            write_seconds(self.out, start);
            self.out.push(b'\n');
        }
    }

    fn exemplar(&mut self, exemplar: Option<&Exemplar>) {
        let Some(exemplar) = exemplar.filter(|_| self.names.openmetrics) else {
            return;
        };
        self.out.extend_from_slice(b" # {");
        self.out.extend_from_slice(&to_text(&exemplar::labels(exemplar, self.namer)));
        self.out.extend_from_slice(b"} ");
        write_number(self.out, exemplar.value);
        if exemplar.time.as_nanos() > 0 {
            self.out.push(b' ');
            write_seconds(self.out, exemplar.time);
        }
    }
}

/// The family `target_info`, whole.
pub(crate) fn target_info(family: &str, sample: &str, kind: &str, labels: &Labels) -> Vec<u8> {
    let mut out = head(family, "Attributes of the resource.", kind, None, kind == "info");
    SampleName::new(sample, "").write(&mut out, &to_text(labels));
    out.extend_from_slice(b"1\n");
    out
}

fn head(name: &str, help: &str, kind: &str, unit: Option<&str>, openmetrics: bool) -> Vec<u8> {
    let mut out = Vec::new();
    let mut line = |keyword: &str, write: &dyn Fn(&mut Vec<u8>)| {
        out.extend_from_slice(keyword.as_bytes());
        write_name(&mut out, name, metric_needs_quotes(name));
        out.push(b' ');
        write(&mut out);
        out.push(b'\n');
    };
    if !help.is_empty() {
        line("# HELP ", &|out| escape(out, help, openmetrics));
    }
    line("# TYPE ", &|out| out.extend_from_slice(kind.as_bytes()));
    if let Some(unit) = unit {
        line("# UNIT ", &|out| out.extend_from_slice(unit.as_bytes()));
    }
    out
}

fn type_name(kind: FamilyType) -> &'static str {
    match kind {
        FamilyType::Counter => "counter",
        FamilyType::Gauge => "gauge",
        FamilyType::Histogram => "histogram",
    }
}
