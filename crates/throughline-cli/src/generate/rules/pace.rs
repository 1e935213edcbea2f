//! How fast time goes for rules: as it does, or faster, so that an alert is seen to fire without hours of waiting.

/// How many times faster than it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pace(u32);

impl Pace {
    /// As it goes.
    pub(crate) const REAL: Self = Self(1);

    /// A pace on the command line.
    ///
    /// # Errors
    /// When time would stand still, or windows would be shorter than scrapes can be.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let pace = text.parse().ok().filter(|pace| (1..=FASTEST).contains(pace));
        pace.map(Self).ok_or_else(|| format!("it must be a whole number from 1 to {FASTEST}"))
    }

    /// A time, such as `5m`: in a window, an offset or a hold.
    pub(crate) fn time(self, text: &str) -> String {
        let units = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000)];
        let read = units.iter().find_map(|(unit, millis)| {
            let number: u64 = text.strip_suffix(unit)?.parse().ok()?;
            Some(number * millis / u64::from(self.0))
        });
        match read {
            Some(millis) if self != Self::REAL => format!("{millis}ms"),
            _ => text.to_owned(),
        }
    }

    /// As many seconds, for a threshold.
    pub(crate) fn seconds(self, seconds: u32) -> f64 {
        f64::from(seconds) / f64::from(self.0)
    }

    /// How many there are in a window of this many, at the same rate; at least one.
    pub(crate) fn events(self, events: u32) -> u32 {
        (events / self.0).max(1)
    }
}

/// Five minutes become half a second, in which two scrapes fit, if not more.
const FASTEST: u32 = 600;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_divided() {
        let fast = Pace::parse("120").expect("a pace");
        assert_eq!([fast.time("5m"), fast.time("3d"), fast.time("0s")], ["2500ms", "2160000ms", "0ms"]);
        assert_eq!((fast.seconds(900), fast.events(100)), (7.5, 1));
        assert_eq!([Pace::REAL.time("5m"), Pace::REAL.time("3d")], ["5m", "3d"]);
        assert!(["0", "601", "x", "1.5"].iter().all(|text| Pace::parse(text).is_err()));
    }
}
