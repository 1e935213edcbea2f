//! Windows of event time, and the values in them, by key.

use std::collections::BTreeMap;
use std::iter;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::TALLY;
use crate::event::Key;

/// How windows are cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Cut {
    /// One second after the other.
    Tumbling,
    /// Two seconds, every half.
    Sliding,
}

impl Cut {
    /// Length and step, in milliseconds.
    fn measures(self) -> (u64, u64) {
        match self {
            Self::Tumbling => (1000, 1000),
            Self::Sliding => (2000, 500),
        }
    }
}

/// From its start, included, to its end, excluded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Interval {
    /// First, so that intervals are in the order in which they end.
    pub(crate) end: u64,
    pub(crate) start: u64,
    pub(crate) cut: Cut,
}

/// All intervals that this time is in.
pub(crate) fn intervals(time: u64) -> impl Iterator<Item = Interval> {
    [Cut::Tumbling, Cut::Sliding].into_iter().flat_map(move |cut| {
        let (length, step) = cut.measures();
        let last = time - time % step;
        let starts = iter::successors(Some(last), move |start| start.checked_sub(step));
        starts.take_while(move |start| start + length > time).map(move |start| Interval {
            end: start + length,
            start,
            cut,
        })
    })
}

/// How many windows a partition keeps; beyond, the oldest are given up.
const WINDOWS_MAX: usize = 5000;

/// What a window is of.
type Place = (Interval, Arc<Key>);

/// The open windows of a partition. Each has a companion, which is whatever the caller wants to find beside it.
#[derive(Debug)]
pub(crate) struct Windows<T> {
    open: BTreeMap<Place, Window<T>>,
}

/// The values of one key in one interval.
#[derive(Debug)]
pub(crate) struct Window<T> {
    pub(crate) values: Vec<f64>,
    pub(crate) companion: T,
}

impl<T> Windows<T> {
    pub(crate) fn new() -> Self {
        Self { open: BTreeMap::new() }
    }

    /// Adds a value, in a new window if there is none. Whether an old one had to go.
    pub(crate) fn put(
        &mut self,
        interval: Interval,
        key: &Arc<Key>,
        value: f64,
        open: impl FnOnce(Cut) -> T,
        tell: impl FnOnce(&mut T),
    ) -> bool {
        TALLY.add("processor_state_operations_total", 1.0);
        let window = self.open.entry((interval, Arc::clone(key))).or_insert_with(|| {
            TALLY.add("processor_windows_created_total", 1.0);
            Window { values: Vec::new(), companion: open(interval.cut) }
        });
        window.values.push(value);
        tell(&mut window.companion);
        let is_full = self.open.len() > WINDOWS_MAX;
        if is_full {
            drop(self.open.pop_first());
            TALLY.add("processor_windows_discarded_total", 1.0);
            TALLY.add("processor_state_evictions_total", 1.0);
        }
        is_full
    }

    /// Takes the windows out that end by this time.
    pub(crate) fn trigger(&mut self, watermark: u64) -> Vec<(Place, Window<T>)> {
        let mut triggered = Vec::new();
        while let Some(first) = self.open.first_entry() {
            if first.key().0.end > watermark {
                break;
            }
            TALLY.add("processor_state_operations_total", 1.0);
            TALLY.add("processor_window_triggers_total", 1.0);
            triggered.push(first.remove_entry());
        }
        triggered
    }

    /// About how many bytes they take.
    pub(crate) fn size(&self) -> usize {
        let of_values = |window: &Window<T>| window.values.capacity() * size_of::<f64>();
        self.open.len() * size_of::<(Place, Window<T>)>() + self.open.values().map(of_values).sum::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn starts(time: u64, cut: Cut) -> Vec<u64> {
        intervals(time).filter(|interval| interval.cut == cut).map(|interval| interval.start).collect()
    }

    #[test]
    fn a_time_is_in_one_tumbling_and_four_sliding_windows() {
        assert_eq!(starts(12_345, Cut::Tumbling), [12_000]);
        assert_eq!(starts(12_345, Cut::Sliding), [12_000, 11_500, 11_000, 10_500]);
        assert_eq!(starts(700, Cut::Sliding), [500, 0], "none before the beginning of time");
    }

    #[test]
    fn windows_are_triggered_in_order_once_their_time_is_over() {
        let mut windows = Windows::new();
        let key = Arc::new(Key { tenant: "t".to_owned(), model: "m".to_owned() });
        for time in [900, 1100, 1200] {
            for interval in intervals(time).filter(|interval| interval.cut == Cut::Tumbling) {
                assert!(!windows.put(interval, &key, time as f64, |_cut| 0, |count| *count += 1));
            }
        }
        assert_eq!(windows.trigger(999).len(), 0);
        let triggered = windows.trigger(2000);
        let of =
            |at: usize| (triggered[at].0.0.start, triggered[at].1.values.len(), triggered[at].1.companion);
        assert_eq!([of(0), of(1)], [(0, 1, 1), (1000, 2, 2)]);
        assert_eq!(windows.size(), 0);
    }
}
