//! A collection of metrics as a block: scopes, their metrics, a line for each series.

use std::fmt::{Display, Write as _};

use throughline_core::AttributeSet;
use throughline_metrics::data::{
    Collection, ExponentialValue, HistogramValue, Metric, MetricData, Number, Point, Points, Temporality,
    Values,
};

use super::Colour;
use super::values::{Pair, Plain, number, seconds, time};
use crate::console::quantile;

/// Attributes are lined up to this width; the values of longer ones stand further right.
const WIDTH_MAX: usize = 60;

/// The collection.
pub(in crate::console) fn metrics(collection: &Collection, colours: bool) -> String {
    let (bold, plain) = Colour::Bold.around(colours);
    let service = collection.resource.service_name().unwrap_or("?");
    let mut text = format!("{bold}metrics{plain} of {} at {}\n", Plain(service), time(collection.time));
    for scope in &collection.scopes {
        let mut shown = scope.metrics.iter().filter(|metric| !metric.data.is_empty()).peekable();
        if shown.peek().is_some() {
            let (dim, plain) = Colour::Dim.around(colours);
            let version =
                scope.scope.version().map(|version| format!(" {}", Plain(version))).unwrap_or_default();
            let _infallible = writeln!(text, "  {dim}{}{version}{plain}", Plain(scope.scope.name()));
        }
        shown.for_each(|one| metric(&mut text, one, colours));
    }
    text
}

fn metric(text: &mut String, metric: &Metric, colours: bool) {
    let (bold, plain) = Colour::Bold.around(colours);
    let (dim, undim) = Colour::Dim.around(colours);
    let unit = if metric.unit.is_empty() { String::new() } else { format!(" [{}]", Plain(&metric.unit)) };
    let kind = kind(&metric.data);
    let _infallible = writeln!(text, "    {bold}{}{plain}{unit} {dim}{kind}{undim}", Plain(&metric.name));
    match &metric.data {
        MetricData::Gauge { points } | MetricData::Sum { points, .. } => {
            lines(text, points, colours, shown);
        }
        MetricData::Histogram { points, .. } => {
            let bounds = points.values().bounds();
            lines(text, points, colours, |value| histogram(&value, bounds, &metric.unit));
        }
        MetricData::ExponentialHistogram { points, .. } => {
            lines(text, points, colours, |value| exponential(value, &metric.unit));
        }
    }
}

fn kind(data: &MetricData) -> String {
    let (name, temporality) = match data {
        MetricData::Gauge { .. } => return "gauge".to_owned(),
        MetricData::Sum { monotonic: true, temporality, .. } => ("counter", temporality),
        MetricData::Sum { monotonic: false, temporality, .. } => ("up-down counter", temporality),
        MetricData::Histogram { temporality, .. } => ("histogram", temporality),
        MetricData::ExponentialHistogram { temporality, .. } => ("exponential histogram", temporality),
    };
    match temporality {
        Temporality::Cumulative => name.to_owned(),
        Temporality::Delta => format!("{name}, delta"),
    }
}

/// A line for each point, in the order of their attributes.
fn lines<C: Values>(
    text: &mut String,
    points: &Points<C>,
    colours: bool,
    value: impl Fn(C::Value<'_>) -> String,
) {
    let mut rows: Vec<_> = points
        .iter()
        .map(|Point { attributes, value: of, .. }| (shown_attributes(attributes), value(of)))
        .collect();
    rows.sort();
    let width =
        rows.iter().map(|(attributes, _)| attributes.chars().count()).max().unwrap_or(0).min(WIDTH_MAX);
    let (bold, plain) = Colour::Bold.around(colours);
    for (attributes, value) in rows {
        let gap = if width == 0 { "" } else { "  " };
        let _infallible = writeln!(text, "      {attributes:width$}{gap}{bold}{value}{plain}");
    }
}

fn shown_attributes(attributes: &AttributeSet) -> String {
    let pairs: Vec<_> = attributes.iter().map(|(key, value)| Pair(key, value).to_string()).collect();
    pairs.join(" ")
}

fn shown(value: Number) -> String {
    match value {
        Number::U64(value) => value.to_string(),
        Number::I64(value) => value.to_string(),
        Number::F64(value) => number(value, 6),
    }
}

fn histogram(value: &HistogramValue<'_>, bounds: &[f64], unit: &str) -> String {
    let at = |quantile: f64| quantile::of_histogram(value, bounds, quantile);
    summary(value.count, value.sum, (value.min, value.max), at, unit)
}

fn exponential(value: &ExponentialValue, unit: &str) -> String {
    let at = |quantile: f64| quantile::of_exponential(value, quantile);
    summary(value.count, value.sum, (value.min, value.max), at, unit)
}

/// Count, mean, estimated quantiles, extremes.
fn summary(
    count: u64,
    sum: f64,
    (min, max): (Option<f64>, Option<f64>),
    quantile: impl Fn(f64) -> Option<f64>,
    unit: &str,
) -> String {
    let of_unit = |value: f64| if unit == "s" { seconds(value) } else { number(value, 4) };
    let mut text = format!("count {count}");
    let mut add = |name: &dyn Display, value: Option<f64>| {
        if let Some(value) = value {
            let _infallible = write!(text, "  {name} {}", of_unit(value));
        }
    };
    if count > 0 {
        add(&"sum", Some(sum));
        add(&"min", min);
        add(&"p50", quantile(0.5));
        add(&"p90", quantile(0.9));
        add(&"p99", quantile(0.99));
        add(&"max", max);
    }
    text
}
