//! Stop 7 in the life of an increment: finished numbers become text.
//!
//! One writer for the Prometheus text format (0.0.4, and 1.0.0 which only adds quoted names) and OpenMetrics 1.0. Before
//! it stand `data.rs` (stop 6) and `family.rs`, which rendered names and labels; behind it `exporter.rs` and the wire
//! (stop 8). It writes a family at a time into the buffer it is given and allocates nothing for a series it has seen,
//! exemplars aside.
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
use throughline_metrics::data::{Exemplar, ExponentialValue, HistogramValue, MetricData, Number, Point};

use crate::escaping::metric_needs_quotes;
use crate::exemplar;
use crate::exponential::for_each_bound;
use crate::family::{Family, FamilyType, Scoped, Series};
use crate::labels::{LabelNamer, Labels, escape, to_text, write_name};
use crate::number::{write_bound, write_f64, write_number, write_seconds, write_u64};

/// A family's metadata lines and the names of its samples, rendered.
#[derive(Debug)]
pub(crate) struct TextNames {
    head: Vec<u8>,
    sample: SampleName,
    bucket: SampleName,
    sum: SampleName,
    count: SampleName,
    created: Option<SampleName>,
    openmetrics: bool,
}

impl TextNames {
    /// For the Prometheus text format.
    pub(crate) fn text(name: &str, help: &str, kind: FamilyType) -> Self {
        Self::new(name, head(name, help, type_name(kind), None, false), None, false)
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
            return Self::new(name, head(name, help, "unknown", None, true), None, true);
        };
        let created = (kind != FamilyType::Gauge).then_some(base);
        Self::new(name, head(base, help, type_name(kind), unit, true), created, true)
    }

    fn new(name: &str, head: Vec<u8>, created: Option<&str>, openmetrics: bool) -> Self {
        Self {
            head,
            sample: SampleName::new(name, ""),
            bucket: SampleName::new(name, "_bucket"),
            sum: SampleName::new(name, "_sum"),
            count: SampleName::new(name, "_count"),
            created: created.map(|base| SampleName::new(base, "_created")),
            openmetrics,
        }
    }
}

/// The start of a sample line: `name` and `name{`, or `{"na.me"` and `{"na.me",`.
#[derive(Debug)]
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

    /// The same with one label more, `le`, whose value follows, and then [`BOUND_END`].
    fn write_to_bound(&self, out: &mut Vec<u8>, labels: &[u8]) {
        out.extend_from_slice(&self.open);
        if !labels.is_empty() {
            out.extend_from_slice(labels);
            out.push(b',');
        }
        out.extend_from_slice(b"le=\"");
    }
}

const BOUND_END: &[u8] = b"\"} ";

/// The bounds of an explicit histogram as text, rendered once.
#[derive(Debug, Default)]
pub(crate) struct Bounds {
    of: Option<Arc<[f64]>>,
    rendered: Vec<Box<[u8]>>,
}

impl Bounds {
    pub(crate) fn refresh(&mut self, bounds: &Arc<[f64]>) {
        if self.of.as_ref().is_some_and(|of| Arc::ptr_eq(of, bounds)) {
            return;
        }
        let render = |bound: &f64| {
            let mut text = Vec::new();
            write_bound(&mut text, *bound);
            text.into_boxed_slice()
        };
        self.rendered = bounds.iter().map(render).collect();
        self.of = Some(Arc::clone(bounds));
    }
}

/// Appends a family; nothing when it has no series.
pub(crate) fn write_family(
    out: &mut Vec<u8>,
    family: &Family,
    names: &TextNames,
    namer: LabelNamer,
    metrics: &[Scoped<'_>],
) {
    if family.order.is_empty() {
        return;
    }
    out.extend_from_slice(&names.head);
    let mut writer = Writer { out, names, namer };
    for (member, place) in &family.order {
        let member = &family.members[*member as usize];
        let place = *place as usize;
        let Series { labels, .. } = &member.series[place];
        match &metrics[member.at].1.data {
            MetricData::Gauge { points } | MetricData::Sum { points, .. } => {
                writer.number(labels, &points[place], family.kind);
            }
            MetricData::Histogram { points, bounds, .. } => {
                writer.histogram(labels, &points[place], bounds, &member.bounds);
            }
            MetricData::ExponentialHistogram { points, .. } => writer.exponential(labels, &points[place]),
        }
    }
}

/// Writes samples of one family.
struct Writer<'a> {
    out: &'a mut Vec<u8>,
    names: &'a TextNames,
    namer: LabelNamer,
}

impl Writer<'_> {
    fn number(&mut self, labels: &[u8], point: &Point<Number>, kind: FamilyType) {
        self.names.sample.write(self.out, labels);
        write_number(self.out, point.value);
        if kind == FamilyType::Counter && self.names.created.is_some() {
            self.exemplar(exemplar::latest(&point.exemplars, |_| true));
        }
        self.out.push(b'\n');
        self.created(labels, point.start);
    }

    fn histogram(&mut self, labels: &[u8], point: &Point<HistogramValue>, bounds: &[f64], rendered: &Bounds) {
        let HistogramValue { count, sum, buckets, .. } = &point.value;
        let mut total = 0;
        let mut below = f64::NEG_INFINITY;
        for ((bound, text), bucket) in bounds.iter().zip(&rendered.rendered).zip(buckets) {
            total += bucket;
            // A bound that is no number, or infinite as the last bucket is, would be a second `+Inf`.
            if *bound < f64::INFINITY {
                self.bucket(labels, text, total, &point.exemplars, (below, *bound));
                below = *bound;
            }
        }
        total += buckets.iter().skip(bounds.len()).sum::<u64>();
        let total = if buckets.is_empty() { *count } else { total };
        let negative = bounds.first().is_some_and(|bound| *bound < 0.0);
        self.rest_of_histogram(labels, point, (total, *sum), (below, negative));
    }

    fn exponential(&mut self, labels: &[u8], point: &Point<ExponentialValue>) {
        let (mut below, mut negative) = (f64::NEG_INFINITY, false);
        let mut text = Vec::new();
        let total = for_each_bound(&point.value, |bound, total| {
            text.clear();
            write_bound(&mut text, bound);
            self.bucket(labels, &text, total, &point.exemplars, (below, bound));
            negative |= bound < 0.0;
            below = bound;
        });
        self.rest_of_histogram(labels, point, (total, point.value.sum), (below, negative));
    }

    /// The `+Inf` bucket and what follows the buckets.
    fn rest_of_histogram<V>(
        &mut self,
        labels: &[u8],
        point: &Point<V>,
        (total, sum): (u64, f64),
        (below, negative): (f64, bool),
    ) {
        self.bucket(labels, b"+Inf", total, &point.exemplars, (below, f64::INFINITY));
        if !self.names.openmetrics || (!negative && sum >= 0.0) {
            self.names.sum.write(self.out, labels);
            write_f64(self.out, sum);
            self.out.push(b'\n');
            self.names.count.write(self.out, labels);
            write_u64(self.out, total);
            self.out.push(b'\n');
        }
        self.created(labels, point.start);
    }

    fn bucket(
        &mut self,
        labels: &[u8],
        bound: &[u8],
        total: u64,
        exemplars: &[Exemplar],
        (below, to): (f64, f64),
    ) {
        self.names.bucket.write_to_bound(self.out, labels);
        self.out.extend_from_slice(bound);
        self.out.extend_from_slice(BOUND_END);
        write_u64(self.out, total);
        self.exemplar(exemplar::latest(exemplars, |value| value > below && value <= to));
        self.out.push(b'\n');
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
