//! What to do about an instrument with many series: which attribute to drop, and how, in a program of this toolkit and in
//! Prometheus.

use super::instrument::{Attribute, Instrument};

/// The attribute to drop.
#[derive(Debug)]
pub(super) struct Advice<'a> {
    pub(super) attribute: &'a Attribute,
    /// The series that are left.
    pub(super) left: usize,
    /// What to write in the program.
    pub(super) view: String,
    /// What to write in `prometheus.yml`; none when nothing was stored.
    pub(super) relabel: Option<String>,
}

impl<'a> Advice<'a> {
    /// None when no attribute is worth dropping.
    pub(super) fn on(instrument: &'a Instrument) -> Option<Self> {
        let (attribute, left) = instrument.heaviest()?;
        let relabel = (!instrument.stored.is_empty()).then(|| relabel(instrument, &attribute.key));
        Some(Self { attribute, left, view: view(instrument, &attribute.key), relabel })
    }
}

/// Names as they were written, where that is known: a store has put a `_total` behind those of counters.
fn view(instrument: &Instrument, label: &str) -> String {
    let declared = instrument.declared.first();
    let suffix = if instrument.stored.is_empty() { "" } else { "_total" };
    let own = || instrument.name.strip_suffix(suffix).unwrap_or(&instrument.name);
    let name = declared.map_or_else(own, |declared| &declared.name);
    let key = declared.and_then(|declared| declared.keys.get(label)).map_or(label, String::as_str);
    format!("View::of({name:?}).drop_keys([{key:?}])")
}

/// A label without a value is no label.
fn relabel(instrument: &Instrument, label: &str) -> String {
    let names: Vec<String> = instrument.stored.iter().map(|name| name.replace('.', "\\.")).collect();
    format!(
        "metric_relabel_configs:\n  - source_labels: [__name__]\n    regex: '{}'\n    target_label: {label}\n    \
         replacement: ''\n",
        names.join("|")
    )
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::declared::Declared;
    use super::*;

    #[test]
    fn names_are_those_that_were_written() {
        let attribute = Attribute { key: "user_id".into(), without: Some(1), ..Attribute::default() };
        let mut instrument = Instrument {
            name: "orders_placed_total".into(),
            stored: vec!["orders_placed_total".into()],
            series: Some(9),
            attributes: vec![attribute],
            ..Instrument::default()
        };
        assert_eq!(
            Advice::on(&instrument).unwrap().view,
            r#"View::of("orders_placed").drop_keys(["user_id"])"#
        );
        let keys = BTreeMap::from([("user_id".to_owned(), "user.id".to_owned())]);
        instrument.declared.push(Declared {
            place: "src/lib.rs:1".into(),
            name: "orders.placed".into(),
            keys,
        });
        let advice = Advice::on(&instrument).unwrap();
        assert_eq!(advice.view, r#"View::of("orders.placed").drop_keys(["user.id"])"#);
        assert!(advice.relabel.unwrap().contains("regex: 'orders_placed_total'"));
    }
}
