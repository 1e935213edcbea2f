//! Stop 7 in the life of an increment: finished numbers become `io.prometheus.client.MetricFamily` messages.
//!
//! Each family is a message with its length in front; of one that is written in parts, the parts to come are written once
//! for their length alone. It is the only format that carries native histograms, which is
//! what exponential ones become; so a Prometheus with `scrape_native_histograms` asks for it first. Names are those of
//! the text format: a counter's ends with `_total`. Before it stands `family.rs`, behind it `chunks.rs`.
//!
//! An exponential histogram of a scale above 8 is merged down to 8; one below −4, which native histograms cannot have,
//! is written with bounds, as in text. Values up to 1e-128 count as zero, as in Prometheus' OTLP receiver.
//!
//! Specification: [metrics.proto](https://github.com/prometheus/client_model/blob/master/io/prometheus/client/metrics.proto).

use throughline_core::Timestamp;
use throughline_core::protobuf::Writer;
use throughline_metrics::data::{
    Exemplar, ExponentialValue, Histograms, MetricData, Numbers, Points, Values,
};

use crate::chunks::Context;
use crate::exemplar;
use crate::exponential::{NATIVE_SCALE_MAX, NATIVE_SCALE_MIN, Run, for_each_bound};
use crate::family::FamilyType;
use crate::labels::{LabelNamer, Labels, to_protobuf};
use crate::lines::{Lines, Place};

/// The field of `Metric` that labels stand in.
pub(crate) const METRIC_LABEL: u32 = 1;

/// The width of the zero bucket that Prometheus gives histograms which come over OTLP.
const ZERO_THRESHOLD: f64 = 1e-128;

/// The most empty buckets inside a span: two numbers of one byte are what a new span costs.
const GAP_MAX: usize = 2;

const GAUGE: u32 = 2;
const COUNTER: u32 = 3;
const HISTOGRAM: u32 = 7;

/// The fields of a family before its metrics.
pub(crate) fn metadata(name: &str, help: &str, kind: FamilyType, unit: Option<&str>) -> Vec<u8> {
    let mut writer = Writer::default();
    writer.string(1, name);
    if !help.is_empty() {
        writer.string(2, help);
    }
    writer.uint(3, type_number(kind));
    if let Some(unit) = unit {
        writer.string(5, unit);
    }
    writer.take()
}

/// The family `target_info`, whole.
pub(crate) fn target_info(name: &str, labels: &Labels) -> Vec<u8> {
    let mut writer = Writer::default();
    writer.delimited(|family| {
        family.raw(&metadata(name, "Attributes of the resource.", FamilyType::Gauge, None));
        family.message(4, |metric| {
            to_protobuf(metric, METRIC_LABEL, labels);
            metric.message(GAUGE, |gauge| gauge.double(1, 1.0));
        });
    });
    writer.take()
}

/// Appends what comes after `place` of a family, one series at least, until there are `length_max` bytes and some in
/// `out`; gives the place it came to. Nothing when the family has no series.
pub(crate) fn write_family(
    out: &mut Vec<u8>,
    context: Context<'_>,
    metadata: &[u8],
    place: Place,
    length_max: usize,
) -> Place {
    if context.family.lines.is_empty() {
        return place;
    }
    let room = length_max.saturating_sub(out.len());
    let mut message = Writer::default();
    if place.line > 0 {
        let reached = context.write(&mut message, place, room);
        out.extend_from_slice(message.as_bytes());
        return reached;
    }
    message.raw(metadata);
    let reached = context.write(&mut message, place, room);
    let mut length = Writer::default();
    length.varint((message.as_bytes().len() + context.measure(reached)) as u64);
    out.extend_from_slice(length.as_bytes());
    out.extend_from_slice(message.as_bytes());
    reached
}

