//! Which charts follow from a metric: one table, by its shape and by what its definition says.

use super::metric::{Metric, Scope, Shape};

/// A chart: one panel of a dashboard.
#[derive(Clone, Debug)]
pub(crate) struct Chart {
    pub(crate) row: Row,
    pub(crate) title: String,
    pub(crate) description: String,
    pub(crate) kind: Kind,
    /// What its numbers are, as Grafana calls it.
    pub(crate) unit: &'static str,
    pub(crate) queries: Vec<Query>,
}

/// The rows of a dashboard, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Row {
    Rates,
    Errors,
    Durations,
    Saturation,
    Levels,
    Sizes,
    Health,
}

impl Row {
    pub(crate) const ALL: [Self; 7] = [
        Self::Rates,
        Self::Errors,
        Self::Durations,
        Self::Saturation,
        Self::Levels,
        Self::Sizes,
        Self::Health,
    ];

    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Rates => "Rates",
            Self::Errors => "Errors",
            Self::Durations => "Durations",
            Self::Saturation => "Saturation",
            Self::Levels => "In flight and levels",
            Self::Sizes => "Sizes",
            Self::Health => "Telemetry health",
        }
    }
}

/// How a chart is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Lines,
    /// Lines with points that lead to traces.
    LinesWithExemplars,
    Heatmap,
}

/// A question, and what its answers are called.
#[derive(Clone, Debug)]
pub(crate) struct Query {
    pub(crate) expression: String,
    pub(crate) legend: String,
}

/// What a viewer chose, over the time that fits the width of the screen.
pub(crate) const CHOSEN: Scope<'static> = Scope {
    matchers: &[r#"job=~"$service""#, r#"instance=~"$instance""#],
    by: &[],
    range: "$__rate_interval",
};

/// The charts of the metrics of one kit, by row.
pub(crate) fn charts(metrics: &[Metric]) -> Vec<Chart> {
    let of_one = metrics.iter().flat_map(|metric| RULES.iter().filter_map(|rule| rule(metric)));
    let of_two = pairs(metrics).map(|(used, limit)| saturation(used, limit));
    let failing = failing(metrics).map(|(failed, all)| failure_ratio(failed, all));
    let mut charts: Vec<_> = of_one.chain(of_two).chain(failing).collect();
    charts.sort_by_key(|chart| chart.row); // stable: within a row as the kit lists them
    charts
}

/// What is charted of a metric: each of these that applies.
const RULES: &[fn(&Metric) -> Option<Chart>] =
    &[rate, failures, error_ratio, quantiles, heatmap, mean, time_spent, level, value];

fn rate(metric: &Metric) -> Option<Chart> {
    let unit = match (metric.shape(), metric.def.unit) {
        (Shape::Events, "By") => "Bps",
        (Shape::Events | Shape::Durations, _) => "cps",
        _ => return None,
    };
    Some(grouped(metric, Row::Rates, "rate", unit, |by| metric.rate(&CHOSEN, by, None)))
}

fn failures(metric: &Metric) -> Option<Chart> {
    let query = |by: &[String]| metric.rate(&CHOSEN, by, None);
    (metric.shape() == Shape::Failures).then(|| grouped(metric, Row::Errors, "rate", "cps", query))
}

fn error_ratio(metric: &Metric) -> Option<Chart> {
    if !matches!(metric.shape(), Shape::Events | Shape::Durations) {
        return None;
    }
    let ratio = metric.error_ratio(&CHOSEN)?;
    Some(single(metric, Row::Errors, "part that failed", "percentunit", ratio))
}

fn quantiles(metric: &Metric) -> Option<Chart> {
    let query = |(quantile, legend): &(&str, &str)| Query {
        expression: metric.quantile(quantile, &CHOSEN),
        legend: (*legend).to_owned(),
    };
    let queries = QUANTILES.iter().map(query).collect();
    let kind = Kind::LinesWithExemplars;
    distribution(metric).map(|row| Chart {
        kind,
        queries,
        ..chart(metric, row, "p50, p95, p99", unit(metric))
    })
}

