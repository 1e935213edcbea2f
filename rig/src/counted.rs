//! What a program counted itself, to hold what is stored against.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::Prometheus;

/// The totals that an example prints as its last line, by the name as stored: `{"service": …, "counted": {name: total}}`.
#[derive(Clone, Debug, PartialEq)]
pub struct Counted(BTreeMap<String, f64>);

impl Counted {
    /// Reads the last line of what `service` printed; none when it is no such line.
    pub fn parse(output: &str, service: &str) -> Option<Self> {
        let line: Value = serde_json::from_str(output.lines().last()?).ok()?;
        assert_eq!(line["service"], service, "another service counted");
        let counted = line["counted"].as_object()?.iter();
        Some(Self(counted.filter_map(|(name, total)| Some((name.clone(), total.as_f64()?))).collect()))
    }

    /// Zero for what did not happen.
    pub fn of(&self, name: &str) -> f64 {
        self.0.get(name).copied().unwrap_or_default()
    }

    /// Everything that happened.
    pub fn iter(&self) -> impl Iterator<Item = (&str, f64)> {
        self.0.iter().map(|(name, total)| (name.as_str(), *total)).filter(|(_, total)| *total > 0.0)
    }

    /// Waits until Prometheus stores all of it, and exactly that.
    #[track_caller]
    pub fn assert_stored(&self, prometheus: &Prometheus) {
        self.assert_stored_as(prometheus, "");
    }

    /// As [`Self::assert_stored`], of the series that `matcher` chooses.
    #[track_caller]
    pub fn assert_stored_as(&self, prometheus: &Prometheus, matcher: &str) {
        for (name, total) in self.iter() {
            prometheus.await_value(&format!("sum({{\"{name}\", {matcher}}})"), total);
        }
    }
}