impl Context<'_> {
    /// Appends series from `place` on, until there are `length_max` bytes and some.
    fn write(self, message: &mut Writer, mut place: Place, length_max: usize) -> Place {
        for (line, point) in self.family.lines.walk(place) {
            place = Lines::after(place, line);
            self.series(message, line, point);
            if message.as_bytes().len() >= length_max {
                break;
            }
        }
        place
    }

    /// How long the series from `place` on are.
    fn measure(self, place: Place) -> usize {
        let mut scratch = Writer::default();
        let mut length = 0;
        for (line, point) in self.family.lines.walk(place) {
            scratch.clear();
            self.series(&mut scratch, line, point);
            length += scratch.as_bytes().len();
        }
        length
    }

    fn series(self, message: &mut Writer, labels: &[u8], point: u32) {
        let Self { family, namer, collection } = self;
        let (member, at) = family.member_of(point);
        message.message(4, |metric| {
            metric.raw(labels);
            match family.members[member].data(collection) {
                MetricData::Gauge { points } | MetricData::Sum { points, .. } => {
                    write_number(metric, points, at, family.kind, namer);
                }
                MetricData::Histogram { points, .. } => {
                    metric.message(HISTOGRAM, |out| write_histogram(out, points, at, namer));
                }
                MetricData::ExponentialHistogram { points, .. } => {
                    metric.message(HISTOGRAM, |out| write_exponential(out, points, at, namer));
                }
            }
        });
    }
}

fn write_number(
    metric: &mut Writer,
    points: &Points<Numbers>,
    at: usize,
    kind: FamilyType,
    namer: LabelNamer,
) {
    let value = points.values().value(at).as_f64();
    if kind == FamilyType::Gauge {
        metric.message(GAUGE, |gauge| gauge.double(1, value));
        return;
    }
    metric.message(COUNTER, |counter| {
        counter.double(1, value);
        if let Some(exemplar) = exemplar::latest(points.exemplars(at), |_| true) {
            write_exemplar(counter, 2, exemplar, namer);
        }
        write_time(counter, 3, points.start(at));
    });
}

fn write_histogram(out: &mut Writer, points: &Points<Histograms>, at: usize, namer: LabelNamer) {
    let value = points.values().value(at);
    let bounds = points.values().bounds();
    let mut classic = Classic::new(points.exemplars(at), namer);
    for (bound, bucket) in bounds.iter().zip(value.buckets) {
        classic.total += bucket;
        if *bound < f64::INFINITY {
            classic.bucket(out, *bound);
        }
    }
    classic.total += value.buckets.iter().skip(bounds.len()).sum::<u64>();
    classic.finish(out, value.sum, points.start(at));
}

fn write_exponential(out: &mut Writer, points: &Points<Vec<ExponentialValue>>, at: usize, namer: LabelNamer) {
    let value = points.values().value(at);
    let (exemplars, start) = (points.exemplars(at), points.start(at));
    let ExponentialValue { sum, scale, zero_count, positive, negative, .. } = value;
    if *scale < NATIVE_SCALE_MIN {
        let mut classic = Classic::new(exemplars, namer);
        let total = for_each_bound(value, |bound, total| {
            classic.total = total;
            classic.bucket(out, bound);
        });
        classic.total = total;
        classic.finish(out, *sum, start);
        return;
    }
    let by = scale.saturating_sub(NATIVE_SCALE_MAX).max(0).unsigned_abs();
    let (negative, positive) = (Run::new(negative, by), Run::new(positive, by));
    let count = |run: &Run<'_>| run.counts.iter().sum::<u64>();
    out.uint(1, zero_count + count(&negative) + count(&positive));
    out.double(2, *sum);
    out.sint(5, i64::from((*scale).min(NATIVE_SCALE_MAX)));
    out.double(6, ZERO_THRESHOLD);
    out.uint(7, *zero_count);
    write_run(out, &negative, 9, 10);
    write_run(out, &positive, 12, 13);
    write_time(out, 15, start);
    for exemplar in exemplars.iter().filter(|exemplar| exemplar.time.as_nanos() > 0) {
        write_exemplar(out, 16, exemplar, namer);
    }
}

