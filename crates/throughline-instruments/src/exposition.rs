//! Reads the text that Prometheus libraries write for a scrape: the one form that all registries have.
//!
//! Both versions of the format are read, that of Prometheus and OpenMetrics. Names stay as they are. Exemplars and times are
//! not taken over. A line that is no sample is passed over, such as the rest of a help text that has line breaks in it.
//!
//! A *summary* becomes a gauge with the label `quantile`, and two sums, `…_sum` and `…_count`: so its series are in Prometheus
//! what they were, by any way, and no exporter needs to know of a kind that the engine never makes. The two are not said
//! to be monotonic, since a receiver of OTLP would then add `_total` to their names.

use std::collections::HashMap;

use throughline_core::unit::normalize;
use throughline_core::{AttributeSet, KeyValue};
use throughline_metrics::producer::{ProducedData, ProducedHistogram, ProducedMetric};

/// The metrics of an exposition.
pub(crate) fn read(text: &str) -> Vec<ProducedMetric> {
    let mut families: Vec<Family> = Vec::new();
    for line in text.lines() {
        if let Some(comment) = line.strip_prefix("# ") {
            describe(&mut families, comment);
        } else if let Some(sample) = Sample::parse(line) {
            let family = match families.last_mut() {
                Some(family) if family.part(sample.name).is_some() => family,
                _ => family(&mut families, sample.name),
            };
            family.take(sample);
        }
    }
    families.into_iter().flat_map(Family::metrics).collect()
}

/// Takes in `HELP`, `TYPE` or `UNIT`.
fn describe(families: &mut Vec<Family>, comment: &str) {
    let mut words = comment.splitn(3, ' ');
    let (Some(keyword), Some(name), Some(text)) = (words.next(), words.next(), words.next()) else { return };
    match keyword {
        "HELP" => family(families, name).help = unescaped(text),
        "TYPE" => family(families, name).kind = Kind::of(text),
        "UNIT" => family(families, name).unit = normalize(text).into_owned(),
        _ => {}
    }
}

/// The family of this name: the last one, or a new one.
fn family<'a>(families: &'a mut Vec<Family>, name: &str) -> &'a mut Family {
    if families.last().is_none_or(|family| family.name != name) {
        families.push(Family { name: name.to_owned(), ..Family::default() });
    }
    let last = families.len() - 1;
    &mut families[last]
}

/// What a family is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Kind {
    Counter,
    Histogram,
    Summary,
    /// A gauge, or something that is shown as one.
    #[default]
    Other,
}

impl Kind {
    fn of(text: &str) -> Self {
        match text {
            "counter" => Self::Counter,
            "histogram" => Self::Histogram,
            "summary" => Self::Summary,
            _ => Self::Other,
        }
    }
}

/// A metric family while it is read.
#[derive(Debug, Default)]
struct Family {
    name: String,
    help: String,
    unit: String,
    kind: Kind,
    /// Samples by their names.
    columns: Vec<Column>,
    histograms: Vec<(AttributeSet, Drafted)>,
    /// Where the histogram of a series is.
    places: HashMap<AttributeSet, usize>,
}

/// The samples of one name.
#[derive(Debug)]
struct Column {
    name: String,
    part: Part,
    points: Vec<(AttributeSet, f64)>,
}

/// What a sample is to its family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Counter,
    Gauge,
    /// A sum or count of a summary.
    Sum,
    Bucket,
    HistogramSum,
    HistogramCount,
    /// When a series began, which is of no use without it.
    Created,
}

impl Family {
    /// What a sample of this name is; nothing when it is of another family.
    fn part(&self, name: &str) -> Option<Part> {
        let part = match (self.kind, name.strip_prefix(&*self.name)?) {
            (Kind::Counter, "" | "_total") => Part::Counter,
            (Kind::Histogram, "_bucket") => Part::Bucket,
            (Kind::Histogram, "_sum") => Part::HistogramSum,
            (Kind::Histogram, "_count") => Part::HistogramCount,
            (Kind::Summary, "_sum" | "_count") => Part::Sum,
            (Kind::Counter | Kind::Histogram | Kind::Summary, "_created") => Part::Created,
            (Kind::Summary | Kind::Other, "") | (Kind::Other, "_info") => Part::Gauge,
            _ => return None,
        };
        Some(part)
    }

