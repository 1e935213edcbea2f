//! What becomes of an event that comes in: whether it can be read, came before, is too late, or makes sense.
//!
//! Each ends in one of two counts, dropped or processed.

use crate::TALLY;
use crate::event::{Event, Kind};
use crate::seen::{Look, Seen};
use crate::watermark::{Step, Watermark};
use crate::window::{Cut, Interval, intervals};

/// What a partition knows of the events it had.
#[derive(Debug, Default)]
pub(crate) struct Intake {
    pub(crate) seen: Seen,
    pub(crate) watermark: Watermark,
}

/// What was found out about an event, as far as that went.
#[derive(Debug)]
pub(crate) enum Taken {
    /// It cannot be read.
    Invalid(serde_json::Error),
    /// It came before.
    Duplicate(Event, Look),
    /// It goes on, or fails, when that is known.
    New(Event, Look, Step, Placement),
}

/// Where an event belongs.
#[derive(Debug, Default)]
pub(crate) struct Placement {
    /// The windows that are still to be triggered.
    pub(crate) open: Vec<Interval>,
    /// The kinds of windows of which one was triggered already.
    pub(crate) missed: Vec<Cut>,
    /// What is wrong with it.
    pub(crate) refused: Option<OutOfRange>,
}

/// A value that cannot be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct OutOfRange(f64);

impl std::error::Error for OutOfRange {}

impl std::fmt::Display for OutOfRange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "a quality of {} is not between 0 and 1", self.0)
    }
}

impl Intake {
    /// Takes an event in.
    pub(crate) fn take(&mut self, payload: &[u8]) -> Taken {
        TALLY.add("processor_events_received_total", 1.0);
        let event = match Event::decode(payload) {
            Ok(event) => event,
            Err(error) => {
                TALLY.add(DROPPED, 1.0);
                return Taken::Invalid(error);
            }
        };
        let look = self.seen.look(event.id);
        if look.is_duplicate {
            TALLY.add(DROPPED, 1.0);
            return Taken::Duplicate(event, look);
        }
        let step = self.watermark.see(event.time);
        let placement = self.place(&event);
        TALLY.add(if placement.is_late() { DROPPED } else { "processor_events_processed_total" }, 1.0);
        Taken::New(event, look, step, placement)
    }

    fn place(&self, event: &Event) -> Placement {
        let mut placement = Placement::default();
        for interval in intervals(event.time) {
            if interval.end > self.watermark.at() {
                placement.open.push(interval);
            } else if !placement.missed.contains(&interval.cut) {
                TALLY.add("processor_late_events_total", 1.0);
                placement.missed.push(interval.cut);
            }
        }
        let is_wrong = event.kind == Kind::Quality && !(0.0..=1.0).contains(&event.value);
        placement.refused = (is_wrong && !placement.is_late()).then_some(OutOfRange(event.value));
        placement
    }
}

impl Placement {
    /// There is no window left for it.
    pub(crate) fn is_late(&self) -> bool {
        self.open.is_empty()
    }
}

const DROPPED: &str = "processor_events_dropped_total";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_event_is_judged() {
        let mut intake = Intake::default();
        let event =
            |id, time, value| Event { id, kind: Kind::Quality, model: "m".to_owned(), value, time }.encode();
        assert!(matches!(intake.take(b"{"), Taken::Invalid(_)));
        let Taken::New(.., placement) = intake.take(&event(1, 10_000, 0.5)) else { panic!("it is new") };
        assert_eq!((placement.open.len(), placement.refused), (5, None));
        assert!(matches!(intake.take(&event(1, 10_000, 0.5)), Taken::Duplicate(..)));
        let Taken::New(.., placement) = intake.take(&event(2, 10_000, 1.5)) else { panic!("it is new") };
        assert_eq!(placement.refused, Some(OutOfRange(1.5)));
        let Taken::New(_, _, step, placement) = intake.take(&event(3, 8400, 0.5)) else {
            panic!("it is new")
        };
        assert!(step.is_out_of_order && !placement.is_late());
        assert_eq!(placement.missed, [Cut::Tumbling, Cut::Sliding], "but not all of the sliding ones");
        let Taken::New(.., placement) = intake.take(&event(4, 1000, 0.5)) else { panic!("it is new") };
        assert!(placement.is_late());
    }
}