/// Spans, and the difference of each bucket to the one before. Long gaps cut a span in two.
///
/// The bucket that OpenTelemetry counts as `i` ends at `base^(i+1)`; Prometheus names buckets by where they end.
fn write_run(out: &mut Writer, run: &Run<'_>, spans: u32, deltas: u32) {
    let Run { first, counts } = run;
    let mut previous_end = None;
    let mut start = 0;
    while start < counts.len() {
        let end = span_end(counts, start);
        let offset = previous_end.map_or(*first + 1, |previous: usize| (start - previous) as i64);
        out.message(spans, |span| {
            span.sint(1, offset);
            span.uint(2, (end - start) as u64);
        });
        previous_end = Some(end);
        start = end + counts[end..].iter().take_while(|count| **count == 0).count();
    }
    if counts.is_empty() {
        return;
    }
    out.message(deltas, |packed| {
        let (mut previous, mut start) = (0, 0);
        while start < counts.len() {
            let end = span_end(counts, start);
            for count in &counts[start..end] {
                packed.zigzag((*count as i64).wrapping_sub(previous));
                previous = *count as i64;
            }
            start = end + counts[end..].iter().take_while(|count| **count == 0).count();
        }
    });
}

/// Where the span that starts at `start` ends: behind it stand more empty buckets than a span may hold, or nothing.
fn span_end(counts: &[u64], start: usize) -> usize {
    let mut end = start;
    let mut empty = 0;
    for (place, count) in counts.iter().enumerate().skip(start) {
        empty = if *count == 0 { empty + 1 } else { 0 };
        if empty > GAP_MAX {
            break;
        }
        if *count > 0 {
            end = place + 1;
        }
    }
    end
}

/// A histogram with bounds, written bucket by bucket.
struct Classic<'a> {
    exemplars: &'a [Exemplar],
    namer: LabelNamer,
    total: u64,
    below: f64,
}

impl<'a> Classic<'a> {
    fn new(exemplars: &'a [Exemplar], namer: LabelNamer) -> Self {
        Self { exemplars, namer, total: 0, below: f64::NEG_INFINITY }
    }

    fn bucket(&mut self, out: &mut Writer, bound: f64) {
        let below = std::mem::replace(&mut self.below, bound);
        out.message(3, |bucket| {
            bucket.uint(1, self.total);
            bucket.double(2, bound);
            if let Some(exemplar) = exemplar::latest(self.exemplars, |value| value > below && value <= bound)
            {
                write_exemplar(bucket, 3, exemplar, self.namer);
            }
        });
    }

    fn finish(mut self, out: &mut Writer, sum: f64, start: Timestamp) {
        self.bucket(out, f64::INFINITY);
        out.uint(1, self.total);
        out.double(2, sum);
        write_time(out, 15, start);
    }
}

fn write_exemplar(out: &mut Writer, field: u32, exemplar: &Exemplar, namer: LabelNamer) {
    out.message(field, |message| {
        to_protobuf(message, 1, &exemplar::labels(exemplar, namer));
        message.double(2, exemplar.value.as_f64());
        write_time(message, 3, exemplar.time);
    });
}

/// A `google.protobuf.Timestamp`, unless the time is not known.
fn write_time(out: &mut Writer, field: u32, time: Timestamp) {
    const NANOS: u64 = 1_000_000_000;
    if time.as_nanos() > 0 {
        out.message(field, |message| {
            message.uint(1, time.as_nanos() / NANOS);
            message.uint(2, time.as_nanos() % NANOS);
        });
    }
}

fn type_number(kind: FamilyType) -> u64 {
    match kind {
        FamilyType::Counter => 0,
        FamilyType::Gauge => 1,
        FamilyType::Histogram => 4,
    }
}