    fn take(&mut self, sample: Sample<'_>) {
        let Sample { name, mut labels, value } = sample;
        let Some(part) = self.part(name) else { return };
        match part {
            Part::Counter | Part::Gauge | Part::Sum => {
                self.column(name, part).points.push((AttributeSet::new(&labels[..]), value));
            }
            Part::Bucket => {
                let le = labels.iter().position(|label| label.key.as_str() == "le");
                let bound = le.and_then(|at| labels.swap_remove(at).value.as_str().parse().ok());
                if let Some(bound) = bound {
                    self.histogram(&labels).buckets.push((bound, value as u64));
                }
            }
            Part::HistogramSum => self.histogram(&labels).sum = value,
            Part::HistogramCount => self.histogram(&labels).count = value as u64,
            Part::Created => {}
        }
    }

    fn column(&mut self, name: &str, part: Part) -> &mut Column {
        let known = self.columns.iter().position(|column| column.name == name);
        let at = known.unwrap_or_else(|| {
            self.columns.push(Column { name: name.to_owned(), part, points: Vec::new() });
            self.columns.len() - 1
        });
        &mut self.columns[at]
    }

    fn histogram(&mut self, labels: &[KeyValue]) -> &mut Drafted {
        let attributes = AttributeSet::new(labels);
        let at = *self.places.entry(attributes.clone()).or_insert_with(|| {
            self.histograms.push((attributes, Drafted::default()));
            self.histograms.len() - 1
        });
        &mut self.histograms[at].1
    }

    /// What was read, a metric for each name of samples, and for each set of bounds.
    fn metrics(self) -> impl Iterator<Item = ProducedMetric> {
        let Self { name, help, unit, columns, histograms, .. } = self;
        let columns = columns.into_iter().map(|Column { name, part, points }| match part {
            Part::Counter => (name, ProducedData::Sum { monotonic: true, points }),
            Part::Sum => (name, ProducedData::Sum { monotonic: false, points }),
            _ => (name, ProducedData::Gauge(points)),
        });
        let histograms = by_bounds(histograms).into_iter();
        let histograms = histograms
            .map(move |(bounds, points)| (name.clone(), ProducedData::Histogram { bounds, points }));
        columns.chain(histograms).map(move |(name, data)| {
            let mut metric = ProducedMetric::new(name, data);
            metric.description.clone_from(&help);
            metric.unit.clone_from(&unit);
            metric
        })
    }
}

/// A histogram while it is read.
#[derive(Debug, Default)]
struct Drafted {
    /// Bounds, each with the count up to it.
    buckets: Vec<(f64, u64)>,
    sum: f64,
    count: u64,
}

impl Drafted {
    /// The finite bounds, and how many are in each bucket.
    fn finish(self) -> (Vec<f64>, ProducedHistogram) {
        let Self { buckets, sum, count } = self;
        let (finite, infinite): (Vec<_>, Vec<_>) =
            buckets.into_iter().partition(|(bound, _)| bound.is_finite());
        let count = infinite.last().map_or(count, |(_, count)| *count);
        let mut below = 0;
        let upto = finite.iter().map(|(_, upto)| *upto).chain([count]);
        let each = upto.map(|upto| {
            let own = upto.saturating_sub(below);
            below = below.max(upto);
            own
        });
        let buckets = each.collect();
        (finite.iter().map(|(bound, _)| *bound).collect(), ProducedHistogram { sum, buckets })
    }
}

type WithBounds = (Vec<f64>, Vec<(AttributeSet, ProducedHistogram)>);

/// The histograms of a family, those together that have the same bounds.
fn by_bounds(histograms: Vec<(AttributeSet, Drafted)>) -> Vec<WithBounds> {
    let mut all: Vec<WithBounds> = Vec::new();
    for (attributes, histogram) in histograms {
        let (bounds, histogram) = histogram.finish();
        match all.iter_mut().rev().find(|(known, _)| *known == bounds) {
            Some((_, points)) => points.push((attributes, histogram)),
            None => all.push((bounds, vec![(attributes, histogram)])),
        }
    }
    all
}

/// One line with a value.
#[derive(Debug)]
struct Sample<'a> {
    name: &'a str,
    labels: Vec<KeyValue>,
    value: f64,
}

impl<'a> Sample<'a> {
    fn parse(line: &'a str) -> Option<Self> {
        let (name, rest) = line.split_at(line.find(['{', ' '])?);
        let (labels, rest) = match rest.strip_prefix('{') {
            Some(rest) => labels(rest)?,
            None => (Vec::new(), rest),
        };
        let value = rest.split_whitespace().next()?.parse().ok()?;
        Some(Self { name, labels, value })
    }
}

