//! The watermark of a partition: up to when everything is believed to have come.

use crate::TALLY;

/// How late an event may come, in milliseconds, without being too late.
pub(crate) const BOUND: u64 = 500;

/// How far event time has come.
#[derive(Debug, Default)]
pub(crate) struct Watermark {
    /// The latest time of an event.
    latest: u64,
    at: u64,
}

/// What an event did to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) is_out_of_order: bool,
    pub(crate) has_advanced: bool,
}

impl Watermark {
    pub(crate) fn at(&self) -> u64 {
        self.at
    }

    /// An event of this time has come.
    pub(crate) fn see(&mut self, time: u64) -> Step {
        let is_out_of_order = time < self.latest;
        if is_out_of_order {
            TALLY.add("processor_out_of_order_events_total", 1.0);
        }
        self.latest = self.latest.max(time);
        Step { is_out_of_order, has_advanced: self.advance(self.latest.saturating_sub(BOUND)) }
    }

    /// Nothing comes at present, so nothing is waited for: windows end by the time of day.
    pub(crate) fn idle(&mut self, now: u64) -> bool {
        self.latest != 0 && self.advance(now.saturating_sub(2 * BOUND))
    }

    /// Nothing will come any more.
    pub(crate) fn finish(&mut self) {
        self.at = u64::MAX;
    }

    fn advance(&mut self, to: u64) -> bool {
        let has_advanced = to > self.at;
        if has_advanced {
            self.at = to;
            TALLY.add("processor_watermark_updates_total", 1.0);
        }
        has_advanced
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_follows_the_latest_event_and_never_goes_back() {
        let mut watermark = Watermark::default();
        assert!(!watermark.idle(10_000), "before the first event there is no time");
        assert_eq!(watermark.see(2000), Step { is_out_of_order: false, has_advanced: true });
        assert_eq!(watermark.see(1800), Step { is_out_of_order: true, has_advanced: false });
        assert_eq!(watermark.at(), 1500);
        assert!(!watermark.idle(2400) && watermark.idle(2600));
        assert_eq!(watermark.at(), 1600);
    }
}
