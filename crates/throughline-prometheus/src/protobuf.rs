//! Stop 7 in the life of an increment: finished numbers become `io.prometheus.client.MetricFamily` messages.
//!
//! Each family is a message with its length in front. It is the only format that carries native histograms, which is
//! what exponential ones become; so a Prometheus with `scrape_native_histograms` asks for it first. Names are those of
//! the text format: a counter's ends with `_total`. Before it stands `family.rs`, behind it `exporter.rs`.
//!
//! An exponential histogram of a scale above 8 is merged down to 8; one below −4, which native histograms cannot have,
//! is written with bounds, as in text. Values up to 1e-128 count as zero, as in Prometheus' OTLP receiver.
//!
//! Specification: [metrics.proto](https://github.com/prometheus/client_model/blob/master/io/prometheus/client/metrics.proto).

use throughline_core::Timestamp;
use throughline_core::protobuf::Writer;
use throughline_metrics::data::{Exemplar, ExponentialValue, HistogramValue, MetricData, Number, Point};

use crate::exemplar;
use crate::exponential::{NATIVE_SCALE_MAX, NATIVE_SCALE_MIN, Run, for_each_bound};
use crate::family::{Family, FamilyType, Scoped, Series};
use crate::labels::{LabelNamer, Labels, to_protobuf};

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

/// Appends a family; nothing when it has no series.
pub(crate) fn write_family(
    writer: &mut Writer,
    family: &Family,
    metadata: &[u8],
    namer: LabelNamer,
    metrics: &[Scoped<'_>],
) {
    if family.order.is_empty() {
        return;
    }
    writer.delimited(|message| {
        message.raw(metadata);
        for (member, place) in &family.order {
            let member = &family.members[*member as usize];
            let place = *place as usize;
            let Series { labels, .. } = &member.series[place];
            message.message(4, |metric| {
                metric.raw(labels);
                match &metrics[member.at].1.data {
                    MetricData::Gauge { points } | MetricData::Sum { points, .. } => {
                        write_number(metric, &points[place], family.kind, namer);
                    }
                    MetricData::Histogram { points, bounds, .. } => {
                        metric.message(HISTOGRAM, |out| {
                            write_histogram(out, &points[place], bounds, namer);
                        });
                    }
                    MetricData::ExponentialHistogram { points, .. } => {
                        metric.message(HISTOGRAM, |out| write_exponential(out, &points[place], namer));
                    }
                }
            });
        }
    });
}

fn write_number(metric: &mut Writer, point: &Point<Number>, kind: FamilyType, namer: LabelNamer) {
    if kind == FamilyType::Gauge {
        metric.message(GAUGE, |gauge| gauge.double(1, point.value.as_f64()));
        return;
    }
    metric.message(COUNTER, |counter| {
        counter.double(1, point.value.as_f64());
        if let Some(exemplar) = exemplar::latest(&point.exemplars, |_| true) {
            write_exemplar(counter, 2, exemplar, namer);
        }
        write_time(counter, 3, point.start);
    });
}

fn write_histogram(out: &mut Writer, point: &Point<HistogramValue>, bounds: &[f64], namer: LabelNamer) {
    let HistogramValue { count, sum, buckets, .. } = &point.value;
    let mut classic = Classic::new(&point.exemplars, namer);
    for (bound, bucket) in bounds.iter().zip(buckets) {
        classic.total += bucket;
        if *bound < f64::INFINITY {
            classic.bucket(out, *bound);
        }
    }
    classic.total += buckets.iter().skip(bounds.len()).sum::<u64>();
    if buckets.is_empty() {
        classic.total = *count;
    }
    classic.finish(out, *sum, point.start);
}

fn write_exponential(out: &mut Writer, point: &Point<ExponentialValue>, namer: LabelNamer) {
    let ExponentialValue { sum, scale, zero_count, positive, negative, .. } = &point.value;
    if *scale < NATIVE_SCALE_MIN {
        let mut classic = Classic::new(&point.exemplars, namer);
        let total = for_each_bound(&point.value, |bound, total| {
            classic.total = total;
            classic.bucket(out, bound);
        });
        classic.total = total;
        classic.finish(out, *sum, point.start);
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
    write_time(out, 15, point.start);
    for exemplar in point.exemplars.iter().filter(|exemplar| exemplar.time.as_nanos() > 0) {
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