/// Labels up to the closing brace, and what comes behind it.
fn labels(mut rest: &str) -> Option<(Vec<KeyValue>, &str)> {
    let mut labels = Vec::new();
    loop {
        rest = rest.trim_start_matches([',', ' ']);
        if let Some(after) = rest.strip_prefix('}') {
            return Some((labels, after));
        }
        let (name, after) = rest.split_once("=\"")?;
        let (value, after) = quoted(after)?;
        labels.push(KeyValue::new(name.to_owned(), unescaped(value)));
        rest = after;
    }
}

/// A text up to its closing quote, and what comes behind it.
fn quoted(text: &str) -> Option<(&str, &str)> {
    let mut escaped = false;
    let end = text.find(|c| {
        let ends = c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        ends
    })?;
    Some((text.get(..end)?, text.get(end + 1..)?))
}

fn unescaped(text: &str) -> String {
    let mut chars = text.chars();
    let mut plain = String::with_capacity(text.len());
    while let Some(c) = chars.next() {
        match (c, chars.as_str().chars().next()) {
            ('\\', Some('n')) => plain.push('\n'),
            ('\\', Some(next @ ('\\' | '"'))) => plain.push(next),
            (c, _) => {
                plain.push(c);
                continue;
            }
        }
        chars.next();
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::{ProducedData, read};

    /// Each metric in a line: name, kind, series with values.
    fn shown(text: &str) -> Vec<String> {
        let numbers = |points: Vec<(throughline_core::AttributeSet, f64)>| {
            points.into_iter().fold(String::new(), |text, (set, value)| text + &format!(" {set}={value}"))
        };
        let show = |data| match data {
            ProducedData::Gauge(points) => format!("gauge{}", numbers(points)),
            ProducedData::Sum { monotonic, points } => format!("sum({monotonic}){}", numbers(points)),
            ProducedData::Histogram { bounds, points } => {
                let points = points
                    .into_iter()
                    .map(|(set, value)| format!(" {set}={:?}, {}", value.buckets, value.sum));
                format!("histogram{bounds:?}{}", points.collect::<String>())
            }
        };
        let metrics = read(text).into_iter();
        metrics.map(|metric| format!("{} [{}] {}", metric.name, metric.unit, show(metric.data))).collect()
    }

    #[test]
    fn both_formats_are_read() {
        let prometheus = "# HELP a_total Some.\n# TYPE a_total counter\na_total{x=\"1\",} 3 1700000000000\n\
            # TYPE free gauge\nfree NaN\nno_type{le=\"2\"} 4\n";
        assert_eq!(
            shown(prometheus),
            ["a_total [] sum(true) {x=1}=3", "free [] gauge {}=NaN", "no_type [] gauge {le=2}=4"]
        );
        let openmetrics = "# TYPE took_seconds histogram\n# UNIT took_seconds seconds\n\
            took_seconds_sum 4.5\ntook_seconds_count 3\ntook_seconds_bucket{le=\"1.0\"} 1 # {trace_id=\"4b\"} 0.5\n\
            took_seconds_bucket{le=\"+Inf\"} 3\ntook_seconds_created 1.7e9\n\
            # TYPE b counter\nb_total 2.0 # {k=\"v\"} 1.0 1.7e9\n# TYPE build info\nbuild_info{v=\"1\"} 1\n# EOF\n";
        assert_eq!(
            shown(openmetrics),
            [
                "took_seconds [s] histogram[1.0] {}=[1, 2], 4.5",
                "b_total [] sum(true) {}=2",
                "build_info [] gauge {v=1}=1"
            ]
        );
    }

    #[test]
    fn histograms_with_other_bounds_are_metrics_of_their_own() {
        let text = "# TYPE h histogram\nh_bucket{r=\"a\",le=\"1\"} 1\nh_count{r=\"a\"} 4\n\
            h_bucket{r=\"b\",le=\"2\"} 2\nh_count{r=\"b\"} 2\nh_bucket{r=\"c\",le=\"1\"} 9\nh_count{r=\"c\"} 4\n";
        assert_eq!(
            shown(text),
            ["h [] histogram[1.0] {r=a}=[1, 3], 0 {r=c}=[9, 0], 0", "h [] histogram[2.0] {r=b}=[2, 0], 0"]
        );
    }

    #[test]
    fn what_is_no_sample_is_passed_over() {
        for line in [
            "",
            "x",
            "x{",
            "x{a",
            "x{a=\"",
            "x{a=\"b",
            "x{a=\"b\\\"} 1",
            "x{a=\"b\"} y",
            "# TYPE",
            "#",
            "{} ",
            "é{é=\"é",
        ] {
            assert_eq!(shown(&format!("{line}\nok 1\n")), ["ok [] gauge {}=1"], "{line}");
        }
    }
}
