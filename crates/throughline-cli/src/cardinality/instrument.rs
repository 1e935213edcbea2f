//! One instrument as it is reported: its series, and what each attribute has to do with their number.
//!
//! A store knows no instruments: a histogram is its `_bucket`, `_sum` and `_count` there, and a counter may have a `_created`
//! beside its `_total`. [`family_of`] tells by the names which belong together, for a page and for Prometheus alike.

use std::collections::{BTreeMap, BTreeSet};

use super::declared::Declared;
use super::shape::Shape;
use super::tally::{Column, Numbers, Tally};

/// An instrument.
#[derive(Debug, Default)]
pub(super) struct Instrument {
    /// As the source calls it.
    pub(super) name: String,
    /// The names of its series in the store; none when nothing was stored.
    pub(super) stored: Vec<String>,
    /// In the store; none when there is no bound.
    pub(super) series: Option<usize>,
    /// When there is no bound: the series for each combination of the values that have none.
    pub(super) series_each: Option<usize>,
    /// Sets of attributes: of a histogram, each has several series.
    pub(super) sets: Option<usize>,
    /// The one that costs most first.
    pub(super) attributes: Vec<Attribute>,
    /// The limit was reached: something is counted without its attributes.
    pub(super) has_overflow: bool,
    pub(super) declared: Vec<Declared>,
}

/// An attribute of an instrument.
#[derive(Debug, Default)]
pub(super) struct Attribute {
    pub(super) key: String,
    /// How many there are; none when there is no bound.
    pub(super) values: Option<usize>,
    /// The series of the instrument if it had not this attribute; none when there is no bound even then, or it is not known.
    pub(super) without: Option<usize>,
    /// What most of the values look like.
    pub(super) shape: Option<Shape>,
    pub(super) examples: Vec<String>,
    /// Some value looks like a secret.
    pub(super) has_secret: bool,
}

/// Labels that were added on the way: they tell who recorded, and have to stay.
const ADDED: [&str; 5] =
    ["job", "instance", "otel_scope_name", "otel_scope_version", "otel_scope_schema_url"];

/// How the series that measurements beyond the limit go to is marked.
const OVERFLOW: [&str; 2] = ["otel_metric_overflow", "otel.metric.overflow"];

impl Instrument {
    /// Joins what was counted of the names of one family.
    pub(super) fn of(name: String, mut tallies: BTreeMap<String, Tally>) -> Self {
        if tallies.len() > 1 {
            // Here they tell the series of one set of attributes apart.
            for tally in tallies.values_mut() {
                tally.attributes.retain(|key, _| key != "le" && key != "quantile");
            }
        }
        let series = tallies.values().map(|tally| tally.series.len()).sum();
        let of_count = tallies.get(&format!("{name}_count"));
        let sets = of_count.map(|tally| tally.series.len());
        let sets = sets.or_else(|| tallies.values().map(|tally| tally.series.len()).max());
        let keys: BTreeSet<&String> = tallies.values().flat_map(|tally| tally.attributes.keys()).collect();
        let has_overflow = keys.iter().any(|key| OVERFLOW.contains(&key.as_str()));
        let keys = keys.into_iter().filter(|key| !OVERFLOW.contains(&key.as_str()));
        let mut attributes: Vec<_> = keys.map(|key| Attribute::of(key, tallies.values())).collect();
        attributes.sort_by_key(|attribute| attribute.without);
        let stored = tallies.keys().cloned().collect();
        Self { name, stored, series: Some(series), sets, attributes, has_overflow, ..Self::default() }
    }

    /// The attribute without which fewest series are left, and how many these are.
    pub(super) fn heaviest(&self) -> Option<(&Attribute, usize)> {
        let own = self.attributes.iter().filter(|attribute| !ADDED.contains(&attribute.key.as_str()));
        let left = own.filter_map(|attribute| Some((attribute, attribute.without?)));
        let (attribute, left) = left.min_by_key(|(_, left)| *left)?;
        self.series.is_none_or(|series| left < series).then_some((attribute, left))
    }
}

impl Attribute {
    fn of<'a>(key: &str, tallies: impl Iterator<Item = &'a Tally>) -> Self {
        let (mut values, mut without) = (Numbers::default(), 0);
        let (mut shapes, mut examples) = (BTreeMap::<Shape, usize>::new(), Vec::new());
        for tally in tallies {
            let Some(column) = tally.attributes.get(key) else {
                without += tally.series.len();
                continue;
            };
            let Column { values: of_name, without: left, shapes: seen, examples: shown } = column;
            values.extend(of_name);
            without += left.len();
            for (shape, count) in seen {
                *shapes.entry(*shape).or_default() += count;
            }
            if examples.len() < shown.len() {
                examples.clone_from(shown);
            }
        }
        let shape = shapes.iter().max_by_key(|(_, count)| **count).map(|(shape, _)| *shape);
        Self {
            key: key.to_owned(),
            values: Some(values.len()),
            without: Some(without),
            shape,
            examples,
            has_secret: shapes.contains_key(&Shape::Secret),
        }
    }
}

/// The name that the series of an instrument have in common: of `a_bucket` it is `a`, if there is an `a_count`.
pub(super) fn family_of(name: &str, is_there: impl Fn(&str) -> bool) -> String {
    let of = |suffix: &str| name.strip_suffix(suffix);
    let has = |base: &str, suffix: &str| is_there(&format!("{base}{suffix}"));
    let has_both = |base: &str| has(base, "_sum") && has(base, "_count");
    let of_histogram = ["_bucket", "_sum", "_count", "_created"].into_iter().find_map(of);
    if let Some(base) = of_histogram.filter(|base| has_both(base)) {
        return base.to_owned();
    }
    match of("_created") {
        Some(base) if has(base, "_total") => format!("{base}_total"),
        _ => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_one_instrument_belong_together() {
        let names = [
            "a_bucket",
            "a_sum",
            "a_count",
            "a_created",
            "b_total",
            "b_created",
            "c_count",
            "d_created",
            "a",
        ];
        let family = |name| family_of(name, |other| names.contains(&other));
        assert_eq!(
            names.map(family),
            ["a", "a", "a", "a", "b_total", "b_total", "c_count", "d_created", "a"]
        );
    }
}