const QUANTILES: [(&str, &str); 3] = [("0.5", "p50"), ("0.95", "p95"), ("0.99", "p99")];

fn heatmap(metric: &Metric) -> Option<Chart> {
    let buckets = format!("increase({}[{}])", metric.series("_bucket", &CHOSEN, None), CHOSEN.range);
    let query = Query { expression: format!("sum by (le) ({buckets})"), legend: "{{le}}".to_owned() };
    let (kind, queries) = (Kind::Heatmap, vec![query]);
    distribution(metric).map(|row| Chart {
        kind,
        queries,
        ..chart(metric, row, "distribution", unit(metric))
    })
}

/// The row of a histogram that has buckets.
fn distribution(metric: &Metric) -> Option<Row> {
    let row = match metric.shape() {
        Shape::Durations => Row::Durations,
        Shape::Sizes => Row::Sizes,
        _ => return None,
    };
    (!metric.bounds().is_empty()).then_some(row)
}

/// All that can be said of a histogram without buckets.
fn mean(metric: &Metric) -> Option<Chart> {
    let row = match metric.shape() {
        Shape::Durations => Row::Durations,
        Shape::Sizes => Row::Sizes,
        _ => return None,
    };
    let query = |by: &[String]| metric.mean(&CHOSEN, by);
    metric.bounds().is_empty().then(|| grouped(metric, row, "mean", unit(metric), query))
}

fn time_spent(metric: &Metric) -> Option<Chart> {
    let unit = if metric.def.unit == "s" { "percentunit" } else { "short" };
    let query = |by: &[String]| metric.rate(&CHOSEN, by, None);
    (metric.shape() == Shape::TimeSpent).then(|| grouped(metric, Row::Levels, "of all time", unit, query))
}

fn level(metric: &Metric) -> Option<Chart> {
    let series = metric.series("", &CHOSEN, None);
    let query = |by: &[String]| super::promql::aggregate("sum", by, &series);
    (metric.shape() == Shape::Level).then(|| grouped(metric, Row::Levels, "now", unit(metric), query))
}

/// Values cannot be added up: the largest stands for all.
fn value(metric: &Metric) -> Option<Chart> {
    let series = metric.series("", &CHOSEN, None);
    let query = |by: &[String]| super::promql::aggregate("max", by, &series);
    (metric.shape() == Shape::Value).then(|| grouped(metric, Row::Levels, "largest", unit(metric), query))
}

fn saturation(used: &Metric, limit: &Metric) -> Chart {
    let of = |metric: &Metric| super::promql::aggregate("sum", &[], &metric.series("", &CHOSEN, None));
    let mut chart =
        single(used, Row::Saturation, "of its limit", "percentunit", format!("{} / {}", of(used), of(limit)));
    chart.description = format!("{} As a part of `{}`.", chart.description, limit.def.name);
    chart
}

fn failure_ratio(failed: &Metric, all: &Metric) -> Chart {
    let ratio = format!("{} / {}", failed.rate(&CHOSEN, &[], None), all.rate(&CHOSEN, &[], None));
    let mut chart = single(failed, Row::Errors, "part of all", "percentunit", ratio);
    chart.description = format!("{} As a part of `{}`.", chart.description, all.def.name);
    chart
}

/// Levels with the metric that limits them: `queue.size` and `queue.capacity`.
pub(crate) fn pairs(metrics: &[Metric]) -> impl Iterator<Item = (&Metric, &Metric)> {
    let limit_of = |(stem, word): (&str, &str)| {
        let limits = LIMITED.iter().filter(|(used, _)| *used == word);
        let mut names = limits.map(|(_, limit)| format!("{stem}{limit}"));
        names.find_map(|name| metrics.iter().find(|metric| metric.def.name == name))
    };
    let is_level = |metric: &&Metric| matches!(metric.shape(), Shape::Level | Shape::Value);
    metrics.iter().filter(is_level).filter_map(move |used| Some((used, limit_of(last_word(used.def.name)?)?)))
}

