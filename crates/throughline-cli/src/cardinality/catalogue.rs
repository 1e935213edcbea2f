//! The most series that the kits can have, by what their attributes are declared with.

use throughline::MetricDef;
use throughline::core::unit::default_bounds;
use throughline::core::{AttributeDef, InstrumentKind};
use throughline_instruments::{Kit, kits};

use super::declared::of_kit;
use super::instrument::{Attribute, Instrument};

/// The instruments of these kits, of all when none is named.
pub(super) fn read(names: &[String]) -> Vec<Instrument> {
    let is_wanted = |kit: &&Kit| names.is_empty() || names.iter().any(|name| name == kit.name);
    let mut instruments: Vec<Instrument> = Vec::new();
    for kit in kits().iter().filter(is_wanted) {
        for def in kit.definitions() {
            match instruments.iter_mut().find(|known| known.name == def.name) {
                Some(known) if known.declared.iter().any(|one| one.place == of_kit(kit, def).place) => {}
                Some(known) => known.declared.push(of_kit(kit, def)),
                None => instruments.push(Instrument { declared: vec![of_kit(kit, def)], ..worst_case(def) }),
            }
        }
    }
    instruments
}

/// Every value with every other one.
fn worst_case(def: &MetricDef) -> Instrument {
    let of_a_set = series_of_a_set(def.kind == InstrumentKind::Histogram, def.bounds, def.unit);
    let product = |without: Option<&AttributeDef>| {
        let others = def.attributes.iter().filter(|other| Some(other.key) != without.map(|one| one.key));
        others.map(|one| one.cardinality).try_fold(1_usize, |product, values| product.checked_mul(values?))
    };
    let series = |sets: Option<usize>| sets.and_then(|sets| sets.checked_mul(of_a_set));
    let attribute = |of: &AttributeDef| Attribute {
        key: of.key.to_owned(),
        values: of.cardinality,
        without: series(product(Some(of))),
        examples: of.values.iter().take(3).map(|value| (*value).to_owned()).collect(),
        ..Attribute::default()
    };
    let mut attributes: Vec<Attribute> = def.attributes.iter().map(attribute).collect();
    attributes.sort_by_key(|attribute| (attribute.values.is_some(), attribute.without));
    let sets = product(None);
    let mut bounded = def.attributes.iter().filter_map(|attribute| attribute.cardinality);
    let series_each = match sets {
        Some(_) => None,
        None => series(bounded.try_fold(1, usize::checked_mul)),
    };
    Instrument {
        name: def.name.to_owned(),
        series: series(sets),
        series_each,
        sets,
        attributes,
        ..Instrument::default()
    }
}

/// A histogram has a series for each bound, for infinity, for the sum and for the count.
pub(super) fn series_of_a_set(is_histogram: bool, bounds: Option<&[f64]>, unit: &str) -> usize {
    if is_histogram { bounds.unwrap_or_else(|| default_bounds(unit)).len() + 3 } else { 1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_case_is_the_product() {
        const fn attribute(key: &'static str, cardinality: Option<usize>) -> AttributeDef {
            AttributeDef { key, values: &[], cardinality }
        }
        const BOUNDED: &[AttributeDef] = &[attribute("a", Some(3)), attribute("b", Some(4))];
        const OPEN: &[AttributeDef] = &[attribute("a", Some(3)), attribute("id", None)];
        let def = MetricDef::new("x", InstrumentKind::Histogram, throughline::core::NumberKind::F64);
        let bounded = worst_case(&def.with_bounds(&[1.0, 2.0]).with_attributes(BOUNDED));
        assert_eq!((bounded.series, bounded.sets), (Some(60), Some(12)));
        assert_eq!(bounded.heaviest().map(|(of, left)| (&*of.key, left)), Some(("b", 15)));
        let def = MetricDef::new("x", InstrumentKind::Counter, throughline::core::NumberKind::U64);
        let open = worst_case(&def.with_attributes(OPEN));
        assert_eq!((open.series, open.series_each), (None, Some(3)));
        assert_eq!(open.heaviest().map(|(of, left)| (&*of.key, left)), Some(("id", 3)));
    }
}
