//! Durations in documents: `"1m 30s"`, or a number of milliseconds.

use std::fmt;
use std::time::Duration;

use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::settings::parse;

/// A duration that is not zero. Written as people write it; read so, as milliseconds, or as `serde` itself writes one.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Time(pub(super) Duration);

/// The same, of which a bare number is seconds.
#[derive(Clone, Copy)]
pub(super) struct Seconds(pub(super) Duration);

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&humantime::format_duration(self.0))
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(InUnits { second: 1000 }).map(Time)
    }
}

impl<'de> Deserialize<'de> for Seconds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(InUnits { second: 1 }).map(Seconds)
    }
}

/// Reads a duration whose bare numbers are so many to a second.
struct InUnits {
    second: u64,
}

impl<'de> Visitor<'de> for InUnits {
    type Value = Duration;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = if self.second == 1 { "seconds" } else { "milliseconds" };
        write!(formatter, "a time above zero, such as \"15s\", or a whole number of {unit}")
    }

    fn visit_str<E: Error>(self, v: &str) -> Result<Duration, E> {
        let is_number = v.bytes().all(|byte| byte.is_ascii_digit());
        if let (true, Ok(number)) = (is_number, v.parse()) {
            return self.visit_u64(number);
        }
        parse::time(v).map(|time| time.0).map_err(|what| E::custom(format_args!("`{v}` {what}")))
    }

    fn visit_u64<E: Error>(self, v: u64) -> Result<Duration, E> {
        let duration = if self.second == 1 { Duration::from_secs(v) } else { Duration::from_millis(v) };
        not_zero(duration)
    }

    fn visit_i64<E: Error>(self, v: i64) -> Result<Duration, E> {
        let whole = u64::try_from(v);
        self.visit_u64(whole.map_err(|_negative| {
            E::custom(format_args!("`{v}` is below zero; write a time such as \"15s\""))
        })?)
    }

    /// As `serde` writes a `Duration`.
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Duration, A::Error> {
        let (mut secs, mut nanos) = (0, 0_u32);
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "secs" => secs = map.next_value()?,
                "nanos" => nanos = map.next_value()?,
                other => return Err(A::Error::unknown_field(other, &["secs", "nanos"])),
            }
        }
        let whole = Duration::from_secs(secs);
        not_zero(whole.saturating_add(Duration::from_nanos(nanos.into())))
    }
}

fn not_zero<E: Error>(duration: Duration) -> Result<Duration, E> {
    if duration.is_zero() {
        Err(E::custom("is no time at all; write one such as \"15s\""))
    } else {
        Ok(duration)
    }
}