/// Counters of failures with the counter beside them of all there was: `llm.errors` and `llm.requests`.
pub(crate) fn failing(metrics: &[Metric]) -> impl Iterator<Item = (&Metric, &Metric)> {
    let counters = |shape: Shape| metrics.iter().filter(move |metric| metric.shape() == shape);
    counters(Shape::Failures).filter_map(move |failed| {
        let all = || counters(Shape::Events).filter(|all| !all.is_of(PARTS));
        let (stem, _) = last_word(failed.def.name)?;
        let is_beside = |all: &&Metric| last_word(all.def.name).is_some_and(|(of, _)| of == stem);
        Some((failed, all().find(is_beside).or_else(|| only(all().filter(|all| is_of_one(failed, all))))?))
    })
}

/// Counters beside failures that are no count of all there was.
const PARTS: &[&str] = &["cost", "success", "successes"];

/// Whether both names are alike up to the last dot: `mailbox.undeliverable_messages` and `mailbox.posts`.
fn is_of_one(failed: &Metric, all: &Metric) -> bool {
    let space = |metric: &Metric| metric.def.name.rsplit_once('.').map(|(space, _)| space);
    space(failed).is_some() && space(failed) == space(all)
}

/// The one thing there is.
fn only<T>(mut things: impl Iterator<Item = T>) -> Option<T> {
    let first = things.next();
    if things.next().is_none() { first } else { None }
}

/// The last word of a name, and what is before it, separator included. That it is a total is no word.
fn last_word(name: &str) -> Option<(&str, &str)> {
    let name = name.strip_suffix("_total").or_else(|| name.strip_suffix(".total")).unwrap_or(name);
    name.split_at_checked(name.rfind(['.', '_'])? + 1)
}

/// Words at the end of names that say how much is used, and of those that say how much there can be.
const LIMITED: &[(&str, &str)] = &[
    ("count", "limit"),
    ("count", "max"),
    ("depth", "capacity"),
    ("depth", "limit"),
    ("size", "capacity"),
    ("size", "limit"),
    ("usage", "limit"),
    ("used", "limit"),
    ("used", "max"),
];

/// A chart with one line for each of the values of the metric's attributes.
fn grouped(
    metric: &Metric,
    row: Row,
    what: &str,
    unit: &'static str,
    query: impl Fn(&[String]) -> String,
) -> Chart {
    let (by, few) = metric.groups();
    let expression = query(&by);
    let expression = if few { expression } else { format!("topk({LINES_MAX}, {expression})") };
    let legend: Vec<_> = by.iter().map(|label| format!("{{{{{}}}}}", label.trim_matches('"'))).collect();
    let legend = if legend.is_empty() { what.to_owned() } else { legend.join(" ") };
    Chart { queries: vec![Query { expression, legend }], ..chart(metric, row, what, unit) }
}

/// More lines than this cannot be told apart.
const LINES_MAX: usize = 10;

fn single(metric: &Metric, row: Row, what: &str, unit: &'static str, expression: String) -> Chart {
    let query = Query { expression, legend: what.to_owned() };
    Chart { queries: vec![query], ..chart(metric, row, what, unit) }
}

fn chart(metric: &Metric, row: Row, what: &str, unit: &'static str) -> Chart {
    Chart {
        row,
        title: format!("{}: {what}", metric.def.name),
        description: metric.def.description.to_owned(),
        kind: Kind::Lines,
        unit,
        queries: Vec::new(),
    }
}

/// What Grafana calls a unit.
fn unit(metric: &Metric) -> &'static str {
    match metric.def.unit {
        "s" => "s",
        "ms" => "ms",
        "us" => "µs",
        "ns" => "ns",
        "By" => "bytes",
        "1" => "percentunit",
        "%" => "percent",
        _ => "short",
    }
}
