//! The events that came before, as far as they are remembered.

use std::collections::{HashSet, VecDeque};

use crate::TALLY;

/// How many are remembered: well above what is sent while a producer may send again.
const REMEMBERED: usize = 100;

/// The ids of events.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    ids: HashSet<u64>,
    /// Oldest first.
    order: VecDeque<u64>,
}

/// What a look found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Look {
    pub(crate) is_duplicate: bool,
    /// The oldest was forgotten to remember this one.
    pub(crate) has_evicted: bool,
}

impl Seen {
    /// Looks for an event, and remembers it.
    pub(crate) fn look(&mut self, id: u64) -> Look {
        TALLY.add("processor_dedup_events_checked_total", 1.0);
        if !self.ids.insert(id) {
            TALLY.add("processor_deduplication_count_total", 1.0);
            return Look { is_duplicate: true, has_evicted: false };
        }
        self.order.push_back(id);
        let has_evicted = self.order.len() > REMEMBERED;
        if has_evicted {
            let oldest = self.order.pop_front().unwrap_or_default();
            self.ids.remove(&oldest);
            TALLY.add("processor_dedup_cache_evictions_total", 1.0);
        }
        Look { is_duplicate: false, has_evicted }
    }

    pub(crate) fn len(&self) -> usize {
        self.ids.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_before_is_found_until_it_is_forgotten() {
        let mut seen = Seen::default();
        assert_eq!(seen.look(1), Look { is_duplicate: false, has_evicted: false });
        assert_eq!(seen.look(1), Look { is_duplicate: true, has_evicted: false });
        for id in 2..=REMEMBERED as u64 {
            assert!(!seen.look(id).has_evicted);
        }
        assert!(seen.look(0).has_evicted, "the first one");
        assert_eq!((seen.look(1).is_duplicate, seen.len()), (false, REMEMBERED));
    }
}
