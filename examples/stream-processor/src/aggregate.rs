//! What is computed of the values in a window, and the result that goes on.

use serde::{Deserialize, Serialize};

use crate::TALLY;
use crate::event::Key;
use crate::window::{Cut, Interval};

/// What can be computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Function {
    Count,
    Sum,
    Average,
    Minimum,
    Maximum,
    P99,
}

/// A quantile of fewer values says nothing.
const QUANTILE_VALUES_MIN: usize = 10;

/// There are too few values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooFew;

impl Function {
    pub(crate) const ALL: [Self; 6] =
        [Self::Count, Self::Sum, Self::Average, Self::Minimum, Self::Maximum, Self::P99];

    /// Computes it; windows have at least one value.
    pub(crate) fn compute(self, values: &[f64]) -> Result<f64, TooFew> {
        let computed = self.of(values);
        let name = match computed {
            Ok(_) => "processor_aggregations_computed_total",
            Err(TooFew) => "processor_aggregation_errors_total",
        };
        TALLY.add(name, 1.0);
        computed
    }

    fn of(self, values: &[f64]) -> Result<f64, TooFew> {
        let sum = || values.iter().sum::<f64>();
        Ok(match self {
            Self::Count => values.len() as f64,
            Self::Sum => sum(),
            Self::Average => sum() / values.len() as f64,
            Self::Minimum => values.iter().copied().fold(f64::INFINITY, f64::min),
            Self::Maximum => values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            Self::P99 if values.len() < QUANTILE_VALUES_MIN => return Err(TooFew),
            Self::P99 => {
                let mut sorted = values.to_vec();
                sorted.sort_by(f64::total_cmp);
                sorted[(sorted.len() - 1) * 99 / 100]
            }
        })
    }
}

/// What a window comes to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct WindowResult {
    pub(crate) interval: Interval,
    pub(crate) key: Key,
    pub(crate) events: u64,
    pub(crate) values: Vec<(Function, f64)>,
}

impl WindowResult {
    /// How many events this result speaks for, and no other of its kind: sliding windows overlap.
    pub(crate) fn events_once(&self) -> u64 {
        let events = if self.interval.cut == Cut::Tumbling { self.events } else { 0 };
        TALLY.add("events_processed_total", events as f64);
        events
    }

    /// As it is in a message.
    pub(crate) fn encode(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// From a message.
    pub(crate) fn decode(payload: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(payload)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_compute_what_they_say() {
        let values: Vec<f64> = (1..=100).rev().map(f64::from).collect();
        let computed = Function::ALL.map(|function| function.compute(&values));
        assert_eq!(computed, [100.0, 5050.0, 50.5, 1.0, 100.0, 99.0].map(Ok));
        assert_eq!(Function::P99.compute(&values[..3]), Err(TooFew));
    }
}
